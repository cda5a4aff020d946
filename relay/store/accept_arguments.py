"""The arguments of `accept.lua`: how the events of a request become records."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from ulid import ULID

from relay.inbound.contract import Source
from relay.model import (
    AwaitingLookup,
    Call,
    Customer,
    Ended,
    Held,
    Ignored,
    Parts,
    State,
    Translated,
    Waiting,
)
from relay.store import lua
from relay.store.find import find_digests
from relay.store.keys import is_body, lane_parts, other_seen_key, seen_key, waiting_key
from relay.store.memory import REMEMBERED_S, memory_fields, resource_keys
from relay.store.pseudonyms import Pseudonyms
from relay.store.queue import description, job_data
from relay.store.record import Record, compact_json, customer_field, payload_field, route_field

# A body whose signature covers nothing else can be captured and sent again at any time.
_BODY_REMEMBERED_S: Final = 90 * 24 * 3600


class AcceptArguments:
    """Makes the arguments for the items of one request of a source."""

    def __init__(
        self,
        source: Source,
        headers: Mapping[str, str],
        now: datetime,
        *,
        pseudonyms: Pseudonyms,
        dedup_s: int,
        queue: str,
    ) -> None:
        self._source = source
        self._headers = headers
        self._now = now
        self._pseudonyms = pseudonyms
        self._dedup_s = dedup_s
        self._queue = queue
        vouches_for = source.scheme.vouches_for
        self._vouches_for = "" if vouches_for == "body" else vouches_for

    def of(self, items: Sequence[Translated | Parts]) -> list[Any]:
        """Of the versions that were recalled, and of each event with its parts."""
        arguments = self._versions(items)
        for item in items:
            parts = item.items if isinstance(item, Parts) else (item,)
            arguments += self._keys(item)
            arguments += self._memory(item)
            arguments.append(len(parts))
            for part in parts:
                arguments += self._part(part)
        return arguments

    def _versions(self, items: Sequence[Translated | Parts]) -> list[Any]:
        """The resources that the items were decided on, with their versions, after their number."""
        versions = {item.resource: item.version for item in items if isinstance(item, Parts)}
        pairs: list[Any] = []
        for resource, version in versions.items():
            keys = resource_keys(self._pseudonyms, self._source, resource)
            pairs += [keys[0], version]
        return [len(versions), *pairs]

    def _keys(self, item: Translated | Parts) -> list[Any]:
        """The keys that an item is remembered by and their lives, after their number."""
        if isinstance(item, Ignored | Ended):
            return [0]
        name = self._source.name
        pairs: list[Any] = []
        if item.key:
            pairs += [seen_key(name, item.key), item.remember_s or self._dedup_s]
        for key in item.other_keys:
            life_s = max(self._dedup_s, _BODY_REMEMBERED_S) if is_body(key) else self._dedup_s
            pairs += [other_seen_key(name, key), life_s]
        return [len(pairs) // 2, *pairs]

    def _memory(self, item: Translated | Parts) -> list[Any]:
        """What is to be remembered of an item's thing, after the number of these arguments."""
        if not isinstance(item, Parts) or item.memory is None:
            return [0]
        (key, *_) = resource_keys(self._pseudonyms, self._source, item.resource)
        fields = lua.flat_pairs(memory_fields(item.memory))
        return [2 + len(fields), key, REMEMBERED_S, *fields]

    def _part(self, part: Translated) -> list[Any]:
        match part:
            case Call():
                return self._call(part)
            case Ignored():
                return self._ignored(part)
            case Waiting():
                return self._waiting(part)
            case Ended():
                return ["ended", self._waiting_keys(part.token), self._dedup_s, 0]
        return self._held(part)

    def _call(self, call: Call) -> list[Any]:
        record_id = str(ULID.from_datetime(self._now))
        lanes, find, fields = self._call_fields(call)
        fields["state"] = State.ACCEPTED.value
        text = description(self._source.name, call.topic)
        head = ["call", record_id, find, lanes, job_data(record_id), text]
        return [*head, *lua.counted_pairs(fields)]

    def _call_fields(self, call: Call) -> tuple[str, str, dict[str, Any]]:
        """Digests of the lane, digests to find the event by, and the fields of the record."""
        lanes = self._pseudonyms.digests(call.destination, *lane_parts(call.customer))
        digests = find_digests(self._pseudonyms, call.destination, call.customer, call.references)
        find = " ".join(digests)
        fields: dict[str, Any] = {
            "payload": payload_field(self._headers, call.raw),
            "digests": f"{lanes[0]} {find}",
            **call_fields(call, self._routing(call)),
        }
        return " ".join(lanes), find, fields

    def _routing(self, part: Call | Held | AwaitingLookup) -> dict[str, Any]:
        return {
            "source": self._source.name,
            "platform": self._source.platform.name,
            "topic": part.topic,
            "key": part.key,
            "step": dict(part.step),
            "vouches_for": self._vouches_for,
        }

    def _waiting(self, part: Waiting) -> list[Any]:
        """An entry is the record to be, with what its job needs."""
        lanes, _, fields = self._call_fields(part.call)
        fields |= {
            "lanes": lanes,
            "queue": self._queue,
            "source": self._source.name,
            "description": description(self._source.name, part.topic),
        }
        times = [part.due_at.timestamp(), part.call.occurred_at.timestamp()]
        return ["waiting", self._waiting_keys(part.token), *times, *lua.counted_pairs(fields)]

    def _waiting_keys(self, token: str) -> str:
        source = self._source
        parts = ("waiting", source.name, token)
        digests = self._pseudonyms.digests(source.destination.name, *parts)
        return " ".join(waiting_key(digest) for digest in digests)

    def _held(self, part: Held | AwaitingLookup) -> list[Any]:
        record_id = str(ULID.from_datetime(self._now))
        destination = self._source.destination.name
        route = self._routing(part) | {"type": part.event_type, "destination": destination}
        if isinstance(part, Held):
            state, reasons = State.HELD, part.reasons
            digests = find_digests(self._pseudonyms, destination, part.customer, part.references)
        else:
            state, reasons = State.AWAITING_LOOKUP, {"lookup": asdict(part.resource)}
            digests = find_digests(self._pseudonyms, destination, Customer(), [part.resource.id])
        find = " ".join(digests)
        fields: dict[str, Any] = {
            "payload": payload_field(self._headers, part.raw),
            "state": state.value,
            "reason": part.reason,
            "reasons": json.dumps(reasons),
            "route": route_field(route),
        }
        if find:
            fields["digests"] = f"- {find}"
        head = ["held", record_id, find, state.value, part.reason]
        return [*head, *lua.counted_pairs(fields)]

    def _ignored(self, part: Ignored) -> list[Any]:
        if part.reason == "duplicate":  # counted as one, and not listed
            return ["known", 0]
        entry = {
            "at": self._now.isoformat(timespec="seconds"),
            "source": self._source.name,
            "topic": part.topic[:100],
            "type": part.event_type,
            "reason": part.reason,
        }
        return ["ignored", *lua.counted_pairs(entry)]


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
