"""Calendly: bookings, JSON, signed.

`Calendly-Webhook-Signature: t=…,v1=…`: hex HMAC-SHA256 of time, full stop and raw body. A booking
that is moved is two events: the old one is cancelled with `rescheduled`, which is ignored, and the
new one has `old_invitee`. The invitee's address and the event are the key. Wants an answer within
15 s; sends again for 24 h, then the subscription is switched off.

https://developer.calendly.com/api-docs/ (read 2026-11)
"""

from typing import Any, Final

from relay.inbound.composite_fields import JoinedText, Person
from relay.inbound.contract import Platform, Source
from relay.inbound.form_answers import Answer, objects, of_form
from relay.inbound.payload import json_body
from relay.inbound.payload_fields import Flag, Text, Time
from relay.inbound.payload_schema import PayloadSchema
from relay.inbound.places import Field
from relay.inbound.results import Skipped
from relay.inbound.signature import ComposedHmac, Message, PairsHeader
from relay.inbound.topics import Shape, Topic, Values
from relay.model import WebhookRequest


class _InviteeSchema(PayloadSchema):
    event_id = JoinedText("payload.uri + payload.updated_at", "payload.uri + created_at")
    at = Time("created_at")
    service = Text("payload.scheduled_event.name")
    starts_at = Time("payload.scheduled_event.start_time")
    ends_at = Time("payload.scheduled_event.end_time")
    place = Text("payload.scheduled_event.location.location")
    url = Text("payload.reschedule_url")
    reason = Text("payload.cancellation.reason")
    _rescheduled = Flag("payload.rescheduled")
    _old = Text("payload.old_invitee")
    buyer = Person(
        "payload",
        email="email",
        name="name",
        first_name="first_name",
        last_name="last_name",
        phones=("text_reminder_number", "said.phone"),
    )


def _body(request: WebhookRequest, _source: Source) -> Any:
    """The body with what the invitee answered: a number is a phone where one was asked for."""
    value = json_body(request.body)
    payload = value.get("payload") if isinstance(value, dict) else None
    if not isinstance(payload, dict):
        return value
    answers = [
        Answer(str(one.get("question") or ""), one.get("answer"))
        for one in objects(payload.get("questions_and_answers"))
    ]
    said = of_form([Answer("", payload.get("email"), "email"), *answers])
    return {**value, "payload": {**payload, "said": said}}


def _refined(topic: str, values: Values) -> Values | Skipped:
    if topic == "invitee.canceled" and values.get("_rescheduled"):
        return Skipped("told_by_another_topic")
    is_moved = topic == "invitee.created" and values.get("_old")
    return {"type": "booking.rescheduled"} if is_moved else {}


_BOOKING: Final = Shape(schema=_InviteeSchema(), refine=_refined)


platform = Platform(
    name="calendly",
    title="Calendly",
    docs="https://developer.calendly.com/api-docs/4c305798a61d3-webhook-signatures",
    group="forms",
    scheme=ComposedHmac(
        PairsHeader("calendly-webhook-signature"), lambda _request, time: Message(f"{time}.")
    ),
    topic=Field("event"),
    body=_body,
    topics={
        "invitee.created": Topic(type="booking.created", shape=_BOOKING),
        "invitee.canceled": Topic(type="booking.cancelled", shape=_BOOKING),
    },
    ignored={"invitee_no_show.created": "names_nobody"},
    deadline_s=15,
    retries="for 24 hours",
    disable_after="24 hours of failures",
    setup={
        "es": (
            "Cree un token personal en Calendly > Integraciones > API y webhooks.",
            "Con él cree la suscripción: POST /webhook_subscriptions, con esta dirección.",
            "Invente un `signing_key` para ella y guárdelo en CALENDLY_SECRET.",
        ),
        "en": (
            "Create a personal token in Calendly > Integrations > API and webhooks.",
            "With it create the subscription: POST /webhook_subscriptions with this address.",
            "Make up a `signing_key` for it and put it into CALENDLY_SECRET.",
        ),
    },
)
