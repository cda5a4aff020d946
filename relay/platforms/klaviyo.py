"""Klaviyo: what became of e-mails and consents (system webhooks), JSON in batches, signed.

`Klaviyo-Signature` is hex HMAC-SHA256 of the raw body and the HTTP date in `Klaviyo-Timestamp`. The
vendor names no tolerance and does not say whether a retry is signed anew: 25 h are accepted, and
what is repeated has the same `external_id`. An event has the id of a profile, and neither e-mail
nor phone: event and profile are looked up. Topics are written with and without the vendor's name,
even with a blank. What a flow's own webhook posts is a form of the merchant's: platform `generic`.

https://developers.klaviyo.com/en/docs/working_with_system_webhooks (2026-11, read 2026-11)
"""

from typing import Any, Final

from relay.inbound.composite_fields import Person
from relay.inbound.contract import Platform, Source, each_part
from relay.inbound.lookups import ANY_ID, Api, Lookup, Read
from relay.inbound.payload import json_body
from relay.inbound.payload_fields import Id, Text, Time
from relay.inbound.payload_schema import PayloadSchema
from relay.inbound.places import Field
from relay.inbound.signature import ComposedHmac, Message, SeparateHeaders
from relay.inbound.topics import Shape, Topic
from relay.model import WebhookRequest

_TYPES: Final = {
    "received_email": "email.delivered",
    "email_delivered": "email.delivered",
    "opened_email": "email.opened",
    "clicked_email": "email.clicked",
    "bounced_email": "email.bounced",
    "dropped_email": "email.rejected",
    "marked_email_as_spam": "email.complained",
    "subscribed_to_email_marketing": "email.subscribed",
    "unsubscribed_from_email_marketing": "email.unsubscribed",
    "manually_suppressed_from_email_marketing": "email.unsubscribed",
    "subscribed_to_sms_marketing": "sms.subscribed",
    "unsubscribed_from_sms_marketing": "sms.unsubscribed",
    "updated_email_preferences": "contact.updated",
}


class _NoticeSchema(PayloadSchema):
    id = Id("external_id", "payload.data.id", required=True)
    event_id = Id("external_id", "payload.data.id")
    at = Time("payload.data.attributes.timestamp", "payload.data.attributes.datetime")


class _EventSchema(PayloadSchema):
    at = Time("event.attributes.timestamp", "event.attributes.datetime")
    message_id = Id("event.attributes.event_properties.$message")
    campaign = Text("event.attributes.event_properties.Campaign Name")
    subject = Text("event.attributes.event_properties.Subject")
    link = Text("event.attributes.event_properties.URL")
    buyer = Person(
        "profile.attributes",
        email="email",
        phones="phone_number",
        first_name="first_name",
        last_name="last_name",
        country="location.country",
    )


def _body(request: WebhookRequest, _source: Source) -> Any:
    """The body with all topics in one spelling: `event:klaviyo.opened_email` is `opened_email`."""
    value = json_body(request.body)
    for part in _parts(value):
        topic = part.get("topic") if isinstance(part, dict) else None
        if isinstance(topic, str) and topic.startswith("event:"):
            part["topic"] = topic.removeprefix("event:").strip().removeprefix("klaviyo.")
    return value


def _parts(value: Any) -> list[Any]:
    return each_part(value.get("data", value) if isinstance(value, dict) else value)


_NOTICE: Final = Shape(schema=_NoticeSchema())
_EVENT: Final = Shape(schema=_EventSchema())

platform = Platform(
    name="klaviyo",
    title="Klaviyo",
    docs="https://developers.klaviyo.com/en/docs/working_with_system_webhooks",
    group="email",
    scheme=ComposedHmac(
        SeparateHeaders("klaviyo-signature", "klaviyo-timestamp"),
        lambda _request, time: Message(suffix=time),
        tolerance_s=25 * 3600,
        clock="http_date",
    ),
    topic=Field("topic"),
    body=_body,
    parts=_parts,
    topics={
        name: Topic(type=event_type, shape=_NOTICE, lookup="event")
        for name, event_type in _TYPES.items()
    },
    api=Api(
        url="https://a.klaviyo.com",
        credentials=("private_key",),
        defaults={"revision": "2026-07-15"},
        headers={"Authorization": "Klaviyo-API-Key {private_key}", "revision": "{revision}"},
        rate_per_s=2.5,
    ),
    lookups={
        "event": Lookup(
            Read("/api/events/{id}", "event", part="data"),
            Read("/api/events/{id}/profile", "profile", part="data"),
            shape=_EVENT,
            id_pattern=ANY_ID,
        ),
    },
    setup={
        "es": (
            "En Klaviyo abra Integraciones > Webhooks (con Advanced KDP) y cree uno.",
            "Pegue la dirección de esta fuente, que debe ser https, y elija los eventos.",
            "Invente una clave de 16 caracteres o más y guárdela también en KLAVIYO_SECRET.",
            (
                "Cree una clave privada de API con lectura de eventos y perfiles; póngala en "
                "`credentials.private_key`."
            ),
        ),
        "en": (
            "In Klaviyo open Integrations > Webhooks (with Advanced KDP) and create one.",
            "Paste the address of this source, which must be https, and choose the events.",
            "Make up a key of 16 characters or more and put it into KLAVIYO_SECRET, too.",
            (
                "Create a private API key that reads events and profiles; put it into "
                "`credentials.private_key`."
            ),
        ),
    },
)
