"""Alegra (accounting; Colombia, Mexico, Peru, Argentina …): clients and invoices, JSON, unsigned.

Nothing proves who sent one: the secret is in the path. There is no id of an event: the body is the
key. A client's name is a text or an object of parts; an invoice names its client by an id only,
and is ignored.

https://developer.alegra.com/reference/post_webhooks-subscriptions (read 2026-11, public components)
"""

from typing import Any, Final

from relay.inbound.composite_fields import Person
from relay.inbound.contract import Platform, Source, stable_key
from relay.inbound.payload import json_body
from relay.inbound.payload_fields import Id, Text
from relay.inbound.payload_schema import PayloadSchema
from relay.inbound.places import Field
from relay.inbound.signature import PathToken
from relay.inbound.topics import Shape, Topic
from relay.model import WebhookRequest

_CLIENT: Final = "message.client"


class _ClientSchema(PayloadSchema):
    id = Id(f"{_CLIENT}.id", required=True)
    event_id = Text("event_id")
    buyer = Person(
        _CLIENT,
        email="email",
        name="full_name",
        first_name="name.firstName",
        last_name="name.lastName",
        phones=("mobile", "phonePrimary", "phoneSecondary"),
        id_number="identification",
        lines="address.address",
        city="address.city",
        state="address.department",
        zip_code="address.zipCode",
        country="address.country",
    )


def _body(request: WebhookRequest, _source: Source) -> Any:
    """The body with its digest as the id of the event, and a name that is a text beside parts."""
    value = json_body(request.body)
    if not isinstance(value, dict):
        return value
    value = {**value, "event_id": stable_key(request.body)}
    message = value.get("message")
    client = message.get("client") if isinstance(message, dict) else None
    if isinstance(message, dict) and isinstance(client, dict):
        if isinstance(client.get("name"), str):
            client = {**client, "full_name": client["name"], "name": {}}
        value["message"] = {**message, "client": client}
    return value


_SHAPE: Final = Shape(schema=_ClientSchema())

platform = Platform(
    name="alegra",
    title="Alegra",
    docs="https://developer.alegra.com/reference/post_webhooks-subscriptions",
    group="accounting",
    scheme=PathToken(),
    topic=Field("subject"),
    body=_body,
    topics={
        "new-client": Topic(type="customer.created", shape=_SHAPE),
        "edit-client": Topic(type="customer.updated", shape=_SHAPE),
    },
    ignored=dict.fromkeys(
        ("new-invoice", "edit-invoice", "delete-invoice", "delete-client"), "names_nobody"
    ),
    setup={
        "es": (
            "Invente un secreto de al menos 16 letras y guárdelo en ALEGRA_SECRET.",
            "En Alegra abra Configuración > API y copie su token.",
            (
                "Con él envíe `POST https://api.alegra.com/api/v1/webhooks/subscriptions` con "
                "`event` (new-client, edit-client) y `url`: la dirección de esta fuente, con el "
                "secreto al final y sin `https://`."
            ),
        ),
        "en": (
            "Make up a secret of at least 16 letters and put it into ALEGRA_SECRET.",
            "In Alegra open Settings > API and copy your token.",
            (
                "With it send `POST https://api.alegra.com/api/v1/webhooks/subscriptions` with "
                "`event` (new-client, edit-client) and `url`: the address of this source, with the "
                "secret at its end and without `https://`."
            ),
        ),
    },
)
