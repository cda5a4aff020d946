"""SendGrid (Twilio): e-mail events, a JSON array of up to about a thousand, signed.

Signs ECDSA P-256 over timestamp header + raw body; the body ends in CRLF and has CRLF between
events, so not a byte may be touched. The secret is the hook's public key. Each event has its own
`sg_event_id`; its kind is added to the key because samples share one id over several kinds.
The vendor names no tolerance and sends again for 24 h, maybe with the first timestamp: 25 h are
accepted, which is well inside the de-dup memory, so nothing old counts twice. Times are seconds,
sometimes milliseconds. `sg_machine_open` marks opens by mail proxies.

https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event (read 2026-08)
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from marshmallow import fields, validate

from relay.errors import Unreadable
from relay.inbound.contract import (
    Events,
    Fault,
    Nothing,
    Platform,
    Reading,
    digest_of,
    json_body,
    loaded,
    moment,
)
from relay.inbound.payload_schema import Loose
from relay.inbound.signature import Ecdsa
from relay.model import Contact, Delivery, Event

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


class _EventSchema(Loose):
    event = fields.String(required=True, validate=validate.Length(min=1))
    email = fields.String(required=True, validate=validate.Length(min=1))
    timestamp = fields.Raw(load_default=None)
    # The sender's own arguments land at the top level under any name, so none of these is sure.
    sg_event_id = fields.Raw(allow_none=True)
    sg_message_id = fields.Raw(allow_none=True)
    sg_machine_open = fields.Raw(allow_none=True)
    reason = fields.Raw(allow_none=True)
    response = fields.Raw(allow_none=True)
    status = fields.Raw(allow_none=True)
    type = fields.Raw(allow_none=True)
    url = fields.Raw(allow_none=True)
    category = fields.Raw(allow_none=True)
    subject = fields.Raw(allow_none=True)
    marketing_campaign_name = fields.Raw(allow_none=True)
    singlesend_name = fields.Raw(allow_none=True)


_SCHEMA: Final = _EventSchema()


def _read(delivery: Delivery, options: Mapping[str, Any]) -> Reading:  # noqa: ARG001  none here
    try:
        value = json_body(delivery.body)
    except Unreadable as error:
        return Events([Fault("", digest_of(delivery.body), error.reasons, delivery.body)])
    parts = value if isinstance(value, list) else [value]
    if not parts:
        return Nothing("empty_batch")
    return Events([_part(part, delivery) for part in parts])


def _part(part: Any, delivery: Delivery) -> Event | Fault | Nothing:
    raw = json.dumps(part).encode()
    topic = part.get("event") if isinstance(part, dict) else ""
    topic = topic if isinstance(topic, str) else ""
    if topic and topic not in TOPICS:
        return Nothing("unknown_topic", topic)
    try:
        body = loaded(_SCHEMA, part)
    except Unreadable as error:
        return Fault(topic, digest_of(raw), error.reasons, raw)
    own_id = _text(body.get("sg_event_id"))
    return Event(
        type=TOPICS[topic],
        topic=topic,
        key=f"{own_id}:{topic}" if own_id else digest_of(raw),
        occurred_at=moment(body["timestamp"], delivery.received_at),
        contact=Contact(email=body["email"]),
        fields=_fields(body),
        machine=str(body.get("sg_machine_open", "")).lower() == "true",
        raw=raw,
    )


def _fields(body: Mapping[str, Any]) -> dict[str, Any]:
    text = {name: _text(value) for name, value in body.items()}
    category = body.get("category")
    categories = [_text(one) for one in (category if isinstance(category, list) else [category])]
    names = [text.get("marketing_campaign_name"), text.get("singlesend_name"), *categories]
    reason = text.get("reason") or (text.get("response") if body["event"] == "deferred" else "")
    return {
        "reason": reason,
        "response": text.get("response"),
        "status": text.get("status"),
        "bounce_type": text.get("type"),
        "link": text.get("url"),
        "subject": text.get("subject"),
        "campaign": next((name for name in names if name), ""),
        "categories": ", ".join(name for name in categories if name),
        "message_id": text.get("sg_message_id", "").partition(".")[0],
    }


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _stamp(topic: str, body: bytes) -> Mapping[str, str]:  # noqa: ARG001  shape of the contract
    return {"content-type": "application/json"}


platform = Platform(
    name="sendgrid",
    title="SendGrid",
    docs="https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event",
    scheme=Ecdsa(
        signature_header="x-twilio-email-event-webhook-signature",
        timestamp_header="x-twilio-email-event-webhook-timestamp",
        tolerance_s=25 * 3600,
    ),
    read=_read,
    topics=TOPICS,
    stamp=_stamp,
)
