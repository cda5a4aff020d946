"""The hash that a record is in Redis, and the notation of its fields.

`route` is plain and names nobody: source, destination, topic, type and times. `customer`, `body`
(the call) and `payload` (what came in, until it is delivered) hold personal data; so may `reasons`
and `answer`. `log` has the attempts. `state`, `attempts`, `runs` and `reason` are read by scripts,
`digests` are the keyed digest of the customer's lane (`-` for none) and those that the event is
found by. `waits` is since when a record that is tried again by itself was held, and for what.
"""

import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields as fields_of
from typing import Any, Final, TypeVar

import msgspec
from isal import isal_zlib
from ulid import ULID

from relay.model import OPEN_STATES, Customer, State

_T = TypeVar("_T")
_CUSTOMER: Final = tuple(part.name for part in fields_of(Customer))
# Positions in the `route` field. Append only: records outlive a deployment.
_ROUTE: Final = (
    "source",
    "topic",
    "type",
    "destination",
    "key",
    "occurred_at",
    "platform",
    "omitted_fields",
    "step",
    "vouches_for",
)
_ROUTE_TEXTS: Final = ("source", "topic", "type", "destination", "key", "platform", "vouches_for")
_ENCODER: Final = msgspec.json.Encoder()
# isal level 1: a quarter of an order's size, in a third of the time of the standard library.
_COMPRESSION: Final = 1


@dataclass(frozen=True, slots=True)
class Record:
    """A record as read from Redis. Times are unix seconds, 0 when unknown.

    `raw` and `headers` are what `parse` needs to run again; they are deleted when the record is
    delivered or discarded. `vouches_for` is what the sender's proof covered. `runs` counts the
    first run and each replay. `answer` is the start of Mercately's last answer. `fault` names a
    field that could not be decoded, as when another version wrote it: such a record is stored and
    shown, but not delivered. `repeats` counts what came in again while it was held.
    """

    id: str
    state: State
    source: str
    platform: str
    topic: str
    event_type: str
    destination: str
    accepted_at: float
    occurred_at: float
    key: str
    customer: Customer
    body: Mapping[str, Any]
    attempts: int
    runs: int
    reason: str = ""
    reasons: Mapping[str, Any] = field(default_factory=dict)
    omitted_fields: Mapping[str, str] = field(default_factory=dict)
    step: Mapping[str, Any] = field(default_factory=dict)
    vouches_for: str = "body"
    answer: str = ""
    settled_at: float = 0.0
    raw: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    fault: str = ""
    digests: str = ""
    repeats: int = 0

    @property
    def open(self) -> bool:
        """Whether the record is still to be delivered."""
        return self.state in OPEN_STATES


def read_record(record_id: str, values: Mapping[bytes, bytes]) -> Record:
    """Decode a record from its hash or a part of it; absent fields get defaults."""
    faults: list[str] = []

    def field_value(name: str, decode: Callable[[bytes], _T], default: _T) -> _T:
        value = values.get(name.encode())
        try:
            return decode(value) if value else default
        except (ValueError, TypeError, AttributeError):
            faults.append(name)
            return default

    def text(name: str) -> str:
        return field_value(name, bytes.decode, "")

    route: Mapping[str, Any] = field_value("route", _route, {})
    no_payload: tuple[Mapping[str, str], bytes] = ({}, b"")
    headers, raw = field_value("payload", _payload, no_payload)
    return Record(
        id=record_id,
        state=field_value("state", lambda value: State(value.decode()), State.HELD),
        source=route.get("source", ""),
        platform=route.get("platform", ""),
        topic=route.get("topic", ""),
        event_type=route.get("type", ""),
        destination=route.get("destination", ""),
        accepted_at=_accepted_at(record_id),
        occurred_at=route.get("occurred_at", 0.0),
        key=route.get("key", ""),
        customer=field_value("customer", _customer, Customer()),
        body=field_value("body", _object, {}),
        attempts=field_value("attempts", int, 0),
        runs=field_value("runs", int, 1),
        reason=text("reason"),
        reasons=field_value("reasons", _object, {}),
        omitted_fields=route.get("omitted_fields", {}),
        step=route.get("step", {}),
        vouches_for=route.get("vouches_for", "body"),
        answer=text("answer"),
        settled_at=field_value("settled_at", float, 0.0),
        raw=raw,
        headers=headers,
        digests=text("digests"),
        repeats=field_value("repeats", int, 0),
        fault=faults[0] if faults else "",
    )


def _accepted_at(record_id: str) -> float:
    """The time in the record's ULID, 0 for an id that is none."""
    try:
        return ULID.from_str(record_id).timestamp
    except ValueError:
        return 0.0


def compact_json(value: Any) -> str:
    """JSON without spaces, in a tenth of the time that the standard library takes."""
    try:
        return _ENCODER.encode(value).decode()
    except UnicodeEncodeError:  # a lone surrogate, which a template can write, has no UTF-8
        return json.dumps(value, separators=(",", ":"))


def route_field(values: Mapping[str, Any]) -> str:
    """Encode the `route` field: values by position, because names would double its size."""
    row = [values.get(name) or "" for name in _ROUTE]
    while row and row[-1] == "":
        row.pop()
    return compact_json(row)


def customer_field(customer: Customer) -> str:
    """Encode the `customer` field: the references and names that there are."""
    references = {name: value for name in _CUSTOMER if (value := getattr(customer, name))}
    return compact_json(references)


def payload_field(headers: Mapping[str, str], raw: bytes) -> bytes:
    """Encode the `payload` field, compressed: headers as JSON, a line feed, the raw body."""
    head = compact_json(headers) if headers else ""
    return isal_zlib.compress(b"%s\n%s" % (head.encode(), raw), _COMPRESSION)


def _payload(value: bytes) -> tuple[Mapping[str, str], bytes]:
    try:
        head, _, raw = zlib.decompress(value).partition(b"\n")
    except zlib.error as error:
        raise ValueError("expected zlib data") from error
    return _object(head) if head else {}, raw


def _route(text: bytes) -> dict[str, Any]:
    values = json.loads(text)
    if not isinstance(values, list):
        raise TypeError("expected a list")
    route = {name: value for name, value in zip(_ROUTE, values, strict=False) if value != ""}
    _texts({name: route[name] for name in _ROUTE_TEXTS if name in route})
    return route


def _customer(text: bytes) -> Customer:
    return Customer(**_texts(_object(text)))


def _texts(values: Mapping[str, Any]) -> Mapping[str, str]:
    if not all(isinstance(value, str) for value in values.values()):
        raise TypeError("expected texts")
    return values


def _object(text: bytes) -> dict[str, Any]:
    value = json.loads(text)
    if not isinstance(value, dict):
        raise TypeError("expected an object")
    return value
