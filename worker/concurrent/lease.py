"""Whether our word still counts: for as long as Redis hears of us in time."""

import time
from typing import Final

# A worker beats more than twice in a lease: one lost beat is not its end.
LEASE_S: Final = 5.0
BEAT_S: Final = 2.0


class Lease:
    """Renewed by beats and by claims. Safe to share between threads.

    Between two renewals further apart than it lasts, others may have taken what we held: `lapses`
    counts these times.
    """

    def __init__(self) -> None:
        self.lapses = 0
        self._renewed_at = time.monotonic()

    def renewed(self, asked_at: float) -> None:
        """Redis has answered what was asked then (monotonic)."""
        if asked_at - self._renewed_at > LEASE_S:
            self.lapses += 1
        self._renewed_at = max(self._renewed_at, asked_at)

    def unbroken_since(self, lapses: int) -> bool:
        """Whether it has held from when there were so many lapses until now."""
        return lapses == self.lapses and time.monotonic() - self._renewed_at <= LEASE_S
