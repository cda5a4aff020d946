"""SparkPost (Bird): e-mail events, a JSON list, with user and password (Basic).

Nothing signs a body. Each event stands in a class of its own under `msys`; a test is an empty one.
`event_id` is the event's. Wants 200 within 10 s; sends again 12 times within eight hours. Bounces
of some classes are answers of machines, or subscriptions.

https://developers.sparkpost.com/api/webhooks/ (read 2026-11)
"""

from typing import Any, Final

from relay.inbound.composite_fields import Person
from relay.inbound.contract import Platform, each_part
from relay.inbound.payload_fields import Id, Text
from relay.inbound.payload_schema import PayloadSchema
from relay.inbound.places import Field
from relay.inbound.results import Skipped
from relay.inbound.signature import Basic
from relay.inbound.topics import Shape, Values, alike

# Classes of bounces that are none.
_MACHINES: Final = ("60", "100")
_OTHERS: Final = {"80": "email.subscribed", "90": "email.unsubscribed"}


class _EventSchema(PayloadSchema):
    event_id = Id("event_id")
    at = Text("timestamp")
    message_id = Id("message_id", "transmission_id")
    subject = Text("subject")
    campaign = Text("campaign_id", "template_id")
    reason = Text("raw_reason", "reason")
    status = Id("error_code")
    classification = Id("bounce_class")
    link = Text("target_link_url")
    buyer = Person(email=("raw_rcpt_to", "rcpt_to"))


def _parts(value: Any) -> list[Any]:
    """Each event without the class around it; a test has none."""
    return [
        event
        for part in each_part(value)
        for event in (
            list(part["msys"].values()) or [{"type": "ping"}]
            if isinstance(part, dict) and isinstance(part.get("msys"), dict)
            else [part]
        )
    ]


def _refined(topic: str, values: Values) -> Values | Skipped:
    kind = values.get("classification", "")
    if topic in ("bounce", "out_of_band") and kind in _MACHINES:
        return Skipped("made_by_a_machine")
    return {"type": _OTHERS[kind]} if topic == "bounce" and kind in _OTHERS else {}


_EVENT: Final = Shape(schema=_EventSchema(), refine=_refined)


platform = Platform(
    name="sparkpost",
    title="SparkPost",
    docs="https://developers.sparkpost.com/api/webhooks/",
    group="email",
    scheme=Basic(),
    topic=Field("type"),
    parts=_parts,
    topics=alike(
        _EVENT,
        {
            "injection": "email.sent",
            "delivery": "email.delivered",
            "delay": "email.deferred",
            "bounce": "email.bounced",
            "out_of_band": "email.bounced",
            "policy_rejection": "email.rejected",
            "generation_rejection": "email.rejected",
            "generation_failure": "email.rejected",
            "spam_complaint": "email.complained",
            "open": "email.opened",
            "click": "email.clicked",
            "list_unsubscribe": "email.unsubscribed",
            "link_unsubscribe": "email.unsubscribed",
        },
    ),
    ignored={"ping": "test", "initial_open": "told_by_another_topic"},
    deadline_s=10,
    retries="12, within 8 hours",
    setup={
        "es": (
            "En SparkPost abra Configuration > Webhooks > Create webhook.",
            "Invente usuario y clave; guárdelos en SPARKPOST_SECRET (usuario:clave).",
            "Pegue la dirección de esta fuente con autenticación Basic y elija los eventos.",
        ),
        "en": (
            "In SparkPost open Configuration > Webhooks > Create webhook.",
            "Make up user and password; put them into SPARKPOST_SECRET (user:password).",
            "Paste the address of this source with Basic authentication and choose the events.",
        ),
    },
)
