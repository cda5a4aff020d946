"""What a run is made of, and what was seen of it. Data only.

All times are seconds of the monotonic clock, which on one machine is the same for all processes.
"""

import math
from dataclasses import dataclass
from typing import Final, Literal

# Deliveries a worker may have under way at a time, and how many workers there are.
CONCURRENCY: Final = 16
WORKERS: Final = ("worker-1", "worker-2")
# How long they wait for an answer of the sink.
READ_TIMEOUT_S: Final = 2.0

# What the sink does on purpose; with the first two nothing is wrong with the recording.
RESET_AFTER: Final = "reset_after_recording"
RECORDS: Final = ("", RESET_AFTER)
RECORDS_NOT: Final = ("reset_before_recording", "hang_before_recording", "answer_500")


Action = Literal[
    "kill",
    "stop",
    "flush_scripts",
    "drop_clients",
    "pause",
    "fill_disk",
    "fill_disk_always",
    "step_clock",
]
# With `fill_disk` Redis has an fsync every second, and refuses writes until there is room again;
# with `fill_disk_always`, one before each answer, it ends at the first write that fails.


@dataclass(frozen=True, slots=True)
class Event:
    """One numbered event of a customer; a customer's numbers go up in the order they are sent."""

    number: int
    customer: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """An event whose sender has read a 200."""

    number: int
    customer: str
    at: float


@dataclass(frozen=True, slots=True)
class Request:
    """A request for an event that reached the sink whole; `at` is when it was recorded, if it was.

    `fault` is what the sink did on purpose, empty when it answered 200.
    """

    number: int
    customer: str
    worker: str
    at: float
    fault: str = ""
    answered_at: float = math.inf

    @property
    def recorded(self) -> bool:
        return self.fault in RECORDS


@dataclass(frozen=True, slots=True)
class Fault:
    """A signal to a process, and for how long it is away or stopped; or what Redis is told to do
    for as long: forget its scripts, drop its clients, or let them wait; or a disk that is full, or
    a clock that steps, to be so far ahead of the host's, and stays there.

    `pause_s` passes before it strikes. A `close` one does not wait for the one before it to be
    recovered from.
    """

    action: Action
    process: str
    hold_s: float
    pause_s: float
    close: bool = False
    ahead_s: int = 0


@dataclass(frozen=True, slots=True)
class Struck:
    """A fault that was struck; it ends when the process was started again or continued."""

    fault: Fault
    at: float
    ended_at: float

    @property
    def clock_from(self) -> float:
        """Where recovery is measured from: another worker is there from the first moment."""
        return self.at if self.fault.process in WORKERS else self.ended_at
