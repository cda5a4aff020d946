"""Acts on what heartbeats answer: takes over from workers that no longer renew their lease."""

import logging
import time
from collections.abc import Callable
from typing import Final

from worker.concurrent.claims import Claims, Heartbeat
from worker.concurrent.execution import ExecutionTable
from worker.concurrent.greenlets import Wakeup
from worker.concurrent.lease_thread import LeaseThread
from worker.concurrent.timings import Timings

_LOG: Final = logging.getLogger("rq.worker")


class LeaseKeeper:
    """Reclaims the jobs of dead workers; releases claims nobody knows of.

    `claiming` says whether a claim's answer may be on its way to the main loop.
    """

    def __init__(
        self,
        claims: Claims,
        executions: ExecutionTable,
        wakeup: Wakeup,
        *,
        claiming: Callable[[], bool],
        timings: Timings,
    ) -> None:
        self._claims = claims
        self._executions = executions
        self._wakeup = wakeup
        self._claiming = claiming
        self._timings = timings
        self._stable_since = time.monotonic()
        self._sent_at = 0.0
        self._unknown_claims: set[str] = set()
        self._seen: dict[str, tuple[float, float]] = {}

    @property
    def stable(self) -> bool:
        """Whether this worker has been in touch with Redis for the whole of a lease.

        A worker that was cut off cannot tell who else is dead: everybody's lease has expired.
        """
        now, lease_s = time.monotonic(), self._timings.lease_s
        return now - self._sent_at <= lease_s < now - self._stable_since

    def keep(self, thread: LeaseThread) -> None:
        """Act on the answer to the last heartbeat, if there is a new one.

        Raises:
            RedisError
        """
        thread.alive()
        self._stable_since = max(self._stable_since, thread.failed_at)
        answer = thread.take_answer()
        if answer is None:
            return
        if thread.sent_at - self._sent_at > self._timings.lease_s:  # ours had expired
            self._stable_since = time.monotonic()
        self._sent_at = thread.sent_at
        self._act_on(answer)

    def _act_on(self, answer: Heartbeat) -> None:
        known = self._executions.members()
        if answer.held > len(known) and not self._claiming():
            self._unknown_claims = self._release_unknown(known)
        else:
            self._unknown_claims = set()
        self._seen = {
            name: seen
            if (seen := self._seen.get(name)) and seen[0] == lease
            else (lease, self._sent_at)
            for name, lease in answer.leases.items()
        }
        if self.stable:
            for name, (lease, since) in list(self._seen.items()):
                if self._sent_at - since > self._timings.lease_s:
                    self._reclaim_from_dead(name, lease)

    def _reclaim_from_dead(self, name: str, lease: float) -> None:
        """By this worker's own clock: that of Redis may step, and says nothing of the living."""
        if jobs := self._claims.reclaim(name, lease):
            _LOG.warning("Worker %s is gone, %d of its jobs reclaimed", name, len(jobs))
            self._wakeup.set()

    def _release_unknown(self, known: set[str]) -> set[str]:
        """Release claims whose answer was lost: Redis has them, this worker does not.

        Only those that were unknown at the last heartbeat too, since an answer may still be on its
        way. Returns the ones that are unknown for the first time.
        """
        unknown = set(self._claims.members()) - known
        if lost := unknown & self._unknown_claims:
            self._claims.release(sorted(lost))
            self._wakeup.set()
        return unknown - lost
