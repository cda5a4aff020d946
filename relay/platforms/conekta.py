"""Conekta (Mexico): orders and charges, JSON, signed with RSA.

`digest` is base64 RSA-SHA256 of the body; the secret is the public key, which the API makes
(`POST /webhook_keys`). `id` is that of the event, the same when it is sent again. An event of a
charge has the order's id only and names nobody: the order's own events tell of it. Amounts are in
cents. Wants exactly 200. The address is tried with `webhook_ping`.

https://developers.conekta.com/resources/webhooks (read 2026-11; conekta/openapi's examples)
"""

from typing import Final

from relay.inbound.composite_fields import Amount, Items, Person
from relay.inbound.contract import Platform
from relay.inbound.payload_fields import Id, Text, Time
from relay.inbound.payload_schema import PayloadSchema
from relay.inbound.places import Field, FieldIs
from relay.inbound.signature import RsaBody
from relay.inbound.topics import Shape, Topic

_OBJECT: Final = "data.object"


class _OrderSchema(PayloadSchema):
    id = Id(f"{_OBJECT}.id", required=True)
    event_id = Id("id")
    at = Time("created_at")
    created_at = Time(f"{_OBJECT}.created_at")
    updated_at = Time(f"{_OBJECT}.updated_at")
    order_id = Id(f"{_OBJECT}.id")
    order_number = Text(f"{_OBJECT}.metadata.order_number", f"{_OBJECT}.metadata.reference")
    amount = Amount(f"{_OBJECT}.amount", f"{_OBJECT}.currency", digits=2)
    refunded = Amount(f"{_OBJECT}.amount_refunded", f"{_OBJECT}.currency", digits=2)
    items = Items(f"{_OBJECT}.line_items.data")
    status = Text(f"{_OBJECT}.payment_status")
    payment_method = Text(f"{_OBJECT}.charges.data.0.payment_method.type")
    buyer = Person(
        f"{_OBJECT}.customer_info",
        fixed={"country": "MX"},
        email="email",
        name="name",
        phones="phone",
    )


_ORDER: Final = Shape(schema=_OrderSchema(), kind="order")


def _step(event_type: str, state: str, *, attempt: str = "") -> Topic:
    return Topic(type=event_type, shape=_ORDER, step=state, attempt=attempt)


platform = Platform(
    name="conekta",
    title="Conekta",
    docs="https://developers.conekta.com/resources/webhooks",
    group="payments",
    scheme=RsaBody("digest"),
    topic=Field("type"),
    test=(FieldIs("livemode", "false"),),
    topics={
        "order.created": _step("order.created", "created"),
        "order.pending_payment": _step("order.on_hold", "pending_payment"),
        "order.paid": _step("order.paid", "paid"),
        "order.declined": _step("order.failed", "declined", attempt="event_id"),
        "order.expired": _step("order.cancelled", "expired"),
        "order.canceled": _step("order.cancelled", "canceled"),
        "order.refunded": _step("order.refunded", "refunded"),
        "order.charged_back": _step("payment.charged_back", "charged_back"),
    },
    ignored={"webhook_ping": "ping"},
    setup={
        "es": (
            "En el panel de Conekta abra Desarrolladores > Webhooks y cree uno.",
            "Pegue la dirección de esta fuente y elija los eventos `order.…`.",
            (
                "Cree una llave con `POST https://api.conekta.io/webhook_keys` y copie la llave "
                "pública a CONEKTA_SECRET."
            ),
        ),
        "en": (
            "In Conekta's panel open Developers > Webhooks and make one.",
            "Paste the address of this source and choose the events `order.…`.",
            (
                "Make a key with `POST https://api.conekta.io/webhook_keys` and copy the public "
                "key to CONEKTA_SECRET."
            ),
        ),
    },
)
