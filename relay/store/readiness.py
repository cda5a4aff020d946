"""Readiness: whether Redis can take an event now, keeps it as promised, and a worker is alive."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, cast

from redis import Redis, RedisError
from rq import Queue
from rq.utils import utcparse
from rq.worker_registration import WORKERS_BY_QUEUE_KEY

from config.settings import Settings
from relay.store.clock import redis_time
from relay.store.durability import UNKNOWN, Durability
from relay.store.generation import latest_notice
from relay.store.keys import NEVER_SET, OPEN
from relay.store.lists import waiting_counts
from relay.store.redis_fault import FaultWord, fault_word
from relay.store.schema import find_mismatch

WORKER_SEEN_WITHIN_S: Final = 60.0
# With these no command gets an answer; with the others reading may work.
_UNREACHED: Final = frozenset(
    (
        FaultWord.CERTIFICATE,
        FaultWord.AUTHENTICATION,
        FaultWord.MAX_CLIENTS,
        FaultWord.LOADING,
        FaultWord.AWAY,
    )
)


@dataclass(slots=True)
class Findings:
    """Reason codes of unmet requirements, empty when ready; `redis` is what Redis refuses."""

    missing: list[str] = field(default_factory=list)
    redis: FaultWord | None = None
    durability: Durability = UNKNOWN

    @property
    def reached(self) -> bool:
        return "redis_reachable" not in self.missing

    @contextmanager
    def asking(self) -> Iterator[None]:
        """What a command is refused with becomes a finding."""
        try:
            yield
        except RedisError as error:
            word = fault_word(error)
            code = "redis_reachable" if word in _UNREACHED else "redis_writable"
            if code not in self.missing:
                self.missing.append(code)
            self.redis = self.redis or word


def check_accept(redis: Redis, settings: Settings) -> Findings:
    """Whether an event could be stored now; writes nothing, a few round trips to Redis."""
    found = Findings()
    with found.asking():
        # Redis refuses it as it would any write that takes memory, and otherwise does nothing: no
        # such key exists, and nothing is added to the append-only file.
        redis.set(NEVER_SET, "", xx=True)
    if not found.reached:
        return found
    with found.asking():
        if find_mismatch(redis):
            found.missing.append("redis_schema")
        found.durability = Durability.of(redis)
        used = found.durability.memory_used
        if used > settings.memory_watermark and "redis_writable" not in found.missing:
            found.missing.append("redis_full")
        if redis.zcard(OPEN) >= settings.backlog_max:
            found.missing.append("backlog_full")
    return found


def check_all(redis: Redis, queue: Queue, settings: Settings) -> Findings:
    """The same, whether what is stored is kept as promised, and whether a worker is alive."""
    found = check_accept(redis, settings)
    if not found.reached:
        return found
    found.missing += found.durability.faults(settings.durability)
    with found.asking():
        if not _worker_seen(redis, queue):
            found.missing.append("worker_seen")
    return found


def warnings(redis: Redis, held_max: int) -> list[str]:
    """Reason codes of what a person should know of; a few round trips to Redis.

    `held_full`: as many events of a source wait for a person as may, `held_max`. Its requests that
    would add to them are refused; those of others are not, so this is ready all the same.
    `data_lost`: in the past week Redis lost data, see relay/store/generation.py.
    """
    try:
        full = max(waiting_counts(redis).values(), default=0) >= held_max
        lost = latest_notice(redis) is not None
    except RedisError:  # which `check_accept` says
        return []
    return ["held_full"] * full + ["data_lost"] * lost


def _worker_seen(redis: Redis, queue: Queue) -> bool:
    keys = cast("set[bytes]", redis.smembers(WORKERS_BY_QUEUE_KEY % queue.name))
    now = redis_time(redis)
    for key in keys:
        seen = cast("bytes | None", redis.hget(key.decode(), "last_heartbeat"))
        if seen and now - utcparse(seen.decode()).timestamp() < WORKER_SEEN_WITHIN_S:
            return True
    return False
