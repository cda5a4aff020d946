"""Shopify: shop events, JSON, signed.

Signs base64 HMAC-SHA256 of the raw body with the app's client secret as text; newer deliveries
may use `shopify-…` headers without `x-`. The topic is in a header, not in the body. The webhook
id stays the same on every retry. No time is signed. Anything but 2xx within 5 s is sent again
8 times over 4 h, then the subscription can be removed. Names, e-mails and phones may be null on
cheaper plans. There is no topic for an abandoned checkout: it is one that got no order within some
time, and nothing here watches for that. What is given back is told with the order: a refund's own
body names no customer. Topic, shop and ids are in headers that nothing signs.

https://shopify.dev/docs/apps/build/webhooks/verify-deliveries (read 2026-08)
"""

import re
from collections.abc import Mapping
from typing import Any, Final
from uuid import uuid4
from zoneinfo import ZoneInfo

from relay.errors import Unreadable
from relay.inbound.contact import Party, contact_of
from relay.inbound.contract import (
    Events,
    ParseResult,
    Platform,
    Skipped,
    Unparsable,
    stable_key,
    validate,
)
from relay.inbound.money import parse_money
from relay.inbound.orders import contradiction, items_of
from relay.inbound.payload import json_object, text_of
from relay.inbound.signature import Hmac
from relay.inbound.timestamps import occurred_at
from relay.mapping.country import iso2
from relay.mapping.identity import document_in, named_values
from relay.model import Address, Contact, Event, Money, WebhookRequest
from relay.platforms.shopify.schema import BodySchema, ConsentBodySchema
from relay.platforms.shopify.state import contradictions, given_back, report_of, seen_by_buyer

TOPICS: Final[Mapping[str, str]] = {
    "orders/create": "order.created",
    "orders/updated": "order.updated",
    "orders/paid": "order.paid",
    "orders/fulfilled": "order.fulfilled",
    "orders/cancelled": "order.cancelled",
    "fulfillments/create": "order.shipped",
    "refunds/create": "order.refunded",
    "checkouts/create": "checkout.created",
    "checkouts/update": "checkout.updated",
    "customers/create": "customer.created",
    "customers/update": "customer.updated",
    "customers_marketing_consent/update": "sms.subscribed",
    "customers_email_marketing_consent/update": "email.subscribed",
}
# Their bodies hold only the id of a deleted record: no customer to find.
_WITHOUT_CONTACT: Final = frozenset({"customers/delete", "checkouts/delete", "orders/delete"})
# Their bodies name the customer by the id of the order only.
_BY_ORDER_ID: Final = frozenset({"refunds/create"})
_PRIVACY: Final = frozenset({"customers/data_request", "customers/redact", "shop/redact"})
_CONSENT: Final = {"subscribed": "subscribed", "unsubscribed": "unsubscribed"}
_SCHEMA: Final = BodySchema()
_CONSENT_SCHEMA: Final = ConsentBodySchema()


def _parse(request: WebhookRequest, _options: Mapping[str, Any], zone: ZoneInfo) -> ParseResult:
    topic = _header(request, "topic")
    if skip_reason := _skip_reason(request, topic):
        return Skipped(skip_reason, topic)
    key = _header(request, "webhook-id") or stable_key(topic, request.body)
    schema = _CONSENT_SCHEMA if "consent" in topic else _SCHEMA
    try:
        raw = json_object(request.body)
        payload = validate(schema, raw)
    except Unreadable as error:
        return Events([Unparsable(topic, key, error.reasons, request.body)])
    body, event_type = payload.data, TOPICS[topic]
    reasons = contradictions(topic, body, raw)
    if reasons:
        return Events([contradiction(topic, key, request.body, reasons)])
    if body.get("test"):
        return Skipped("test", topic)
    if "consent" in topic:
        kind, _, _ = event_type.partition(".")
        state = (body.get(f"{kind}_marketing_consent") or {}).get("state")
        if state not in _CONSENT:
            return Skipped("no_consent_state", topic)
        event_type = f"{kind}.{_CONSENT[state]}"
    times = [*_times(topic, body), _header(request, "triggered-at")]
    at, omitted_fields = occurred_at(times, zone, request.received_at)
    shop = _header(request, "shop-domain")
    report = report_of(topic, event_type, body, raw, shop)
    return Events(
        [
            Event(
                type=event_type,
                topic=topic,
                key=key,
                occurred_at=at,
                contact=_contact(body, raw.get("note_attributes")),
                fields=_fields(topic, body, shop),
                omitted_fields={**payload.omitted_fields, **omitted_fields},
                needs_lookup=topic in _BY_ORDER_ID,
                other_keys=_other_keys(request, topic, body.get("id") or "", shop),
                report=report,
            )
        ]
    )


def _skip_reason(request: WebhookRequest, topic: str) -> str:
    if topic in _PRIVACY:
        return "privacy_request"
    if topic in _WITHOUT_CONTACT:
        return "names_nobody"
    if topic not in TOPICS:
        return "unknown_topic"
    return "test" if _header(request, "test").lower() == "true" else ""


def _other_keys(
    request: WebhookRequest, topic: str, resource_id: str, shop: str
) -> tuple[str, ...]:
    """One event may come by two subscriptions, and be told under two topics."""
    keys = [f"body:{stable_key(topic, request.body)}"]
    if event_id := _header(request, "event-id"):
        keys.append(f"delivery:{stable_key(topic, event_id, resource_id)}")
    if topic.endswith("/create"):
        keys.append(f"delivery:{stable_key(topic, shop, resource_id)}")
    return tuple(keys)


def _times(topic: str, body: Mapping[str, Any]) -> list[Any]:
    """When it happened, most exact first."""
    names = ("created_at",) if topic.endswith("/create") else ("updated_at", "created_at")
    if topic == "orders/cancelled":
        names = ("cancelled_at", *names)
    return [body.get(name) for name in names]


def _contact(body: Mapping[str, Any], note_attributes: Any) -> Contact:
    """The e-mail and phone of an order or checkout are its customer's, who is the buyer."""
    customer = body.get("customer") or {}
    billing = _party(body.get("billing_address"))
    email_names = ("email", "contact_email", "email_address")
    emails = [*(body.get(name) for name in email_names), customer.get("email")]
    phones = (body.get("phone"), customer.get("phone"), body.get("sms_marketing_phone"))
    id_type, id_number = document_in(named_values(note_attributes), iso2(billing.country))
    person = customer or body
    buyer = Party(
        email=next((text for text in emails if text), ""),
        phones=tuple(text for text in phones if text),
        first_name=person.get("first_name") or "",
        last_name=person.get("last_name") or "",
        id_type=id_type,
        id_number=id_number,
    )
    delivery = _party(body.get("shipping_address") or body.get("destination"))
    default = _party(customer.get("default_address") or body.get("default_address"))
    return contact_of([buyer, billing], [delivery, default])


def _party(address: Mapping[str, Any] | None) -> Party:
    if not address:
        return Party()
    return Party(
        phones=(address["phone"],) if address.get("phone") else (),
        country=address.get("country_code") or address.get("country") or "",
        first_name=address.get("first_name") or "",
        last_name=address.get("last_name") or "",
        name=address.get("name") or "",
        address=_address(address),
    )


def _address(address: Mapping[str, Any]) -> Address:
    lines = [address.get("address1"), address.get("address2")]
    return Address(
        address=", ".join(line for line in lines if line),
        city=address.get("city") or "",
        state=address.get("province") or "",
        zip_code=address.get("zip") or "",
        latitude=address.get("latitude") or "",
        longitude=address.get("longitude") or "",
        country=address.get("country_code") or "",
    )


def _fields(topic: str, body: Mapping[str, Any], shop: str) -> dict[str, Any]:
    is_order = topic.startswith("orders/")
    body_id = body.get("id") or ""
    return {
        "order_id": body_id if is_order else body.get("order_id"),
        "order_number": _order_number(topic, body),
        "checkout_id": body_id if topic.startswith("checkouts/") else "",
        "checkout_url": body.get("abandoned_checkout_url"),
        **_amounts(topic, body),
        "status": body.get("financial_status"),
        "fulfillment_status": body.get("fulfillment_status"),
        "cancel_reason": body.get("cancel_reason"),
        "url": body.get("order_status_url"),
        "items": items_of(body.get("line_items") or ()),
        "payment_method": next(iter(body.get("payment_gateway_names") or ()), ""),
        "tracking_number": body.get("tracking_number"),
        "tracking_numbers": body.get("tracking_numbers"),
        "tracking_url": body.get("tracking_url"),
        "carrier": body.get("tracking_company"),
        "reason": body.get("note") if topic == "refunds/create" else "",
        "created_at": body.get("created_at"),
        "updated_at": body.get("updated_at"),
        "cancelled_at": body.get("cancelled_at"),
        "shop": shop,
    }


def _order_number(topic: str, body: Mapping[str, Any]) -> str:
    """`#1042`; a parcel is named `#1042.1` after its order."""
    name: str = body.get("name") or ""
    if topic.startswith("fulfillments/"):
        return re.sub(r"\.\d+$", "", name)
    return name if topic.startswith("orders/") else ""


def _amounts(topic: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """What the buyer saw is the amount. Orders have it in `*_set`, beside the shop's own amounts; a
    checkout has all its prices in the buyer's currency, and in `currency` the shop's.
    """
    total, currency = text_of(body.get("total_price")), body.get("currency")
    shop: dict[str, Any] = {}
    if topic.startswith("checkouts/"):
        currency = body.get("presentment_currency") or currency
    elif total:
        shop = {"shop_total": total, "shop_currency": currency}
        total, currency = seen_by_buyer(body, "total_price")
    if given := given_back(body.get("transactions") or (), ""):
        shop["refund_amount"] = Money(given, body["transactions"][0].get("currency") or "")
    return {"total": total, "currency": currency, "amount": parse_money(total, currency), **shop}


def _header(request: WebhookRequest, name: str) -> str:
    headers = request.headers
    return headers.get(f"x-shopify-{name}") or headers.get(f"shopify-{name}", "")


def _sample_headers(topic: str, _body: bytes) -> Mapping[str, str]:
    return {
        "content-type": "application/json",
        "x-shopify-topic": topic,
        "x-shopify-shop-domain": "tienda-ejemplo.myshopify.com",
        "x-shopify-webhook-id": str(uuid4()),
    }


platform = Platform(
    name="shopify",
    title="Shopify",
    docs="https://shopify.dev/docs/apps/build/webhooks/verify-deliveries",
    scheme=Hmac(headers=("x-shopify-hmac-sha256", "shopify-hmac-sha256")),
    parse=_parse,
    topics=TOPICS,
    sample_headers=_sample_headers,
    stored_headers=tuple(
        f"{prefix}shopify-{name}"
        for prefix in ("x-", "")
        for name in ("topic", "webhook-id", "event-id", "shop-domain", "triggered-at", "test")
    ),
)
