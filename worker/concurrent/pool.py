"""Threads that run jobs, and a way to raise an exception inside one of them."""

import ctypes
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Final

from worker.concurrent.execution import ExcInfo, JobExecution

_RAISE_IN: Final = ctypes.pythonapi.PyThreadState_SetAsyncExc


class Pool:
    """`size` threads that `perform` one run after another, and `end` each with what it raised.

    Only what is performed is ever interrupted. Threads are daemons: a process that must end does
    not wait for a job that hangs.
    """

    def __init__(
        self,
        size: int,
        perform: Callable[[JobExecution], None],
        end: Callable[[JobExecution, ExcInfo | None], None],
    ) -> None:
        self._perform = perform
        self._end = end
        self._runs: SimpleQueue[JobExecution | None] = SimpleQueue()
        self._running: dict[JobExecution, int] = {}
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._serve, name=f"job-{n}", daemon=True) for n in range(size)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, run: JobExecution) -> None:
        self._runs.put(run)

    def interrupt(self, run: JobExecution, error: type[BaseException]) -> None:
        """Raise in the thread of a run, at its next step in Python; nothing if it has none."""
        with self._lock:
            thread = self._running.get(run)
            if thread is not None:
                _RAISE_IN(ctypes.c_ulong(thread), ctypes.py_object(error))

    def close(self) -> list[JobExecution]:
        """Let the threads end as they become free; what none has begun, and none will begin."""
        waiting: list[JobExecution] = []
        with suppress(Empty):
            while run := self._runs.get_nowait():
                waiting.append(run)
        for _ in self._threads:
            self._runs.put(None)
        return waiting

    def _serve(self) -> None:
        while (run := self._runs.get()) is not None:
            self._end(run, self._raised_by(run))

    def _raised_by(self, run: JobExecution) -> ExcInfo | None:
        """Perform it. An interruption may take effect at any step in here, and never after."""
        thread = threading.get_ident()
        raised: ExcInfo | None = None
        begun = False
        while True:
            try:
                if not begun:
                    begun = True
                    with self._lock:
                        self._running[run] = thread
                    self._perform(run)
                with self._lock:
                    self._running.pop(run, None)
                    _RAISE_IN(ctypes.c_ulong(thread), None)
            except BaseException:  # noqa: BLE001  as in RQ: whatever a job raises is its failure
                raised = raised or sys.exc_info()
            else:
                return raised
