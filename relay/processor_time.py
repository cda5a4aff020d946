"""Processor time that something may use, however busy the machine is meanwhile."""

import time


class ProcessorTime:
    """Of this thread, from now on, in seconds.

    The clock on the wall is no measure: on a busy machine a process may have no turn for longer
    than what it does may take. It is looked at first since that costs a tenth.
    """

    __slots__ = ("_ends_at", "_last_s")

    def __init__(self, seconds: float) -> None:
        self._ends_at = time.monotonic() + seconds
        self._last_s = time.thread_time() + seconds

    @property
    def is_used_up(self) -> bool:
        return time.monotonic() > self._ends_at and time.thread_time() > self._last_s
