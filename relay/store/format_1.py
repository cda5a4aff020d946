"""Records of format 1, for the migration to format 2.

Their `event` had customer and route in one list, `request` was the payload; nothing was listed by
source, and digests of people were plain SHA-256.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from relay.model import OPEN_STATES, State
from relay.store.conversion import Conversion, Unconvertible
from relay.store.find import find_digests, members
from relay.store.keys import (
    CAUSES,
    customer_key,
    customer_parts,
    lane_digests,
    lane_key,
    list_key,
)
from relay.store.pseudonyms import Pseudonyms
from relay.store.record import Record, customer_field, read_record, route_field

_EVENT: Final = (
    "source",
    "topic",
    "type",
    "destination",
    "customer",
    "key",
    "occurred_at",
    "platform",
    "omitted_fields",
)
_CAUSED: Final = (State.HELD, State.DEAD)
_OLD_CUSTOMER_KEY: Final = re.compile(r".*:[0-9a-f]{32}")


def read_record_1(record_id: str, values: Mapping[str, bytes]) -> Record:
    """Read a record of format 1 by its field names.

    Raises:
        Unconvertible: a field cannot be read.
    """
    try:
        event = json.loads(values["event"])
        if not isinstance(event, list):
            raise TypeError
        row = {name: value for name, value in zip(_EVENT, event, strict=False) if value != ""}
    except (ValueError, TypeError, KeyError):
        raise Unconvertible("unreadable_event") from None
    fields = {**values, "route": route_field(row).encode()}
    if row.get("customer"):
        fields["customer"] = json.dumps(row["customer"]).encode()
    if "request" in values:
        fields["payload"] = values["request"]
    record = read_record(record_id, {name.encode(): value for name, value in fields.items()})
    if record.fault:
        names = {"route": "event", "customer": "event.customer", "payload": "request"}
        raise Unconvertible(f"unreadable_{names.get(record.fault, record.fault)}")
    return record


def record_1(pseudonyms: Pseudonyms, record_id: str, values: Mapping[bytes, bytes]) -> Conversion:
    """Split `event`, rename `request`, and add what the record is listed and found by."""
    old_names = values.keys() & {b"event", b"request", b"delivery"}
    new_names = values.keys() & {b"route", b"payload"}
    if b"route" in new_names and not old_names:
        return Conversion("")
    if new_names:
        raise Unconvertible("two_formats")
    for name in (b"state", b"event"):
        if not values.get(name):
            raise Unconvertible(f"no_{name.decode()}")
    record = read_record_1(record_id, {name.decode(): value for name, value in values.items()})
    customer, destination = record.customer, record.destination
    renames = {"event": "route"} | {
        name: "payload" for name in ("request", "delivery") if name.encode() in values
    }
    new: dict[str, str] = {"event": _route(record)}
    named = any((customer.customer_id, customer.phone, customer.email))
    find = find_digests(pseudonyms, destination, customer, ())
    digests = ""
    if named:
        is_open = record.state in OPEN_STATES
        lane = lane_digests(pseudonyms, destination, customer)[0] if is_open else "-"
        digests = " ".join([lane, *find])
        new |= {"customer": customer_field(customer), "digests": digests}
    lists = [(list_key(record.state.value, record.source), record_id)]
    if record.state in _CAUSED:
        lists.append((list_key(record.state.value, record.source, record.reason), record_id))
        lists.append((CAUSES, f"{record.state.value}:{record.source}:{record.reason}"))
    return Conversion(
        record.state.value,
        renames,
        {name: text.encode() for name, text in new.items() if text},
        members=[*lists, *members(record_id, digests)],
        moved_keys=_customer_keys(pseudonyms, record) if named else {},
    )


def _route(record: Record) -> str:
    names = ("source", "topic", "destination", "key", "occurred_at", "platform")
    route: dict[str, Any] = {name: getattr(record, name) for name in names}
    return route_field(
        route | {"type": record.event_type, "omitted_fields": dict(record.omitted_fields)}
    )


def _customer_keys(pseudonyms: Pseudonyms, record: Record) -> dict[str, str]:
    """The cached ids of a record's customer: old keys to new ones."""
    name = record.destination
    keys: dict[str, str] = {}
    for reference in filter(None, (record.customer.phone, record.customer.email)):
        old = hashlib.sha256(reference.lower().encode()).hexdigest()[:32]
        digest = pseudonyms.digest(name, *customer_parts(reference))
        keys[customer_key(name, old)] = customer_key(name, digest)
    return keys


def lane_1(pseudonyms: Pseudonyms, record_id: str, values: Any) -> str | None:
    """The key of the lane that a record is the last of, empty without one, None if unreadable."""
    try:
        digests = values.get(b"digests") or record_1(pseudonyms, record_id, values).values.get(
            "digests"
        )
    except (Unconvertible, AttributeError):  # it is listed, or was read as an error
        return None
    lane = digests.decode().partition(" ")[0] if digests else "-"
    return "" if lane == "-" else lane_key(lane)


def customer_ids_1(keys: Sequence[str]) -> dict[str, str]:
    """What is still under a plain hash is forgotten: it is looked up again."""
    return {key: "" if _OLD_CUSTOMER_KEY.fullmatch(key) else key for key in keys}
