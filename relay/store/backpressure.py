"""Backpressure: whether Redis has memory for new events and whether writes must wait for fsync."""

import threading
import time
from typing import Final, Literal

from redis import Redis

from relay.errors import NotStored
from relay.store.durability import Durability

_REFRESH_EVERY_S: Final = 2.0
_REFRESH_EVERY_S_WHILE_FULL: Final = 0.2


class RedisPressure:
    """A cached view of Redis's memory and durability. Safe to share between threads.

    `watermark` is the share of `maxmemory` above which new events are refused: the rest is for the
    worker, which must write in order to free memory. An answer of Redis is used for
    `refresh_every_s` seconds, while it is full for `refresh_every_s_while_full`.
    """

    def __init__(
        self,
        redis: Redis,
        *,
        durability: Literal["fsync", "relaxed"],
        watermark: float,
        refresh_every_s: float = _REFRESH_EVERY_S,
        refresh_every_s_while_full: float = _REFRESH_EVERY_S_WHILE_FULL,
    ) -> None:
        self._redis = redis
        self._durability = durability
        self._watermark = watermark
        self.refresh_every_s = refresh_every_s
        self.refresh_every_s_while_full = refresh_every_s_while_full
        self._refresh_lock = threading.Lock()
        self._asked_at: float | None = None
        self.full = False
        self.needs_waitaof = False

    def check(self) -> None:
        """Refuse new events when Redis is full; two round trips every `refresh_every_s`.

        Raises:
            NotStored: `redis_full`.
            RedisError: Redis does not answer.
        """
        self.refresh()
        if self.full:
            raise NotStored("redis_full")

    def refresh(self) -> None:
        """Ask Redis, unless the last answer is recent or another thread is asking.

        Before the first answer all threads wait for it.

        Raises:
            RedisError: Redis does not answer.
        """
        if self._fresh() or not self._refresh_lock.acquire(blocking=self._asked_at is None):
            return
        try:
            if not self._fresh():  # another thread may have asked meanwhile
                asked_at = time.monotonic()
                durability = Durability.of(self._redis)
                self.full = durability.memory_used > self._watermark
                self.needs_waitaof = self._durability == "fsync" and durability.can_wait
                self._asked_at = asked_at
        finally:
            self._refresh_lock.release()

    def _fresh(self) -> bool:
        every_s = self.refresh_every_s_while_full if self.full else self.refresh_every_s
        return self._asked_at is not None and time.monotonic() - self._asked_at < every_s
