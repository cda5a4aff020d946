"""Kit (ConvertKit): subscribers, JSON in batches, signed (webhook endpoints of 2026).

`X-Kit-Signature: t=<unix s>,v1=<hex>` is HMAC-SHA256 of `<t>.<raw body>` with the secret of the
endpoint, several `v1` while that is rotated; a retry is signed anew. A delivery has up to 100
events of one type; the id of each stays the same. Sends again seven times in about 41 h; 410 ends
that, and a `Retry-After` is obeyed. The older hooks of `/v4/webhooks` are unsigned and do not say
what happened: they are not read. `subscriber.created` may be of somebody who has yet to confirm.

https://developers.kit.com/webhooks/delivery-format, /verifying-signatures, /event-types, /retries
(read 2026-11)
"""

from typing import Any, Final

from relay.inbound.composite_fields import Person
from relay.inbound.contract import Platform, each_part
from relay.inbound.payload_fields import Id, Text, Time
from relay.inbound.payload_schema import PayloadSchema
from relay.inbound.places import Field
from relay.inbound.signature import ComposedHmac, Message, PairsHeader
from relay.inbound.topics import Shape, alike


class _EventSchema(PayloadSchema):
    event_id = Id("id")
    at = Time("created")
    status = Text("data.subscriber.state")
    list_name = Text("data.form.name")
    buyer = Person("data.subscriber", email="email_address", first_name="first_name")


def _parts(value: Any) -> list[Any]:
    return each_part(value.get("events", value) if isinstance(value, dict) else value)


_EVENT: Final = Shape(schema=_EventSchema())

platform = Platform(
    name="kit",
    title="Kit",
    docs="https://developers.kit.com/webhooks/overview",
    group="email",
    scheme=ComposedHmac(PairsHeader("x-kit-signature"), lambda _request, time: Message(f"{time}.")),
    topic=Field("type"),
    parts=_parts,
    topics=alike(
        _EVENT,
        {
            "subscriber.created": "lead.created",
            "subscriber.activated": "email.subscribed",
            "subscriber.subscribed_to_form": "email.subscribed",
            "subscriber.unsubscribed": "email.unsubscribed",
            "subscriber.bounced": "email.bounced",
            "subscriber.complained": "email.complained",
        },
    ),
    retries="7, for about 41 hours",
    setup={
        "es": (
            "En app.kit.com/webhooks cree un endpoint con la dirección de esta fuente.",
            "Elija los eventos de suscriptores.",
            "Copie el secreto, que se ve una sola vez, a KIT_SECRET.",
        ),
        "en": (
            "On app.kit.com/webhooks create an endpoint with the address of this source.",
            "Choose the events of subscribers.",
            "Copy the secret, which is shown once, to KIT_SECRET.",
        ),
    },
)
