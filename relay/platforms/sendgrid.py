"""SendGrid (Twilio): e-mail events, a JSON array of up to about a thousand, signed.

Signs ECDSA P-256 over timestamp header + raw body; the body ends in CRLF and has CRLF between
events, so it must be verified byte for byte. The secret is the hook's public key. Each event has
its own `sg_event_id`; its kind is added to the key because the vendor's examples share one id
among several kinds. The vendor names no tolerance and sends again for 24 h, maybe with the first
timestamp, so 25 h are accepted. A request repeated within that time is `duplicate` only while
RELAY_DEDUP_DAYS is 2 or more (the default is 7). Times are seconds, sometimes milliseconds.
`sg_machine_open` marks opens by mail proxies. A `bounce` of type `blocked` is the server's distrust
of the sender: the address is good. `unsubscribe` is from all e-mails, `group_…` from one group.
Events come in any order, `processed` in a later request than `delivered`, too: what is remembered
of each e-mail says what lies behind; it is deferred once however many tries follow. The sender's
custom arguments are top-level keys too and may replace any other.

https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event (read 2026-08)
"""

import re
from typing import Any, Final

from relay.inbound.composite_fields import Person
from relay.inbound.contact import Party
from relay.inbound.contract import Platform, each_part
from relay.inbound.payload_fields import Flag, Id, Text
from relay.inbound.payload_schema import ListOf, PayloadSchema
from relay.inbound.places import Field
from relay.inbound.signature import Ecdsa
from relay.inbound.topics import Shape, Values, alike
from relay.model import Step

# Topics whose `response` says why.
_FAILED: Final = frozenset({"bounce", "deferred", "dropped"})
_SENDERS_FAULTS: Final = frozenset({"Reputation", "Content", "Frequency or Volume Too High"})
# What becomes of an e-mail to one person, in order.
_STATES: Final = ("processed", "deferred", "delivered", "blocked", "bounce", "dropped")
_MACHINE: Final = re.compile(r"(.+?)\.(?:filter|recv)")


class _EventSchema(PayloadSchema):
    buyer = Person(email="email")
    event_id = Id("sg_event_id")
    at = Text("timestamp")
    machine = Flag("sg_machine_open")
    _message_id = Text("sg_message_id")
    _smtp_id = Text("smtp-id")
    reason = Text()
    response = Text()
    status = Text()
    bounce_type = Text("type")
    classification = Text("bounce_classification")
    list_id = Id("asm_group_id")
    link = Text("url")
    subject = Text()
    campaign = Text("marketing_campaign_name", "singlesend_name")
    _categories = ListOf(Text(), "category")


def _refined(topic: str, values: Values) -> Values:
    categories = [name for name in values.get("_categories", ()) if name]
    message_id = _message_id(values.get("_message_id", ""), values.get("_smtp_id", ""))
    state = "blocked" if topic == "bounce" and _is_blocked(values) else topic
    more: dict[str, Any] = {
        "message_id": message_id,
        "campaign": values.get("campaign") or next(iter(categories), ""),
        "categories": ", ".join(categories),
        "all_emails": topic == "unsubscribe",
        "list_id": values.get("list_id") if topic.startswith("group_") else "",
    }
    if topic in _FAILED:
        more["reason"] = values.get("reason") or values.get("response")
    if state == "blocked":
        more["type"] = "email.blocked"
    recipient: Party | None = values.get("buyer")
    if state in _STATES and message_id and recipient:
        event_type = more.get("type") or platform.event_types[topic]
        more["id"] = f"{message_id} {recipient.email.lower()}"
        more["steps"] = [Step(state, event_type)]
    return more


def _is_blocked(values: Values) -> bool:
    kind = values.get("bounce_type", "").strip().lower()
    return kind == "blocked" or (not kind and values.get("classification") in _SENDERS_FAULTS)


def _message_id(message_id: str, smtp_id: str) -> str:
    """The `X-Message-Id` that the sender was given: the vendor appends the names of machines.

    Old ids have dots of their own: `14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0`.
    """
    if before_machine := _MACHINE.match(message_id):
        return before_machine[1]
    return message_id.partition(".")[0] or smtp_id.strip("<> ").partition("@")[0]


_EVENT: Final = Shape(
    schema=_EventSchema(),
    kind="message",
    order=_STATES,
    refine=_refined,
)

platform = Platform(
    name="sendgrid",
    title="SendGrid",
    docs="https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event",
    group="email",
    scheme=Ecdsa(
        signature_header="x-twilio-email-event-webhook-signature",
        timestamp_header="x-twilio-email-event-webhook-timestamp",
        tolerance_s=25 * 3600,
    ),
    topic=Field("event"),
    parts=each_part,
    deadline_s=10,
    retries="24 h",
    setup={
        "es": (
            "En SendGrid abra Settings > Mail Settings > Event Webhooks > Create new webhook.",
            "Pegue la dirección de esta fuente y elija los eventos.",
            "Active Signature Verification y copie la clave pública a SENDGRID_SECRET.",
        ),
        "en": (
            "In SendGrid open Settings > Mail Settings > Event Webhooks > Create new webhook.",
            "Paste the address of this source and choose the events.",
            "Switch Signature Verification on and copy the public key to SENDGRID_SECRET.",
        ),
    },
    topics=alike(
        _EVENT,
        {
            "processed": "email.sent",
            "deferred": "email.deferred",
            "delivered": "email.delivered",
            "bounce": "email.bounced",
            "dropped": "email.rejected",
            "open": "email.opened",
            "click": "email.clicked",
            "spamreport": "email.complained",
            "unsubscribe": "email.unsubscribed",
            "group_unsubscribe": "email.unsubscribed",
            "group_resubscribe": "email.subscribed",
        },
    ),
)
