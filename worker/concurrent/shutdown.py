"""The end of a worker: release what has not begun, finish what has, write every result."""

import logging
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Final

from redis import RedisError

from worker.concurrent.claims import Claims
from worker.concurrent.execution import ExecutionTable, JobExecution
from worker.concurrent.greenlets import Wakeup
from worker.concurrent.reconnect import retry_while_disconnected

_LOG: Final = logging.getLogger("rq.worker")
_WRITE_WITHIN_S: Final = 5.0
_LOOK_EVERY_S: Final = 0.1


class Shutdown:
    """Gives jobs `grace_s` seconds, then Redis, which may be away just then, 5 s more.

    `forced` says whether to end at once. `closed` is True once nothing is waited for any more.
    """

    def __init__(
        self,
        claims: Claims,
        executions: ExecutionTable,
        wakeup: Wakeup,
        *,
        grace_s: float,
        forced: Callable[[], bool],
    ) -> None:
        self._claims = claims
        self._executions = executions
        self._wakeup = wakeup
        self._grace_s = grace_s
        self._forced = forced
        self._give_up_at = 0.0
        self._waiting: set[JobExecution] = set()
        self.closed = False

    def drain(self, waiting: Collection[JobExecution]) -> None:
        """Wait for running jobs; `waiting` are those that have been claimed and not begun."""
        self._waiting = set(waiting)
        with suppress(RedisError):  # tried again below
            self._release_waiting()
        grace_until = time.monotonic() + self._grace_s
        while self._running() and not self._forced() and time.monotonic() < grace_until:
            self._wakeup.wait(_LOOK_EVERY_S)
        self._give_up_at = time.monotonic() + _WRITE_WITHIN_S
        self._retry(self._release_waiting)
        self._retry(self._release_running)
        while len(self._executions) and time.monotonic() < self._give_up_at:
            self._wakeup.wait(_LOOK_EVERY_S)
        self.closed = True
        if unwritten := len(self._executions):
            _LOG.error("Redis is away: %d results could not be written", unwritten)

    def deregister(self, unregister: Callable[[], object]) -> None:
        """Give up the lease, then take the worker out of RQ's registries."""
        self._retry(self._claims.end)
        try:
            unregister()
        except RedisError:
            _LOG.warning("Redis is away: this worker's entry will expire by itself")

    def _running(self) -> list[JobExecution]:
        return [
            execution
            for execution in self._executions
            if not execution.finished and execution not in self._waiting
        ]

    def _release_waiting(self) -> None:
        """Those, and what was claimed by a call whose answer was lost."""
        self._claims.release_unknown(
            self._executions.members() - {execution.member for execution in self._waiting}
        )
        while self._waiting:
            self._executions.forget(self._waiting.pop())

    def _release_running(self) -> None:
        running = self._running()
        members = [execution.member for execution in running]
        if jobs := self._claims.release(members, counted=True):
            _LOG.warning("Out of time: %d jobs returned to their queues", len(jobs))
        for execution in running:
            self._executions.forget(execution)

    def _retry(self, step: Callable[[], object]) -> None:
        """Redis may be back in a moment, but a host does not wait for long."""
        retry_while_disconnected(
            step,
            abandon=lambda: time.monotonic() > self._give_up_at,
            longest_wait_s=_LOOK_EVERY_S,
        )
