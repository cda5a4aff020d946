"""GetResponse: subscriptions and e-mails, JSON, unsigned.

Nothing proves who sent one: the secret is in the path. `X-Webhook-ID` is the same on retries. Wants
the body `{"status": "OK"}` within 5 s, else it sends again three times; a 4xx but 429 is final.
What it calls a campaign is a list; the mailing is the message.

https://apidocs.getresponse.com/v3/webhooks (read 2026-11)
"""

from typing import Final

from relay.inbound.composite_fields import Person
from relay.inbound.contract import Platform
from relay.inbound.payload import json_bytes
from relay.inbound.payload_fields import Id, Text, Time
from relay.inbound.payload_schema import PayloadSchema
from relay.inbound.places import Field, Header
from relay.inbound.results import PlatformResponse, Receipt
from relay.inbound.signature import PathToken
from relay.inbound.topics import Shape, alike


class _EventSchema(PayloadSchema):
    at = Time("event.occurredAt")
    message_id = Id("message.resourceId")
    subject = Text("message.subject")
    campaign = Text("message.name")
    list_name = Text("contact.campaign.name")
    link = Text("link.url", "clickTrack.url")
    buyer = Person("contact", email="email", name="name")


def _response(_receipt: Receipt) -> PlatformResponse:
    return PlatformResponse(200, json_bytes({"status": "OK"}), "application/json")


_EVENT: Final = Shape(schema=_EventSchema())


platform = Platform(
    name="getresponse",
    title="GetResponse",
    docs="https://apidocs.getresponse.com/v3/webhooks",
    group="email",
    scheme=PathToken(),
    topic=Field("type"),
    delivery_id=Header("x-webhook-id"),
    response=_response,
    topics=alike(
        _EVENT,
        {
            "contact_subscribed": "email.subscribed",
            "contact_removed_link": "email.unsubscribed",
            "contact_opened_message": "email.opened",
            "contact_clicked_message_link": "email.clicked",
            "contact_email_changed": "contact.updated",
        },
    ),
    certainty="unverified",
    deadline_s=5,
    retries="3",
    setup={
        "es": (
            "En GetResponse abra Integraciones y API > Webhooks > Crear.",
            "Invente un secreto largo y guárdelo en GETRESPONSE_SECRET.",
            "Pegue la dirección de esta fuente seguida de /SECRETO y elija los eventos.",
        ),
        "en": (
            "In GetResponse open Integrations and API > Webhooks > Create.",
            "Make up a long secret and put it into GETRESPONSE_SECRET.",
            "Paste the address of this source followed by /SECRET and choose the events.",
        ),
    },
)
