"""Shopify: two forms of header names, consent topics, contacts in several places."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
import senders
from cases import all_of

from relay.inbound import samples
from relay.inbound.money import parse_money
from relay.model import AwaitingLookup, Call, Held, Ignored, Money, Resource, WebhookRequest
from relay.pipeline import flattened, parse, process

PLAIN = {"phone": None, "email": "", "contact_email": ""}
NOWHERE = {"customer": None, "shipping_address": None, "billing_address": None}
ADDRESS = {"address1": "Calle 1", "city": "Cuenca", "country_code": "EC"}


def translated(delivery: WebhookRequest, more: str = ""):
    items = flattened(process(delivery, senders.source_of("shopify", more), senders.NOW))
    (item,) = senders.without_ends(items)
    return item


def event(delivery: WebhookRequest):
    (item,) = parse(delivery, senders.source_of("shopify"))
    return item


@pytest.mark.parametrize("name", samples.names("shopify"))
def test_headers_without_x_read_the_same(name):
    headers, body = senders.request_for("shopify", name)
    bare = {header.removeprefix("x-"): value for header, value in headers.items()}
    assert not any(header.startswith("x-") for header in bare)
    assert translated(senders.delivery(bare, body)) == translated(senders.delivery(headers, body))


@pytest.mark.parametrize(
    ("topic", "reason"),
    [
        ("customers/delete", "names_nobody"),
        ("checkouts/delete", "names_nobody"),
        ("orders/delete", "names_nobody"),
        ("products/update", "unknown_topic"),
        ("", "unknown_topic"),
    ],
)
def test_topic_without_a_use_is_ignored(topic, reason):
    delivery = senders.sent("shopify", "customers/update", **{"x-shopify-topic": topic})
    assert translated(delivery) == Ignored(topic, reason)


@pytest.mark.parametrize(
    ("topic", "reason"),
    [
        ("customers/data_request", "privacy_request"),
        ("customers/redact", "privacy_redaction"),
        ("shop/redact", "privacy_redaction"),
    ],
)
def test_privacy_request_is_held_for_a_person(topic, reason):
    delivery = senders.sent("shopify", "customers/update", **{"x-shopify-topic": topic})
    held = translated(delivery)
    assert isinstance(held, Held)
    assert (held.topic, held.reason) == (topic, reason)


@all_of(
    ("topic", "kind"),
    [
        ("customers_marketing_consent/update", "sms"),
        ("customers_email_marketing_consent/update", "email"),
    ],
)
@all_of(
    ("consent", "change"),
    [
        ({"state": "subscribed"}, "subscribed"),
        ({"state": "unsubscribed"}, "unsubscribed"),
        ({"state": "not_subscribed"}, ""),
        ({"state": "pending"}, ""),
        ({"state": "redacted"}, ""),
        ({"state": None}, ""),
        ({}, ""),
        (None, ""),
        (..., ""),
    ],
)
def test_only_a_yes_or_a_no_to_messages_is_told(topic, kind, consent, change):
    item = translated(senders.sent("shopify", topic, **{f"{kind}_marketing_consent": consent}))
    if change:
        assert isinstance(item, Call)
        assert item.event_type == f"{kind}.{change}"
    else:
        assert item == Ignored(topic, "no_consent_state")


@pytest.mark.parametrize(
    ("changes", "phone"),
    [
        ({"phone": "+593999000009"}, "+593999000009"),
        ({"customer": {"phone": "+593999000008"}}, "+593999000008"),
        ({"shipping_address": {**ADDRESS, "phone": "0999 000 007"}}, "+593999000007"),
        ({"billing_address": {**ADDRESS, "phone": "099-900-0006"}}, "+593999000006"),
        ({"sms_marketing_phone": "+593999000005"}, "+593999000005"),
        # The first one that can be dialled, not the first one.
        ({"phone": "no tengo", "customer": {"phone": "+593999000008"}}, "+593999000008"),
    ],
)
def test_phone_is_found_wherever_it_is(changes, phone):
    item = translated(senders.sent("shopify", "orders/create", **PLAIN | NOWHERE | changes))
    assert item.customer.phone == phone


@pytest.mark.parametrize(
    ("changes", "number"),
    [
        ({}, "#1042"),
        ({"name": None, "order_number": 1042}, "1042"),
        ({"name": "", "order_number": "1042"}, "1042"),
    ],
)
def test_number_is_the_one_that_the_buyer_sees(changes, number):
    order = event(senders.sent("shopify", "orders/create", **changes))
    assert order.fields.order_number == number


def test_local_phone_is_read_by_the_country_of_the_address():
    address = {**ADDRESS, "country_code": "MX", "phone": "55 9900 0003"}
    changes = {**PLAIN, **NOWHERE, "shipping_address": address}
    item = translated(senders.sent("shopify", "orders/create", **changes))
    assert item.customer.phone == "+525599000003"


@pytest.mark.parametrize(
    ("changes", "email"),
    [
        (
            {"email": "pedido@example.com", "contact_email": "otro@example.com"},
            "pedido@example.com",
        ),
        ({"email": "", "contact_email": "contacto@example.com"}, "contacto@example.com"),
        ({"email": None, "contact_email": None}, "ana@example.com"),
    ],
)
def test_the_orders_own_email_comes_first(changes, email):
    assert translated(senders.sent("shopify", "orders/create", **changes)).customer.email == email


def test_order_without_personal_data_is_ignored_or_held_whole():
    """Cheaper plans get nulls in their place."""
    delivery = senders.sent("shopify", "orders/create", **PLAIN, **NOWHERE)
    assert translated(delivery) == Ignored("orders/create", "names_nobody", "order.created")
    held = translated(delivery, 'on_nobody = "hold"')
    assert isinstance(held, Held)
    assert (held.reason, held.raw) == ("no_customer", delivery.body)


def test_refund_needs_a_lookup():
    """It names its order only."""
    delivery = senders.sent("shopify", "refunds/create", order_id=9001)
    awaiting = translated(delivery)
    assert isinstance(awaiting, AwaitingLookup)
    assert awaiting.resource == Resource("order", "9001", "tienda-ejemplo.myshopify.com")
    assert (awaiting.reason, awaiting.raw) == ("needs_order", delivery.body)


def test_trimmed_order_is_enough():
    """A subscription may ask for a few fields only."""
    headers, _ = senders.request_for("shopify", "orders/create")
    body = b'{"id":1,"email":"ana@example.com"}'
    item = translated(senders.delivery(senders.signed("shopify", headers, body), body))
    assert isinstance(item, Call)
    assert item.body["notes"] == "Pedido 1 creado (Shopify)"


def test_xml_is_held():
    headers, _ = senders.request_for("shopify", "orders/create")
    body = b'<?xml version="1.0"?><order><id>1</id></order>'
    item = translated(senders.delivery(senders.signed("shopify", headers, body), body))
    assert isinstance(item, Held)
    assert item.reasons == {"body": "expected JSON, unreadable at byte 0"}


def test_webhook_id_is_the_key():
    one = senders.sent("shopify", "orders/updated", **{"x-shopify-webhook-id": "same"})
    other = senders.sent("shopify", "orders/paid", **{"x-shopify-webhook-id": "same"})
    assert event(one).key == event(other).key == "same"


def test_without_a_webhook_id_topic_and_body_are_the_key():
    changes = {"x-shopify-webhook-id": ...}
    keys = {
        event(senders.sent("shopify", "orders/updated", **changes)).key,
        event(senders.sent("shopify", "orders/updated", **changes)).key,
        event(senders.sent("shopify", "orders/updated", **changes, note="x")).key,
        event(
            senders.sent(
                "shopify",
                "orders/updated",
                **changes,
                **{"x-shopify-topic": "orders/fulfilled", "fulfillment_status": "fulfilled"},
            )
        ).key,
    }
    assert len(keys) == 3


TRIGGERED = datetime(2026, 11, 2, 15, 0, 27, 877041, UTC)


@pytest.mark.parametrize(
    ("topic", "changes", "at"),
    [
        ("orders/create", {}, datetime(2026, 11, 2, 15, 3, 58, tzinfo=UTC)),
        ("orders/updated", {}, datetime(2026, 11, 2, 15, 3, 40, tzinfo=UTC)),
        ("orders/cancelled", {}, datetime(2026, 11, 2, 15, 3, 48, tzinfo=UTC)),
        ("fulfillments/create", {"created_at": None}, TRIGGERED),
        ("customers_marketing_consent/update", {}, TRIGGERED),
        ("fulfillments/create", {"created_at": None, "x-shopify-triggered-at": "?"}, senders.NOW),
    ],
)
def test_time_is_the_bodys_else_the_triggers_else_ours(topic, changes, at):
    triggered = {"x-shopify-triggered-at": "2026-11-02T15:00:27.877041743Z"}
    assert event(senders.sent("shopify", topic, **triggered | changes)).occurred_at == at


ROSA = {"first_name": "Rosa", "last_name": "Regalada", "country_code": "US", "phone": "3015550131"}
ANA = {"first_name": "Ana", "last_name": "Inventada", "country_code": "CO", "phone": "3015550131"}
BUYER = {"first_name": "Ana", "last_name": "Inventada", "email": "ana@example.com", "phone": None}


@pytest.mark.parametrize("topic", ["orders/create", "orders/cancelled", "checkouts/create"])
@pytest.mark.parametrize("customer", [BUYER, None])
def test_gift_is_told_to_the_buyer(topic, customer):
    changes = {
        **PLAIN, "email": "ana@example.com", "customer": customer,
        "billing_address": ANA, "shipping_address": ROSA,
    }  # fmt: skip
    customer = translated(senders.sent("shopify", topic, **changes)).customer
    assert (customer.first_name, customer.last_name) == ("Ana", "Inventada")
    assert (customer.phone, customer.email) == ("+573015550131", "ana@example.com")


ACCOUNT = {
    "email": "beto@example.com",
    "phone": "+593999000002",
    "first_name": "Beto",
    "last_name": "B.",
}
LOCAL_ANA = {**ANA, "country_code": "EC", "phone": None}


@pytest.mark.parametrize("topic", ["orders/create", "checkouts/create"])
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        # Ana buys, signed in as Beto.
        ({}, ("ana@example.com", "", "Ana")),
        ({"phone": "+593999000001"}, ("ana@example.com", "+593999000001", "Ana")),
        ({"billing_address": None}, ("ana@example.com", "", "")),
        # One person with two addresses, or the same one in capitals.
        (
            {"billing_address": {**LOCAL_ANA, "first_name": "Beto", "last_name": "B."}},
            ("ana@example.com", "+593999000002", "Beto"),
        ),
        ({"email": " Beto@Example.com"}, ("Beto@example.com", "+593999000002", "Beto")),
        ({"email": None, "contact_email": None}, ("beto@example.com", "+593999000002", "Beto")),
    ],
)
def test_account_of_another_e_mail_is_a_party_of_its_own(topic, changes, expected):
    order = {
        **PLAIN, **NOWHERE, "email": "ana@example.com", "contact_email": "ana@example.com",
        "phone": None, "customer": ACCOUNT, "billing_address": LOCAL_ANA,
    }  # fmt: skip
    customer = translated(senders.sent("shopify", topic, **order | changes)).customer
    assert (customer.email, customer.phone, customer.first_name) == expected


def test_fulfilment_is_told_to_the_buyer():
    changes = {"email": "ana@example.com", "destination": ROSA}
    customer = translated(senders.sent("shopify", "fulfillments/create", **changes)).customer
    assert customer.email == "ana@example.com"
    assert (customer.phone, customer.first_name, customer.last_name) == ("", "", "")


def test_address_book_of_a_customer_may_hold_others():
    changes = {**BUYER, "default_address": ROSA}
    customer = translated(senders.sent("shopify", "customers/update", **changes)).customer
    assert (customer.phone, customer.first_name) == ("", "Ana")


def test_last_name_alone_is_a_name():
    buyer = {"first_name": None, "last_name": "Baidez", "email": "ana@example.com"}
    changes = {**PLAIN, **NOWHERE, "email": "ana@example.com", "customer": buyer}
    customer = translated(senders.sent("shopify", "orders/create", **changes)).customer
    assert (customer.first_name, customer.last_name) == ("", "Baidez")


def test_country_of_an_address_may_be_a_name():
    address = {"name": "Ana Inventada", "country": "Colombia", "phone": "301 555 0131"}
    changes = {**PLAIN, **NOWHERE, "billing_address": address}
    customer = translated(senders.sent("shopify", "orders/create", **changes)).customer
    assert (customer.phone, customer.first_name) == ("+573015550131", "Ana Inventada")


def test_document_in_a_note_attribute_is_the_buyers():
    attributes = [{"name": "Cédula / RUC", "value": "171003406-5"}]
    changes = {**PLAIN, **NOWHERE, "note_attributes": attributes}
    call = translated(senders.sent("shopify", "orders/create", **changes))
    assert (call.customer.id_type, call.customer.id_number) == ("cedula", "1710034065")
    assert call.body["id_number"] == "1710034065"


def test_document_beside_an_email_is_no_reference_but_can_be_sent():
    attributes = [{"name": "ruc", "value": "1710034065001"}]
    call = translated(senders.sent("shopify", "orders/create", note_attributes=attributes))
    assert (call.customer.id_type, call.customer.id_number) == ("", "")
    assert (call.body["id_type"], call.body["id_number"]) == ("ruc", "1710034065001")


def money(shop: str, buyer: str) -> dict:
    """Shopify's pair of amounts: "410000.00 COP" of the shop, "100.00 USD" of the buyer."""
    pairs = {"shop_money": shop, "presentment_money": buyer}
    return {
        name: dict(zip(("amount", "currency_code"), text.split(), strict=True))
        for name, text in pairs.items()
    }


PAIR = money("410000.00 COP", "100.00 USD")


@pytest.mark.parametrize(
    ("topic", "changes", "amount", "shop_amount"),
    [
        (
            "orders/create",
            {"total_price": "410000.00", "currency": "COP", "total_price_set": PAIR},
            "100.00 USD",
            "410000.00 COP",
        ),
        (
            "orders/paid",
            {"total_price": "410000.00", "currency": "COP", "total_price_set": None},
            "410000.00 COP",
            None,
        ),
        (
            "orders/paid",
            {"total_price": "410000.00", "currency": "COP", "total_price_set": {"presentment_money": {}}},
            "410000.00 COP",
            None,
        ),
        # The prices of a checkout are the buyer's, only `currency` is the shop's.
        (
            "checkouts/create",
            {"total_price": "100.00", "currency": "COP", "presentment_currency": "USD"},
            "100.00 USD",
            None,
        ),
        (
            "checkouts/create",
            {"total_price": "100.00", "currency": "USD", "presentment_currency": None},
            "100.00 USD",
            None,
        ),
    ],
)  # fmt: skip
def test_amount_is_what_the_buyer_saw(topic, changes, amount, shop_amount):
    found = event(senders.sent("shopify", topic, **changes)).fields
    assert found.amount == parse_money(*amount.split())
    assert found.shop_amount == (parse_money(*shop_amount.split()) if shop_amount else None)


def test_total_that_is_a_number_is_an_amount_too():
    delivery = senders.sent("shopify", "orders/create", total_price=49, total_price_set=None)
    assert event(delivery).fields.amount == Money(Decimal(49), "USD")
    assert "$49,00" in translated(delivery).body["notes"]


@pytest.mark.parametrize(
    ("changes", "omitted"),
    [
        (
            {"created_at": 0, "x-shopify-triggered-at": ...},
            {"occurred_at": "not_a_time", "creation_date": "not_a_time"},
        ),
        ({"created_at": None, "x-shopify-triggered-at": ...}, {"occurred_at": "absent"}),
        (
            {"created_at": True},
            {"created_at": "not_a_time"},
        ),  # the header has the time of the event
        ({}, {}),
    ],
)
def test_time_that_could_not_be_read_is_named(changes, omitted):
    delivery = senders.sent("shopify", "orders/create", **changes)
    assert translated(delivery).omitted_fields == omitted
