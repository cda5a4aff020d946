"""ActiveCampaign: contacts, e-mails and tags, a form per event, unsigned.

Nothing proves who sent one: the secret is in the path. There is no id: the body is the key. It
never sends again, and 410 switches the hook off. Hooks of automations send a contact without a
type, which is `contact`. `initiated_by` is `api` of what came by the API, not of what a contact
(`public`) or a user (`admin`) did.

https://developers.activecampaign.com/page/webhooks (read 2026-11)
"""

from typing import Any, Final

from relay.inbound.bodies import FORM, parse_body
from relay.inbound.composite_fields import Person
from relay.inbound.contract import Platform, Source
from relay.inbound.payload_fields import Id, Text, Time
from relay.inbound.payload_schema import PayloadSchema
from relay.inbound.places import Echo, Field, FieldIs
from relay.inbound.signature import PathToken
from relay.inbound.topics import Shape, Topic, Values, alike
from relay.model import WebhookRequest


class _EventSchema(PayloadSchema):
    at = Time("date_time")
    subject = Text("campaign.message.subject")
    campaign = Text("campaign.name")
    reason = Text("bounce.description", "unsubscribe.reason")
    bounce_type = Text("bounce.type")
    status = Text("bounce.code")
    link = Text("link.url")
    list_id = Id("list")
    buyer = Person(
        "contact",
        email="email",
        first_name="first_name",
        last_name="last_name",
        phones="phone",
    )


def _body(request: WebhookRequest, _source: Source) -> Any:
    """The form; one of an automation has no type."""
    value = parse_body(request).value
    return {"type": "contact", **value} if isinstance(value, dict) and "contact" in value else value


def _refined(_topic: str, values: Values) -> Values:
    return {"list_id": ""} if values.get("list_id") == "0" else {}


_EVENT: Final = Shape(schema=_EventSchema(), refine=_refined)
_CONTACT: Final = Topic(type="contact.updated", shape=_EVENT)


platform = Platform(
    name="activecampaign",
    title="ActiveCampaign",
    docs="https://developers.activecampaign.com/page/webhooks",
    group="crm",
    scheme=PathToken(),
    topic=Field("type"),
    echo=Echo(FieldIs("initiated_by", "api"), ignored=("contact", "update", "contact_tag_added")),
    body=_body,
    media_types=(FORM,),
    topics={
        "contact": _CONTACT,
        "update": _CONTACT,
        "contact_tag_added": _CONTACT,
        **alike(
            _EVENT,
            {
                "subscribe": "email.subscribed",
                "unsubscribe": "email.unsubscribed",
                "sent": "email.sent",
                "open": "email.opened",
                "click": "email.clicked",
                "bounce": "email.bounced",
            },
        ),
    },
    retries="none",
    disable_after="410, which we never answer",
    setup={
        "es": (
            "En ActiveCampaign abra Configuración > Desarrollador > Webhooks > Agregar.",
            "Invente un secreto largo y guárdelo en ACTIVECAMPAIGN_SECRET.",
            "Pegue la dirección de esta fuente seguida de /SECRETO y elija los eventos.",
        ),
        "en": (
            "In ActiveCampaign open Settings > Developer > Webhooks > Add.",
            "Make up a long secret and put it into ACTIVECAMPAIGN_SECRET.",
            "Paste the address of this source followed by /SECRET and choose the events.",
        ),
    },
)
