"""How many jobs to claim: by how many are in flight, and how fast they end."""

import time
from typing import Final

from worker.concurrent.threads import Lock

_PREFETCH_S: Final = 0.05
_MEASURE_EVERY_S: Final = 0.2


class Capacity:
    """Counts jobs claimed and jobs that ended, for a pool of `threads` threads.

    It allows a few more jobs than threads, so that no thread waits for the next claim: as many as
    will begin within 0.05 s. Long jobs are thereby left to other workers.
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self.claimed = 0
        self._released = self._released_before = 0
        self._prefetch = 0
        self._measured_at = 0.0
        self._lock = Lock()

    @property
    def in_flight(self) -> int:
        return self.claimed - self._released

    @property
    def free(self) -> int:
        """How many jobs may be claimed now."""
        return self.threads + self._prefetch - self.in_flight

    @property
    def flowing(self) -> bool:
        """Whether jobs end fast enough for some to be claimed ahead."""
        return self._prefetch > 0

    def release(self) -> None:
        """One job has ended; called in the pool's threads."""
        with self._lock:
            self._released += 1

    def measure(self) -> None:
        """Adjust the prefetch to the rate at which jobs ended since the last time."""
        elapsed_s = time.monotonic() - self._measured_at
        if elapsed_s > _MEASURE_EVERY_S:
            ended = self._released - self._released_before
            self._measured_at, self._released_before = time.monotonic(), self._released
            self._prefetch = min(self.threads // 2, int(_PREFETCH_S * ended / elapsed_s))
