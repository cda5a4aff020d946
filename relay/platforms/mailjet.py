"""Mailjet: e-mail events, JSON, one or a list, with user and password (Basic).

Nothing signs a body, and there is no id: kind, message and time are the key. `sent` means that the
other server has accepted it. A bounce that is not hard, or greylisted, is a delay. Sends again
every 30 s for 24 h unless it gets 200; then the address is suspended.

https://dev.mailjet.com/email/guides/webhooks/ (read 2026-11)
"""

from typing import Final

from relay.inbound.composite_fields import JoinedText, Person
from relay.inbound.contract import Platform, each_part
from relay.inbound.payload_fields import Flag, Id, Text, Time
from relay.inbound.payload_schema import PayloadSchema
from relay.inbound.places import Field
from relay.inbound.signature import Basic
from relay.inbound.topics import Shape, Values, alike


class _EventSchema(PayloadSchema):
    event_id = JoinedText("MessageID + time + url", "MessageID + time", "email + time")
    at = Time("time")
    message_id = Id("Message_GUID", "MessageID")
    campaign = Text("customcampaign", "CustomID")
    reason = Text("comment", "error", "error_related_to")
    link = Text("url")
    list_id = Id("mj_list_id")
    _hard = Flag("hard_bounce")
    _error = Text("error")
    buyer = Person(email="email")


def _refined(topic: str, values: Values) -> Values:
    is_soft = values.get("_hard") is False or values.get("_error") == "greylisted"
    return {"type": "email.deferred"} if topic == "bounce" and is_soft else {}


_EVENT: Final = Shape(schema=_EventSchema(), refine=_refined)

platform = Platform(
    name="mailjet",
    title="Mailjet",
    docs="https://dev.mailjet.com/email/guides/webhooks/",
    group="email",
    scheme=Basic(),
    topic=Field("event"),
    parts=each_part,
    topics=alike(
        _EVENT,
        {
            "sent": "email.delivered",
            "open": "email.opened",
            "click": "email.clicked",
            "bounce": "email.bounced",
            "blocked": "email.rejected",
            "spam": "email.complained",
            "unsub": "email.unsubscribed",
        },
    ),
    retries="every 30 seconds for 24 hours",
    disable_after="24 hours without a 200: the address is suspended",
    setup={
        "es": (
            "En Mailjet abra Configuración de la cuenta > Notificaciones de eventos (webhooks).",
            "Invente usuario y contraseña y guárdelos en MAILJET_SECRET (usuario:clave).",
            "Para cada evento pegue la dirección como https://usuario:clave@…; agrupe los eventos.",
        ),
        "en": (
            "In Mailjet open Account settings > Event notifications (webhooks).",
            "Make up user and password and put them into MAILJET_SECRET (user:password).",
            "For each event paste the address as https://user:password@…; group the events.",
        ),
    },
)
