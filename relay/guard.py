"""Whether Redis may be given more, and whether a write has to be waited for until it is on disk."""

import threading
import time
from typing import Final, Literal

from redis import Redis

from relay.durability import Durability
from relay.errors import NotStored

_EVERY_S: Final = 2.0
_AGAIN_S: Final = 0.2


class RedisPressure:
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
        self._asked_at: float | None = None
        self.full = False
        self.needs_waitaof = False

    def check(self) -> None:
        """Costs two round trips every two seconds.

        Raises:
            NotStored: `redis_full`.
            RedisError: it cannot be asked.
        """
        self.refresh()
        if self.full:
            raise NotStored("redis_full")

    def refresh(self) -> None:
        """Ask, unless somebody has just done so or is about to. The first answer is waited for.

        Raises:
            RedisError: it cannot be asked.
        """
        if self._fresh() or not self._asking.acquire(blocking=self._asked_at is None):
            return
        try:
            if not self._fresh():  # another may have asked while we waited
                asked_at = time.monotonic()
                found = Durability.of(self._redis)
                self.full = found.memory_used > self._watermark
                self.needs_waitaof = self._durability == "fsync" and found.can_wait
                self._asked_at = asked_at
        finally:
            self._asking.release()

    def _fresh(self) -> bool:
        every_s = _AGAIN_S if self.full else _EVERY_S
        return self._asked_at is not None and time.monotonic() - self._asked_at < every_s
