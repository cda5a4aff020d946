"""SendGrid (Twilio): e-mail events, a JSON array of up to about a thousand, signed.

Signs ECDSA P-256 over timestamp header + raw body; the body ends in CRLF and has CRLF between
events, so it must be verified byte for byte. The secret is the hook's public key. Each event has
its own `sg_event_id`; its kind is added to the key because the vendor's examples share one id
among several kinds. The vendor names no tolerance and sends again for 24 h, maybe with the first
timestamp, so 25 h are accepted. A request repeated within that time is `duplicate` only while
RELAY_DEDUP_DAYS is 2 or more (the default is 7). Times are seconds, sometimes milliseconds.
`sg_machine_open` marks opens by mail proxies. A `bounce` of type `blocked` is the server's distrust
of the sender: the address is good. `unsubscribe` is from all e-mails, `group_…` from one group.

https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event (read 2026-08)
"""

import re
from collections.abc import Mapping
from typing import Any, Final
from zoneinfo import ZoneInfo

from marshmallow.validate import Length

from relay.errors import Unreadable
from relay.inbound.contract import (
    Events,
    ParseResult,
    Platform,
    Skipped,
    Unparsable,
    parse_batch,
    stable_key,
    validate,
)
from relay.inbound.payload import json_body, json_bytes
from relay.inbound.payload_schema import Flag, Id, ListOf, PayloadSchema, Text
from relay.inbound.signature import Ecdsa
from relay.inbound.timestamps import occurred_at
from relay.model import Contact, Event, WebhookRequest

TOPICS: Final[Mapping[str, str]] = {
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
}

# Topics whose `response` says why.
_FAILED: Final = frozenset({"bounce", "deferred", "dropped"})
_SENDERS_FAULTS: Final = frozenset({"Reputation", "Content", "Frequency or Volume Too High"})
_MACHINE: Final = re.compile(r"(.+?)\.(?:filter|recv)")


class _EventSchema(PayloadSchema):
    event = Text(required=True, validate=Length(min=1))
    email = Text()
    timestamp = Text()
    # The sender's custom arguments are top-level keys too and may replace any of these.
    sg_event_id = Id()
    sg_message_id = Text()
    smtp_id = Text(data_key="smtp-id")
    sg_machine_open = Flag()
    reason = Text()
    response = Text()
    status = Text()
    type = Text()
    bounce_classification = Text()
    asm_group_id = Id()
    url = Text()
    category = ListOf(Text())
    subject = Text()
    marketing_campaign_name = Text()
    singlesend_name = Text()


_SCHEMA: Final = _EventSchema()


def _parse(request: WebhookRequest, _options: Mapping[str, Any], zone: ZoneInfo) -> ParseResult:
    try:
        value = json_body(request.body)
    except Unreadable as error:
        return Events([Unparsable("", stable_key(request.body), error.reasons, request.body)])
    parts = value if isinstance(value, list) else [value]
    return parse_batch(parts, lambda part: _part(part, request, zone))


def _part(part: Any, request: WebhookRequest, zone: ZoneInfo) -> Event | Unparsable | Skipped:
    raw = json_bytes(part)
    try:
        payload = validate(_SCHEMA, part)
    except Unreadable as error:
        return Unparsable("", stable_key(raw), error.reasons, raw)
    body, topic = payload.data, payload.data["event"]
    if topic not in TOPICS:
        return Skipped("unknown_topic", topic)
    at, omitted_fields = occurred_at([body.get("timestamp")], zone, request.received_at)
    event_id = body.get("sg_event_id")
    return Event(
        type="email.blocked" if _is_blocked(body) else TOPICS[topic],
        topic=topic,
        key=f"{event_id}:{topic}" if event_id else stable_key(raw),
        occurred_at=at,
        contact=Contact(email=body.get("email", "")),
        fields=_fields(body),
        machine=body.get("sg_machine_open", False),
        raw=raw,
        omitted_fields={**payload.omitted_fields, **omitted_fields},
    )


def _is_blocked(body: Mapping[str, Any]) -> bool:
    kind, classification = body.get("type", ""), body.get("bounce_classification", "")
    return body["event"] == "bounce" and (
        kind.strip().lower() == "blocked" or (not kind and classification in _SENDERS_FAULTS)
    )


def _fields(body: Mapping[str, Any]) -> dict[str, Any]:
    topic = body["event"]
    categories = body.get("category", [])
    names = [body.get("marketing_campaign_name"), body.get("singlesend_name"), *categories]
    response = body.get("response") if topic in _FAILED else ""
    return {
        "reason": body.get("reason") or response,
        "response": body.get("response"),
        "status": body.get("status"),
        "bounce_type": body.get("type"),
        "classification": body.get("bounce_classification"),
        "link": body.get("url"),
        "subject": body.get("subject"),
        "campaign": next((name for name in names if name), ""),
        "categories": ", ".join(name for name in categories if name),
        "all_emails": topic == "unsubscribe",
        "list_id": body.get("asm_group_id") if topic.startswith("group_") else "",
        "message_id": _message_id(body),
    }


def _message_id(body: Mapping[str, Any]) -> str:
    """The `X-Message-Id` that the sender was given: the vendor appends the names of machines.

    Old ids have dots of their own: `14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0`.
    """
    message_id: str = body.get("sg_message_id", "")
    before_machine = _MACHINE.match(message_id)
    if before_machine:
        return before_machine[1]
    smtp_id: str = body.get("smtp_id", "")
    return message_id.partition(".")[0] or smtp_id.strip("<> ").partition("@")[0]


platform = Platform(
    name="sendgrid",
    title="SendGrid",
    docs="https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event",
    scheme=Ecdsa(
        signature_header="x-twilio-email-event-webhook-signature",
        timestamp_header="x-twilio-email-event-webhook-timestamp",
        tolerance_s=25 * 3600,
    ),
    parse=_parse,
    topics=TOPICS,
)
