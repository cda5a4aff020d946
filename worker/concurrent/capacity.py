"""How many jobs there is room for: from how many are in hand, and how fast they end."""

import threading
import time
from typing import Final

_AHEAD_S: Final = 0.05
_PACE_EVERY_S: Final = 0.2


class Capacity:
    """Counts jobs taken and jobs that have left again, over `threads` threads.

    There is room for a few more than there are threads, so that none waits for the next claim: as
    many as will begin within moments, for long jobs are better left to other workers.
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self.taken = 0
        self._left = self._left_then = 0
        self._prefetch = 0
        self._paced_at = 0.0
        self._lock = threading.Lock()

    @property
    def in_flight(self) -> int:
        return self.taken - self._left

    @property
    def free(self) -> int:
        return self.threads + self._prefetch - self.in_flight

    @property
    def flowing(self) -> bool:
        """Whether jobs end as fast as they are taken, so that more of them are a moment away."""
        return self._prefetch > 0

    def release(self) -> None:
        """One has ended; called in the threads of jobs."""
        with self._lock:
            self._left += 1

    def set_pace(self) -> None:
        since_s = time.monotonic() - self._paced_at
        if since_s > _PACE_EVERY_S:
            ended = self._left - self._left_then
            self._paced_at, self._left_then = time.monotonic(), self._left
            self._prefetch = min(self.threads // 2, int(_AHEAD_S * ended / since_s))
