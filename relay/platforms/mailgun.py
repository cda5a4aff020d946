"""Mailgun: e-mail events, JSON, of which a time and a token are signed.

`signature` in the body: hex HMAC-SHA256 of its `timestamp` and `token` with the webhook signing
key. Nothing covers the event itself: the API could tell what is true of it. The time is accepted
for 15 h, for as long as the vendor sends again (after 5, 10, 15 minutes, 1, 2 and 4 hours; 406
stops it). `id` is unique within a day, so that the time of the event is in the key. `failed` is
temporary or permanent.

https://documentation.mailgun.com/docs/mailgun/user-manual/events/webhooks/ (read 2026-11)
"""

from typing import Final

from relay.inbound.composite_fields import JoinedText, Person
from relay.inbound.contract import Platform
from relay.inbound.payload_fields import Id, Text, Time
from relay.inbound.payload_schema import PayloadSchema
from relay.inbound.places import Field
from relay.inbound.signature import FieldDigest
from relay.inbound.topics import Shape, Values, alike


class _EventSchema(PayloadSchema):
    event_id = JoinedText("event-data.id + event-data.timestamp")
    at = Time("event-data.timestamp")
    message_id = Text("event-data.message.headers.message-id")
    subject = Text("event-data.message.headers.subject")
    campaign = Text("event-data.campaigns.0.name", "event-data.tags.0")
    reason = Text(
        "event-data.delivery-status.description",
        "event-data.delivery-status.message",
        "event-data.reason",
    )
    status = Id("event-data.delivery-status.code")
    link = Text("event-data.url")
    _severity = Text("event-data.severity")
    buyer = Person("event-data", email="recipient")


def _refined(topic: str, values: Values) -> Values:
    is_temporary = topic == "failed" and values.get("_severity") == "temporary"
    return {"type": "email.deferred"} if is_temporary else {}


_EVENT: Final = Shape(schema=_EventSchema(), refine=_refined)

platform = Platform(
    name="mailgun",
    title="Mailgun",
    docs="https://documentation.mailgun.com/docs/mailgun/user-manual/events/webhooks/",
    group="email",
    scheme=FieldDigest(
        lambda fields, _secret: fields.text("signature.timestamp") + fields.text("signature.token"),
        field="signature.signature",
        keyed=True,
        time="signature.timestamp",
        tolerance_s=15 * 3600,
    ),
    topic=Field("event-data.event"),
    topics=alike(
        _EVENT,
        {
            "accepted": "email.sent",
            "delivered": "email.delivered",
            "failed": "email.bounced",
            "rejected": "email.rejected",
            "opened": "email.opened",
            "clicked": "email.clicked",
            "unsubscribed": "email.unsubscribed",
            "complained": "email.complained",
        },
    ),
    retries="after 5, 10 and 15 minutes, 1, 2 and 4 hours",
    disable_after="406, which we never answer",
    setup={
        "es": (
            "En Mailgun abra Send > Sending > Webhooks y elija el dominio.",
            "Agregue un webhook por evento con la dirección de esta fuente.",
            "Copie el HTTP webhook signing key a MAILGUN_SECRET.",
        ),
        "en": (
            "In Mailgun open Send > Sending > Webhooks and choose the domain.",
            "Add a webhook for each event with the address of this source.",
            "Copy the HTTP webhook signing key to MAILGUN_SECRET.",
        ),
    },
)
