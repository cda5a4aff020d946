"""Mandrill (Mailchimp Transactional): e-mail events, a form with up to 1,000 of them, signed.

`X-Mandrill-Signature` is base64 HMAC-SHA1 of the hook's address, exactly as registered, followed by
each field's name and decoded value, with the key of the hook as text. The events are a JSON list in
the field `mandrill_events`, about once a minute; a stored part of it is the event alone. When a
hook is saved, a HEAD comes, and an empty list signed with the key `test-webhook`: the real key is
shown only after both were answered. No time is signed and no event has an id: the key is message,
time and link. Failed batches are repeated and dropped at last. Tags and metadata are the sender's
own (`body.msg.metadata`). A `reject` was never sent: the address is on the denylist. What is put on
the deny- and allowlist by hand, and inbound mail, tell nothing of an e-mail that was sent.

https://mandrill.zendesk.com/hc/en-us/articles/360038740594-Webhook-Format (read 2026-11)
"""

import re
from contextlib import suppress
from typing import Any, Final

from relay.errors import Refused
from relay.inbound.bodies import FORM, parse_body
from relay.inbound.composite_fields import Person
from relay.inbound.contract import Platform, Source, address_check, each_part, stable_key
from relay.inbound.payload import json_body
from relay.inbound.payload_fields import Id, Text
from relay.inbound.payload_schema import ListOf, PayloadSchema
from relay.inbound.places import Field
from relay.inbound.results import Handshake
from relay.inbound.signature import UrlFormHmac
from relay.inbound.topics import Shape, Values, alike
from relay.model import WebhookRequest

_SIGNATURE: Final = UrlFormHmac("x-mandrill-signature")
_EVENTS: Final = "mandrill_events"
_NO_EVENTS: Final = re.compile(rb"mandrill_events=(\[\]|%5B%5D)", re.IGNORECASE)
_TEST_KEY: Final = "test-webhook"


class _EventSchema(PayloadSchema):
    buyer = Person(email=("msg.email", "reject.email", "entry.email"))
    at = Text("ts")
    message_id = Id("msg._id", "_id")
    subject = Text("msg.subject")
    campaign = Text("msg.template", "msg.tags.0")
    _tags = ListOf(Text(), "msg.tags")
    reason = Text(
        "msg.diag", "msg.reject", "msg.smtp_events.0.diag", "reject.detail", "reject.reason"
    )
    bounce_type = Text("msg.bounce_description")
    link = Text("url")
    _agent = Text("user_agent_parsed.type")


def _handshake(request: WebhookRequest, source: Source) -> Handshake | None:
    """Answers what comes before a hook has a key."""
    if _NO_EVENTS.fullmatch(request.body):
        with suppress(Refused):
            _SIGNATURE.verify(request, (_TEST_KEY,), request.received_at)
            return Handshake()
    return address_check(request, source)


def _body(request: WebhookRequest, _source: Source) -> Any:
    value = parse_body(request).value
    events = value.get(_EVENTS, value) if isinstance(value, dict) else value
    return json_body(events.encode()) if isinstance(events, str) else events


def _refined(_topic: str, values: Values) -> Values:
    message_id, at = values.get("message_id", ""), values.get("at", "")
    return {
        "event_id": message_id and at and stable_key(message_id, at, values.get("link", "")),
        "categories": ", ".join(tag for tag in values.get("_tags", ()) if tag),
        "machine": values.get("_agent", "").lower() == "robot",
    }


_EVENT: Final = Shape(schema=_EventSchema(), refine=_refined)

platform = Platform(
    name="mandrill",
    title="Mandrill",
    docs="https://mandrill.zendesk.com/hc/en-us/articles/360038740594-Webhook-Format",
    group="email",
    scheme=_SIGNATURE,
    topic=Field("event", "type"),
    topics=alike(
        _EVENT,
        {
            "send": "email.sent",
            "deferral": "email.deferred",
            "delivered": "email.delivered",
            "hard_bounce": "email.bounced",
            "soft_bounce": "email.bounced",
            "reject": "email.rejected",
            "open": "email.opened",
            "click": "email.clicked",
            "spam": "email.complained",
            "unsub": "email.unsubscribed",
        },
    ),
    ignored={
        "blacklist": "no_message",
        "whitelist": "no_message",
        "inbound": "inbound",
    },
    body=_body,
    parts=each_part,
    handshake=_handshake,
    media_types=(FORM,),
    stored=("content-type",),
    retries="repeated, then the batch is dropped",
    disable_after="many failures",
    setup={
        "es": (
            "Ponga por ahora un secreto largo en MANDRILL_SECRET: sin él la fuente no existe.",
            (
                "En Mandrill abra Settings > Webhooks, pulse Add a Webhook, marque los eventos y "
                "escriba la dirección de esta fuente."
            ),
            (
                "Si la dirección no es la misma que ve el relay, escríbala igual en public_url: "
                "forma parte de la firma."
            ),
            "Copie la clave (Key) que aparece junto al webhook a MANDRILL_SECRET.",
        ),
        "en": (
            "Put any long secret into MANDRILL_SECRET for now: without one there is no source.",
            (
                "In Mandrill open Settings > Webhooks, press Add a Webhook, tick the events and "
                "enter this source's address."
            ),
            (
                "If the relay sees another address than that, write the one you entered into "
                "public_url: it is part of the signature."
            ),
            "Copy the key that is shown beside the webhook to MANDRILL_SECRET.",
        ),
    },
)
