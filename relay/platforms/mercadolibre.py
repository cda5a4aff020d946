"""Mercado Libre: notices of orders, JSON, unsigned; they have to be looked up.

Nothing proves who sent one: the secret is in the path. A body only names a resource, whose number
alone is used. Wants 200 within half a second, or the topic is switched off; sends again for about
an hour, eight times. `_id` and topic stay the same on a retry. The API withholds e-mail and phone
of buyers: an event is delivered only where the source has a `customer_id`, or names somebody some
other way; otherwise it is counted as one that names nobody. Questions, messages and the rest are
ignored. Tokens live 6 h, and a refresh token is good once.

https://developers.mercadolibre.com.ar/es_ar/productos-recibe-notificaciones (read 2026-11, copies)
"""

from typing import Any, Final

from relay.inbound.composite_fields import Amount, Items, Person
from relay.inbound.contract import Platform, Source
from relay.inbound.lookups import Api, Lookup, Read, Tokens
from relay.inbound.payload import json_body
from relay.inbound.payload_fields import Id, Text, Time
from relay.inbound.payload_schema import PayloadSchema
from relay.inbound.places import Field
from relay.inbound.signature import PathToken
from relay.inbound.topics import Shape, Topic
from relay.model import Step, WebhookRequest


class _NoticeSchema(PayloadSchema):
    id = Id("order_id", required=True)
    event_id = Id("_id")
    at = Time("sent")


class _OrderSchema(PayloadSchema):
    id = Id(required=True)
    created_at = Time("date_created")
    updated_at = Time("last_updated")
    order_number = Id("pack_id", "id")
    amount = Amount("total_amount", "currency_id")
    items = Items("order_items", name="item.title")
    status = Text()
    buyer = Person("buyer", first_name="first_name", last_name="last_name", email="email")


def _body(request: WebhookRequest, _source: Source) -> Any:
    """The body with the number at the end of the resource as the id of the order."""
    value = json_body(request.body)
    if not isinstance(value, dict):
        return value
    number = str(value.get("resource", "")).rpartition("/")[2]
    return {**value, "order_id": number if number.isdecimal() else None}


_NOTICE: Final = Shape(schema=_NoticeSchema())
_ORDER: Final = Shape(
    schema=_OrderSchema(),
    kind="order",
    shown=("amount", "items"),
    states={
        "status": {
            "paid": Step("paid", "order.paid"),
            "cancelled": Step("cancelled", "order.cancelled"),
        }
    },
)

platform = Platform(
    name="mercadolibre",
    title="Mercado Libre",
    docs="https://developers.mercadolibre.com.ar/es_ar/productos-recibe-notificaciones",
    group="shops",
    scheme=PathToken(),
    topic=Field("topic"),
    shop=Field("user_id"),
    body=_body,
    topics={
        "orders_v2": Topic(
            type="order.created",
            shape=_NOTICE,
            step="created",
            step_at="created_at",
            lookup="order",
            other_types=("order.paid", "order.cancelled", "order.updated"),
        ),
    },
    ignored=dict.fromkeys(
        ("questions", "messages", "shipments", "payments", "items", "claims"), "names_nobody"
    ),
    api=Api(
        url="https://api.mercadolibre.com",
        credentials=("client_id", "client_secret", "refresh_token"),
        headers={"Authorization": "Bearer {access_token}"},
        tokens=Tokens(
            path="/oauth/token",
            form={
                "grant_type": "refresh_token",
                "client_id": "{client_id}",
                "client_secret": "{client_secret}",
                "refresh_token": "{refresh_token}",
            },
            lifetime_s=21600,
        ),
    ),
    lookups={"order": Lookup(Read("/orders/{id}"), shape=_ORDER)},
    deadline_s=0.5,
    retries="8, for about an hour",
    disable_after="an answer later than 500 ms switches the topic off",
    setup={
        "es": (
            "En developers.mercadolibre abra Mis aplicaciones y elija la suya.",
            (
                "En URL de notificaciones ponga la dirección de esta fuente, seguida de /SECRETO "
                "(uno largo que usted invente)."
            ),
            "Suscríbase al tema orders_v2 y guarde ese secreto en MERCADOLIBRE_SECRET.",
            "Ponga client_id, client_secret y refresh_token en `credentials` de la fuente.",
        ),
        "en": (
            "On developers.mercadolibre open My applications and choose yours.",
            (
                "As notifications URL enter the address of this source, followed by /SECRET "
                "(a long one you make up)."
            ),
            "Subscribe to the topic orders_v2 and put that secret into MERCADOLIBRE_SECRET.",
            "Put client_id, client_secret and refresh_token into the source's `credentials`.",
        ),
    },
)
