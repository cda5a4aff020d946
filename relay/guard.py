"""Whether Redis may be given more, and whether a write has to be waited for until it is on disk."""

import threading
import time
from typing import Final, Literal

from redis import Redis

from relay.durability import Durability
from relay.errors import NotStored

_MEMORY_EVERY_S: Final = 2.0
_MEMORY_AGAIN_S: Final = 0.2
_DURABILITY_EVERY_S: Final = 60.0


class Guard:
    """Asks Redis now and then, on behalf of all who write. Safe to share between threads.

    `watermark` is the share of `maxmemory` above which nothing new is taken: what is left is for
    the worker, which must write to make room.
    """

    def __init__(
        self, redis: Redis, *, durability: Literal["fsync", "relaxed"], watermark: float
    ) -> None:
        self._redis = redis
        self._durability = durability
        self._watermark = watermark
        self._asking = threading.Lock()
        self._memory_at = self._durability_at = float("-inf")
        self._full = False
        self.waits = False

    def check(self) -> None:
        """Costs a round trip every two seconds.

        Raises:
            NotStored: `redis_full`.
            RedisError: it cannot be asked.
        """
        now = time.monotonic()
        every_s = _MEMORY_AGAIN_S if self._full else _MEMORY_EVERY_S
        if now - self._memory_at > every_s and self._asking.acquire(blocking=False):
            try:
                self._ask(now)
                self._memory_at = now
            finally:
                self._asking.release()
        if self._full:
            raise NotStored("redis_full")

    def _ask(self, now: float) -> None:
        memory = self._redis.info("memory")
        most = int(memory.get("maxmemory", 0))
        self._full = bool(most) and int(memory["used_memory"]) > self._watermark * most
        if now - self._durability_at > _DURABILITY_EVERY_S:
            found = Durability.of(self._redis)
            self.waits = self._durability == "fsync" and found.can_wait
            self._durability_at = now
