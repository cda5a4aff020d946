"""The main loop: claims jobs whenever there is capacity, and sleeps while there is none."""

import time
from collections.abc import Callable
from typing import Final

from worker.concurrent import greenlets
from worker.concurrent.capacity import Capacity
from worker.concurrent.claimer import Claimer
from worker.concurrent.claims import ClaimResult
from worker.concurrent.greenlets import Wakeup
from worker.concurrent.promotion import Promoter
from worker.concurrent.reconnect import retry_while_disconnected
from worker.concurrent.timings import Timings
from worker.concurrent.wakeup import QueueNotifier

_NO_CAPACITY_WAIT_S: Final = 0.2
_GATHER_S: Final = 0.003


class ClaimLoop:
    """`show_state` is called after each look, with whether workers are suspended."""

    def __init__(
        self,
        claimer: Claimer,
        capacity: Capacity,
        promoter: Promoter,
        wakeup: Wakeup,
        *,
        show_state: Callable[[bool], object],
        stopping: Callable[[], bool],
        timings: Timings,
    ) -> None:
        self._claimer = claimer
        self._capacity = capacity
        self._promoter = promoter
        self._wakeup = wakeup
        self._show_state = show_state
        self._stopping = stopping
        self._timings = timings
        self._open_until = 0.0

    def run(self, notifier: QueueNotifier, *, burst: bool) -> None:
        """Until asked to stop; with `burst`, until nothing is left and nothing runs."""
        claimed_much = False
        while not self._stopping():
            free = self._free_capacity(gather=claimed_much)
            if free < 1:
                self._wakeup.wait(_NO_CAPACITY_WAIT_S)
                continue
            idle = self._claimer.idle
            claim = self._claim_when_connected(free)
            claimed_much = 2 * len(claim.jobs) > free
            if claim.jobs:
                notifier.acknowledge()
                continue
            if burst and idle and claim.token_wait_s is None and not self._lost_any():
                return
            wait_s = self._idle_wait_s(claim)
            # A queue that may not be claimed from would set the wake-up all the time.
            if not claim.suspended and (not notifier.watches_queues or not self._all_open):
                notifier.arm()
            self._wakeup.wait(wait_s)

    def _free_capacity(self, *, gather: bool) -> int:
        """How many jobs to claim; `gather` waits a moment for more capacity."""
        capacity = self._capacity
        capacity.measure()
        if gather and capacity.free < capacity.concurrency // 4:
            greenlets.sleep(_GATHER_S)  # a claim of many costs hardly more than a claim of one
            if capacity.in_flight >= capacity.concurrency:
                return 0
        return capacity.free

    def _idle_wait_s(self, claim: ClaimResult) -> float:
        """How long nothing can be claimed unless the wake-up is set."""
        if claim.open_for_s and claim.token_wait_s is None:
            self._open_until = time.monotonic() + claim.open_for_s
        open_for_s = self._open_until - time.monotonic()
        most_s = self._timings.suspended_s if claim.suspended else self._timings.promote_s
        waits_s = [most_s, self._promoter.wait_s, claim.token_wait_s]
        waits_s.append(open_for_s if open_for_s > 0 else None)
        return min(wait_s for wait_s in waits_s if wait_s is not None)

    @property
    def _all_open(self) -> bool:
        """Whether all jobs that wait are behind an open rate limit, as far as is known."""
        return time.monotonic() < self._open_until

    def _lost_any(self) -> bool:
        """Whether Redis had claims that this worker does not know of, and has them no more."""
        lost = False

        def step() -> None:
            nonlocal lost
            lost = self._claimer.release_lost()

        retry_while_disconnected(step, abandon=self._stopping)
        return lost

    def _claim_when_connected(self, free: int) -> ClaimResult:
        """Claim jobs and start them, once Redis answers; nothing if asked to stop before."""
        claim = ClaimResult()

        def step() -> None:
            nonlocal claim
            if self._promoter.promote(may_claim=not self._all_open):
                claim = self._claimer.claim(free)

        retry_while_disconnected(step, abandon=self._stopping)
        self._show_state(claim.suspended)
        return claim
