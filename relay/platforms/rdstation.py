"""RD Station Marketing: conversions and opportunities, JSON, unsigned.

Nothing proves who sent one: the secret is in the path. Contact, conversion and time are the key.
The older shape is a list of leads. A call comes when the webhook is saved. Retries are not
documented; imports and changes by hand are not told.

https://developers.rdstation.com/reference/webhooks (read 2026-11)
"""

from typing import Any, Final

from relay.inbound.composite_fields import JoinedText, Person
from relay.inbound.contract import Platform, each_part
from relay.inbound.payload_fields import Text, Time
from relay.inbound.payload_schema import PayloadSchema
from relay.inbound.places import Field
from relay.inbound.signature import PathToken
from relay.inbound.topics import Shape, Topic


class _ContactSchema(PayloadSchema):
    event_id = JoinedText("contact.uuid + event_identifier + event_timestamp")
    at = Time("event_timestamp", "timestamp", "last_conversion.created_at")
    form = Text("event_identifier", "last_conversion.content.identificador")
    buyer = Person(
        "",
        email=("contact.email", "email"),
        name=("contact.name", "name"),
        phones=("contact.mobile_phone", "contact.personal_phone", "mobile_phone", "personal_phone"),
    )


def _parts(value: Any) -> list[Any]:
    """The event; of the older shape each lead."""
    leads = value.get("leads") if isinstance(value, dict) else None
    if not isinstance(leads, list):
        return each_part(value)
    return [
        {"event_type": "WEBHOOK.CONVERTED", **lead} if isinstance(lead, dict) else lead
        for lead in leads
    ]


_CONTACT: Final = Shape(schema=_ContactSchema())


platform = Platform(
    name="rdstation",
    title="RD Station",
    docs="https://developers.rdstation.com/reference/webhooks",
    group="crm",
    scheme=PathToken(),
    topic=Field("event_type"),
    parts=_parts,
    topics={
        "WEBHOOK.CONVERTED": Topic(type="lead.created", shape=_CONTACT),
        "WEBHOOK.MARKED_OPPORTUNITY": Topic(type="lead.created", shape=_CONTACT),
    },
    setup={
        "es": (
            "En RD Station abra Integraciones > Webhooks > Crear webhook.",
            "Invente un secreto largo y guárdelo en RDSTATION_SECRET.",
            (
                "Pegue la dirección de esta fuente seguida de /SECRETO y elija conversión u "
                "oportunidad."
            ),
        ),
        "en": (
            "In RD Station open Integrations > Webhooks > Create webhook.",
            "Make up a long secret and put it into RDSTATION_SECRET.",
            (
                "Paste the address of this source followed by /SECRET; choose conversion or "
                "opportunity."
            ),
        ),
    },
)
