"""What the tests of the platform contract share."""

from collections.abc import Collection, Iterator
from dataclasses import asdict, replace
from typing import Any

from senders import without_ends

from relay.inbound.contract import Source, stored_request
from relay.inbound.declaration_check import is_known, known_names
from relay.inbound.results import Handshake, NeedsLookup, Skipped, Unparsable
from relay.inbound.topics import Topic, Values
from relay.mapping.event_fields import family_of, names_of
from relay.mapping.event_types import EVENT_TYPES
from relay.model import AwaitingLookup, Call, Event, Held, Ignored, Translated, WebhookRequest
from relay.pipeline import flattened, parse, translate

# Bodies no platform sends; none may make a call, whatever the topic says it is.
ODD_BODIES = {
    "empty": b"",
    "number": b"1",
    "null": b"null",
    "true": b"true",
    "empty_list": b"[]",
    "list_of_null": b"[null]",
    "list_of_anything": b'[1, "x", [], [[]], {}, true, 1e400]',
    "empty_text": b'""',
    "text": b'"x"',
    "empty_object": b"{}",
    "not_a_number": b'{"id": NaN, "event": NaN, "type": NaN}',
    "huge_number": b'{"id": 1e999, "type": ' + b"9" * 5000 + b"}",
    "not_utf8": b'{"id": "\xff"}',
    "utf16": '{"id": 1}'.encode("utf-16"),
    "byte_order_mark": b"\xef\xbb\xbf{}",
    "nul": b"\x00",
    "html": b"<html><h1>503 Service Unavailable</h1></html>",
    "form": b"payload=%7B%7D",
    "truncated": b'{"id": 1, "email": "ana@exam',
    "deep_list": b"[" * 100_000 + b"]" * 100_000,
    "deep_object": b'{"a":' * 100_000,
}
# What may stand where something else is expected, in any field of a body.
STRANGE = [
    None,
    "",
    "\x00",
    -1,
    10**30,
    True,
    [],
    {"a": [None]},
    float("nan"),
    "9999-12-31T23:59-05:00",
]
# A key may be made from the body.
_KEYS = ("key", "other_keys", "raw")


def translated(request: WebhookRequest, source: Source) -> list[Translated]:
    """The items of a request, each of one of the four kinds and none from an exception."""
    parts = translate(request, source)
    assert not isinstance(parts, Handshake)
    items = without_ends(flattened(parts))
    assert items
    assert all(isinstance(item, Call | Held | Ignored | AwaitingLookup) for item in items)
    # `pipeline` holds an event whose code raised, under the key `relay`.
    assert not any("relay" in item.reasons for item in items if isinstance(item, Held))
    return items


def stored(request: WebhookRequest, source: Source) -> list[Event | Unparsable | NeedsLookup]:
    """The parts of a request that are stored, each with its body; no answer and nothing skipped."""
    items = parse(request, source)
    parts = () if isinstance(items, Handshake) else items
    return [
        replace(item, raw=item.raw or request.body)
        for item in parts
        if not isinstance(item, Skipped)
    ]


def keys(request: WebhookRequest, source: Source) -> list[str]:
    """The keys of a request's events."""
    return [item.key for item in stored(request, source)]


def anonymous(item: Translated) -> dict[str, Any]:
    """What an item says, without its keys and the body."""
    return {part: value for part, value in asdict(item).items() if part not in _KEYS}


def flipped(request: WebhookRequest, position: float) -> WebhookRequest:
    """The request with one bit of its body changed, at a part of its length or at the end (-1)."""
    body = bytearray(request.body)
    body[int(position * len(body))] ^= 1
    return replace(request, body=bytes(body))


def assert_parses_again(request: WebhookRequest, source: Source) -> None:
    """The whole, and each part, from the headers and the body that are stored of it."""
    headers = source.headers_to_store(request)

    def record(raw: bytes) -> WebhookRequest:
        return stored_request(headers, raw, request.received_at)

    assert parse(record(request.body), source) == parse(request, source)
    for item in stored(request, source):
        assert stored(record(item.raw), source) == [item]


def lost_values(request: WebhookRequest, source: Source) -> list[str]:
    """The names under which the schema or `refine` has a value, and that no event type has.

    Types of events and steps that do not exist are among them.
    """
    topics = source.platform.topics
    lost: list[str] = []

    def watched(topic: Topic) -> Topic:
        known = known_names(topic, topics.values())

        def refine(name: str, values: Values) -> Values | Skipped:
            refined = topic.shape.refine(name, values)
            if not isinstance(refined, Skipped):
                lost.extend(_unknown({**values, **refined}, known))
            return refined

        return replace(topic, shape=replace(topic.shape, refine=refine))

    watched_topics = {name: watched(topic) for name, topic in topics.items()}
    parse(request, replace(source, platform=replace(source.platform, topics=watched_topics)))
    return lost


def _unknown(values: Values, known: Collection[str]) -> list[str]:
    event_type = values.get("type", "")
    types = {f"type {event_type}": event_type}
    types |= {f"step {step.type}": step.type for step in values.get("steps", ())}
    unknown = [text for text, name in types.items() if name and name not in EVENT_TYPES]
    if event_type:
        known = {*known, *names_of(family_of(event_type))}
    return unknown + [name for name in values if not is_known(name, known)]


def with_strange_values(value: Any, strange: list[Any], depth: int) -> Iterator[Any]:
    """The value with one field left out, or replaced by each strange value, down to `depth`.

    Of a list the first part stands for all.
    """
    yield from strange
    if isinstance(value, list) and value:
        rest = value[1:]
        yield from ([new, *rest] for new in with_strange_values(value[0], strange, depth))
    elif isinstance(value, dict) and depth:
        for name, part in value.items():
            yield {other: value[other] for other in value if other != name}
            changed = with_strange_values(part, strange, depth - 1)
            yield from ({**value, name: new} for new in changed)
