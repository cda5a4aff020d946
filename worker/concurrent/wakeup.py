"""Where a main loop sleeps, and what wakes it."""

import threading
import time
from collections.abc import Sequence
from queue import Empty, SimpleQueue
from typing import Final

from redis import Redis, RedisError

_LISTEN_S: Final = 4
_GLANCE_EVERY_S: Final = 1.0
_AGAIN_S: Final = 0.5
_DEAF_S: Final = 1.0


class Wakeup:
    """Wakes one sleeper. `set` may be called in a signal handler, where a lock may be held."""

    def __init__(self) -> None:
        self._rung: SimpleQueue[None] = SimpleQueue()

    def set(self) -> None:
        self._rung.put(None)

    def wait(self, timeout_s: float) -> None:
        """Sleep until it rings, or has rung since the last time."""
        try:
            self._rung.get(timeout=max(timeout_s, 0.001))
            while True:
                self._rung.get_nowait()
        except Empty:
            return


class QueueNotifier:
    """Listens at lists in Redis, without taking from them, and passes on that one is not empty.

    It listens only after `listen`, and once: what rings is then looked at by the main loop. Redis
    can tell at once of one list only; several are glanced at in turn.
    """

    def __init__(self, redis: Redis, keys: Sequence[str], wakeup: Wakeup) -> None:
        self._redis = redis
        self._keys = keys
        self._wakeup = wakeup
        self._wanted = threading.Event()
        self._acknowledged = threading.Event()
        self._acknowledged.set()
        self._over = False
        threading.Thread(target=self._serve, name="bell", daemon=True).start()

    def arm(self) -> None:
        self._wanted.set()

    def acknowledge(self) -> None:
        """What it told of could be taken; else it takes its time before it tells again."""
        self._acknowledged.set()

    def close(self) -> None:
        self._over = True
        self._wanted.set()

    def _serve(self) -> None:
        while True:
            self._wanted.wait()
            self._acknowledged.wait(_AGAIN_S)
            if self._over:
                return
            try:
                heard = self._poll()
            except RedisError:
                time.sleep(_DEAF_S)
                continue
            if heard:
                self._acknowledged.clear()
                self._wanted.clear()
                self._wakeup.set()

    def _poll(self) -> bool:
        if len(self._keys) == 1:
            (key,) = self._keys
            # From the head to the head: nothing changes but that we know.
            return self._redis.blmove(key, key, _LISTEN_S, "LEFT", "LEFT") is not None
        if self._redis.exists(*self._keys):
            return True
        time.sleep(_GLANCE_EVERY_S)
        return False
