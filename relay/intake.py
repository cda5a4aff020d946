"""The one room that writes a record and its job together: accept, replay, revive.

Accepting a delivery is one script in one round trip: de-dup check, records, open-events index
and RQ jobs of every event in it, all or nothing. A 200 is sent only after it has returned.
Platforms send again what was not answered, so an accept that Redis did but we did not hear of
is answered `duplicate` the next time.

Keys are made per event and not declared to the script: neither RQ nor we run on a cluster.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final, Literal, cast

from redis import Redis, RedisError
from rq import Queue
from ulid import ULID

from config.settings import Settings
from relay import queue as rq_queue
from relay.contract import Receipt, Source, Status, digest_of
from relay.errors import NotStored
from relay.ledger import COUNTS, GRACE_S, IGNORED, OPEN, Record, record_key, state_key
from relay.model import Call, Delivery, Held, Ignored, State, Translated

_IGNORED_KEPT: Final = 1000

_ACCEPT: Final = """
-- KEYS open, held, counts, ignored, queue, queues
-- ARGV now, backlog cap, de-dup seconds, look again at, source, number of calls, ignored kept,
--      then per item:
--      'call'    seen key, record key, record id, job key, n, n fields, m, m fields
--      'held'    seen key, record key, record id, n, n fields
--      'ignored' n, n fields
local cap = tonumber(ARGV[2])
if redis.call('ZCARD', KEYS[1]) + tonumber(ARGV[6]) > cap then return 'backlog_full' end
local result, counts, i = {}, {}, 8
local function hash(key)
  local n = tonumber(ARGV[i])
  if key then redis.call('HSET', key, unpack(ARGV, i + 1, i + n)) end
  i = i + n + 1
end
while ARGV[i] do
  local kind, status, id = ARGV[i], nil, ''
  if kind == 'ignored' then
    status = kind
    local n = tonumber(ARGV[i + 1])
    redis.call('XADD', KEYS[4], 'MAXLEN', '~', ARGV[7], '*', unpack(ARGV, i + 2, i + 1 + n))
    i = i + n + 2
  else
    local seen, record = ARGV[i + 1], ARGV[i + 2]
    id = ARGV[i + 3]
    local known = redis.call('GET', seen)
    local job = kind == 'call' and ARGV[i + 4] or nil
    i = i + (job and 5 or 4)
    if known then
      status, id = 'duplicate', known
      hash(nil)
      if job then hash(nil) end
    else
      status = job and 'accepted' or 'held'
      redis.call('SET', seen, id, 'EX', ARGV[3])
      hash(record)
      if job then
        hash(job)
        redis.call('ZADD', KEYS[1], ARGV[4], id)
        redis.call('RPUSH', KEYS[5], id)
      else
        redis.call('ZADD', KEYS[2], ARGV[1], id)
      end
    end
  end
  counts[status] = (counts[status] or 0) + 1
  result[#result + 1] = status
  result[#result + 1] = id
end
if counts.accepted then redis.call('SADD', KEYS[6], KEYS[5]) end
for status, n in pairs(counts) do redis.call('HINCRBY', KEYS[3], ARGV[5] .. ':' .. status, n) end
return result
"""

_REQUEUE: Final = """
-- KEYS record, open, queue, queues, intermediate, scheduled
-- ARGV mode ('revive' or 'replay'), id, now, look again at, runs expected, new job id,
--      new job key, n, n job fields, m, m record fields
local state = redis.call('HGET', KEYS[1], 'state')
if not state then
  redis.call('ZREM', KEYS[2], ARGV[2])
  return 'absent'
end
local open = state == 'accepted' or state == 'retrying'
local runs = redis.call('HGET', KEYS[1], 'runs')
local old = redis.call('HGET', KEYS[1], 'job')
if runs ~= ARGV[5] then return 'moved' end
if ARGV[1] == 'replay' then
  if open then return 'open' end
else
  if not open then
    redis.call('ZREM', KEYS[2], ARGV[2])
    return 'settled'
  end
  local due = redis.call('ZSCORE', KEYS[2], ARGV[2])
  if due and tonumber(due) > tonumber(ARGV[3]) then return 'moved' end
  local status = redis.call('HGET', 'rq:job:' .. old, 'status')
  if status == 'queued' then
    -- Popped by a worker that died before it began; put back in front.
    if redis.call('LREM', KEYS[5], 0, old) > 0 then
      redis.call('LPUSH', KEYS[3], old)
      redis.call('ZADD', KEYS[2], ARGV[4], ARGV[2])
      return 'returned'
    end
    -- Searching a long list would hold up everybody; a lost one is found when it is short.
    if redis.call('LLEN', KEYS[3]) > 1000 or redis.call('LPOS', KEYS[3], old) then
      -- The longer the list, the later: looking at who waits must not cost who is lost.
      redis.call('ZADD', KEYS[2], tonumber(ARGV[4]) + redis.call('LLEN', KEYS[3]) / 20, ARGV[2])
      return 'waiting'
    end
  elseif status == 'scheduled' and redis.call('ZSCORE', KEYS[6], old) then
    redis.call('ZADD', KEYS[2], ARGV[4], ARGV[2])
    return 'waiting'
  end
end
redis.call('DEL', 'rq:job:' .. old)
redis.call('LREM', KEYS[5], 0, old)
redis.call('ZREM', KEYS[6], old)
local n = tonumber(ARGV[8])
redis.call('HSET', ARGV[7], unpack(ARGV, 9, 8 + n))
redis.call('HSET', KEYS[1], unpack(ARGV, 10 + n))
redis.call('HINCRBY', KEYS[1], 'runs', 1)
redis.call('HDEL', KEYS[1], 'lease', 'holder')
redis.call('HDEL', KEYS[1], 'answer', 'settled_at')
redis.call('PERSIST', KEYS[1])
redis.call('PERSIST', 'relay:attempts:' .. ARGV[2])
if not open then redis.call('ZREM', 'relay:state:' .. state, ARGV[2]) end
redis.call('ZADD', KEYS[2], ARGV[4], ARGV[2])
redis.call('RPUSH', KEYS[3], ARGV[6])
redis.call('SADD', KEYS[4], KEYS[3])
return 'requeued'
"""

Requeued = Literal["requeued", "returned", "waiting", "settled", "moved", "open", "absent"]


class Intake:
    """Writes records and jobs. Safe to share between threads."""

    def __init__(self, redis: Redis, queue: Queue, *, dedup_s: int, backlog_max: int) -> None:
        self._queue = queue
        self._dedup_s = dedup_s
        self._backlog_max = backlog_max
        self._accept = redis.register_script(_ACCEPT)
        self._requeue = redis.register_script(_REQUEUE)

    @classmethod
    def open(cls, queue: Queue, settings: Settings) -> "Intake":
        return cls(
            queue.connection, queue, dedup_s=settings.dedup_s, backlog_max=settings.backlog_max
        )

    def accept(
        self, delivery: Delivery, source: Source, items: Sequence[Translated], now: datetime
    ) -> Receipt:
        """Keep every item of a delivery, or none.

        Raises:
            NotStored: Redis cannot be reached or refuses, or too many events are waiting.
        """
        at = now.timestamp()
        calls = sum(isinstance(item, Call) for item in items)
        args: list[Any] = [
            at, self._backlog_max, self._dedup_s, at + GRACE_S, source.name, calls, _IGNORED_KEPT,
        ]  # fmt: skip
        headers = json.dumps(source.platform.kept_headers(delivery, source.options))
        for item in items:
            args += self._arguments(headers, source, item, now)
        keys = [
            OPEN, state_key(State.HELD), COUNTS, IGNORED, self._queue.key, Queue.redis_queues_keys,
        ]  # fmt: skip
        try:
            answer: Any = self._accept(keys=keys, args=args)
        except RedisError as error:
            raise NotStored from error
        if answer == b"backlog_full":
            raise NotStored("backlog_full")
        texts = [part.decode() for part in answer]
        statuses = cast("tuple[Status, ...]", tuple(texts[::2]))
        return Receipt(statuses, tuple(texts[1::2]))

    def _arguments(
        self, headers: str, source: Source, item: Translated, now: datetime
    ) -> list[Any]:
        if isinstance(item, Ignored):
            entry = {
                "at": now.isoformat(timespec="seconds"),
                "source": source.name,
                "topic": item.topic[:100],
                "type": item.event_type,
                "reason": item.reason,
            }
            return ["ignored", *_counted(entry)]
        record_id = str(ULID.from_datetime(now))
        seen = f"relay:seen:{source.name}:{digest_of(item.key)}"
        shared = {
            "source": source.name,
            "platform": source.platform.name,
            "topic": item.topic,
            "type": item.event_type,
            "destination": source.destination.name,
            "accepted_at": now.timestamp(),
            "key": item.key,
            "runs": 1,
            "job": record_id,
            "raw": item.raw,
            "headers": headers,
        }
        if isinstance(item, Held):
            fields = shared | {
                "state": State.HELD.value,
                "reason": item.reason,
                "reasons": json.dumps(item.reasons),
            }
            return ["held", seen, record_key(record_id), record_id, *_counted(fields)]
        text = rq_queue.description(source.name, item.topic, item.destination, record_id)
        job = rq_queue.job_fields(self._queue, record_id, record_id, text, now)
        fields = shared | {"state": State.ACCEPTED.value, **call_fields(item)}
        return [
            "call", seen, record_key(record_id), record_id, rq_queue.job_key(record_id),
            *_counted(fields), *_counted(job),
        ]  # fmt: skip

    def replay(self, record: Record, call: Call | None = None) -> Requeued:
        """Send a settled record again, with a new call if it has been mapped anew."""
        fields: dict[str, Any] = {"state": State.ACCEPTED.value, "attempts": 0, "reason": ""}
        if call is not None:
            fields |= call_fields(call) | {
                "type": call.event_type,
                "destination": call.destination,
                "reasons": "{}",
            }
        return self._requeued("replay", record, fields)

    def revive(self, record: Record) -> Requeued:
        """Give an open record a new job if its present one is lost."""
        return self._requeued("revive", record, {})

    def _requeued(
        self, mode: Literal["revive", "replay"], record: Record, fields: Mapping[str, Any]
    ) -> Requeued:
        now = time.time()
        job_id = f"{record.id}-r{record.runs + 1}"
        text = rq_queue.description(record.source, record.topic, record.destination, record.id)
        job = rq_queue.job_fields(
            self._queue, job_id, record.id, text, datetime.fromtimestamp(now, UTC)
        )
        queue = self._queue
        answer: Any = self._requeue(
            keys=[
                record_key(record.id), OPEN, queue.key, Queue.redis_queues_keys,
                queue.intermediate_queue_key, queue.scheduled_job_registry.key,
            ],
            args=[
                mode, record.id, now, now + GRACE_S, record.runs, job_id,
                rq_queue.job_key(job_id), *_counted(job), *_counted({**fields, "job": job_id}),
            ],
        )  # fmt: skip
        return cast("Requeued", answer.decode())


def call_fields(call: Call) -> dict[str, Any]:
    """A call as a record holds it."""
    customer = {name: value for name, value in asdict(call.customer).items() if value}
    return {
        "occurred_at": call.occurred_at.timestamp(),
        "customer": json.dumps(customer, ensure_ascii=False),
        "body": json.dumps(call.body, ensure_ascii=False),
        "drops": json.dumps(dict(call.drops)),
    }


def _counted(fields: Mapping[str, Any]) -> list[Any]:
    """Fields and values in a row, after how many there are."""
    flat = [part for pair in fields.items() for part in pair]
    return [len(flat), *flat]
