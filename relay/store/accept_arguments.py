"""The events of `accept.lua`: how the parts of a request become records."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

import msgspec
from ulid import ULID

from relay.inbound.contract import PART, Source
from relay.inbound.privacy import is_to_be_worked_off
from relay.model import (
    AwaitingLookup,
    Call,
    Customer,
    Ended,
    Held,
    Ignored,
    Parts,
    Resource,
    State,
    Translated,
    Waiting,
    WebhookRequest,
)
from relay.store.find import find_digests
from relay.store.keys import (
    LOOKUPS,
    PRIVACY,
    is_body,
    lane_digests,
    other_seen_key,
    seen_key,
    waiting_key,
)
from relay.store.lua.values import as_text, packed, packed_fields
from relay.store.memory import REMEMBERED_S, memory_fields, resource_keys
from relay.store.pseudonyms import Pseudonyms
from relay.store.queue import description, job_data
from relay.store.record import Record, compact_json, customer_field, payload_field, route_field
from relay.turns import in_turns

# Parts that no later request can repeat.
_UNKEYED: Final = (Ignored, Ended)
# A body whose signature covers nothing else can be captured and sent again at any time.
_BODY_REMEMBERED_S: Final = 90 * 24 * 3600
# Kinds of parts whose first value is the id of a record.
_WITH_RECORD: Final = ("call", "held")


class AcceptArguments:
    """Makes the arguments for the items of one request of a source."""

    def __init__(
        self,
        source: Source,
        request: WebhookRequest,
        now: datetime,
        *,
        pseudonyms: Pseudonyms,
        dedup_s: int,
        queue: str,
        replaces: str = "",
    ) -> None:
        self._source = source
        self._body = request.body
        self._headers = source.headers_to_store(request)
        self._now = now
        self._pseudonyms = pseudonyms
        self._dedup_s = dedup_s
        self._queue = queue
        self._replaces = replaces
        self._free_ids = [replaces] if replaces else []
        vouches_for = source.scheme.vouches_for
        self._vouches_for = "" if vouches_for == "body" else vouches_for
        self._memory_keys: dict[Resource, str] = {}

    def of(self, items: Sequence[Translated | Parts]) -> tuple[list[str | int], list[msgspec.Raw]]:
        """The versions that were recalled, and each event with its parts."""
        versions = self._versions(items)
        return versions, [self._event(item) for item in in_turns(items)]

    def _versions(self, items: Sequence[Translated | Parts]) -> list[str | int]:
        """The keys of the resources that the items were decided on, each before its version."""
        versions: list[str | int] = []
        for item in items:
            if isinstance(item, Parts) and item.resource not in self._memory_keys:
                key, *_ = resource_keys(self._pseudonyms, self._source, item.resource)
                self._memory_keys[item.resource] = key
                versions += (key, item.version)
        return versions

    def _event(self, item: Translated | Parts) -> msgspec.Raw:
        lives = self._lives(item)
        parts = [self._part(part) for part in (item.items if isinstance(item, Parts) else (item,))]
        kind, *values = parts[0] if parts else ("none",)
        record_id = values[0] if kind in _WITH_RECORD else ""
        seen = [text for key in lives for text in (key, record_id)]
        memory = self._memory(item) if isinstance(item, Parts) else ""
        return packed(seen, list(lives.values()), memory, [packed(*part) for part in parts])

    def _memory(self, item: Parts) -> msgspec.Raw | str:
        """What is remembered of a thing from now on; empty for no news."""
        if item.memory is None:
            return ""
        is_message = item.resource.kind == "message"  # there are many, for a few days
        life_s = str(self._dedup_s if is_message else REMEMBERED_S)
        key = self._memory_keys[item.resource]
        return packed(key, life_s, packed_fields(memory_fields(item.memory)))

    def _lives(self, item: Translated | Parts) -> dict[str, str]:
        """The keys that an item is remembered by, with their lives."""
        # What replaces a record is the same event: its keys are remembered already.
        if self._replaces or isinstance(item, _UNKEYED):
            return {}
        name = self._source.name
        lives: dict[str, str] = {}
        if item.key:
            lives[seen_key(name, item.key)] = str(item.remember_s or self._dedup_s)
        for key in item.other_keys:
            life_s = max(self._dedup_s, _BODY_REMEMBERED_S) if is_body(key) else self._dedup_s
            lives[other_seen_key(name, key)] = str(life_s)
        return lives

    def _record_id(self) -> str:
        """A new id, or that of the record that is replaced."""
        return self._free_ids.pop() if self._free_ids else str(ULID.from_datetime(self._now))

    def _part(self, part: Translated) -> tuple[Any, ...]:
        """Its kind, and the values of that kind."""
        match part:
            case Call():
                return self._call(part)
            case Ignored():
                return self._ignored(part)
            case Waiting():
                return self._waiting(part)
            case Ended():
                return "ended", self._waiting_keys(part.token), str(self._dedup_s)
        return self._held(part)

    def _call(self, call: Call) -> tuple[Any, ...]:
        record_id = self._record_id()
        lanes, find, fields = self._call_fields(call)
        fields["state"] = State.ACCEPTED.value
        about = description(self._source.name, call.topic)
        data = job_data(record_id)
        return "call", record_id, packed_fields(fields), find, lanes, data, about

    def _call_fields(self, call: Call) -> tuple[str, list[str], dict[str, Any]]:
        """Digests of the lane, digests to find the event by, and the fields of the record."""
        lanes = lane_digests(self._pseudonyms, call.destination, call.customer)
        find = find_digests(self._pseudonyms, call.destination, call.customer, call.references)
        fields: dict[str, Any] = {
            "payload": self._payload(call.raw),
            "digests": " ".join([lanes[0], *find]),
            **call_fields(call, self._routing(call)),
        }
        return " ".join(lanes), find, fields

    def _payload(self, raw: bytes) -> msgspec.Raw:
        part = {} if raw == self._body else {PART: "1"}
        return as_text(payload_field(self._headers | part, raw))

    def _routing(self, part: Call | Held | AwaitingLookup) -> dict[str, Any]:
        return {
            "source": self._source.name,
            "platform": self._source.platform.name,
            "topic": part.topic,
            "key": part.key,
            "step": dict(part.step),
            "vouches_for": self._vouches_for,
        }

    def _waiting(self, part: Waiting) -> tuple[Any, ...]:
        """An entry is the record to be, with what its job needs."""
        lanes, _, fields = self._call_fields(part.call)
        fields |= {
            "lanes": lanes,
            "queue": self._queue,
            "source": self._source.name,
            "description": description(self._source.name, part.topic),
        }
        entries = self._waiting_keys(part.token)
        event_at = part.call.occurred_at.timestamp()
        return "waiting", entries, part.due_at.timestamp(), event_at, packed_fields(fields)

    def _waiting_keys(self, token: str) -> str:
        source = self._source
        parts = ("waiting", source.name, token)
        digests = self._pseudonyms.digests(source.destination.name, *parts)
        return " ".join(waiting_key(digest) for digest in digests)

    def _held(self, part: Held | AwaitingLookup) -> tuple[Any, ...]:
        destination = self._source.destination.name
        route = self._routing(part) | {"type": part.event_type, "destination": destination}
        if isinstance(part, Held):
            state, reasons = State.HELD, part.reasons
            find = find_digests(self._pseudonyms, destination, part.customer, part.references)
        else:
            state, reasons = State.AWAITING_LOOKUP, {"lookup": asdict(part.resource)}
            find = find_digests(self._pseudonyms, destination, Customer(), [part.resource.id])
        due_in = ""
        if isinstance(part, AwaitingLookup) and self._source.can_look_up(part.resource.kind):
            due_in = LOOKUPS
        elif isinstance(part, Held) and is_to_be_worked_off(part.reason, part.reasons):
            due_in = PRIVACY
        fields: dict[str, Any] = {
            "payload": self._payload(part.raw),
            "state": state.value,
            "reason": part.reason,
            "reasons": compact_json(reasons),
            "route": route_field(route),
        }
        if find:
            fields["digests"] = " ".join(["-", *find])
        record = packed_fields(fields)
        return "held", self._record_id(), record, find, state.value, part.reason, due_in

    def _ignored(self, part: Ignored) -> tuple[Any, ...]:
        if part.reason == "duplicate":  # counted as one, and not listed
            return ("known",)
        entry = {
            "at": self._now.isoformat(timespec="seconds"),
            "source": self._source.name,
            "topic": part.topic[:100],
            "type": part.event_type,
            "reason": part.reason,
        }
        return "ignored", part.reason, packed_fields(entry)


def call_fields(call: Call, routing: Mapping[str, Any]) -> dict[str, str]:
    """The record's fields `route`, `customer` and `body` for a call."""
    route = {
        **routing,
        "type": call.event_type,
        "destination": call.destination,
        "occurred_at": call.occurred_at.timestamp(),
        "omitted_fields": dict(call.omitted_fields),
    }
    return {
        "route": route_field(route),
        "customer": customer_field(call.customer),
        "body": compact_json(call.body),
    }


def routing(record: Record) -> dict[str, Any]:
    """The parts of a record's route that a replay does not change."""
    names = ("source", "platform", "topic", "key", "step")
    vouches_for = "" if record.vouches_for == "body" else record.vouches_for
    return {name: getattr(record, name) for name in names} | {"vouches_for": vouches_for}
