"""Loops: e-mail events and contacts, JSON, signed as Standard Webhooks.

The id in the headers is the same on every retry. Every body names the contact.

https://loops.so/docs/webhooks (read 2026-11, a copy)
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
    at = Time("eventTime")
    message_id = Id("email.emailMessageId", "email.id")
    subject = Text("email.subject")
    campaign = Text("campaignName", "loopName")
    list_name = Text("mailingList.name")
    link = Text("linkUrl", "email.linkUrl")
    buyer = Person(
        email=("contactIdentity.email", "contact.email"),
        first_name="contact.firstName",
        last_name="contact.lastName",
        phones="contact.phone",
    )


_EVENT: Final = Shape(schema=_EventSchema())

platform = Platform(
    name="loops",
    title="Loops",
    docs="https://loops.so/docs/webhooks",
    group="email",
    scheme=StandardWebhooks(),
    topic=Field("eventName"),
    delivery_id=Header("webhook-id"),
    topics=alike(
        _EVENT,
        {
            "contact.created": "email.subscribed",
            "contact.unsubscribed": "email.unsubscribed",
            "contact.mailingList.subscribed": "email.subscribed",
            "contact.mailingList.unsubscribed": "email.unsubscribed",
            "campaign.email.sent": "email.sent",
            "email.delivered": "email.delivered",
            "email.softBounced": "email.deferred",
            "email.hardBounced": "email.bounced",
            "email.opened": "email.opened",
            "email.clicked": "email.clicked",
            "email.unsubscribed": "email.unsubscribed",
            "email.resubscribed": "email.subscribed",
            "email.spamReported": "email.complained",
        },
    ),
    ignored=dict.fromkeys(("testing.testEvent",), "test"),
    setup={
        "es": (
            "En Loops abra Settings > Webhooks.",
            "Pegue la dirección de esta fuente y elija los eventos.",
            "Copie el signing secret a LOOPS_SECRET.",
        ),
        "en": (
            "In Loops open Settings > Webhooks.",
            "Paste the address of this source and choose the events.",
            "Copy the signing secret to LOOPS_SECRET.",
        ),
    },
)
