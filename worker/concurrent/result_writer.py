"""Writes results in batches: what ends during one write goes into the next."""

import logging
import sys
from collections.abc import Callable, Sequence
from typing import Final

from redis import ConnectionError, RedisError, TimeoutError  # noqa: A004  the names people search for

from worker.concurrent import greenlets
from worker.concurrent.execution import JobExecution
from worker.concurrent.greenlets import ExcInfo, Inbox, Wakeup
from worker.concurrent.reconnect import retry_while_disconnected

_LOG: Final = logging.getLogger("rq.worker")
_BATCH_MAX: Final = 200
_GATHER_S: Final = 0.003


class ResultWriter:
    """A greenlet that calls `write` with executions that have ended, until it has succeeded.

    While `busy`, it lets a few more end before it writes. Redis may be away for any length of time:
    no result is dropped meanwhile. An execution that cannot be written for another reason than
    Redis goes to `on_poisoned`.
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
        self._inbox: Inbox[JobExecution] = Inbox()
        self._closed = False
        greenlets.start("result-writer", self._serve)

    def add(self, execution: JobExecution) -> None:
        self._inbox.put(execution)

    def close(self) -> None:
        """End, whether everything is written or not."""
        self._closed = True
        self._inbox.close()

    def _serve(self) -> None:
        while self._inbox.wait():
            if self._busy():
                greenlets.sleep(_GATHER_S)  # more will end in a moment
            self._write_all(self._inbox.take(_BATCH_MAX))
            self._wakeup.set()

    def _write_all(self, batch: Sequence[JobExecution]) -> None:
        remaining = batch

        def step() -> None:
            nonlocal remaining
            remaining = self._write_batch(remaining)
            if remaining:
                raise RedisError(f"{len(remaining)} results not written yet")

        retry_while_disconnected(
            step, abandon=lambda: self._closed, on_error=lambda error: _LOG.warning("%s", error)
        )

    def _write_batch(self, batch: Sequence[JobExecution]) -> Sequence[JobExecution]:
        """Write; the executions that are to be tried again."""
        try:
            self._write(batch)
        except (ConnectionError, TimeoutError):
            return batch
        except Exception:  # noqa: BLE001  Redis is full and refuses all, or one of them is at fault
            return [execution for execution in batch if not self._write_single(execution)]
        return []

    def _write_single(self, execution: JobExecution) -> bool:
        """Whether an execution of a refused batch is dealt with by itself."""
        try:
            self._write([execution])
        except RedisError:
            return False
        except Exception:  # noqa: BLE001  it becomes the failure of the job
            self._on_poisoned(execution, sys.exc_info())
        return True
