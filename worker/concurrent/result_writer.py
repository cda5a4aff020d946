"""Writes down how jobs ended, in batches: what ends during one write goes into the next."""

import logging
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from redis import (
    ConnectionError as RedisConnectionError,
    RedisError,
    TimeoutError as RedisTimeoutError,
)

from worker.concurrent.execution import ExcInfo, JobExecution
from worker.concurrent.wakeup import Wakeup

_LOG: Final = logging.getLogger("rq.worker")
_BATCH_MAX: Final = 200
_GATHER_S: Final = 0.003
_FIRST_WAIT_S: Final = 0.05
_LONGEST_WAIT_S: Final = 2.0


class ResultWriter:
    """A thread that calls `write` with runs that have ended, until it has worked.

    While the worker is `busy` it lets a few more end before it writes.

    Redis may be away for as long as it likes: nothing that has ended is forgotten meanwhile. A run
    that cannot be written for another reason is `on_poisoned`.
    """

    def __init__(
        self,
        write: Callable[[Sequence[JobExecution]], None],
        on_poisoned: Callable[[JobExecution, ExcInfo], None],
        wakeup: Wakeup,
        busy: Callable[[], bool],
    ) -> None:
        self._write = write
        self._on_poisoned = on_poisoned
        self._wakeup = wakeup
        self._busy = busy
        self._ended: deque[JobExecution] = deque()
        self._changed = threading.Condition()
        self._over = False
        threading.Thread(target=self._serve, name="books", daemon=True).start()

    def add(self, run: JobExecution) -> None:
        with self._changed:
            self._ended.append(run)
            self._changed.notify()

    def close(self) -> None:
        """End, written or not."""
        with self._changed:
            self._over = True
            self._changed.notify()

    def _serve(self) -> None:
        while batch := self._next():
            wait_s = _FIRST_WAIT_S
            while (batch := self._write_batch(batch)) and not self._over:
                time.sleep(wait_s)
                wait_s = min(wait_s * 2, _LONGEST_WAIT_S)
            self._wakeup.set()

    def _next(self) -> Sequence[JobExecution]:
        with self._changed:
            while not self._ended:
                if self._over:
                    return []
                self._changed.wait()
        if self._busy():
            time.sleep(_GATHER_S)  # more will end in a moment
        with self._changed:
            return [self._ended.popleft() for _ in range(min(len(self._ended), _BATCH_MAX))]

    def _write_batch(self, batch: Sequence[JobExecution]) -> Sequence[JobExecution]:
        """Write; what is to be tried again."""
        left: Sequence[JobExecution] = []
        try:
            self._write(batch)
        except (RedisConnectionError, RedisTimeoutError):
            left = batch
        except Exception:  # noqa: BLE001  Redis is full and refuses all, or one of them is odd
            left = [run for run in batch if not self._write_single(run)]
        if left:
            _LOG.warning("%d ends not written yet", len(left))
        return left

    def _write_single(self, run: JobExecution) -> bool:
        """Whether a run of a refused batch is dealt with by itself."""
        try:
            self._write([run])
        except RedisError:
            return False
        except Exception:  # noqa: BLE001  told as the failure of the job
            self._on_poisoned(run, sys.exc_info())
        return True
