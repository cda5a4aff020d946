"""Whether our word still counts: for as long as Redis hears of us in time."""

import time
from typing import Final

# A worker beats more than twice in a lease: one lost beat is not its end.
LEASE_S: Final = 5.0
BEAT_S: Final = 2.0


class Lease:
    """Renewed by beats and by claims. Safe to share between threads.

    Between two renewals further apart than it lasts, others may have taken what we held: `lapses`
    counts these times, and what was claimed before the last of them is not to be begun.
    """

    def __init__(self) -> None:
        self.lapses = 0
        self._renewed_at = time.monotonic()
        self._over = False

    def asked(self) -> float:
        """Redis is about to be asked for more of it; when (monotonic)."""
        at = time.monotonic()
        self._look(at)
        return at

    def renewed(self, asked_at: float) -> None:
        """Redis has answered what was asked then."""
        self._look(asked_at)
        if asked_at >= self._renewed_at:
            self._renewed_at, self._over = asked_at, False

    def unbroken_since(self, lapses: int) -> bool:
        """Whether it has held from when there were so many lapses until now."""
        return lapses == self.lapses and time.monotonic() - self._renewed_at <= LEASE_S

    def _look(self, at: float) -> None:
        if not self._over and at - self._renewed_at > LEASE_S:
            self.lapses, self._over = self.lapses + 1, True
