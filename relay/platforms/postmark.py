"""Postmark: e-mail events, JSON, with user and password (Basic).

Nothing signs a body. Each event has its kind, message, address and time, which are the key; only
bounces have an id. A bounce has a type of its own: transient is a delay, and spam and unsubscribe
notices of mailboxes are bounces too. A change of subscription says whether sending is suppressed.
Sends again ten times within ten hours; 403 stops it.

https://postmarkapp.com/developer/webhooks/webhooks-overview (read 2026-11)
"""

from typing import Final

from relay.inbound.composite_fields import JoinedText, Person
from relay.inbound.contract import Platform
from relay.inbound.payload_fields import Flag, Id, Text, Time
from relay.inbound.payload_schema import PayloadSchema
from relay.inbound.places import Field
from relay.inbound.signature import Basic
from relay.inbound.topics import Shape, Values, alike


class _EventSchema(PayloadSchema):
    event_id = JoinedText(
        "MessageID + Email + BouncedAt",
        "MessageID + Recipient + DeliveredAt",
        "MessageID + Recipient + ReceivedAt",
        "MessageID + Recipient + ChangedAt",
    )
    at = Time("BouncedAt", "DeliveredAt", "ReceivedAt", "ChangedAt")
    message_id = Text("MessageID")
    subject = Text("Subject")
    campaign = Text("Tag")
    reason = Text("Description", "Details")
    response = Text("Details")
    bounce_type = Text("Type")
    status = Id("TypeCode")
    link = Text("OriginalLink")
    _suppressed = Flag("SuppressSending")
    buyer = Person(email=("Recipient", "Email"))


# Types of a bounce that are no bounce.
_BOUNCES: Final = {
    "Transient": "email.deferred",
    "SpamNotification": "email.complained",
    "SpamComplaint": "email.complained",
    "Unsubscribe": "email.unsubscribed",
    "Subscribe": "email.subscribed",
    "BadEmailAddress": "email.rejected",
    "Blocked": "email.blocked",
}


def _refined(topic: str, values: Values) -> Values:
    if topic == "Bounce" and (event_type := _BOUNCES.get(values.get("bounce_type", ""))):
        return {"type": event_type}
    if topic == "SubscriptionChange" and values.get("_suppressed") is False:
        return {"type": "email.subscribed"}
    return {}


_EVENT: Final = Shape(schema=_EventSchema(), refine=_refined)

platform = Platform(
    name="postmark",
    title="Postmark",
    docs="https://postmarkapp.com/developer/webhooks/webhooks-overview",
    group="email",
    scheme=Basic(),
    topic=Field("RecordType"),
    topics=alike(
        _EVENT,
        {
            "Delivery": "email.delivered",
            "Bounce": "email.bounced",
            "SpamComplaint": "email.complained",
            "Open": "email.opened",
            "Click": "email.clicked",
            "SubscriptionChange": "email.unsubscribed",
        },
    ),
    retries="10, within about 10 hours",
    disable_after="403, which we never answer to a right password",
    setup={
        "es": (
            "En Postmark abra el servidor, su flujo de mensajes y Webhooks > Add webhook.",
            "Pegue la dirección de esta fuente y elija los eventos.",
            "Invente un usuario y una clave, para Basic auth y POSTMARK_SECRET (usuario:clave).",
        ),
        "en": (
            "In Postmark open the server, its message stream and Webhooks > Add webhook.",
            "Paste the address of this source and choose the events.",
            "Make up user and password, for Basic auth and POSTMARK_SECRET (user:password).",
        ),
    },
)
