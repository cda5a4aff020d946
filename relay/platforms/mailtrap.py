"""Mailtrap: e-mail events, JSON, a list or one, signed.

`Mailtrap-Signature` is hex HMAC-SHA256 of the raw body with the secret that is shown when the hook
is made. Kinds are written with blanks. Each event has an id.

https://docs.mailtrap.io/email-api-smtp/advanced/webhooks (read 2026-11; mailtrap-ruby, spec)
"""

from typing import Any, Final

from relay.inbound.composite_fields import Person
from relay.inbound.contract import Platform, each_part
from relay.inbound.payload_fields import Id, Text, Time
from relay.inbound.payload_schema import PayloadSchema
from relay.inbound.places import Field
from relay.inbound.signature import Hmac
from relay.inbound.topics import Shape, alike


class _EventSchema(PayloadSchema):
    event_id = Id("event_id")
    at = Time("timestamp")
    message_id = Id("message_id")
    campaign = Text("category")
    reason = Text("response", "reason")
    status = Id("response_code")
    bounce_type = Text("bounce_category")
    link = Text("url")
    buyer = Person(email="email")


def _parts(value: Any) -> list[Any]:
    return each_part(value.get("events", value) if isinstance(value, dict) else value)


_EVENT: Final = Shape(schema=_EventSchema())

platform = Platform(
    name="mailtrap",
    title="Mailtrap",
    docs="https://docs.mailtrap.io/email-api-smtp/advanced/webhooks",
    group="email",
    scheme=Hmac(headers=("mailtrap-signature",), encoding="hex"),
    topic=Field("event"),
    parts=_parts,
    topics=alike(
        _EVENT,
        {
            "delivery": "email.delivered",
            "open": "email.opened",
            "click": "email.clicked",
            "unsubscribe": "email.unsubscribed",
            "spam": "email.complained",
            "soft bounce": "email.deferred",
            "bounce": "email.bounced",
            "suspension": "email.deferred",
            "reject": "email.rejected",
        },
    ),
    setup={
        "es": (
            "En Mailtrap abra Sending Domains > Webhooks > Create webhook.",
            "Pegue la dirección de esta fuente, elija JSON y los eventos.",
            "Copie el signing secret, que se ve una sola vez, a MAILTRAP_SECRET.",
        ),
        "en": (
            "In Mailtrap open Sending Domains > Webhooks > Create webhook.",
            "Paste the address of this source, choose JSON and the events.",
            "Copy the signing secret, which is shown once, to MAILTRAP_SECRET.",
        ),
    },
)
