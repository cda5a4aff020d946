"""What is true of every record: its state, its call, its attempts. Kept in Redis.

    accepted -> delivered | retrying | held | dead | discarded
    retrying -> delivered | retrying | held | dead | discarded
    held, dead, discarded, delivered -> accepted     (a person replays)
    held, dead -> discarded                          (a person does not want it)

A record is a hash `relay:record:<id>`. Open records (accepted, retrying) are in the sorted set
`relay:open`, scored by the moment at which somebody must look whether their job still lives;
the others are in `relay:state:<state>`, scored by when they got there. A worker owns a record
while it holds its lease. Held and dead records stay until a person acts; delivered and discarded
ones expire.

Every change of state is one script: it happens whole or not at all, and a late worker cannot
undo what a later one has settled.
"""

import json
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar, cast

from redis import Redis

from config.settings import Settings
from relay.model import Customer, Outcome, State, Verdict

_T = TypeVar("_T")
OPEN: Final = "relay:open"
COUNTS: Final = "relay:counts"
IGNORED: Final = "relay:ignored"
# How long after a due moment an open record's job is given before somebody looks for it.
GRACE_S: Final = 60.0
_KEPT_ATTEMPTS: Final = 50
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


def attempts_key(record_id: str) -> str:
    return f"relay:attempts:{record_id}"


def state_key(state: str) -> str:
    return f"relay:state:{state}"


@dataclass(frozen=True, slots=True)
class Record:
    """A record as read. Times are unix seconds; `raw` and `headers` are there until it is
    delivered or discarded: from them it can be read and mapped anew.

    `fault` names a field that could not be read (written by another version, say): such a record
    is kept and shown, but not sent.
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
    drops: Mapping[str, str] = field(default_factory=dict)
    answer: str = ""
    settled_at: float = 0.0
    raw: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """A record in this worker's hands until the lease ends; `token` proves it."""

    record: Record
    token: str


_CLAIM: Final = """
local state = redis.call('HGET', KEYS[1], 'state')
if state ~= 'accepted' and state ~= 'retrying' then return state or 'absent' end
local now = tonumber(ARGV[1])
local lease = tonumber(redis.call('HGET', KEYS[1], 'lease') or '0')
if lease > now then return tostring(lease) end
local till = ARGV[2]
redis.call('HSET', KEYS[1], 'lease', till, 'holder', ARGV[3])
redis.call('ZADD', KEYS[2], till, ARGV[4])
return redis.call('HGETALL', KEYS[1])
"""

_SETTLE: Final = """
-- KEYS record, open, attempts, index of the new state
-- ARGV token, id, new state ('' keeps it), now, look again at, keep for (s, 0 for ever), entry,
--      kept entries, then fields to set
local state = redis.call('HGET', KEYS[1], 'state')
if not state then return 0 end
if ARGV[7] ~= '' then
  redis.call('RPUSH', KEYS[3], ARGV[7])
  redis.call('LTRIM', KEYS[3], -tonumber(ARGV[8]), -1)
end
local new, keep = ARGV[3], tonumber(ARGV[6])
if state ~= 'accepted' and state ~= 'retrying' then return 0 end
if redis.call('HGET', KEYS[1], 'holder') ~= ARGV[1] and new ~= 'delivered' then return 0 end
redis.call('HDEL', KEYS[1], 'lease', 'holder')
if new ~= '' then redis.call('HSET', KEYS[1], 'state', new) end
if #ARGV > 8 then redis.call('HSET', KEYS[1], unpack(ARGV, 9)) end
if new == '' or new == 'retrying' then
  redis.call('ZADD', KEYS[2], ARGV[5], ARGV[2])
  return 1
end
redis.call('ZREM', KEYS[2], ARGV[2])
redis.call('ZADD', KEYS[4], ARGV[4], ARGV[2])
if keep > 0 then
  redis.call('HDEL', KEYS[1], 'raw', 'headers')
  redis.call('EXPIRE', KEYS[1], keep)
  redis.call('EXPIRE', KEYS[3], keep)
  redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', tonumber(ARGV[4]) - keep)
end
return 1
"""

_DISCARD: Final = """
-- KEYS record, index of discarded, attempts; ARGV id, now, keep for
local state = redis.call('HGET', KEYS[1], 'state')
if state ~= 'held' and state ~= 'dead' then return 0 end
redis.call('HSET', KEYS[1], 'state', 'discarded', 'settled_at', ARGV[2])
redis.call('HDEL', KEYS[1], 'raw', 'headers')
redis.call('ZREM', 'relay:state:' .. state, ARGV[1])
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[3])
redis.call('EXPIRE', KEYS[3], ARGV[3])
return 1
"""


class Ledger:
    """Reads and moves records. Making them is `relay/intake.py`'s."""

    def __init__(self, redis: Redis, *, lease_s: float, keep_delivered_s: int) -> None:
        self.redis = redis
        self._lease_s = lease_s
        self._keep_delivered_s = keep_delivered_s
        self._claim = redis.register_script(_CLAIM)
        self._settle = redis.register_script(_SETTLE)
        self._discard = redis.register_script(_DISCARD)

    @classmethod
    def open(cls, redis: Redis, settings: Settings) -> "Ledger":
        return cls(redis, lease_s=settings.lease_s, keep_delivered_s=settings.keep_delivered_s)

    def claim(self, record_id: str) -> Claim | State | float | None:
        """Take a record for as long as the lease runs.

        Returns:
            The claim; the state it is in, if that is not open any more; the seconds until the
            present owner's lease ends; None if there is no such record.
        """
        now, token = time.time(), secrets.token_hex(8)
        answer: Any = self._claim(
            keys=[record_key(record_id), OPEN],
            args=[now, now + self._lease_s, token, record_id],
        )
        if isinstance(answer, list):
            return Claim(
                _record(record_id, dict(zip(answer[::2], answer[1::2], strict=True))), token
            )
        text = answer.decode()
        if text == "absent":
            return None
        return State(text) if text in tuple(State) else max(float(text) - now, 1.0)

    def settle(self, claim: Claim, outcome: Outcome, *, took_s: float, now: float) -> bool:
        """Write down what an attempt came to; False if another worker had settled it already."""
        record, verdict = claim.record, outcome.verdict
        state = _STATES[verdict]
        counted = verdict is not Verdict.PAUSED
        attempt = record.attempts + 1 if counted else record.attempts
        entry = {
            "attempt": attempt,
            "at": round(now, 3),
            "outcome": verdict.value,
            "reason": outcome.reason,
            "status": outcome.status,
            "ms": round(took_s * 1000),
            "retry_in_s": round(outcome.delay_s, 1),
            "ambiguous": outcome.ambiguous,
        }
        fields: dict[str, Any] = {"attempts": attempt, "reason": outcome.reason}
        if outcome.answer:
            fields["answer"] = outcome.answer
        if state not in (None, State.RETRYING):
            fields["settled_at"] = now
        kept = state in (State.DELIVERED, State.DISCARDED)
        return bool(
            self._settle(
                keys=[
                    record_key(record.id),
                    OPEN,
                    attempts_key(record.id),
                    state_key(state or "none"),
                ],
                args=[
                    claim.token,
                    record.id,
                    state.value if state else "",
                    now,
                    now + outcome.delay_s + GRACE_S,
                    self._keep_delivered_s if kept else 0,
                    json.dumps(entry) if counted else "",
                    _KEPT_ATTEMPTS,
                    *(part for pair in fields.items() for part in pair),
                ],
            )
        )

    def discard(self, record_id: str) -> bool:
        """A person says a held or dead record is not wanted; False for any other."""
        return bool(
            self._discard(
                keys=[
                    record_key(record_id),
                    state_key(State.DISCARDED),
                    attempts_key(record_id),
                ],
                args=[record_id, time.time(), self._keep_delivered_s],
            )
        )

    def get(self, record_id: str) -> Record | None:
        values = cast("dict[bytes, bytes]", self.redis.hgetall(record_key(record_id)))
        return _record(record_id, values) if b"state" in values else None

    def attempts(self, record_id: str) -> list[dict[str, Any]]:
        """The attempt log, oldest first."""
        entries = cast("list[bytes]", self.redis.lrange(attempts_key(record_id), 0, -1))
        return [json.loads(entry) for entry in entries]

    def ids(self, states: Iterable[State]) -> Iterator[str]:
        """Record ids in any of the states, oldest first within each index."""
        wanted = set(states)
        indices = [state_key(state) for state in State if state in wanted]
        if wanted & {State.ACCEPTED, State.RETRYING}:
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


def _record(record_id: str, values: Mapping[bytes, bytes]) -> Record:
    faults: list[str] = []

    def text(name: str) -> str:
        return values.get(name.encode(), b"").decode()

    def read(name: str, make: Callable[[str], _T], otherwise: _T) -> _T:
        try:
            return make(text(name)) if text(name) else otherwise
        except (ValueError, TypeError):
            faults.append(name)
            return otherwise

    return Record(
        id=record_id,
        state=State(text("state")),
        source=text("source"),
        platform=text("platform"),
        topic=text("topic"),
        event_type=text("type"),
        destination=text("destination"),
        accepted_at=read("accepted_at", float, 0.0),
        occurred_at=read("occurred_at", float, 0.0),
        key=text("key"),
        customer=read("customer", lambda found: Customer(**_object(found)), Customer()),
        body=read("body", _object, {}),
        attempts=read("attempts", int, 0),
        runs=read("runs", int, 0),
        reason=text("reason"),
        reasons=read("reasons", _object, {}),
        drops=read("drops", _object, {}),
        answer=text("answer"),
        settled_at=read("settled_at", float, 0.0),
        raw=values.get(b"raw", b""),
        headers=read("headers", _object, {}),
        fault=faults[0] if faults else "",
    )


def _object(text: str) -> dict[str, Any]:
    found = json.loads(text)
    if not isinstance(found, dict):
        raise TypeError("expected an object")
    return found
