"""The end of a worker: hand back what waits, finish what has begun, write everything down."""

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from redis import RedisError

from worker.concurrent.execution import JobExecution

if TYPE_CHECKING:
    from worker.concurrent.worker import ConcurrentWorker

_LOG: Final = logging.getLogger("rq.worker")
_WRITTEN_WITHIN_S: Final = 5.0
_AGAIN_S: Final = 0.1


class Shutdown:
    """Takes `grace_s` for the jobs, and a little more for Redis, which may be away just then."""

    def __init__(self, worker: "ConcurrentWorker") -> None:
        self._worker = worker
        self._give_up_at = 0.0
        self._waiting: set[JobExecution] = set()

    def drain(self) -> None:
        worker = self._worker
        self._waiting = {*worker.pool.close(), *worker.not_started}
        with suppress(RedisError):  # then with the rest
            self._hand_back_waiting()
        stop_at = time.monotonic() + worker.grace_s
        while self._begun() and not worker.forced and time.monotonic() < stop_at:
            worker.wakeup.wait(_AGAIN_S)
        self._give_up_at = time.monotonic() + _WRITTEN_WITHIN_S
        self._retry(self._hand_back_waiting)
        self._retry(self._hand_back_begun)
        while worker.running and time.monotonic() < self._give_up_at:
            worker.wakeup.wait(_AGAIN_S)
        worker.books.close()
        worker.over = True
        if worker.running:
            _LOG.error("Redis is away: %d ends could not be written", len(worker.running))

    def _begun(self) -> list[JobExecution]:
        running = list(self._worker.running.values())
        return [run for run in running if not run.finished and run not in self._waiting]

    def _hand_back_waiting(self) -> None:
        self._worker.claims.release([run.member for run in self._waiting])
        while self._waiting:
            self._worker.forget(self._waiting.pop())

    def _hand_back_begun(self) -> None:
        begun = self._begun()
        if jobs := self._worker.claims.release([run.member for run in begun], counted=True):
            _LOG.warning("Out of time: %d jobs handed back", len(jobs))
        for run in begun:
            self._worker.forget(run)

    def deregister(self) -> None:
        self._retry(self._worker.claims.end)
        try:
            self._worker.teardown()  # type: ignore[no-untyped-call]  # RQ has no types here
        except RedisError:
            _LOG.warning("Redis is away: it will find out by itself that we are gone")

    def _retry(self, step: Callable[[], None]) -> None:
        """Redis may be back in a moment, but a host does not wait for long."""
        while True:
            try:
                step()
            except RedisError:
                if time.monotonic() > self._give_up_at:
                    return
                time.sleep(_AGAIN_S)
            else:
                return
