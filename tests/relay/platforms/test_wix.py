"""Wix: a JWT that holds JSON in JSON; orders over time, and contacts."""

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from cases import all_of
from event_checks import notes
from key_pairs import OTHER_RSA_PUBLIC_KEY, RSA_PUBLIC_KEY
from platform_samples import request_of, source_of
from proofs import reason
from remembering import Remembering
from senders import NOW

from relay.errors import MALFORMED, MISMATCH, MISSING, STALE
from relay.inbound.contract import stored_request
from relay.inbound.lookups import LOOKED_UP, TOPIC
from relay.inbound.samples import FOLDER
from relay.mapping.event_fields import FormFields, OrderFields, PersonFields
from relay.model import (
    Address,
    AwaitingLookup,
    Call,
    Event,
    Held,
    Ignored,
    Money,
    WebhookRequest,
)  # fmt: skip
from relay.pipeline import flattened, parse, translate

SOURCE = source_of("wix")
TIMES = "\N{MULTIPLICATION SIGN}"
ORDER = "wix_ecom_v1_order_"
ORDER_ID = "8b2f0000-0000-4000-8000-000000000001"
Change = Callable[[dict[str, Any]], None]


def claims_of(request: WebhookRequest) -> dict[str, Any]:
    part = request.body.split(b".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + b"=="))
    return claims


def with_claims(request: WebhookRequest, claims: Any) -> WebhookRequest:
    """The request with other claims, which nobody has signed."""
    part = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=")
    return replace(request, body=b"e30." + part + b".AAAA")


def opened(request: WebhookRequest) -> tuple[dict[str, Any], dict[str, Any]]:
    """The named event, and the event in it."""
    named = json.loads(claims_of(request)["data"])
    return named, json.loads(named["data"])


def entity_of(event: dict[str, Any]) -> dict[str, Any]:
    if "createdEvent" in event:
        result = event["createdEvent"]["entity"]
    elif "updatedEvent" in event:
        result = event["updatedEvent"]["currentEntity"]
    else:
        result = event["actionEvent"]["body"]["order"]
    return dict(result)


def sent(name: str, event_id: str = "", **changes: Any) -> WebhookRequest:
    """A sample of which the order or contact has other fields; one that is `...` is left out."""
    request = request_of("wix", name)
    named, event = opened(request)
    entity = {**entity_of(event), **changes}
    entity = {field: value for field, value in entity.items() if value is not ...}
    for kind, inner in event.items():
        if kind.endswith("Event"):
            (place,) = [part for part in ("entity", "currentEntity", "body") if part in inner]
            event[kind] = {place: {"order": entity} if place == "body" else entity}
    event["id"] = event_id or event["id"]
    return with_claims(request, {"data": json.dumps({**named, "data": json.dumps(event)})})


def event_of(request: WebhookRequest) -> Event:
    (item,) = parse(request, SOURCE)
    assert isinstance(item, Event)
    return item


def refusal(body: bytes, *secrets: str, late_s: float = 0) -> str:
    request = replace(request_of("wix", f"{ORDER}created"), body=body)
    return reason(SOURCE.scheme, request, *(secrets or SOURCE.secrets), late_s=late_s)


def test_token_verifies_for_as_long_as_it_says():
    body = request_of("wix", f"{ORDER}created").body

    assert refusal(body) == ""
    assert refusal(body, OTHER_RSA_PUBLIC_KEY, RSA_PUBLIC_KEY) == ""
    assert refusal(body, OTHER_RSA_PUBLIC_KEY) == MISMATCH
    assert refusal(body, late_s=3900) == ""
    assert refusal(body, late_s=3901) == STALE


def test_other_tokens_are_refused():
    request = request_of("wix", f"{ORDER}created")
    header, payload, signature = request.body.split(b".")
    other = request_of("wix", f"{ORDER}updated").body.split(b".")[1]

    assert refusal(b".".join([header, other, signature])) == MISMATCH
    assert refusal(with_claims(request, claims_of(request)).body) == MALFORMED
    assert refusal(b".".join([header, payload])) == MALFORMED
    assert refusal(json.dumps(claims_of(request)).encode()) == MALFORMED
    assert refusal(b"") == MISSING


def test_new_order():
    result = event_of(request_of("wix", f"{ORDER}created"))

    assert result.type == "order.created"
    assert result.key == "6f1e0000-0000-4000-8000-000000000001:wix.ecom.v1.order_created"
    assert result.occurred_at == datetime(2026, 11, 2, 15, 3, 25, 255000, tzinfo=UTC)
    assert result.fields == OrderFields(
        shop="3a110000-0000-4000-8000-000000000001",
        created_at="2026-11-02T15:03:25.255Z",
        updated_at="2026-11-02T15:03:47.699Z",
        order_id=ORDER_ID,
        order_number="10042",
        amount=Money(Decimal("45.90"), "USD"),
        items=[f"2 {TIMES} Camiseta"],
        status="NOT_PAID",
        fulfillment_status="NOT_FULFILLED",
        shipping_method="Envío a domicilio",
        note="Para regalo, por favor",
    )


def test_contact_of_an_order_is_its_buyer_and_the_address_that_of_the_delivery():
    contact = event_of(request_of("wix", f"{ORDER}created")).contact

    assert (contact.email, contact.first_name, contact.last_name) == (
        "ana@example.com", "Ana", "Inventada",
    )  # fmt: skip
    assert [(phone.text, phone.country) for phone in contact.phones] == [("099 900 0001", "EC")]
    assert contact.address == Address(
        address="Avenida Inventada 4, Piso 2",
        city="Guayaquil",
        state="EC-G",
        zip_code="090101",
        country="EC",
    )


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("created", ["order.created"]),
        ("created__initialized", ["draft"]),
        ("approved", ["order.created", "order.paid"]),
        ("payment_status_updated", ["order.paid"]),
        ("payment_status_updated__refunded", ["order.partially_refunded"]),
        ("updated", ["order.updated"]),
        ("fulfilled", ["order.paid", "order.fulfilled"]),
        ("canceled", ["order.cancelled"]),
    ],
)
def test_what_each_event_of_an_order_tells_by_itself(name, outcome):
    assert Remembering(SOURCE).outcome(request_of("wix", f"{ORDER}{name}")) == outcome


# What comes in turn of one order: sample, what differs from it, what is told.
LIFE = [
    ("created__initialized", {}, ["draft"]),
    ("approved", {}, ["order.created", "order.paid"]),
    ("created", {}, ["stale"]),  # it comes behind what followed it
    ("payment_status_updated", {}, ["duplicate"]),
    ("fulfilled", {}, ["order.fulfilled"]),
    ("updated", {"updatedDate": "2026-11-02T15:04:02.000Z", "buyerNote": "Sin tarjeta",
                 "paymentStatus": "PAID", "fulfillmentStatus": "FULFILLED"}, ["order.updated"]),
    ("payment_status_updated__refunded", {"fulfillmentStatus": "FULFILLED"},
     ["order.partially_refunded"]),
    ("payment_status_updated", {"updatedDate": "2026-11-02T15:04:04.000Z",
                                "paymentStatus": "FULLY_REFUNDED",
                                "balanceSummary": {"refunded": {"amount": "45.90"}}},
     ["order.refunded"]),
]  # fmt: skip


def test_life_of_an_order():
    shop = Remembering(SOURCE)
    for count, (name, changes, outcome) in enumerate(LIFE):
        request = sent(f"{ORDER}{name}", str(count), id=ORDER_ID, number="10042", **changes)
        assert shop.outcome(request) == outcome, name
    assert shop.notes == ["Pedido 10042 reembolsado: $30,90 (Wix)"]


def test_update_says_what_changed():
    shop = Remembering(SOURCE)
    shop.outcome(request_of("wix", f"{ORDER}created"))
    shop.outcome(request_of("wix", f"{ORDER}updated"))
    assert shop.notes == ["Pedido 10042 actualizado: cambió la nota del pedido (Wix)"]


def test_refund_without_its_sum_is_a_change_of_state():
    shop = Remembering(SOURCE)
    shop.outcome(request_of("wix", f"{ORDER}payment_status_updated"))
    changes = {"paymentStatus": "FULLY_REFUNDED", "updatedDate": "2026-11-02T15:04:04.000Z"}
    shop.outcome(sent(f"{ORDER}updated", balanceSummary=..., **changes))
    assert "cambiaron el estado (ahora reembolsado)" in shop.notes[0]


def test_new_contact():
    result = event_of(request_of("wix", "wix_contacts_v4_contact_created"))

    assert result.type == "lead.created"
    assert isinstance(result.fields, FormFields)
    contact = result.contact
    assert (contact.email, contact.first_name, contact.last_name, contact.country) == (
        "ana@example.com", "Ana", "Inventada", "EC",
    )  # fmt: skip
    assert contact.address == Address(
        address="Calle Inventada 123", city="Quito", state="EC-P", zip_code="170101", country="EC"
    )


def test_contact_that_changes():
    shop = Remembering(SOURCE)
    assert shop.outcome(request_of("wix", "wix_contacts_v4_contact_created")) == ["lead.created"]
    updated = sent("wix_contacts_v4_contact_updated", primaryInfo={"email": "ana2@example.com"})
    assert shop.outcome(updated) == ["contact.updated"]
    assert isinstance(event_of(updated).fields, PersonFields)
    (call,) = shop.calls
    assert (call.customer.email, call.customer.phone) == ("ana2@example.com", "+593999000001")
    again = sent("wix_contacts_v4_contact_updated", "9", primaryInfo={"email": "ana2@example.com"})
    assert shop.outcome(again) == ["duplicate"]


def test_state_of_an_address_is_its_name_where_it_has_one():
    address = {"country": "EC", "subdivision": "EC-G", "subdivisionFullname": "Guayas"}
    result = event_of(sent(f"{ORDER}created", recipientInfo={"address": address}))

    assert result.contact.address == Address(state="Guayas", country="EC")


def with_event(name: str, change: Change) -> WebhookRequest:
    """A sample of which `change` has altered the event itself."""
    request = request_of("wix", name)
    named, event = opened(request)
    change(event)
    return with_claims(request, {"data": json.dumps({**named, "data": json.dumps(event)})})


def test_what_is_anonymized_is_no_change():
    for name in (f"{ORDER}updated", "wix_contacts_v4_contact_updated"):
        request = with_event(name, lambda event: event.update(triggeredByAnonymizeRequest=True))
        (item,) = translate(request, SOURCE)
        assert isinstance(item, Ignored)
        assert item.reason == "privacy_request"


@pytest.mark.parametrize(
    ("event_type", "expected"),
    [
        ("wix.contacts.v4.contact_deleted", "names_nobody"),
        ("wix.contacts.v4.contact_merged", "names_nobody"),
        ("com.wix.ecommerce.orders.api.v1.event.OrderPaid", "unknown_topic"),
        ("AppInstalled", "unknown_topic"),
    ],
)
def test_other_events_are_ignored(event_type, expected):
    request = request_of("wix", f"{ORDER}created")
    event = {"eventType": event_type, "data": '{"id": "1"}'}
    (item,) = translate(with_claims(request, {"data": json.dumps(event)}), SOURCE)

    assert isinstance(item, Ignored)
    assert item.reason == expected


@pytest.mark.parametrize(
    "data",
    [
        None, "", "text", "[]", "{}", 1, {}, [],
        '{"eventType": "wix.ecom.v1.order_created"}',
        '{"eventType": "wix.ecom.v1.order_created", "data": "["}',
        '{"eventType": "wix.ecom.v1.order_created", "data": "{}"}',
        '{"eventType": "wix.ecom.v1.order_created", "data": "{\\"createdEvent\\": {\\"entity\\": [1]}}"}',
        '{"eventType": "wix.ecom.v1.order_created", "data": "{\\"createdEvent\\": 1, \\"id\\": \\"1\\"}"}',
    ],
)  # fmt: skip
def test_event_that_cannot_be_read_is_held(data):
    request = request_of("wix", f"{ORDER}created")
    (item,) = translate(with_claims(request, {"data": data}), SOURCE)

    assert isinstance(item, Held)
    assert "relay" not in item.reasons


def test_object_that_is_not_in_a_text_will_do():
    request = request_of("wix", f"{ORDER}created")
    named, event = opened(request)
    plain = with_claims(request, {"data": {**named, "data": event}})

    assert event_of(plain) == event_of(request)


@all_of("value", [None, "", [], {}, False, 5, "n/a", {"a": [None]}, ...])
@all_of(
    "name",
    [
        "number", "paymentStatus", "fulfillmentStatus", "status", "priceSummary", "currency",
        "balanceSummary", "lineItems", "shippingInfo", "buyerNote", "recipientInfo", "buyerInfo",
        "createdDate", "updatedDate", "info", "primaryInfo",
    ],
)  # fmt: skip
def test_odd_value_in_an_optional_field_holds_nothing(name, value):
    assert Remembering(SOURCE).outcome(sent(f"{ORDER}created", **{name: value})) == [
        "order.created"
    ]


def test_retry_has_the_same_key_in_a_token_of_its_own():
    request = request_of("wix", f"{ORDER}created")
    later = datetime(2026, 11, 3, tzinfo=UTC)
    retry = SOURCE.scheme.sign(replace(request, received_at=later), SOURCE.signing_key, later)

    assert retry.body != request.body
    assert reason(SOURCE.scheme, retry, *SOURCE.secrets) == ""
    assert event_of(retry).key == event_of(request).key
    assert event_of(sent(f"{ORDER}created", "another")).key != event_of(request).key


def test_token_is_stored_as_it_came():
    request = request_of("wix", f"{ORDER}created")
    shop = Remembering(SOURCE)
    shop.outcome(request)
    assert [call.raw for call in shop.calls] == [request.body]


@pytest.mark.parametrize(
    ("name", "es", "en"),
    [
        (
            f"{ORDER}created",
            f"Pedido 10042 creado por $45,90: 2 {TIMES} Camiseta (Wix)",
            f"Order 10042 placed for $45.90: 2 {TIMES} Camiseta (Wix)",
        ),
        (
            f"{ORDER}updated",
            "Pedido 10042 actualizado: pendiente de pago, $45,90 (Wix)",
            "Order 10042 updated: awaiting payment, $45.90 (Wix)",
        ),
        (
            f"{ORDER}canceled",
            "Pedido 10042 cancelado, $45,90 (Wix)",
            "Order 10042 cancelled, $45.90 (Wix)",
        ),
        ("wix_contacts_v4_contact_created", "Nuevo contacto (Wix)", "New lead (Wix)"),
        (
            "wix_contacts_v4_contact_updated",
            "Se actualizaron sus datos de contacto (Wix)",
            "Contact details were updated (Wix)",
        ),
    ],
)
def test_notes(name, es, en):
    request = request_of("wix", name)
    assert notes(request, SOURCE, "es") == [es]
    assert notes(request, SOURCE, "en") == [en]


PARCELS = "wix.ecom.v1.fulfillments_updated"


def looked_up(*parcels: dict[str, Any]) -> list[Any]:
    """What comes of an order with these parcels, once it was read."""
    answers = json.loads((FOLDER / "wix" / "api.json").read_text("utf-8"))
    order = answers[f"GET /ecom/v1/orders/{ORDER_ID}"]["order"]
    body = json.dumps({"order": order, "parcels": parcels}).encode()
    request = stored_request({LOOKED_UP: "parcels", TOPIC: PARCELS}, body, NOW)
    return flattened(translate(request, SOURCE))


def test_parcels_name_an_order_that_is_looked_up():
    (item,) = flattened(translate(request_of("wix", PARCELS), SOURCE))
    assert isinstance(item, AwaitingLookup)
    assert (item.resource.kind, item.resource.id) == ("parcels", ORDER_ID)


def test_parcels_have_the_orders_buyer_and_all_numbers():
    parcels = [{"trackingInfo": {"trackingNumber": number}} for number in ("EC1", "EC2")]
    parcels[1]["trackingInfo"]["shippingProvider"] = "Servientrega"
    (call,) = looked_up(*parcels)

    assert isinstance(call, Call)
    assert (call.event_type, call.customer.phone) == ("order.shipped", "+593999000001")
    for text in ("10042", "EC1", "EC2", "Servientrega"):
        assert text in call.body["notes"]


def test_parcels_without_a_number_are_no_news():
    assert looked_up({"trackingInfo": None}, {}) == [Ignored(PARCELS, "told_by_another_topic")]
