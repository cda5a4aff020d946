"""The ledger: the state, the call and the attempt log of every record, in Redis.

    accepted -> delivered | retrying | held | dead | discarded
    retrying -> delivered | retrying | held | dead | discarded
    held, dead, discarded, delivered -> accepted     (an operator replays)
    held, dead, awaiting_lookup -> discarded         (an operator discards, or their time is over)
    awaiting_lookup -> accepted                      (an operator replays)

A record is a hash `relay:record:<id>`. Open records (accepted, retrying) are in the sorted set
`relay:open`, scored by when to check that their job still exists (unix s); the others are in
`relay:state:<state>`, scored by when they entered it; all are in `relay:list:<state>:<source>`, by
id (relay/store/lists.py). Held and dead records, and those that await a look-up, stay until an
operator acts, or for `held_keep_s`; delivered and discarded ones expire. The open records of one
customer at one destination form a lane (`relay/store/lua/lanes.lua`) and are delivered one at a
time, in order.

Every change of state is one script, so it is atomic. The outcome of an attempt is written only if
no other attempt was written since it began and the record was not replayed since: each replay and
each new job begins a run. `delivered` is written late too, unless a replay has mapped the event
anew.
"""

import json
import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final, cast

from redis import Redis

from config.settings import Settings
from relay.model import Outcome, State, Verdict
from relay.store import lists, lua
from relay.store.clock import redis_time
from relay.store.find import find_ids
from relay.store.keys import COUNTS, IGNORED, OPEN, record_key, state_key
from relay.store.lists import Cause, Page
from relay.store.pseudonyms import Pseudonyms
from relay.store.queue import rq_time
from relay.store.record import Record, read_record

# Time (s) between the moment when a job is due and the check that it still exists.
GRACE_S: Final = 60.0
_LOG_MAX_BYTES: Final = 16_384
_DAY_S: Final = 24 * 3600
# Records of one round trip of maintenance.
_AT_ONCE: Final = 500
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

    def __init__(
        self,
        redis: Redis,
        *,
        keep_delivered_s: int,
        held_keep_s: int = 90 * _DAY_S,
        pseudonyms: Pseudonyms | None = None,
    ) -> None:
        self.redis = redis
        self._keep_delivered_s = keep_delivered_s
        self.held_keep_s = held_keep_s
        self._pseudonyms = pseudonyms or Pseudonyms()
        self._record_attempts = redis.register_script(
            lua.script("clock", "lanes", "lists", "record_attempts")
        )
        self._forget = redis.register_script(lua.script("find", "forget"))
        self._discard = redis.register_script(lua.script("lists", "discard"))

    @classmethod
    def open(cls, redis: Redis, settings: Settings) -> "Ledger":
        return cls(
            redis,
            keep_delivered_s=settings.keep_delivered_s,
            held_keep_s=settings.held_keep_s,
            pseudonyms=Pseudonyms.open(settings),
        )

    def now(self) -> float:
        """The moment (unix s) that what is due is compared with; one round trip."""
        return redis_time(self.redis)

    def record_attempts(self, attempts: Sequence[Attempt]) -> list[bool]:
        """Write the outcomes of attempts, atomically; one round trip.

        Returns:
            For each, whether the outcome was written; False if another attempt was written first or
            the record has been replayed since.
        """
        args: list[Any] = [
            rq_time(datetime.now(UTC)),
            self._keep_delivered_s + _DAY_S,
            _LOG_MAX_BYTES,
        ]
        for attempt in attempts:
            args += _attempt_arguments(attempt)
        answer: Any = self._record_attempts(keys=[OPEN], args=args)
        return [bool(flag) for flag in answer]

    def discard(self, record: Record, reason: str = "", *, since_s: float = math.inf) -> bool:
        """Discard a record that waits for a person, since before `since_s` (unix s).

        False for a record in any other state.
        """
        return bool(
            self._discard(
                keys=[record_key(record.id), state_key(State.DISCARDED)],
                args=[
                    record.id,
                    self.now(),
                    self._keep_delivered_s + _DAY_S,
                    record.source,
                    reason,
                    since_s,
                ],
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

    def held_for(self, reason: str, tried_before: float) -> Iterator[tuple[str, float]]:
        """Ids of records that are held for a reason and were last tried before a moment (unix s),
        and since when each has been held.
        """
        all_ids = self.ids([State.HELD], reason=reason)
        while ids := list(islice(all_ids, _AT_ONCE)):
            with self.redis.pipeline(transaction=False) as pipeline:
                pipeline.zmscore(state_key(State.HELD), ids)
                for record_id in ids:
                    pipeline.hget(record_key(record_id), "settled_at")
                since, *tried_at = pipeline.execute()
            for record_id, since_s, at in zip(ids, since, tried_at, strict=True):
                if since_s is not None and float(at or since_s) <= tried_before:
                    yield record_id, since_s

    def due_in_s(self, record: Record) -> float:
        """Seconds until the next attempt at a retrying record is due, 0 for other states."""
        score = self.redis.zscore(OPEN, record.id)
        if record.state is not State.RETRYING or score is None:
            return 0.0
        return max(score - GRACE_S - self.now(), 0.0)

    def attempts(self, record_id: str) -> list[dict[str, Any]]:
        """The attempt log, oldest first."""
        log = cast("bytes | None", self.redis.hget(record_key(record_id), "log")) or b""
        return [json.loads(entry) for entry in log.splitlines()]

    def list(
        self,
        states: Iterable[State],
        *,
        source: str = "",
        reason: str = "",
        since_s: float = 0.0,
        before: str = "",
        limit: int = 50,
    ) -> Page:
        """A page of the records in any of the states, newest first; three round trips.

        An empty `source` means all. A `reason` selects those that wait for a person for this cause.
        Without `before` it is the first page, with the `next` of a page the one after it. `since_s`
        (unix s) leaves out what was accepted earlier.
        """
        selected = tuple(dict.fromkeys(states))
        keys = self._lists(selected, source, reason)
        return lists.page_of(
            self.redis, keys, selected, before=before, since_s=since_s, limit=limit
        )

    def ids(
        self,
        states: Iterable[State],
        *,
        source: str = "",
        reason: str = "",
        since_s: float = 0.0,
    ) -> Iterator[str]:
        """The ids of all records in any of the states, oldest first, read a page at a time."""
        yield from lists.all_ids(self.redis, self._lists(states, source, reason), since_s=since_s)

    def _lists(self, states: Iterable[State], source: str, reason: str) -> Sequence[str]:
        sources = [source] if source else lists.known_sources(self.redis)
        return lists.keys_of(tuple(dict.fromkeys(states)), sources, reason)

    def ids_beginning(self, text: str, limit: int = 20) -> Sequence[str]:
        """At most `limit` ids that begin with the text, in order."""
        return lists.ids_beginning(self.redis, text, limit)

    def find(self, text: str, limit: int = 20) -> Sequence[str]:
        """At most `limit` ids of events by order number, phone or e-mail, newest first.

        A phone needs its country code.
        """
        names = self._pseudonyms.destinations
        return find_ids(self.redis, self._pseudonyms, names, text, limit)

    def causes(self) -> Sequence[Cause]:
        """Why events wait for a person, the most frequent first."""
        return lists.causes(self.redis)

    def drop_old(self) -> int:
        """Discard what has waited for a person for `held_keep_s`; how many there were."""
        dropped, since_s = 0, self.now() - self.held_keep_s
        for record_id, state in lists.due_to_drop(self.redis, since_s, _AT_ONCE):
            if record := self.get(record_id):
                dropped += self.discard(record, "kept_too_long", since_s=since_s)
            else:
                self.redis.zrem(state_key(state), record_id)
        return dropped

    def dropped_within(self, seconds: float) -> tuple[int, float]:
        """How many events will be dropped within so many seconds, and when the first will."""
        count, since_s = lists.dropped_next(self.redis, self.now() - self.held_keep_s + seconds)
        return count, since_s + self.held_keep_s if count else 0.0

    def overdue(self, now: float, limit: int) -> Sequence[str]:
        """At most `limit` ids of open records whose check was due by `now` (unix s)."""
        ids = self.redis.zrange(OPEN, "-inf", now, byscore=True, offset=0, num=limit)
        return [record_id.decode() for record_id in cast("list[bytes]", ids)]

    def forget_expired(self) -> None:
        """Remove records that have been delivered or discarded for long, and all that names them.

        A record expires a day later in any case, should no worker run.
        """
        until = self.now() - self._keep_delivered_s
        sources = lists.known_sources(self.redis)
        for state in (State.DELIVERED, State.DISCARDED):
            args: list[Any] = [state.value, until, _AT_ONCE, *sources]
            while self._forget(keys=[state_key(state)], args=args) == _AT_ONCE:
                pass

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

    def ignored(self, limit: int = 100) -> Sequence[dict[str, str]]:
        """The latest ignored items, newest first."""
        entries = cast("list[Any]", self.redis.xrevrange(IGNORED, count=limit))
        return [{k.decode(): v.decode() for k, v in values.items()} for _, values in entries]


def _attempt_arguments(attempt: Attempt) -> list[Any]:
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
        outcome.delay_s + GRACE_S,
        1 if leaves else "",
        json.dumps(entry, separators=(",", ":")) if counts else "",
        outcome.reason,
        outcome.answer,
        record.source,
    ]
