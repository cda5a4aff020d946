"""Whether the workers of this machine, or container, still send their heartbeat."""

import os
from contextlib import suppress
from typing import Any, Final

from redis import Redis
from rq.utils import utcparse
from rq.worker_registration import WORKERS_BY_QUEUE_KEY

from relay.store.clock import redis_time
from relay.store.readiness import WORKER_SEEN_WITHIN_S

_FIELDS: Final = ("hostname", "pid", "last_heartbeat")


def stale_workers(redis: Redis, queue: str, host: str) -> dict[int, float] | None:
    """Seconds since the last heartbeat by process id, of those silent for over a minute.

    None where no worker of `host` is registered that has a process. Of several under one process
    id, as after a container has restarted, the latest counts.

    Raises:
        RedisError: it cannot be asked.
    """
    keys: Any = redis.smembers(WORKERS_BY_QUEUE_KEY % queue)
    seen_at: dict[int, float] = {}
    for key in keys:
        values: Any = redis.hmget(key.decode(), _FIELDS)
        if None in values or values[0].decode() != host:
            continue
        pid, heartbeat = int(values[1]), utcparse(values[2].decode()).timestamp()
        if _exists(pid):
            seen_at[pid] = max(heartbeat, seen_at.get(pid, 0.0))
    if not seen_at:
        return None
    now = redis_time(redis)
    ages = {pid: now - at for pid, at in seen_at.items()}
    return {pid: age for pid, age in ages.items() if age > WORKER_SEEN_WITHIN_S}


def _exists(pid: int) -> bool:
    with suppress(PermissionError):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
    return True
