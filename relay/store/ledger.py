"""The ledger: the state, the call and the attempt log of every record, in Redis.

    accepted -> delivered | retrying | held | dead | discarded
    retrying -> delivered | retrying | held | dead | discarded
    held, dead, discarded, delivered -> accepted     (an operator replays)
    held, dead -> discarded                          (an operator discards)

A record is a hash `relay:record:<id>`. Open records (accepted, retrying) are in the sorted set
`relay:open`, scored by when to check that their job still exists (unix s); the others are in
`relay:state:<state>`, scored by when they entered it. Held and dead records stay until an operator
acts; delivered and discarded ones expire. The open records of one customer at one destination form
a lane (`relay/store/lua/lanes.lua`) and are delivered one at a time, in order.

Every change of state is one script, so it is atomic. The outcome of an attempt is written only if
no other attempt was written since it began and the record was not replayed since: each replay and
each new job begins a run. `delivered` is written late too, unless a replay has mapped the event
anew.
"""

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, cast

from redis import Redis
from rq.utils import utcformat

from config.settings import Settings
from relay.model import OPEN_STATES, Outcome, State, Verdict
from relay.store import lua
from relay.store.keys import COUNTS, IGNORED, OPEN, record_key, state_key
from relay.store.record import Record, read_record

# Time (s) between the moment when a job is due and the check that it still exists.
GRACE_S: Final = 60.0
_LOG_MAX_BYTES: Final = 16_384
_DELIVERY_FIELDS: Final = (
    b"state",
    b"route",
    b"customer",
    b"body",
    b"attempts",
    b"runs",
)
_STATES: Final[Mapping[Verdict, State | None]] = {
    Verdict.DELIVERED: State.DELIVERED,
    Verdict.RETRY: State.RETRYING,
    Verdict.DEAD: State.DEAD,
    Verdict.HELD: State.HELD,
    Verdict.DISCARDED: State.DISCARDED,
    Verdict.PAUSED: None,  # the attempt does not count
}


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to deliver a record.

    `releases_lane`: with relaxed ordering, a retrying record releases the next of its lane.
    `redelivery_count`: number of earlier workers that lost the lease on this job. `took_s` is the
    duration; `at` the end (unix s), which tells two attempts with equal outcomes apart in the log.
    """

    record: Record
    outcome: Outcome
    took_s: float
    releases_lane: bool = False
    redelivery_count: int = 0
    at: float = field(default_factory=time.time)


class Ledger:
    """Reads records and changes their states; `JobStore` creates them. Thread-safe."""

    def __init__(self, redis: Redis, *, keep_delivered_s: int) -> None:
        self.redis = redis
        self._keep_delivered_s = keep_delivered_s
        self._record_attempts = redis.register_script(
            lua.script("lanes", "lists", "record_attempts")
        )
        self._discard = redis.register_script(lua.script("lists", "discard"))

    @classmethod
    def open(cls, redis: Redis, settings: Settings) -> "Ledger":
        return cls(redis, keep_delivered_s=settings.keep_delivered_s)

    def record_attempts(self, attempts: Sequence[Attempt]) -> list[bool]:
        """Write the outcomes of attempts, atomically; one round trip.

        Returns:
            For each, whether the outcome was written; False if another attempt was written first or
            the record has been replayed since.
        """
        now = time.time()
        args: list[Any] = [
            now,
            utcformat(datetime.fromtimestamp(now, UTC)),
            self._keep_delivered_s,
            _LOG_MAX_BYTES,
        ]
        for attempt in attempts:
            args += _attempt_arguments(attempt, now)
        answer: Any = self._record_attempts(keys=[OPEN], args=args)
        return [bool(flag) for flag in answer]

    def discard(self, record: Record, reason: str = "") -> bool:
        """Discard a record that waits for a person; False for a record in any other state."""
        return bool(
            self._discard(
                keys=[record_key(record.id), state_key(State.DISCARDED)],
                args=[record.id, time.time(), self._keep_delivered_s, record.source, reason],
            )
        )

    def get(self, record_id: str) -> Record | None:
        """Read one whole record, request included; one round trip."""
        values = cast("dict[bytes, bytes]", self.redis.hgetall(record_key(record_id)))
        return read_record(record_id, values) if b"state" in values else None

    def to_deliver(self, record_ids: Sequence[str]) -> list[Record | None]:
        """Read what a delivery needs of records, in one round trip; None for absent records."""
        with self.redis.pipeline(transaction=False) as pipeline:
            for record_id in record_ids:
                pipeline.hmget(record_key(record_id), _DELIVERY_FIELDS)
            rows = cast("list[list[bytes | None]]", pipeline.execute())
        hashes = [
            {name: value for name, value in zip(_DELIVERY_FIELDS, row, strict=True) if value}
            for row in rows
        ]
        return [
            read_record(record_id, values) if b"state" in values else None
            for record_id, values in zip(record_ids, hashes, strict=True)
        ]

    def due_in_s(self, record: Record) -> float:
        """Seconds until the next attempt at a retrying record is due, 0 for other states."""
        score = self.redis.zscore(OPEN, record.id)
        if record.state is not State.RETRYING or score is None:
            return 0.0
        return max(score - GRACE_S - time.time(), 0.0)

    def attempts(self, record_id: str) -> list[dict[str, Any]]:
        """The attempt log, oldest first."""
        log = cast("bytes | None", self.redis.hget(record_key(record_id), "log")) or b""
        return [json.loads(entry) for entry in log.splitlines()]

    def ids(self, states: Iterable[State]) -> Iterator[str]:
        """All record ids in any of the states, oldest first within each index.

        Reads the whole index of each state; `accepted` and `retrying` share one index, so the ids
        of both come with either.
        """
        selected = set(states)
        indices = [state_key(state) for state in State if state in selected]
        if selected & OPEN_STATES:
            indices.append(OPEN)
        for index in indices:
            for record_id in cast("list[bytes]", self.redis.zrange(index, 0, -1)):
                yield record_id.decode()

    def records(
        self, states: Iterable[State], *, source: str = "", limit: int = 100
    ) -> list[Record]:
        """At most `limit` records in any of the states, newest first.

        O(all records): it reads every id of these states, then one record per round trip until
        `limit` match, which with a rare `source` may be all.
        """
        selected = frozenset(states)
        records: list[Record] = []
        for record_id in sorted(self.ids(selected), reverse=True):
            record = self.get(record_id)
            if record and record.state in selected and source in ("", record.source):
                records.append(record)
                if len(records) == limit:
                    break
        return records

    def overdue(self, now: float, limit: int) -> list[str]:
        """At most `limit` ids of open records whose check was due by `now` (unix s)."""
        ids = self.redis.zrange(OPEN, "-inf", now, byscore=True, offset=0, num=limit)
        return [record_id.decode() for record_id in cast("list[bytes]", ids)]

    def forget_expired(self) -> None:
        """Remove records that have expired from the indices of delivered and discarded."""
        for state in (State.DELIVERED, State.DISCARDED):
            until = time.time() - self._keep_delivered_s
            self.redis.zremrangebyscore(state_key(state), "-inf", until)

    def postpone_check(self, record_id: str, at: float) -> None:
        """Set when the job of an open record is checked next (unix s)."""
        self.redis.zadd(OPEN, {record_id: at}, xx=True)

    def drop_absent(self, record_id: str) -> None:
        """Remove an id that has no record from the index of open records."""
        self.redis.zrem(OPEN, record_id)

    def counts(self) -> dict[str, int]:
        """Number of items by answer, as `source:status`, ignored ones also as
        `source:ignored:reason`; never reset.
        """
        values = cast("dict[bytes, bytes]", self.redis.hgetall(COUNTS))
        return {name.decode(): int(value) for name, value in sorted(values.items())}

    def ignored(self, limit: int = 100) -> list[dict[str, str]]:
        """The latest ignored items, newest first."""
        entries = cast("list[Any]", self.redis.xrevrange(IGNORED, count=limit))
        return [{k.decode(): v.decode() for k, v in values.items()} for _, values in entries]


def _attempt_arguments(attempt: Attempt, now: float) -> list[Any]:
    """The arguments of one attempt, as `record_attempts.lua` takes them."""
    record, outcome = attempt.record, attempt.outcome
    state = _STATES[outcome.verdict]
    counts = outcome.verdict is not Verdict.PAUSED
    number = record.attempts + counts
    entry: dict[str, Any] = {
        "attempt": number,
        "at": round(attempt.at, 6),
        "outcome": outcome.verdict.value,
        "reason": outcome.reason,
        "status": outcome.status,
        "ms": round(attempt.took_s * 1000),
        "retry_in_s": round(outcome.delay_s, 1),
        "ambiguous": outcome.ambiguous,
    }
    if attempt.redelivery_count:
        entry["redelivery_count"] = attempt.redelivery_count
    leaves = attempt.releases_lane if state in (None, State.RETRYING) else True
    return [
        record.id,
        record.runs,
        record.attempts,
        number,
        state.value if state else "",
        now + outcome.delay_s + GRACE_S,
        1 if leaves else "",
        json.dumps(entry, separators=(",", ":")) if counts else "",
        outcome.reason,
        outcome.answer,
        record.source,
    ]
