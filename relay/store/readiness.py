"""Readiness: Redis is reachable, writable and durable, and a worker is alive."""

import time
from typing import Final, Literal, cast

from redis import Redis, RedisError
from rq import Queue
from rq.utils import utcparse
from rq.worker_registration import WORKERS_BY_QUEUE_KEY

from relay.store.durability import Durability
from relay.store.lists import waiting_counts
from relay.store.schema import find_mismatch

_WORKER_SEEN_WITHIN_S: Final = 60.0


def missing(
    redis: Redis, queue: Queue, durability: Literal["fsync", "relaxed"] = "fsync"
) -> list[str]:
    """Reason codes of unmet requirements, empty when ready; a few round trips to Redis."""
    try:
        redis.ping()
    except RedisError:
        return ["redis_reachable"]
    faults = []
    try:
        redis.set("relay:probe", int(time.time()), ex=60)
    except RedisError:
        faults.append("redis_writable")
    try:
        if find_mismatch(redis):
            faults.append("redis_schema")
        faults += Durability.of(redis).faults(durability)
        if not _worker_seen(redis, queue):
            faults.append("worker_seen")
    except RedisError:
        faults.append("redis_reachable")
    return faults


def warnings(redis: Redis, held_max: int) -> list[str]:
    """Reason codes of what concerns some sources only; two round trips to Redis.

    `held_full`: as many events of a source wait for a person as may, `held_max`. Its requests that
    would add to them are refused; those of others are not, so this is ready all the same.
    """
    try:
        full = max(waiting_counts(redis).values(), default=0) >= held_max
    except RedisError:  # which `missing` says
        return []
    return ["held_full"] if full else []


def _worker_seen(redis: Redis, queue: Queue) -> bool:
    keys = cast("set[bytes]", redis.smembers(WORKERS_BY_QUEUE_KEY % queue.name))
    for key in keys:
        seen = cast("bytes | None", redis.hget(key.decode(), "last_heartbeat"))
        if seen and time.time() - utcparse(seen.decode()).timestamp() < _WORKER_SEEN_WITHIN_S:
            return True
    return False
