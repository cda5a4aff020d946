"""The net under RQ: due retries are queued, and records whose job was lost get a new one.

RQ can lose a job between two of its own steps when a worker dies. The ledger cannot: an open
record that nobody has touched in time is looked at here. Both passes may run in every worker at
once; each step is one script.
"""

import time
from typing import Any, Final

import structlog
from rq import Queue
from rq.utils import now, utcformat

from relay.intake import Intake
from relay.ledger import Ledger

_LOG: Final = structlog.get_logger()
_BATCH: Final = 100
_SWEEP_AT_MOST_S: Final = 1.0

_PROMOTE: Final = """
-- KEYS scheduled, queue, queues; ARGV now, limit, the same now as RQ writes it
local due = redis.call('ZRANGE', KEYS[1], '-inf', ARGV[1], 'BYSCORE', 'LIMIT', 0, ARGV[2])
for _, id in ipairs(due) do
  redis.call('ZREM', KEYS[1], id)
  local job = 'rq:job:' .. id
  if redis.call('EXISTS', job) == 1 then
    redis.call('HSET', job, 'status', 'queued', 'enqueued_at', ARGV[3])
    redis.call('RPUSH', KEYS[2], id)
  end
end
if #due > 0 then redis.call('SADD', KEYS[3], KEYS[2]) end
return #due
"""


def promote(queue: Queue) -> int:
    """Queue the retries that are due; how many there were."""
    script = queue.connection.register_script(_PROMOTE)
    keys = [queue.scheduled_job_registry.key, queue.key, Queue.redis_queues_keys]
    answer: Any = script(keys=keys, args=[int(time.time()), _BATCH, utcformat(now())])
    return int(answer)


def sweep(ledger: Ledger, intake: Intake) -> int:
    """Look at open records that are overdue; how many needed a new job or were put back."""
    revived = 0
    stop_at = time.monotonic() + _SWEEP_AT_MOST_S
    while (found_ids := ledger.overdue(time.time(), _BATCH)) and time.monotonic() < stop_at:
        revived += sum(_looked_at(record_id, ledger, intake) for record_id in found_ids)
    return revived


def _looked_at(record_id: str, ledger: Ledger, intake: Intake) -> bool:
    """Whether the record needed help."""
    record = ledger.get(record_id)
    if record is None:
        ledger.drop_absent(record_id)
        return False
    found = intake.revive(record)
    if found not in ("requeued", "returned"):
        return False
    _LOG.warning("record.revived", record_id=record_id, how=found)
    return True
