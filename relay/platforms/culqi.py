"""Culqi (Peru): payments, JSON, with user and password (Basic); they have to be looked up.

Nothing signs a body. `data` is JSON in a text. It names a charge, an order or a refund with its
charge, but not who paid: the charge is read from the API, amounts in cents. An order's own record
names nobody either, and is ignored. `id` is the event's. Any 2xx will do.

https://docs.culqi.com/es/documentacion/pagos-online/webhooks (read 2026-11, the vendor's plugin)
"""

from typing import Any, Final

from relay.errors import Unreadable
from relay.inbound.composite_fields import Amount, Person
from relay.inbound.contract import Platform, Source
from relay.inbound.lookups import ANY_ID, Api, Lookup, Read
from relay.inbound.payload import json_body
from relay.inbound.payload_fields import Id, Text, Time
from relay.inbound.payload_schema import PayloadSchema
from relay.inbound.places import Field
from relay.inbound.signature import Basic
from relay.inbound.topics import Shape, Topic
from relay.model import WebhookRequest


class _NoticeSchema(PayloadSchema):
    id = Id("data.chargeId", "data.id", required=True)
    event_id = Id("id")
    at = Time("creation_date")


class _ChargeSchema(PayloadSchema):
    id = Id(required=True)
    created_at = Time("creation_date")
    payment_id = Id("id")
    reference = Text("metadata.order_id", "order_number")
    description = Text("description")
    amount = Amount("amount", "currency_code", digits=2)
    refunded = Amount("amount_refunded", "currency_code", digits=2)
    payment_method = Text("source.iin.card_brand")
    reason = Text("outcome.user_message")
    buyer = Person(
        "",
        fixed={"country": "PE"},
        email=("email", "source.email"),
        first_name="antifraud_details.first_name",
        last_name="antifraud_details.last_name",
        phones=("antifraud_details.phone", "antifraud_details.phone_number"),
    )


def _body(request: WebhookRequest, _source: Source) -> Any:
    """The body with its data, which is JSON in a text."""
    value = json_body(request.body)
    data = value.get("data") if isinstance(value, dict) else None
    if not isinstance(data, str):
        return value
    try:
        return {**value, "data": json_body(data.encode())}
    except Unreadable:
        return value


_NOTICE: Final = Shape(schema=_NoticeSchema())
_CHARGE: Final = Shape(schema=_ChargeSchema(), kind="charge")


def _step(event_type: str, state: str) -> Topic:
    return Topic(type=event_type, shape=_NOTICE, step=state, lookup="charge")


platform = Platform(
    name="culqi",
    title="Culqi",
    docs="https://docs.culqi.com/es/documentacion/pagos-online/webhooks",
    group="payments",
    scheme=Basic(),
    topic=Field("type"),
    body=_body,
    topics={
        "charge.creation.succeeded": _step("payment.approved", "approved"),
        "charge.failed": _step("payment.declined", "failed"),
        "refund.creation.succeeded": _step("payment.refunded", "refunded"),
    },
    ignored={"order.status.changed": "names_nobody", "charge.status.changed": "pending"},
    api=Api(
        url="https://api.culqi.com",
        credentials=("secret_key",),
        headers={"Authorization": "Bearer {secret_key}"},
    ),
    lookups={"charge": Lookup(Read("/v2/charges/{id}"), shape=_CHARGE, id_pattern=ANY_ID)},
    certainty="unverified",
    setup={
        "es": (
            "En el CulqiPanel abra Eventos > Webhooks > Añadir.",
            "Invente usuario y clave; guárdelos en CULQI_SECRET (usuario:clave).",
            "Pegue la dirección de esta fuente con ese usuario y clave, y elija los eventos.",
            "Ponga la llave secreta (sk_live_…) en `credentials.secret_key` de la fuente.",
        ),
        "en": (
            "In CulqiPanel open Events > Webhooks > Add.",
            "Make up user and password; put them into CULQI_SECRET (user:password).",
            "Paste the address of this source with that user and password; choose the events.",
            "Put the secret key (sk_live_…) into the source's `credentials.secret_key`.",
        ),
    },
)
