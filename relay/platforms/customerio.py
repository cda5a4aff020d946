"""Customer.io: e-mail and customer events (reporting webhooks), JSON, signed.

`X-CIO-Signature` is hex HMAC-SHA256 of `v0:`, the time in `X-CIO-Timestamp`, a colon and the raw
body. Kind and metric together are the topic. `event_id` stays the same. Wants an answer within 4 s;
a call that fails is repeated for seven days, and all later events wait behind it: whatever is
signed is answered 200. An hour less is accepted, since deliveries are remembered for seven days.
Text messages and pushes are ignored.

https://docs.customer.io/journeys/webhooks/ (read 2026-11)
"""

from typing import Any, Final

from relay.inbound.composite_fields import Person
from relay.inbound.contract import Platform, Source
from relay.inbound.payload import json_body
from relay.inbound.payload_fields import Id, Text, Time
from relay.inbound.payload_schema import PayloadSchema
from relay.inbound.places import Field
from relay.inbound.signature import ComposedHmac, Message, SeparateHeaders
from relay.inbound.topics import Shape, alike
from relay.model import WebhookRequest


class _EventSchema(PayloadSchema):
    event_id = Id("event_id")
    at = Time("timestamp")
    message_id = Id("data.delivery_id")
    subject = Text("data.subject")
    campaign = Id("data.campaign_id", "data.broadcast_id", "data.newsletter_id")
    reason = Text("data.failure_message")
    link = Text("data.href")
    buyer = Person("data", email=("recipient", "email_address", "identifiers.email"))


def _body(request: WebhookRequest, _source: Source) -> Any:
    """The body with kind and metric as one topic."""
    value = json_body(request.body)
    if not isinstance(value, dict):
        return value
    return {**value, "topic": f"{value.get('object_type', '')} {value.get('metric', '')}".strip()}


_EVENT: Final = Shape(schema=_EventSchema())

platform = Platform(
    name="customerio",
    title="Customer.io",
    docs="https://docs.customer.io/journeys/webhooks/",
    group="email",
    scheme=ComposedHmac(
        SeparateHeaders("x-cio-signature", time="x-cio-timestamp"),
        lambda _request, time: Message(f"v0:{time}:"),
        tolerance_s=(7 * 24 - 1) * 3600,
    ),
    topic=Field("topic"),
    body=_body,
    topics=alike(
        _EVENT,
        {
            "email sent": "email.sent",
            "email delivered": "email.delivered",
            "email deferred": "email.deferred",
            "email bounced": "email.bounced",
            "email dropped": "email.rejected",
            "email failed": "email.rejected",
            "email spammed": "email.complained",
            "email opened": "email.opened",
            "email clicked": "email.clicked",
            "email unsubscribed": "email.unsubscribed",
            "customer subscribed": "email.subscribed",
            "customer unsubscribed": "email.unsubscribed",
        },
    ),
    deadline_s=4,
    retries="for 7 days; all later events wait",
    setup={
        "es": (
            "En Customer.io abra Data & Integrations > Integrations > Reporting Webhooks.",
            "Pegue la dirección de esta fuente y elija los eventos.",
            "Copie el signing key a CUSTOMERIO_SECRET.",
        ),
        "en": (
            "In Customer.io open Data & Integrations > Integrations > Reporting Webhooks.",
            "Paste the address of this source and choose the events.",
            "Copy the signing key to CUSTOMERIO_SECRET.",
        ),
    },
)
