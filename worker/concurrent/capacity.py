"""How many jobs to claim: by how many are in flight, and how fast they end."""

import time
from typing import Final

_PREFETCH_S: Final = 0.05
_MEASURE_EVERY_S: Final = 0.2


class Capacity:
    """Counts jobs claimed and jobs that ended, for `concurrency` jobs at once.

    It allows a few more than run at once, so that none waits for the next claim: as many as will
    begin within 0.05 s. Long jobs are thereby left to other workers.
    """

    def __init__(self, concurrency: int) -> None:
        self.concurrency = concurrency
        self.claimed = 0
        self._released = self._released_before = 0
        self._prefetch = 0
        self._measured_at = 0.0

    @property
    def in_flight(self) -> int:
        return self.claimed - self._released

    @property
    def free(self) -> int:
        """How many jobs may be claimed now."""
        return self.concurrency + self._prefetch - self.in_flight

    @property
    def flowing(self) -> bool:
        """Whether jobs end fast enough for some to be claimed ahead."""
        return self._prefetch > 0

    def release(self) -> None:
        """One job has ended."""
        self._released += 1

    def measure(self) -> None:
        """Adjust the prefetch to the rate at which jobs ended since the last time."""
        elapsed_s = time.monotonic() - self._measured_at
        if elapsed_s > _MEASURE_EVERY_S:
            ended = self._released - self._released_before
            self._measured_at, self._released_before = time.monotonic(), self._released
            self._prefetch = min(self.concurrency // 2, int(_PREFETCH_S * ended / elapsed_s))
