"""WooCommerce: the ping, transitions that come as updates, delivery ids that are shared."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
import senders
from cases import all_of

from relay.errors import MISMATCH, MISSING, Refused
from relay.inbound.results import Handshake, PlatformResponse
from relay.model import Call, Held, Ignored, WebhookRequest
from relay.pipeline import flattened, parse, process, translate

FORM = {"content-type": "application/x-www-form-urlencoded; charset=UTF-8"}
PING = b"webhook_id=12"


def translated(delivery: WebhookRequest):
    (item,) = flattened(process(delivery, senders.source_of("woocommerce"), senders.NOW))
    return item


def event(delivery: WebhookRequest):
    (item,) = parse(delivery, senders.source_of("woocommerce"))
    return item


def test_ping_of_a_hook_being_saved_is_answered_200():
    answer = process(senders.delivery(FORM, PING), senders.source_of("woocommerce"), senders.NOW)
    assert answer == Handshake(PlatformResponse(status=200))


@pytest.mark.parametrize(
    ("headers", "body", "parts", "reason"),
    [
        (FORM | {"x-wc-webhook-signature": "AAAA"}, PING, {}, MISMATCH),
        (FORM, PING + b"&more=1", {}, MISSING),
        (FORM, b"webhook_id=12\n", {}, MISSING),
        (FORM, b"webhook_id=", {}, MISSING),
        (FORM, b"", {}, MISSING),
        ({"content-type": "application/json"}, PING, {}, MISSING),
        ({}, PING, {}, MISSING),
        (FORM, PING, {"method": "GET"}, "method_not_allowed"),
    ],
)
def test_what_only_looks_like_a_ping_must_be_signed(headers, body, parts, reason):
    with pytest.raises(Refused, match=reason):
        process(
            senders.delivery(headers, body, **parts),
            senders.source_of("woocommerce"),
            senders.NOW,
        )


def test_signed_form_is_held():
    headers = senders.signed("woocommerce", {**FORM, "x-wc-webhook-topic": "order.created"}, PING)
    assert isinstance(translated(senders.delivery(headers, PING)), Held)


def test_orders_of_one_second_keep_apart():
    """The delivery id is made of hook and second: both orders have the same one."""
    headers, _ = senders.request_for("woocommerce", "order_created")
    one = senders.sent("woocommerce", "order_created", id=6001, number="6001")
    two = senders.sent("woocommerce", "order_created", id=6002, number="6002")
    name = "x-wc-webhook-delivery-id"
    assert one.headers[name] == two.headers[name] == headers[name]
    assert event(one).key != event(two).key


PAID = {"date_paid_gmt": "2026-11-02T15:04:01"}


@all_of(
    ("status", "dates", "event_type"),
    [
        ("processing", PAID, "order.paid"),
        ("processing", {"date_paid_gmt": None}, "order.updated"),  # cash on delivery
        ("completed", {"date_completed_gmt": "2026-11-02T15:04:02"}, "order.fulfilled"),
        ("completed", {"date_completed_gmt": None}, "order.updated"),
        ("cancelled", {}, "order.cancelled"),
        ("refunded", PAID, "order.refunded"),
        ("failed", {}, "order.failed"),
        ("pending", {}, "order.updated"),
        ("on-hold", {}, "order.on_hold"),
        ("wc-preparando", PAID, "order.updated"),  # of a plug-in
        ("wc-enviado", PAID, "order.shipped"),
        ("shipped", {}, "order.shipped"),
        ("wc-delivered", {}, "shipment.delivered"),
        ("wc-processing", PAID, "order.paid"),
        ("wc-completed", {"date_completed_gmt": "2026-11-02T15:04:02"}, "order.fulfilled"),
        ("wc-cancelled", {}, "order.cancelled"),
        ("Failed", {}, "order.failed"),
        (None, {}, "order.updated"),
    ],
)
def test_updated_order_is_told_by_its_status(status, dates, event_type):
    delivery = senders.sent("woocommerce", "order_updated", status=status, **dates)
    item = translated(delivery)
    assert isinstance(item, Call)
    assert item.event_type == event_type


def test_date_in_the_shops_own_time_counts_where_there_is_no_other():
    names = ("date_created_gmt", "date_modified_gmt", "date_paid_gmt", "date_completed_gmt")
    local = {name.removesuffix("_gmt"): None for name in names}
    rows = {  # topic, status, the date that counts
        "order.created": ("order_created", "pending", "date_created"),
        "order.updated": ("order_updated", "pending", "date_modified"),
        "order.paid": ("order_updated", "processing", "date_paid"),
        "order.fulfilled": ("order_updated", "completed", "date_completed"),
    }
    source = replace(senders.source_of("woocommerce"), timezone=ZoneInfo("America/Bogota"))
    nothing = (..., None, "", "0000-00-00T00:00:00")
    for event_type, (topic, status, name) in rows.items():
        for utc in nothing:
            dates = {**dict.fromkeys(names, utc), **local, name: "2026-11-02T10:00:00"}
            delivery = senders.sent("woocommerce", topic, status=status, **dates)
            (call, *_) = flattened(translate(delivery, source))
            at = datetime(2026, 11, 2, 15, tzinfo=UTC)
            assert (call.event_type, call.occurred_at) == (event_type, at), (name, utc)


def test_date_in_utc_counts_before_the_shops_own():
    dates = {"date_created_gmt": "2026-11-02T15:00:00", "date_created": "2026-11-02T09:00:00"}
    delivery = senders.sent("woocommerce", "order_created", **dates)
    assert translated(delivery).occurred_at == datetime(2026, 11, 2, 15, tzinfo=UTC)


def test_created_order_is_created_whatever_its_status():
    delivery = senders.sent("woocommerce", "order_created", status="processing", **PAID)
    assert translated(delivery).event_type == "order.created"


@pytest.mark.parametrize("code", ["cannot_view", "invalid_id", "customer_invalid_id"])
def test_signed_error_of_the_shop_is_held(code):
    headers, _ = senders.request_for("woocommerce", "order_updated")
    body = json.dumps(
        {
            "code": f"woocommerce_rest_{code}",
            "message": "Lo siento, no puedes ver este recurso.",
            "data": {"status": 401},
        }
    ).encode()
    item = translated(senders.delivery(senders.signed("woocommerce", headers, body), body))
    assert isinstance(item, Held)
    assert (item.reason, item.key) == ("hook_user", f"woocommerce_rest_{code}")
    assert "make the hook anew" in item.reasons["code"][0]


@pytest.mark.parametrize(
    ("topic", "reason"),
    [
        ("order.deleted", "names_nobody"),
        ("product.updated", "unknown_topic"),
        ("action.woocommerce_x", "unknown_topic"),
        ("", "unknown_topic"),
    ],
)
def test_topic_without_a_use_is_ignored(topic, reason):
    delivery = senders.sent("woocommerce", "order_updated", **{"x-wc-webhook-topic": topic})
    assert translated(delivery) == Ignored(topic, reason)


def test_body_written_anew_does_not_verify():
    """PHP's escapes are part of what is signed."""
    headers, body = senders.request_for("woocommerce", "order_created")
    assert rb"\/" in body
    assert rb"\u00e9" in body
    anew = json.dumps(json.loads(body), separators=(",", ":")).encode()
    with pytest.raises(Refused, match=MISMATCH):
        translated(senders.delivery(headers, anew))


def test_secret_with_a_comma_stays_whole():
    """WooCommerce makes secrets of fifty signs, commas among them, when none is typed."""
    secret = "m,[<K{c5)/|n4z:%h.W1"
    assert senders.source_of("woocommerce", secrets=(secret,)).secrets == (secret,)


@pytest.mark.parametrize(
    ("country", "phone", "read_as"),
    [
        ("EC", "099 900 0001", "+593999000001"),
        ("CO", "300 900 0002", "+573009000002"),
        ("MX", "55 9900 0003", "+525599000003"),
        ("PE", "999 000 004", "+51999000004"),
        ("CL", "9 9000 0005", "+56990000005"),
        ("AR", "+54 9 11 5000 0006", "+5491150000006"),
        ("", "0999000001", "+593999000001"),  # then by the destination's country
    ],
)
def test_local_phone_is_read_by_the_country_of_the_address(country, phone, read_as):
    billing = {"email": "ana@example.com", "country": country, "phone": phone}
    item = translated(senders.sent("woocommerce", "order_created", billing=billing))
    assert item.customer.phone == read_as


def test_phone_that_cannot_be_dialled_is_dropped_with_its_reason():
    billing = {"email": "ana@example.com", "country": "EC", "phone": "12345"}
    item = translated(senders.sent("woocommerce", "order_created", billing=billing, shipping={}))
    assert (item.customer.phone, item.omitted_fields) == ("", {"phone": "not_valid_in_EC"})


def test_customer_who_only_registered_is_told_by_email():
    item = translated(senders.sent("woocommerce", "customer_created"))
    assert (item.customer.email, item.customer.phone) == ("elena@example.com", "")
    assert "customer_addresses_attributes" not in item.body


def test_times_are_utc_though_they_do_not_say_so():
    delivery = senders.sent("woocommerce", "order_updated__paid")
    item = event(delivery)
    assert translated(delivery).occurred_at == datetime(2026, 11, 2, 15, 4, 1, tzinfo=UTC)
    assert item.fields.paid_at == "2026-11-02T15:04:01+00:00"
    assert item.fields.completed_at is None


ANA = {"first_name": "Ana", "last_name": "Inventada"}
ROSA = {"first_name": "Rosa", "last_name": "Regalada", "country": "CO", "phone": "3015550132"}


@pytest.mark.parametrize(
    ("shipping", "phone"),
    [(ROSA, ""), (ROSA | ANA, "+573015550132"), (ROSA | {"first_name": "", "last_name": ""}, "")],
)
def test_phone_beside_the_parcel_counts_if_it_is_the_buyers(shipping, phone):
    billing = {**ANA, "email": "ana@example.com", "country": "US", "phone": ""}
    delivery = senders.sent("woocommerce", "order_created", billing=billing, shipping=shipping)
    customer = translated(delivery).customer
    assert (customer.first_name, customer.email, customer.phone) == (
        "Ana",
        "ana@example.com",
        phone,
    )


def test_customer_comes_before_the_billing_address_of_another_person():
    changes = {**ANA, "email": "ana@example.com", "billing": ROSA, "shipping": {}}
    customer = translated(senders.sent("woocommerce", "customer_updated", **changes)).customer
    assert (customer.first_name, customer.phone) == ("Ana", "")


@pytest.mark.parametrize(
    "place",
    [
        {"meta_data": [{"id": 1, "key": "_billing_cedula", "value": "1710034065"}]},
        {"billing": {**ANA, "country": "EC", "dni": 1710034065}},
        {"meta_data": [{"key": "_billing_type_id", "value": "C"},
                       {"key": "_billing_documento", "value": "1710034065"}]},
    ],
)  # fmt: skip
def test_document_is_found_where_plugins_keep_it(place):
    changes = {"billing": {**ANA, "country": "EC"}, "shipping": {}, **place}
    customer = translated(senders.sent("woocommerce", "order_created", **changes)).customer
    assert (customer.id_type, customer.id_number) == ("cedula", "1710034065")


def test_document_of_the_recipient_is_not_the_buyers():
    meta = [{"key": "_shipping_cedula", "value": "1710034065"}]
    call = translated(senders.sent("woocommerce", "order_created", meta_data=meta))
    assert "id_number" not in call.body


PHP = {"date": "2026-11-02 15:00:01.000000", "timezone_type": 3, "timezone": "UTC"}


@pytest.mark.parametrize("date", ["2026-11-02T15:00:01", "2026-11-02 15:00:01", PHP, 1793631601])
def test_date_is_the_same_in_every_notation_and_always_utc(date):
    source = replace(senders.source_of("woocommerce"), timezone=ZoneInfo("America/Bogota"))
    delivery = senders.sent("woocommerce", "order_updated__paid", date_paid_gmt=date)
    (result,) = parse(delivery, source)
    (call,) = flattened(translate(delivery, source))
    assert call.occurred_at == datetime(2026, 11, 2, 15, 0, 1, tzinfo=UTC)
    assert result.fields.paid_at == "2026-11-02T15:00:01+00:00"
    assert result.report.steps[0].at == datetime(2026, 11, 2, 15, 0, 1, tzinfo=UTC).timestamp()


@pytest.mark.parametrize("date", [None, "", False, [], {}, 0, "0000-00-00 00:00:00"])
def test_date_that_is_none_is_no_step(date):
    dates = {"date_paid_gmt": date, "date_paid": None}
    result = event(senders.sent("woocommerce", "order_updated__paid", **dates))
    assert result.type == "order.updated"
    assert not result.fields.paid_at


def test_time_that_could_not_be_read_is_named():
    delivery = senders.sent("woocommerce", "order_created", date_created_gmt=False)
    assert translated(delivery).omitted_fields == {
        "date_created_gmt": "not_a_time",
        "occurred_at": "absent",
    }
    assert translated(delivery).occurred_at == senders.NOW


@pytest.mark.parametrize(
    ("total", "currency", "shown"),
    [
        ("36.00", "USD", "$36,00"), (36, "USD", "$36,00"), (36.5, "USD", "$36,50"),
        ("15990", "CLP", "CLP 15.990"), ("12.990", "KWD", "KWD 12,990"), ("36.00", None, "36,00"),
    ],
)  # fmt: skip
def test_total_is_a_decimal_text_or_a_number(total, currency, shown):
    delivery = senders.sent("woocommerce", "order_created", total=total, currency=currency)
    assert f" por {shown}: " in translated(delivery).body["notes"]
    assert str(event(delivery).fields.amount.amount) == str(total)
