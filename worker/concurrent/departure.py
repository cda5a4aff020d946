"""The end of a worker: finish what has begun, hand the rest back, write everything down."""

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from redis import RedisError

if TYPE_CHECKING:
    from worker.concurrent.worker import ConcurrentWorker

_LOG: Final = logging.getLogger("rq.worker")
_WRITTEN_WITHIN_S: Final = 5.0
_AGAIN_S: Final = 0.1


class Departure:
    """Takes `grace_s` for the jobs, and a little more for Redis, which may be away just then."""

    def __init__(self, worker: "ConcurrentWorker") -> None:
        self._worker = worker
        self._give_up_at = 0.0

    def wind_down(self) -> None:
        worker = self._worker
        give_up_at = time.monotonic() + worker.grace_s
        while worker.room.in_hand and not worker.forced and time.monotonic() < give_up_at:
            worker.alarm.wait(_AGAIN_S)
        worker.pool.close()
        self._give_up_at = time.monotonic() + _WRITTEN_WITHIN_S
        self._persistently(self._hand_back)
        while worker.runs and time.monotonic() < self._give_up_at:
            worker.alarm.wait(_AGAIN_S)
        worker.books.close()
        worker.over = True
        if worker.runs:
            _LOG.error("Redis is away: %d ends could not be written", len(worker.runs))

    def _hand_back(self) -> None:
        worker = self._worker
        unfinished = [run for run in list(worker.runs.values()) if not run.over]
        waiting = [run.member for run in unfinished if not run.began_at]
        begun = [run.member for run in unfinished if run.began_at]
        worker.claims.hand_back(waiting)
        if jobs := worker.claims.hand_back(begun, counted=True):
            _LOG.warning("Out of time: %d jobs handed back", len(jobs))
        for run in unfinished:
            worker.forget(run)

    def say_goodbye(self) -> None:
        self._persistently(self._worker.claims.end)
        try:
            self._worker.teardown()  # type: ignore[no-untyped-call]  # RQ has no types here
        except RedisError:
            _LOG.warning("Redis is away: it will find out by itself that we are gone")

    def _persistently(self, step: Callable[[], None]) -> None:
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
