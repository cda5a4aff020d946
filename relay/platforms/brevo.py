"""Brevo (Sendinblue): e-mail events and contacts, JSON, one or a list, unsigned.

The merchant gives the hook a token: `Authorization: Bearer` and the secret. `id` is that of the
hook, not of the event, and events come out of order: an event is told by its kind, address, message
and time (`ts_event`, unix). Names in the body are not those that the hook is set up with. An answer
of 4xx or 5xx but 429 makes Brevo drop the event; after 429, or none, it sends again after 10
minutes, 1, 2 and 8 hours. Opens by mail proxies have a kind of their own. `api_key_name` of contact
events is the API key that made the change, empty without one; plugins of shops and forms have keys.

https://developers.brevo.com/docs/transactional-webhooks (read 2026-11)
https://developers.brevo.com/changelog/2026/11/1 (read 2026-11)
"""

from typing import Final

from relay.inbound.composite_fields import JoinedText, Person
from relay.inbound.contract import Platform, each_part
from relay.inbound.payload_fields import Id, Text, Time
from relay.inbound.payload_schema import PayloadSchema
from relay.inbound.places import Echo, Field
from relay.inbound.results import PlatformResponse
from relay.inbound.signature import Bearer
from relay.inbound.topics import Shape, alike


class _EventSchema(PayloadSchema):
    event_id = JoinedText("message-id + email + ts_event", "camp_id + email + ts_event")
    at = Time("ts_event", "ts", "date")
    message_id = Text("message-id")
    subject = Text()
    campaign = Text("campaign name", "tag")
    reason = Text()
    link = Text()
    list_id = Id("list_id.0", "list_id")
    buyer = Person(email="email", phones="content.0.phone_number")


_EVENT: Final = Shape(schema=_EventSchema())

platform = Platform(
    name="brevo",
    title="Brevo",
    docs="https://developers.brevo.com/docs/how-to-use-webhooks",
    group="email",
    scheme=Bearer(),
    topic=Field("event"),
    echo=Echo(Field("api_key_name"), ignored=("contact_updated",)),
    parts=each_part,
    topics=alike(
        _EVENT,
        {
            "request": "email.sent",
            "delivered": "email.delivered",
            "deferred": "email.deferred",
            "soft_bounce": "email.deferred",
            "hard_bounce": "email.bounced",
            "invalid_email": "email.bounced",
            "blocked": "email.rejected",
            "error": "email.rejected",
            "spam": "email.complained",
            "complaint": "email.complained",
            "opened": "email.opened",
            "unique_opened": "email.opened",
            "click": "email.clicked",
            "unsubscribed": "email.unsubscribed",
            "unsubscribe": "email.unsubscribed",
            "list_addition": "email.subscribed",
            "contact_updated": "contact.updated",
        },
    ),
    ignored=dict.fromkeys(("proxy_open", "unique_proxy_open"), "made_by_a_machine"),
    retry_response=PlatformResponse(status=429, headers={"Retry-After": "600"}),
    retries="after 10 minutes, 1, 2 and 8 hours, when it gets 429 or no answer",
    disable_after="never, but an answer of 4xx or 5xx loses the event",
    setup={
        "es": (
            "En Brevo abra Configuración > Webhooks (transaccional o marketing) y agregue uno.",
            "Pegue la dirección de esta fuente y elija los eventos.",
            "Invente un token, elija autenticarse con él y guárdelo también en BREVO_SECRET.",
        ),
        "en": (
            "In Brevo open Settings > Webhooks (transactional or marketing) and add one.",
            "Paste the address of this source and choose the events.",
            "Make up a token, choose token authentication, and put it into BREVO_SECRET too.",
        ),
    },
)
