"""MailerSend: e-mail events, JSON, signed.

`Signature` is hex HMAC-SHA256 of the raw body, in which slashes are escaped. Two versions of bodies
are sent: in the newer one `data.type` may be the state of the message, so that the kind at the top
counts. `data.id` is the event's. When a hook is saved, a test comes that is signed with a public
secret: it is refused like any other that is not signed with ours, which the vendor takes for a
failed test; save the hook all the same. Wants an answer within 3 s; sends again for about three
days, but not after 4xx.

https://developers.mailersend.com/api/v1/webhooks.html (read 2026-11)
"""

from typing import Final

from relay.inbound.composite_fields import Person
from relay.inbound.contract import Platform
from relay.inbound.payload_fields import Id, Text, Time
from relay.inbound.payload_schema import PayloadSchema
from relay.inbound.places import Field
from relay.inbound.signature import Hmac
from relay.inbound.topics import Shape, alike


class _EventSchema(PayloadSchema):
    event_id = Id("data.id")
    at = Time("created_at", "data.created_at")
    message_id = Id("data.message_id", "data.email.message.id")
    subject = Text("data.subject", "data.email.subject")
    campaign = Text("data.tags.0", "data.email.tags.0")
    reason = Text("data.meta.bounce_reason", "data.morph.reason")
    status = Id("data.meta.bounce_code")
    link = Text("data.meta.url", "data.morph.url")
    buyer = Person(
        "data",
        email=("recipient", "recipient.email", "email.recipient.email", "email"),
    )


_EVENT: Final = Shape(schema=_EventSchema())

platform = Platform(
    name="mailersend",
    title="MailerSend",
    docs="https://developers.mailersend.com/api/v1/webhooks.html",
    group="email",
    scheme=Hmac(headers=("signature",), encoding="hex"),
    topic=Field("type"),
    topics=alike(
        _EVENT,
        {
            "activity.sent": "email.sent",
            "activity.delivered": "email.delivered",
            "activity.soft_bounced": "email.deferred",
            "activity.hard_bounced": "email.bounced",
            "activity.opened": "email.opened",
            "activity.opened_unique": "email.opened",
            "activity.clicked": "email.clicked",
            "activity.clicked_unique": "email.clicked",
            "activity.unsubscribed": "email.unsubscribed",
            "activity.spam_complaint": "email.complained",
        },
    ),
    ignored=dict.fromkeys(("webhook.test",), "test"),
    deadline_s=3,
    retries="for about 3 days, but not after 4xx",
    setup={
        "es": (
            "En MailerSend abra Domains, elija el dominio y Webhooks > Manage > Add webhook.",
            "Pegue la dirección de esta fuente y elija los eventos.",
            "Copie el signing secret a MAILERSEND_SECRET.",
        ),
        "en": (
            "In MailerSend open Domains, choose the domain and Webhooks > Manage > Add webhook.",
            "Paste the address of this source and choose the events.",
            "Copy the signing secret to MAILERSEND_SECRET.",
        ),
    },
)
