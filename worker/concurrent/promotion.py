"""Queues scheduled jobs as they fall due, without RQ's scheduler."""

import time
from collections.abc import Callable, Sequence

from worker.concurrent.claims import Claims
from worker.concurrent.greenlets import Wakeup


class Promoter:
    """Looks for due jobs every `interval_s` seconds, and at each moment it knows of before.

    By a clock that does not step; which jobs are due Redis says, by its own.
    """

    def __init__(
        self,
        claims: Claims,
        queue_names: Callable[[], Sequence[str]],
        wakeup: Wakeup,
        interval_s: float,
    ) -> None:
        self._claims = claims
        self._queue_names = queue_names
        self._wakeup = wakeup
        self._interval_s = interval_s
        self._next_at = 0.0

    @property
    def wait_s(self) -> float:
        """Seconds until the next look; below 0 if it is overdue."""
        return self._next_at - time.monotonic()

    def due_in(self, seconds: float) -> None:
        """A job falls due then: look for it in time."""
        moment = time.monotonic() + seconds
        if moment < self._next_at:
            self._next_at = moment
            self._wakeup.set()

    def promote(self, *, may_claim: bool) -> bool:
        """Queue what is due, if it is time; False if there is nothing to claim.

        `may_claim` is False while jobs that wait may not be claimed; new ones may.

        Raises:
            RedisError
        """
        if self.wait_s > 0:
            return True
        now = time.monotonic()
        self._next_at = now + self._interval_s
        promotion = self._claims.promote_scheduled(self._queue_names())
        if promotion.next_due_in_s is not None:
            self._next_at = min(self._next_at, now + promotion.next_due_in_s)
        return promotion.promoted or (promotion.jobs_waiting and may_claim)
