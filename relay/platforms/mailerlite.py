"""MailerLite: subscribers and campaigns, JSON, one or a list, signed.

`Signature` is hex HMAC-SHA256 of the raw body with the hook's secret. The kind is in `event`, or in
`type` of groups and automations. There is neither an id nor a time: an equal body is the same
event, within the time that it is remembered. Wants an answer within 3 s; sends again after 10, 100
and 1,000 s. A hook may collect events in a list.

https://developers.mailerlite.com/docs/webhooks.html (read 2026-11)
"""

from typing import Any, Final

from relay.inbound.composite_fields import Person
from relay.inbound.contract import Platform, each_part
from relay.inbound.payload_fields import Text
from relay.inbound.payload_schema import PayloadSchema
from relay.inbound.places import Field
from relay.inbound.signature import Hmac
from relay.inbound.topics import Shape, alike


class _EventSchema(PayloadSchema):
    campaign = Text("campaign.name", "automation.name")
    list_name = Text("group.name")
    link = Text("link.url", "url")
    buyer = Person(
        email=("email", "subscriber.email"),
        first_name=("fields.name", "subscriber.fields.name"),
        last_name=("fields.last_name", "subscriber.fields.last_name"),
        phones=("fields.phone", "subscriber.fields.phone"),
    )


def _parts(value: Any) -> list[Any]:
    """The events of a collection, or the one that a body is."""
    return each_part(value.get("events", value) if isinstance(value, dict) else value)


_EVENT: Final = Shape(schema=_EventSchema())

platform = Platform(
    name="mailerlite",
    title="MailerLite",
    docs="https://developers.mailerlite.com/docs/webhooks.html",
    group="email",
    scheme=Hmac(headers=("signature", "x-mailerlite-signature"), encoding="hex"),
    topic=Field("event", "type"),
    parts=_parts,
    body_is_key=True,
    topics=alike(
        _EVENT,
        {
            "subscriber.created": "email.subscribed",
            "subscriber.active": "email.subscribed",
            "subscriber.updated": "contact.updated",
            "subscriber.unsubscribed": "email.unsubscribed",
            "subscriber.bounced": "email.bounced",
            "subscriber.spam_reported": "email.complained",
            "subscriber.added_to_group": "email.subscribed",
            "campaign.open": "email.opened",
            "campaign.click": "email.clicked",
        },
    ),
    ignored=dict.fromkeys(
        ("campaign.sent", "subscriber.deleted", "subscriber.removed_from_group"), "names_nobody"
    ),
    deadline_s=3,
    retries="after 10, 100 and 1,000 seconds",
    setup={
        "es": (
            "En MailerLite abra Integraciones > Webhooks > Crear webhook.",
            "Pegue la dirección de esta fuente y elija los eventos.",
            "Copie el secreto del webhook a MAILERLITE_SECRET.",
        ),
        "en": (
            "In MailerLite open Integrations > Webhooks > Create webhook.",
            "Paste the address of this source and choose the events.",
            "Copy the webhook's secret to MAILERLITE_SECRET.",
        ),
    },
)
