"""Rappi: orders of a restaurant or shop, JSON, signed.

Each event has an address of its own: an order has no name of the event, a cancellation has.
`Rappi-Signature: t=…,sign=…` is hex HMAC-SHA256 of time, full stop and raw body, with the secret of
that webhook. Rappi asks every three minutes whether the shop is there (`PING`), wants `{"status":
"OK"}` within 3 s and switches the shop off after two misses; an order that nobody takes within six
minutes is cancelled: this must never be a shop's only integration. The courier's phone comes in
other events, which are ignored. There are no offsets in times.

https://dev-portal.rappi.com/api/webhooks (read 2026-11)
"""

from typing import Any, Final

from relay.inbound.composite_fields import Amount, Items, Person
from relay.inbound.contract import Platform, Source
from relay.inbound.payload import json_body, json_bytes
from relay.inbound.payload_fields import Id, Text, Time
from relay.inbound.payload_schema import PayloadSchema
from relay.inbound.places import Field
from relay.inbound.results import Handshake, PlatformResponse
from relay.inbound.signature import ComposedHmac, Message, PairsHeader
from relay.inbound.topics import Shape, Topic
from relay.model import WebhookRequest

_OK: Final = PlatformResponse(200, json_bytes({"status": "OK"}), "application/json")


class _OrderSchema(PayloadSchema):
    id = Id("order_detail.order_id", required=True)
    created_at = Time("order_detail.created_at")
    order_number = Id("order_detail.order_id")
    amount = Amount("order_detail.totals.total_order", "order_detail.currency")
    items = Items("order_detail.items")
    payment_method = Text("order_detail.payment_method")
    shipping_method = Text("order_detail.delivery_method")
    buyer = Person(
        "customer",
        email="email",
        first_name="first_name",
        last_name="last_name",
        phones="phone_number",
        id_number="document_number",
    )


class _CancellationSchema(PayloadSchema):
    id = Id("order_id", required=True)
    order_number = Id("order_id")


def _body(request: WebhookRequest, _source: Source) -> Any:
    """The body with a name of what it tells."""
    value = json_body(request.body)
    if not isinstance(value, dict):
        return value
    return {**value, "topic": "NEW_ORDER" if "order_detail" in value else value.get("event")}


def _ping(body: Any) -> Handshake | None:
    is_ping = not {"order_detail", "order_id", "event"} & body.keys() and "store_id" in body
    return Handshake(_OK) if is_ping else None


_ORDER: Final = Shape(schema=_OrderSchema(), kind="order")
_CANCELLATION: Final = Shape(schema=_CancellationSchema(), kind="order")
_CANCELLED: Final = Topic(type="order.cancelled", shape=_CANCELLATION, step="cancelled")


platform = Platform(
    name="rappi",
    title="Rappi",
    docs="https://dev-portal.rappi.com/api/webhooks",
    group="delivery",
    scheme=ComposedHmac(
        PairsHeader("rappi-signature", signature="sign"),
        lambda _request, time: Message(f"{time}."),
    ),
    topic=Field("topic"),
    shop=Field("store.external_id", "store_id"),
    body=_body,
    signed_handshake=_ping,
    topics={
        "NEW_ORDER": Topic(type="order.created", shape=_ORDER, at=("created_at",), step="created"),
        "canceled_with_charge": _CANCELLED,
        "canceled_without_charge": _CANCELLED,
    },
    deadline_s=3,
    disable_after="two pings without an answer switch the shop off",
    setup={
        "es": (
            "Pida a su ejecutivo de Rappi que registre los webhooks de su tienda.",
            (
                "Dé la dirección de esta fuente para NEW_ORDER, ORDER_EVENT_CANCEL y PING, con "
                "un secreto."
            ),
            "Guarde ese secreto en RAPPI_SECRET.",
            (
                "No deje a este relay como única integración: un pedido sin tomar se cancela a "
                "los 6 minutos."
            ),
        ),
        "en": (
            "Ask your contact at Rappi to register the webhooks of your shop.",
            (
                "Give the address of this source for NEW_ORDER, ORDER_EVENT_CANCEL and PING, "
                "with a secret."
            ),
            "Put that secret into RAPPI_SECRET.",
            (
                "Never leave this relay as the only integration: an order not taken is "
                "cancelled in 6 minutes."
            ),
        ),
    },
)
