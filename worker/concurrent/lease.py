"""Local view of this worker's lease: valid while the last renewal is under `lease_s` old."""

import time

from worker.concurrent.greenlets import ThreadLock


class Lease:
    """Renewed by heartbeats, which a thread sends, and by claims.

    Between two renewals further apart than `lease_s` seconds, other workers may have taken this
    worker's jobs. `epoch` counts such gaps: what was claimed in an earlier epoch must not begin.
    """

    def __init__(self, lease_s: float) -> None:
        self.epoch = 0
        self._lease_s = lease_s
        self._renewed_at = time.monotonic()
        self._expired = False
        self._lock = ThreadLock()

    def begin_renewal(self) -> float:
        """Redis is about to be asked for a renewal; the monotonic time of that."""
        requested_at = time.monotonic()
        with self._lock:
            self._check(requested_at)
        return requested_at

    def renewed(self, requested_at: float) -> None:
        """Redis has answered the request made then: the lease counts from the request."""
        with self._lock:
            self._check(requested_at)
            if requested_at >= self._renewed_at:
                self._renewed_at, self._expired = requested_at, False

    def held_since(self, epoch: int) -> bool:
        """Whether it has held without a gap from that epoch until now."""
        return epoch == self.epoch and time.monotonic() - self._renewed_at <= self._lease_s

    def _check(self, at: float) -> None:
        if not self._expired and at - self._renewed_at > self._lease_s:
            self.epoch, self._expired = self.epoch + 1, True
