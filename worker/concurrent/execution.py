"""One job in a worker's hands, from its claim to the moment its end is written down."""

import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from rq import Queue
from rq.exceptions import TimeoutFormatError
from rq.executions import Execution
from rq.job import Job, get_current_job
from rq.timeouts import JobTimeoutException
from rq.utils import parse_timeout

ExcInfo = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]


class JobStopped(BaseException):
    """Raised inside a job that somebody stopped; no `except Exception` of its own swallows it."""


class TimedOut(JobTimeoutException):
    """Raised inside a job that ran too long."""

    def __init__(self) -> None:
        job = get_current_job()
        limit = f" ({job.timeout or Queue.DEFAULT_TIMEOUT} seconds)" if job else ""
        # Past JobTimeoutException: RQ's timer for callbacks replaces its __init__ with words of
        # its own.
        Exception.__init__(self, f"Task exceeded maximum timeout value{limit}")


class Requeue:
    """Returned by a job that could not begin: it goes back to the front as if never taken."""


@dataclass(eq=False, slots=True)
class JobExecution:
    """One run of a job by this worker.

    `redelivery_count` is the number of earlier workers that died or were stopped with this job.
    `lease_epoch` is the epoch of this worker's lease in which it was claimed. `load_error` says why
    it cannot be performed. `began_at` and `registered_at` are monotonic seconds, 0 before.
    `registered` is True once RQ's registries show it. `context` belongs to `prepare` and `perform`.
    """

    job: Job
    queue: Queue
    rq_execution: Execution
    redelivery_count: int = 0
    lease_epoch: int = 0
    load_error: Exception | None = None
    began_at: float = 0.0
    stopped: bool = False
    finished: bool = False
    registered: bool = False
    registered_at: float = 0.0
    context: Any = None
    value: Any = field(default=None, repr=False)

    @property
    def member(self) -> str:
        """As it stands among the claims and the started."""
        return f"{self.job.id}:{self.rq_execution.id}"

    @property
    def overdue(self) -> bool:
        """Whether it has run for longer than its job may."""
        if not self.began_at:
            return False
        try:
            limit = parse_timeout(self.job.timeout or self.queue.DEFAULT_TIMEOUT)
        except TimeoutFormatError:  # a job may have written anything there
            return False
        return limit is not None and 0 < limit < time.monotonic() - self.began_at
