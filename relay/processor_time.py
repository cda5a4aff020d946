"""Processor time that something may use, however busy the machine is meanwhile."""

import time
from typing import Final

# Asked less often than this, it has not done much: what took the time was a collection of garbage,
# which falls to whoever runs just then.
_STEPS_FREE: Final = 100


class ProcessorTime:
    """Of this thread, from the first step on, in seconds; for what asks at each of its steps.

    What takes no step is not timed: to read the clocks takes longer than most templates do.
    The clock on the wall is no measure: on a busy machine a process may have no turn for longer
    than what it does may take. It is looked at first since that costs a tenth.
    """

    __slots__ = ("_ends_at", "_last_s", "_seconds", "_steps")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._steps = 0

    def used_up(self) -> bool:
        """Whether there is none left, asked once more."""
        self._steps += 1
        if self._steps == 1:
            self._ends_at = time.monotonic() + self._seconds
            self._last_s = time.thread_time() + self._seconds
        if self._steps < _STEPS_FREE or time.monotonic() <= self._ends_at:
            return False
        return time.thread_time() > self._last_s
