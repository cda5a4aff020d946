"""SendPulse: e-mail events, a JSON list, unsigned.

Nothing proves who sent one: the secret is in the path. A list comes each minute, or at a hundred
events. There is no id: kind, address, campaign and time are the key. Times are unix seconds as
texts. How often it sends again is not documented.

https://sendpulse.com/integrations/api/webhooks (read 2026-11)
"""

from typing import Final

from relay.inbound.composite_fields import JoinedText, Person
from relay.inbound.contract import Platform, each_part
from relay.inbound.payload_fields import Id, Text
from relay.inbound.payload_schema import PayloadSchema
from relay.inbound.places import Field
from relay.inbound.signature import PathToken
from relay.inbound.topics import Shape, alike


class _EventSchema(PayloadSchema):
    event_id = JoinedText("email + timestamp + task_id", "email + timestamp")
    at = Text("timestamp")
    message_id = Id("message_id")
    subject = Text("subject")
    reason = Text("response", "smtp_answer_data")
    link = Text("link_url")
    list_id = Id("book_id")
    buyer = Person(email=("email", "recipient"), phones="phone")


_EVENT: Final = Shape(schema=_EventSchema())


platform = Platform(
    name="sendpulse",
    title="SendPulse",
    docs="https://sendpulse.com/integrations/api/webhooks",
    group="email",
    scheme=PathToken(),
    topic=Field("event"),
    parts=each_part,
    topics=alike(
        _EVENT,
        {
            "delivered": "email.delivered",
            "open": "email.opened",
            "redirect": "email.clicked",
            "unsubscribe": "email.unsubscribed",
            "spam": "email.complained",
            "soft_bounces": "email.deferred",
            "hard_bounces": "email.bounced",
            "new_emails": "email.subscribed",
        },
    ),
    setup={
        "es": (
            "En SendPulse abra Configuración de la cuenta > API > Webhooks.",
            "Invente un secreto largo y guárdelo en SENDPULSE_SECRET.",
            "Por cada evento pegue la dirección de esta fuente seguida de /SECRETO.",
        ),
        "en": (
            "In SendPulse open Account settings > API > Webhooks.",
            "Make up a long secret and put it into SENDPULSE_SECRET.",
            "For each event paste the address of this source followed by /SECRET.",
        ),
    },
)
