"""Parse a verified request by the declaration of its platform.

    body -> parts -> topic -> values -> event

What is odd in a part concerns that part alone: it is skipped with a reason, or held.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

from relay.errors import Unreadable
from relay.inbound.batches import parse_batch
from relay.inbound.contact import Party, contact_of
from relay.inbound.contract import PART, Source, one_part, stable_key
from relay.inbound.lookups import LOOKED_UP, SHOP, TOPIC
from relay.inbound.payload import json_body, json_bytes
from relay.inbound.payload_schema import validate
from relay.inbound.places import Field, Place
from relay.inbound.privacy import FORGETTING, REDACTION, WHOM, PrivacyRequest
from relay.inbound.report import report_of
from relay.inbound.results import (
    Events,
    NeedsLookup,
    ParseResult,
    Part,
    Skipped,
    Unparsable,
)
from relay.inbound.timestamps import occurred_at, parse_timestamp
from relay.inbound.topics import BUYERS, RECIPIENTS, Topic, Values
from relay.mapping.event_fields import fields_of
from relay.model import Contact, Event, Resource, WebhookRequest
from relay.value import value

_NOTHING: Final[tuple[Any, ...]] = (None, "", [], {}, False, True)
_TEST: Final = ("true", "1", "yes", "test", "sandbox")


def parse(request: WebhookRequest, source: Source) -> ParseResult:
    """The events of a body, by the platform's declaration.

    Raises:
        TooManyParts: it is a batch of too many.
    """
    platform = source.platform
    if kind := request.headers.get(LOOKED_UP):
        return _parse_looked_up(kind, request, source)
    try:
        value = platform.body(request, source)
        if isinstance(value, dict) and (handshake := platform.signed_handshake(value)):
            return handshake
        parts = [value] if PART in request.headers else platform.parts(value)
    except Unreadable as error:
        topic = _text_in(platform.topic, request, None)
        if topic and (reason := _reason_to_skip(topic, source)):
            return Skipped(reason, topic)
        key = error.key or _delivery_key(request, source, topic, None, request.body)
        return Events([Unparsable(topic, key, error.reasons, request.body, error.reason)])
    is_whole = len(parts) == 1 and parts[0] is value

    def parse_part(part: Any) -> Sequence[Part]:
        raw = request.body if is_whole else json_bytes(part)
        return _parse_part(_RequestPart(request, source, part, raw))

    return parse_batch(parts, parse_part)


@value(frozen=True, slots=True)
class _RequestPart:
    """One part of a request: `value` is decoded, `raw` is the body that parses as it again."""

    request: WebhookRequest
    source: Source
    value: Any
    raw: bytes

    def find(self, place: Place | None) -> str:
        return _text_in(place, self.request, self.value)


@value(frozen=True, slots=True)
class _Parsed:
    """A part with its topic and what its schema has loaded, completed by `refine`."""

    part: _RequestPart
    name: str
    topic: Topic
    values: Values
    omitted_fields: Mapping[str, str]
    shop: str

    @property
    def zone(self) -> tzinfo:
        source = self.part.source
        return source.platform.zone or source.timezone

    @property
    def resource(self) -> Resource:
        kind = self.topic.lookup or self.topic.shape.kind
        return Resource(kind, self.values.get("id", ""), self.shop)


def _parse_part(part: _RequestPart) -> Sequence[Part]:
    source = part.source
    platform = source.platform
    name = part.find(platform.topic)
    is_retyped = name in source.types
    topic = _retyped(source, name) if is_retyped else platform.topics.get(name)
    if not name and isinstance(platform.topic, Field):
        missing = {platform.topic.path: ["expected the name of an event"]}
        return [Unparsable("", stable_key("", part.raw), missing, part.raw)]
    if topic is None and (held := platform.held.get(name)):
        return [_held(part, name, held)]
    if topic is None or not topic.type:
        return [Skipped(_reason_to_skip(name, source), name)]
    if any(part.find(place).lower() in _TEST for place in platform.test):
        return [Skipped("test", name)]
    if platform.echo and source.ignores_echo(name) and part.find(platform.echo.mark):
        return [Skipped("made_by_an_api", name)]
    key = _delivery_key(part.request, source, name, part.value, part.raw)
    if not is_retyped and (reasons := _contradictions(topic, part.value)):
        reasons = {"topic": "contradicts the body", **reasons}
        return [Unparsable(name, key, reasons, part.raw, "topic_mismatch")]
    shop = part.find(platform.shop)
    return _read_part(part, name, topic, key, shop, is_retyped=is_retyped)


def _held(part: _RequestPart, name: str, held: str | PrivacyRequest) -> Unparsable:
    key = stable_key(name, part.raw)
    if isinstance(held, str):
        return Unparsable(name, key, {}, part.raw, held)
    source, reason = part.source, held.reason
    vouched = source.scheme.vouches_for == "body"
    whom = held.whom(part.value, source.destination.country) if vouched else {}
    if whom and reason == REDACTION and source.on_redaction == "forget":
        reason = FORGETTING
    return Unparsable(name, key, {WHOM: whom} if whom else {}, part.raw, reason)


def _read_part(
    part: _RequestPart, name: str, topic: Topic, key: str, shop: str, *, is_retyped: bool
) -> Sequence[Part]:
    try:
        payload = validate(topic.shape.schema, part.value)
    except Unreadable as error:
        return [Unparsable(name, key, error.reasons, part.raw)]
    for field, reasons in topic.shape.skipped.items():
        if reason := reasons.get(payload.data.get(field, "")):
            return [Skipped(reason, name)]
    refined = topic.shape.refine(name, payload.data)
    if isinstance(refined, Skipped):
        return [replace(refined, topic=name)]
    values = payload.data
    values.update(refined)
    if is_retyped:
        values["type"] = topic.type
    return _events(_Parsed(part, name, topic, values, payload.omitted_fields, shop), key)


def _parse_looked_up(kind: str, request: WebhookRequest, source: Source) -> ParseResult:
    """The event of what was read of a thing, under the topic of the notice that named it."""
    name, shop = request.headers.get(TOPIC, ""), request.headers.get(SHOP, "")
    lookup, is_retyped = source.platform.lookups.get(kind), name in source.types
    topic = _retyped(source, name) if is_retyped else source.platform.topics.get(name)
    if lookup is None or topic is None:
        return Skipped("unknown_topic", name)
    key = stable_key(name, request.body)
    try:
        part = _RequestPart(request, source, json_body(request.body), request.body)
    except Unreadable as error:
        return Events([Unparsable(name, key, error.reasons, request.body)])
    at = tuple(dict.fromkeys((*topic.at, "updated_at", "created_at")))
    topic = replace(topic, shape=lookup.shape, at=at, lookup="")
    return Events(_read_part(part, name, topic, key, shop, is_retyped=is_retyped))


def _reason_to_skip(name: str, source: Source) -> str:
    """Why a topic is no event, empty when it is one."""
    topic = source.platform.topics.get(name)
    if name in source.types or (topic and topic.type):
        return ""
    return source.platform.ignored.get(name, "unknown_topic")


def _retyped(source: Source, name: str) -> Topic:
    """A topic that the source's `types` names, as an event that stands alone.

    What only names a thing still has to be looked up.
    """
    topics = source.platform.topics
    topic = topics.get(name) or source.platform.other or next(iter(topics.values()))
    shape = replace(topic.shape, kind="")
    return replace(topic, type=source.types[name], shape=shape, other_types=(), delayed_type="")


def _events(parsed: _Parsed, key: str) -> Sequence[Part]:
    values, topic = parsed.values, parsed.topic
    event_id = values.get("event_id")
    if event_id:
        key = f"{event_id}:{parsed.name}"
    elif topic.repeats and not any(values.get(name) for name in topic.at):
        key = stable_key(key, parsed.part.request.received_at.isoformat())
    other_keys = _other_keys(parsed)
    event_type = values.get("type") or topic.type
    if topic.lookup:
        return [
            NeedsLookup(
                parsed.resource, parsed.name, key, parsed.part.raw, event_type,
                other_keys=other_keys, other_types=topic.other_types,
            )
        ]  # fmt: skip
    report = report_of(event_type, topic, values, parsed.part.value, parsed.resource)
    steps = report.steps if report else ()
    at, odd_time = _occurred_at(parsed)
    is_whole = parsed.part.raw == parsed.part.request.body
    event = Event(
        type=next((step.type for step in reversed(steps) if step.type), event_type),
        topic=parsed.name,
        key=key,
        occurred_at=at,
        contact=_contact(values),
        fields=fields_of(event_type, _event_values(parsed)),
        body=parsed.part.value,
        machine=values.get("machine", False),
        raw=b"" if is_whole else parsed.part.raw,
        omitted_fields={**parsed.omitted_fields, **odd_time},
        other_keys=other_keys,
        report=report,
        ends=_ended_tokens(values),
    )
    return [event, *_delayed(event, parsed)]


def _ended_tokens(values: Values) -> tuple[str, ...]:
    return (values["ends"],) if values.get("ends") else ()


def _delayed(event: Event, parsed: _Parsed) -> list[Event]:
    """The event that goes out later, unless another one replaces or cancels it."""
    wait_s, token = parsed.part.source.abandoned_after_s, parsed.values.get("token")
    event_type = parsed.topic.delayed_type
    if not (event_type and token and wait_s) or event.ends:
        return []
    fields = fields_of(event_type, _event_values(parsed))
    waiting = replace(event, type=event_type, fields=fields, key=f"{event.key}:waits")
    return [replace(waiting, report=None, other_keys=(), token=token, wait_s=wait_s)]


def _text_in(place: Place | None, request: WebhookRequest, value: Any) -> str:
    return place.find(request, value) if place is not None else ""


def _delivery_key(
    request: WebhookRequest, source: Source, topic: str, value: Any, raw: bytes
) -> str:
    delivery_id = _text_in(source.platform.delivery_id, request, value)
    if delivery_id and source.platform.parts is not one_part:  # all parts share it
        return stable_key(delivery_id, raw)
    return delivery_id or stable_key(topic, raw)


def _other_keys(parsed: _Parsed) -> tuple[str, ...]:
    """Further keys: one event may come by two subscriptions, under other ids, and by two topics."""
    platform, name = parsed.part.source.platform, parsed.name
    thing_id = parsed.values.get("id", "")
    keys = [f"body:{stable_key(name, parsed.part.raw)}"] if platform.body_is_key else []
    if event_id := parsed.part.find(platform.event_id):
        keys.append(f"delivery:{stable_key(name, event_id, thing_id)}")
    if parsed.topic.once and thing_id:
        keys.append(f"delivery:{stable_key(name, parsed.shop, thing_id)}")
    return tuple(keys)


def _occurred_at(parsed: _Parsed) -> tuple[datetime, Mapping[str, str]]:
    part = parsed.part
    return occurred_at(_times(parsed), parsed.zone, part.request.received_at)


def _times(parsed: _Parsed) -> Iterator[Any]:
    """What may say when it happened, most exact first."""
    for name in parsed.topic.at:
        yield parsed.values.get(name)
    yield parsed.part.find(parsed.part.source.platform.sent_at)


def _contact(values: Values) -> Contact:
    parties = [values[name] for name in BUYERS if values.get(name)]
    recipients = [values[name] for name in RECIPIENTS if values.get(name)]
    if document := values.get("document"):
        kind, number = document
        first = parties[0] if parties else Party()
        parties[:1] = [replace(first, id_type=kind, id_number=number)]
    return contact_of(parties, recipients)


def _event_values(parsed: _Parsed) -> dict[str, Any]:
    """The values, with the times as texts and the shop's name."""
    values = dict(parsed.values)
    for name in parsed.topic.shape.schema.time_names:
        if name in values:
            values[name] = _time_text(values[name], parsed.part.source.platform.zone)
    if parsed.shop:
        values["shop"] = parsed.shop
    return values


def _time_text(value: Any, zone: tzinfo | None) -> str:
    """A time as written; in UTC, with its offset, where the platform writes it without one."""
    if zone is None and isinstance(value, str):
        return value
    at = parse_timestamp(value, zone or UTC)
    return at.isoformat() if at else ""


def _contradictions(topic: Topic, body: Any) -> dict[str, str]:
    """The fields of a body that cannot be under this topic; an absent field is no contradiction."""
    if not isinstance(body, dict):
        return {}
    reasons = {
        name: "a field of another kind of body"
        for name in topic.shape.foreign
        if body.get(name) not in _NOTHING
    }
    for name, states in topic.implies.items():
        state = body.get(name, ...)
        text = "" if state is None else state
        if not isinstance(text, str):  # absent, or no text
            continue
        if (text.lower() not in states) if states else not text:
            reasons[name] = "not what the topic implies"
    return reasons
