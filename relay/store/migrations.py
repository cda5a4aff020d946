"""`mercately-relay migrate`: what earlier versions wrote, in the format of this one.

A change of format raises `SCHEMA` and adds a step here. A step may be interrupted and repeated:
the number is written when it is through.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from redis import Redis
from rq import Queue

from relay.store.conversion import Conversion, Converter, Report, Unconvertible, require_no_worker
from relay.store.format_1 import customer_ids_1, lane_1, read_record_1, record_1
from relay.store.keys import SCHEMA_KEY, WAKEUP, record_key
from relay.store.pseudonyms import Pseudonyms
from relay.store.schema import SCHEMA, SchemaMismatch, read_schema

# The first command lets the second through where Redis is full.
_SET_NUMBER: Final = "redis.call('ZREM', 'relay:open', '') redis.call('SET', KEYS[1], ARGV[1])"


def migrate(
    redis: Redis,
    queue: Queue,
    pseudonyms: Pseudonyms,
    *,
    dry_run: bool = False,
    again: bool = False,
    progress: Callable[[int], None] = lambda _keys: None,
) -> Report:
    """Convert everything in Redis to `SCHEMA`; what cannot be converted stays as it is.

    Reads every key and record once per step. `again` repeats all steps: for what an earlier
    version has written since, or for hashes that were mended. With `dry_run` nothing is written
    and the counts say what would be; `progress` gets the number of keys read.

    Raises:
        SchemaMismatch: the data are of a newer version.
        WorkersAlive: nothing more is converted while a worker runs.
        RedisError: Redis was lost; run it again.
    """
    report = Report(read_schema(redis))
    if not report.schema:
        if not dry_run:
            redis.set(SCHEMA_KEY, SCHEMA, nx=True)
        return report
    if not report.schema.isdecimal() or int(report.schema) > SCHEMA:
        raise SchemaMismatch(report.schema)
    steps = range(0 if again else int(report.schema), SCHEMA)
    if steps and not dry_run:
        require_no_worker(redis, queue)
    converter = Converter(
        redis, queue, report, dry_run=dry_run, progress=progress, pseudonyms=pseudonyms
    )
    for number in steps:
        STEPS[number](converter)
        converter.end_step()
        if not dry_run and number >= int(report.schema):
            redis.eval(_SET_NUMBER, 1, SCHEMA_KEY, number + 1)
    return report


def _step_0(converter: Converter) -> None:
    """Records say `request`, jobs `redelivery_count`; a destination's pace is its throttle's."""
    converter.convert_hashes(
        {"relay:record:": _record_0, "rq:job:": _job_0, "relay:valve:": _valve_0}
    )
    converter.rename_key("wakeup", "relay:bell", WAKEUP)


def _step_1(converter: Converter) -> None:
    """Records are split, and listed by state and source; digests of people are keyed."""
    converter.convert_hashes({"relay:record:": partial(record_1, converter.pseudonyms)})
    lanes = partial(_lanes_1, converter)
    converter.convert_keys(
        {"relay:lane:": ("lanes", lanes), "relay:customer:": ("customer_ids", customer_ids_1)}
    )


def _lanes_1(converter: Converter, keys: Sequence[str]) -> dict[str, str]:
    """A lane has the name that its last record says; without one it is empty."""
    with converter.redis.pipeline(transaction=False) as pipeline:
        for key in keys:
            pipeline.get(key)
        last_ids = [(value or b"").decode() for value in pipeline.execute()]
        for record_id in last_ids:
            pipeline.hgetall(record_key(record_id))
        records = pipeline.execute(raise_on_error=False)
    names = {}
    for key, record_id, values in zip(keys, last_ids, records, strict=True):
        name = lane_1(converter.pseudonyms, record_id, values) if values else ""
        names[key] = key if name is None else name
    return names


# The steps by the number of the format that they start from.
STEPS: Final[Mapping[int, Callable[[Converter], None]]] = {0: _step_0, 1: _step_1}

_THROTTLE_FIELDS: Final = {
    "shut": "open_until",
    "trial": "half_open",
    "tripped": "opened_until",
    "trips": "open_count",
    "slowed": "slowed_at",
}


def _record_0(record_id: str, values: Mapping[bytes, bytes]) -> Conversion:
    if b"route" in values and not values.keys() & {b"event", b"delivery", b"request"}:
        return Conversion("")  # in a later format already
    renames = {"delivery": "request"} if b"delivery" in values else {}
    if renames and b"request" in values:
        raise Unconvertible("two_requests")
    for name in (b"state", b"event"):
        if not values.get(name):
            raise Unconvertible(f"no_{name.decode()}")
    converted = {renames.get(name.decode(), name.decode()): value for name, value in values.items()}
    record = read_record_1(record_id, converted)
    log = _log_0(values.get(b"log", b""))
    changed = {"log": log} if log != values.get(b"log", b"") else {}
    return Conversion(record.state.value, renames, changed)


def _log_0(log: bytes) -> bytes:
    try:
        return b"\n".join(_entry_0(line) for line in log.split(b"\n")) if log else log
    except (ValueError, AttributeError):  # not JSON, or not an object
        raise Unconvertible("unreadable_log") from None


def _entry_0(line: bytes) -> bytes:
    entry: dict[str, Any] = json.loads(line)
    if entry.get("takeovers") is None:
        return line
    names = {"takeovers": "redelivery_count"}
    new = {names.get(name, name): value for name, value in entry.items()}
    return json.dumps(new, separators=(",", ":")).encode()


def _job_0(_job_id: str, values: Mapping[bytes, bytes]) -> Conversion:
    return Conversion("jobs", {"takeovers": "redelivery_count"} if b"takeovers" in values else {})


def _valve_0(destination: str, values: Mapping[bytes, bytes]) -> Conversion:
    fields = {old: new for old, new in _THROTTLE_FIELDS.items() if old.encode() in values}
    return Conversion("throttles", fields, new_key=f"relay:throttle:{destination}")
