"""What is true of every record: its state, its call, its attempts. Kept in Redis.

    accepted -> delivered | retrying | held | dead | discarded
    retrying -> delivered | retrying | held | dead | discarded
    held, dead, discarded, delivered -> accepted     (a person replays)
    held, dead -> discarded                          (a person does not want it)

A record is a hash `relay:record:<id>`. Open records (accepted, retrying) are in the sorted set
`relay:open`, scored by the moment at which somebody must look whether their job still lives;
the others are in `relay:state:<state>`, scored by when they got there. Held and dead records stay
until a person acts; delivered and discarded ones expire. The open records of one customer at one
destination form a lane (`relay/lua/lanes.lua`): they go out one at a time, in order.

Every change of state is one script: it happens whole or not at all. An attempt is written down
only if no other has been since it began, but for one that delivered: that is a fact.
"""

import base64
import hashlib
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, cast

from redis import Redis
from rq.utils import utcformat

from config.settings import Settings
from relay import lua
from relay.model import OPEN_STATES, Customer, Outcome, State, Verdict
from relay.record import Record, read_record

OPEN: Final = "relay:open"
COUNTS: Final = "relay:counts"
IGNORED: Final = "relay:ignored"
# How long after a due moment an open record's job is given before somebody looks for it.
GRACE_S: Final = 60.0
_LOG_KEPT_BYTES: Final = 16_384
_TO_DELIVER: Final = ("state", "event", "body", "attempts")
_STATES: Final[Mapping[Verdict, State | None]] = {
    Verdict.DELIVERED: State.DELIVERED,
    Verdict.RETRY: State.RETRYING,
    Verdict.DEAD: State.DEAD,
    Verdict.HELD: State.HELD,
    Verdict.DISCARDED: State.DISCARDED,
    Verdict.PAUSED: None,  # the attempt does not count
}


def record_key(record_id: str) -> str:
    return f"relay:record:{record_id}"


def state_key(state: str) -> str:
    return f"relay:state:{state}"


def lane_key(destination: str, customer: Customer) -> str:
    """A customer's lane, named by what the call knows them by; no key in Redis names a person."""
    reference = customer.customer_id or customer.phone or customer.email.lower()
    return f"relay:lane:{short_digest(destination, reference)}"


def short_digest(*parts: str) -> str:
    """96 bits of the parts: no two keys of ours meet, and Redis holds many of them."""
    text = "\0".join(parts).encode(errors="replace")
    return base64.urlsafe_b64encode(hashlib.sha256(text).digest()[:12]).decode()


@dataclass(frozen=True, slots=True)
class Attempt:
    """What one try to deliver a record came to. `passing` gives the next of its lane way;
    `redelivery_count` is how often a worker died with the record in its hands.
    """

    record: Record
    outcome: Outcome
    took_s: float
    passing: bool = False
    redelivery_count: int = 0
    at: float = field(default_factory=time.time)


class Ledger:
    """Reads and moves records. Making them is `relay/intake.py`'s."""

    def __init__(self, redis: Redis, *, keep_delivered_s: int) -> None:
        self.redis = redis
        self._keep_delivered_s = keep_delivered_s
        self._record_attempts = redis.register_script(lua.script("lanes", "record_attempts"))
        self._discard = redis.register_script(lua.script("discard"))

    @classmethod
    def open(cls, redis: Redis, settings: Settings) -> "Ledger":
        return cls(redis, keep_delivered_s=settings.keep_delivered_s)

    def record_attempts(self, attempts: Sequence[Attempt]) -> list[bool]:
        """Write down what attempts came to, in one step.

        Returns:
            For each, whether it counts; False where another had settled the record meanwhile.
        """
        now = time.time()
        args: list[Any] = [
            now,
            utcformat(datetime.fromtimestamp(now, UTC)),
            self._keep_delivered_s,
            _LOG_KEPT_BYTES,
        ]
        for attempt in attempts:
            args += _settlement(attempt, now)
        answer: Any = self._record_attempts(keys=[OPEN], args=args)
        return [bool(written) for written in answer]

    def discard(self, record_id: str) -> bool:
        """A person says a held or dead record is not wanted; False for any other."""
        return bool(
            self._discard(
                keys=[record_key(record_id), state_key(State.DISCARDED)],
                args=[record_id, time.time(), self._keep_delivered_s],
            )
        )

    def get(self, record_id: str) -> Record | None:
        values = cast("dict[bytes, bytes]", self.redis.hgetall(record_key(record_id)))
        return read_record(record_id, values) if b"state" in values else None

    def to_deliver(self, record_ids: Sequence[str]) -> list[Record | None]:
        """The records, in one round trip and without what came in; None where there is none."""
        with self.redis.pipeline(transaction=False) as pipeline:
            for record_id in record_ids:
                pipeline.hmget(record_key(record_id), _TO_DELIVER)
            rows = cast("list[list[bytes | None]]", pipeline.execute())
        found = [
            {name.encode(): value for name, value in zip(_TO_DELIVER, row, strict=True) if value}
            for row in rows
        ]
        return [
            read_record(record_id, values) if b"state" in values else None
            for record_id, values in zip(record_ids, found, strict=True)
        ]

    def due_in_s(self, record: Record) -> float:
        """How long the next attempt at an open record has to wait, by its latest outcome."""
        score = self.redis.zscore(OPEN, record.id)
        if record.state is not State.RETRYING or score is None:
            return 0.0
        return max(score - GRACE_S - time.time(), 0.0)

    def attempts(self, record_id: str) -> list[dict[str, Any]]:
        """The attempt log, oldest first."""
        log = cast("bytes | None", self.redis.hget(record_key(record_id), "log")) or b""
        return [json.loads(entry) for entry in log.splitlines()]

    def ids(self, states: Iterable[State]) -> Iterator[str]:
        """Record ids in any of the states, oldest first within each index."""
        wanted = set(states)
        indices = [state_key(state) for state in State if state in wanted]
        if wanted & OPEN_STATES:
            indices.append(OPEN)
        for index in indices:
            for record_id in cast("list[bytes]", self.redis.zrange(index, 0, -1)):
                yield record_id.decode()

    def records(
        self, states: Iterable[State], *, source: str = "", limit: int = 100
    ) -> list[Record]:
        """Records in any of the states, newest first."""
        wanted = frozenset(states)
        found: list[Record] = []
        for record_id in sorted(self.ids(wanted), reverse=True):
            record = self.get(record_id)
            if record and record.state in wanted and source in ("", record.source):
                found.append(record)
                if len(found) == limit:
                    break
        return found

    def overdue(self, now: float, limit: int) -> list[str]:
        """Open records whose job somebody must look for."""
        found = self.redis.zrange(OPEN, "-inf", now, byscore=True, offset=0, num=limit)
        return [record_id.decode() for record_id in cast("list[bytes]", found)]

    def forget_expired(self) -> None:
        """Take the records that have expired out of their indices."""
        for state in (State.DELIVERED, State.DISCARDED):
            until = time.time() - self._keep_delivered_s
            self.redis.zremrangebyscore(state_key(state), "-inf", until)

    def look_again(self, record_id: str, at: float) -> None:
        """Leave an open record alone until then."""
        self.redis.zadd(OPEN, {record_id: at}, xx=True)

    def drop_absent(self, record_id: str) -> None:
        """Take an id without a record out of the index of open ones."""
        self.redis.zrem(OPEN, record_id)

    def counts(self) -> dict[str, int]:
        """How many items got each answer, as `source:status`."""
        values = cast("dict[bytes, bytes]", self.redis.hgetall(COUNTS))
        return {name.decode(): int(value) for name, value in sorted(values.items())}

    def ignored(self, limit: int = 100) -> list[dict[str, str]]:
        """The latest ignored items, newest first."""
        entries = cast("list[Any]", self.redis.xrevrange(IGNORED, count=limit))
        return [{k.decode(): v.decode() for k, v in values.items()} for _, values in entries]


def _settlement(attempt: Attempt, now: float) -> list[Any]:
    """One attempt, as the script reads it."""
    record, outcome = attempt.record, attempt.outcome
    state = _STATES[outcome.verdict]
    counted = outcome.verdict is not Verdict.PAUSED
    number = record.attempts + counted
    entry: dict[str, Any] = {
        "attempt": number,
        "at": round(attempt.at, 3),
        "outcome": outcome.verdict.value,
        "reason": outcome.reason,
        "status": outcome.status,
        "ms": round(attempt.took_s * 1000),
        "retry_in_s": round(outcome.delay_s, 1),
        "ambiguous": outcome.ambiguous,
    }
    if attempt.redelivery_count:
        entry["redelivery_count"] = attempt.redelivery_count
    leaves = attempt.passing if state in (None, State.RETRYING) else True
    lane = lane_key(record.destination, record.customer) if leaves else ""
    return [
        record.id,
        record.attempts,
        number,
        state.value if state else "",
        now + outcome.delay_s + GRACE_S,
        lane,
        json.dumps(entry, separators=(",", ":")) if counted else "",
        outcome.reason,
        outcome.answer,
    ]
