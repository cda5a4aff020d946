"""WooCommerce: shop events, JSON, signed; configured by the merchant in the shop's own settings.

Signs base64 HMAC-SHA256 of the raw body (PHP's escaping included) with the secret that the
merchant entered. Topic in `X-WC-Webhook-Topic`. The delivery id is a hash of hook and second, so
two orders in one second share it: it does not identify a delivery alone. One attempt with a
time-out of 60 s and no retry: an attempt that fails is lost. The hook is switched off after
repeated failures.

Saving a hook posts an unsigned form `webhook_id=N`, which must get exactly 200. When the user who
created the hook no longer exists, bodies are signed REST errors. All that happens to an order comes
as `order.updated`, with its `status` and what was refunded so far, and so does any later save;
paid and completed have dates of their own. An order that is still a draft is none yet.

https://github.com/woocommerce/woocommerce, includes/class-wc-webhook.php (read 2026-08)
"""

import hashlib
import re
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from relay.errors import Unreadable
from relay.inbound.contact import Party, contact_of
from relay.inbound.contract import (
    Events,
    Handshake,
    ParseResult,
    Platform,
    Skipped,
    Unparsable,
    stable_key,
    validate,
)
from relay.inbound.money import parse_money
from relay.inbound.orders import (
    amount_of,
    contradiction,
    foreign_fields,
    items_field,
    items_of,
    shown_fields,
    unix_time,
)
from relay.inbound.payload import json_object
from relay.inbound.payload_schema import Id, ListOf, Number, Object, PayloadSchema, Text, Time
from relay.inbound.signature import Hmac
from relay.inbound.steps import CREATED
from relay.inbound.timestamps import occurred_at, parse_timestamp
from relay.mapping.country import iso2
from relay.mapping.identity import document_in, named_values
from relay.model import Address, Contact, Event, Report, Resource, Step, WebhookRequest

TOPICS: Final[Mapping[str, str]] = {
    "order.created": "order.created",
    "order.updated": "order.updated",
    "customer.created": "customer.created",
    "customer.updated": "customer.updated",
}
# Status of an order -> our type, and the field with the date of that change. Without the date,
# completed is only a status; a payment on delivery is "processing" without one.
_STATES: Final[Mapping[str, tuple[str, str]]] = {
    "on-hold": ("order.on_hold", ""),
    "completed": ("order.fulfilled", "date_completed_gmt"),
    "cancelled": ("order.cancelled", ""),
    "refunded": ("order.refunded", ""),
    "failed": ("order.failed", ""),
}
_DRAFTS: Final = frozenset({"checkout-draft", "auto-draft", "draft"})
# Paid with what can be downloaded, an order is completed in the same moment.
_AT_ONCE_S: Final = 600
_SHOWN: Final = {
    "order": {
        "status": "status",
        "total": "total",
        "items": "line_items",
        "shipping_address": "shipping",
        "billing_address": "billing",
        "shipping_method": "shipping_lines",
        "payment_method": "payment_method_title",
        "customer_note": "customer_note",
    },
    "customer": {
        "first_name": "first_name",
        "last_name": "last_name",
        "email": "email",
        "billing_address": "billing",
        "shipping_address": "shipping",
    },
}
# What a body of the other kind has.
_FOREIGN: Final = {
    "order": ("username", "is_paying_customer"),
    "customer": ("order_key", "line_items", "payment_method"),
}
_SIGNATURE: Final = "x-wc-webhook-signature"
_FORM: Final = "application/x-www-form-urlencoded"


class _AddressSchema(PayloadSchema):
    first_name = Text()
    last_name = Text()
    address_1 = Text()
    address_2 = Text()
    city = Text()
    state = Text()
    postcode = Text()
    country = Text()
    email = Text()
    phone = Text()


class _RefundSchema(PayloadSchema):
    id = Id()
    reason = Text()
    total = Number()


class _ShippingLineSchema(PayloadSchema):
    method_title = Text()


class _BodySchema(PayloadSchema):
    id = Id(required=True)
    number = Text()
    status = Text()
    total = Number()
    currency = Text()
    payment_url = Text()
    payment_method_title = Text()
    customer_note = Text()
    line_items = items_field()
    shipping_lines = ListOf(Object(_ShippingLineSchema))
    refunds = ListOf(Object(_RefundSchema))
    email = Text()
    first_name = Text()
    last_name = Text()
    date_created_gmt = Time()
    date_modified_gmt = Time()
    date_paid_gmt = Time()
    date_completed_gmt = Time()
    billing = Object(_AddressSchema)
    shipping = Object(_AddressSchema)


_SCHEMA: Final = _BodySchema()


def _handshake(request: WebhookRequest) -> Handshake | None:
    """Answer the unsigned form that a shop posts when its hook is saved."""
    is_form = request.headers.get("content-type", "").startswith(_FORM)
    if request.method != "POST" or not is_form or _SIGNATURE in request.headers:
        return None
    return Handshake() if re.fullmatch(rb"webhook_id=\d{1,20}", request.body) else None


def _parse(request: WebhookRequest, _options: Mapping[str, Any], _zone: ZoneInfo) -> ParseResult:
    topic = request.headers.get("x-wc-webhook-topic", "")
    delivery_id = request.headers.get("x-wc-webhook-delivery-id", "")
    key = stable_key(topic, delivery_id, request.body)
    try:
        raw = json_object(request.body)
        if _is_rest_error(raw):
            message = "expected an order or customer; the hook's user lacks the right to read it"
            raise Unreadable({"code": [message]})
        if topic not in TOPICS:
            return Skipped("unknown_topic", topic)
        payload = validate(_SCHEMA, raw)
    except Unreadable as error:
        return Events([Unparsable(topic, key, error.reasons, request.body)])
    body, shop = payload.data, request.headers.get("x-wc-webhook-source", "")
    kind, _, verb = topic.partition(".")
    if reasons := foreign_fields(raw, _FOREIGN[kind]):
        return Events([contradiction(topic, key, request.body, reasons)])
    if kind == "order" and body.get("status") in _DRAFTS:
        return Skipped("draft", topic)
    times = [body.get("date_created_gmt")]
    other_keys = [f"body:{stable_key(topic, request.body)}"]
    if verb == "created":
        other_keys.append(f"delivery:{stable_key(topic, shop, body['id'])}")
    else:
        times.insert(0, body.get("date_modified_gmt"))
    report = _report(topic, body, raw, shop)
    at, omitted_fields = occurred_at(times, UTC, request.received_at)
    return Events(
        [
            Event(
                type=next((s.type for s in reversed(report.steps) if s.type), TOPICS[topic]),
                topic=topic,
                key=key,
                occurred_at=at,
                contact=_contact(body, raw),
                fields=_fields(topic, body, shop),
                omitted_fields={**payload.omitted_fields, **omitted_fields},
                other_keys=tuple(other_keys),
                report=report,
            )
        ]
    )


def _report(topic: str, body: Mapping[str, Any], raw: Mapping[str, Any], shop: str) -> Report:
    kind, _, verb = topic.partition(".")
    created_at = unix_time(body.get("date_created_gmt"))
    steps: tuple[Step, ...] = ()
    if verb == "created":
        steps = (Step(CREATED, TOPICS[topic], created_at),)
    if kind == "order":
        steps = _steps(steps, body)
    refunds = {
        refund["id"]: abs(amount)
        for refund in body.get("refunds") or ()
        if refund.get("id") and (amount := amount_of(refund.get("total")))
    }
    return Report(
        resource=Resource(kind, body["id"], shop),
        steps=steps,
        created_at=created_at,
        updated_at=unix_time(body.get("date_modified_gmt")),
        refunded=sum(refunds.values(), Decimal(0)),
        refunds=refunds,
        total=amount_of(body.get("total")),
        shown=shown_fields(body, raw, _SHOWN[kind]),
        update_type=TOPICS[topic] if verb == "updated" else "",
    )


def _steps(created: tuple[Step, ...], body: Mapping[str, Any]) -> tuple[Step, ...]:
    """The states of an order; of a new one only what its creation tells too."""
    status = body.get("status") or ""
    event_type, date_field = _STATES.get(status, ("", ""))
    at = unix_time(body.get(date_field))
    if date_field and at is None:
        event_type = ""
    if created:
        is_told = not event_type or status == "on-hold"
        return (*created, Step(status, "")) if status and is_told else created
    steps = []
    if (paid_at := unix_time(body.get("date_paid_gmt"))) is not None:
        at_once = status == "completed" and at is not None and at - paid_at < _AT_ONCE_S
        is_news = status == "processing" or at_once
        steps.append(Step("paid", "order.paid" if is_news else "", paid_at))
    # Of a paid order "processing" says nothing more.
    if status and not (steps and status == "processing"):
        steps.append(Step(status, event_type, at))
    return tuple(steps)


def _is_rest_error(raw: Mapping[str, Any]) -> bool:
    code = raw.get("code")
    return "id" not in raw and isinstance(code, str) and code.startswith("woocommerce_rest_")


def _contact(body: Mapping[str, Any], raw: Mapping[str, Any]) -> Contact:
    """An order's buyer is its billing address; a customer's own name and e-mail come first."""
    billing, shipping = body.get("billing") or {}, body.get("shipping") or {}
    country = iso2(billing.get("country") or "")
    # Plugins keep the number in the meta data, some also in the billing address.
    own_fields = [*named_values(raw.get("meta_data")), *named_values(raw.get("billing"))]
    id_type, id_number = document_in(own_fields, country)
    account = Party(
        email=body.get("email") or "",
        first_name=body.get("first_name") or "",
        last_name=body.get("last_name") or "",
    )
    buyer = replace(_party(billing), id_type=id_type, id_number=id_number)
    return contact_of([account, buyer], [_party(shipping)])


def _party(address: Mapping[str, Any]) -> Party:
    return Party(
        email=address.get("email") or "",
        phones=(address["phone"],) if address.get("phone") else (),
        country=address.get("country") or "",
        first_name=address.get("first_name") or "",
        last_name=address.get("last_name") or "",
        address=_address(address) if address.get("address_1") else None,
    )


def _address(address: Mapping[str, Any]) -> Address:
    lines = [address.get("address_1"), address.get("address_2")]
    return Address(
        address=", ".join(line for line in lines if line),
        city=address.get("city") or "",
        state=address.get("state") or "",
        zip_code=address.get("postcode") or "",
        country=address.get("country") or "",
    )


def _fields(topic: str, body: Mapping[str, Any], shop: str) -> dict[str, Any]:
    is_order = topic.startswith("order.")
    return {
        "order_id": body["id"] if is_order else "",
        "order_number": (body.get("number") or body["id"]) if is_order else "",
        "total": body.get("total"),
        "currency": body.get("currency"),
        "amount": parse_money(body.get("total"), body.get("currency")),
        "status": body.get("status"),
        "url": body.get("payment_url"),
        "payment_method": body.get("payment_method_title"),
        "items": items_of(body.get("line_items") or ()),
        "note": body.get("customer_note"),
        "reason": next((r["reason"] for r in body.get("refunds") or () if r.get("reason")), ""),
        "created_at": _utc(body.get("date_created_gmt")),
        "updated_at": _utc(body.get("date_modified_gmt")),
        "paid_at": _utc(body.get("date_paid_gmt")),
        "completed_at": _utc(body.get("date_completed_gmt")),
        "shop": shop,
    }


def _utc(value: Any) -> str:
    """An ISO time with offset, as the `_gmt` fields have none; empty if it is no time."""
    at = parse_timestamp(value)
    return at.isoformat() if at else ""


def _sample_headers(topic: str, _body: bytes) -> Mapping[str, str]:
    second = str(int(time.time()))
    return {
        "content-type": "application/json",
        "x-wc-webhook-topic": topic,
        "x-wc-webhook-source": "https://tienda.example/",
        "x-wc-webhook-id": "1",
        "x-wc-webhook-delivery-id": hashlib.md5(
            f"1{second}".encode(), usedforsecurity=False
        ).hexdigest(),
    }


platform = Platform(
    name="woocommerce",
    title="WooCommerce",
    docs="https://woocommerce.com/document/webhooks/",
    scheme=Hmac(headers=(_SIGNATURE,)),
    parse=_parse,
    topics=TOPICS,
    handshake=_handshake,
    sample_headers=_sample_headers,
    stored_headers=("x-wc-webhook-topic", "x-wc-webhook-delivery-id", "x-wc-webhook-source"),
    media_types=("application/json", _FORM),
)
