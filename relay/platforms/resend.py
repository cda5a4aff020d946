"""Resend: e-mail events and contacts, JSON, signed as Standard Webhooks (Svix).

The id in the headers is the same on every retry; those come after 5 s, 5 and 30 minutes, 2, 5, 10
and 10 hours. An e-mail to several people has them in a list: the first one counts. The time of the
event is at the top, that of the message inside.

https://resend.com/docs/dashboard/webhooks/event-types (read 2026-11)
"""

from typing import Final

from relay.inbound.composite_fields import Person
from relay.inbound.contract import Platform
from relay.inbound.payload_fields import Id, Text, Time
from relay.inbound.payload_schema import PayloadSchema
from relay.inbound.places import Field, Header
from relay.inbound.signature import StandardWebhooks
from relay.inbound.topics import Shape, alike


class _EventSchema(PayloadSchema):
    id = Id("data.email_id", "data.id")
    at = Time("created_at")
    message_id = Id("data.email_id")
    subject = Text("data.subject")
    campaign = Text("data.broadcast_id", "data.tags.0.value")
    reason = Text("data.bounce.message", "data.failed.reason")
    bounce_type = Text("data.bounce.type")
    link = Text("data.click.link")
    buyer = Person(
        "data",
        email=("to", "email"),
        first_name="first_name",
        last_name="last_name",
    )


_EVENT: Final = Shape(schema=_EventSchema())

platform = Platform(
    name="resend",
    title="Resend",
    docs="https://resend.com/docs/dashboard/webhooks/introduction",
    group="email",
    scheme=StandardWebhooks(prefix="svix"),
    topic=Field("type"),
    delivery_id=Header("svix-id", "webhook-id"),
    topics=alike(
        _EVENT,
        {
            "email.sent": "email.sent",
            "email.delivered": "email.delivered",
            "email.delivery_delayed": "email.deferred",
            "email.bounced": "email.bounced",
            "email.failed": "email.rejected",
            "email.suppressed": "email.rejected",
            "email.complained": "email.complained",
            "email.opened": "email.opened",
            "email.clicked": "email.clicked",
            "contact.created": "email.subscribed",
            "contact.updated": "contact.updated",
        },
    ),
    retries="after 5 s, 5 and 30 minutes, 2, 5, 10 and 10 hours",
    setup={
        "es": (
            "En Resend abra Webhooks > Add webhook.",
            "Pegue la dirección de esta fuente y elija los eventos.",
            "Copie el signing secret (whsec_…) a RESEND_SECRET.",
        ),
        "en": (
            "In Resend open Webhooks > Add webhook.",
            "Paste the address of this source and choose the events.",
            "Copy the signing secret (whsec_…) to RESEND_SECRET.",
        ),
    },
)
