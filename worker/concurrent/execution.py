"""One run of a job by this worker, and the table of all that are under way."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from redis import Redis
from rq import Queue
from rq.exceptions import TimeoutFormatError
from rq.executions import Execution
from rq.job import Job
from rq.utils import parse_timeout


class JobStopped(BaseException):
    """Raised inside a job on a stop command; no `except Exception` of the job's swallows it."""


class Requeue:
    """Returned by a job that could not begin: it goes back to the front as if never claimed."""


@dataclass(eq=False, slots=True)
class JobExecution:
    """One run of a job by this worker, from its claim until its result is written.

    `redelivery_count` is the number of earlier workers that lost the job since it last had a
    result; `lost_run_began` is when the last of them began, by its own clock. `lease_epoch` is the
    epoch of this worker's lease in which it was claimed. `load_error` says why it cannot be
    performed. `began_at` and `registered_at` are monotonic seconds, 0 before. `registered` is True
    once RQ's registries show it. `finished` is True once it has returned or raised. `context`
    belongs to the worker's `prepare` and `perform`.
    """

    job: Job
    queue: Queue
    rq_execution: Execution
    redelivery_count: int = 0
    lost_run_began: datetime | None = None
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
    def id(self) -> str:
        return self.rq_execution.id

    @property
    def member(self) -> str:
        """Its entry among the claims and in RQ's started registry: `job:execution`."""
        return f"{self.job.id}:{self.rq_execution.id}"

    @property
    def overdue(self) -> bool:
        """Whether it has run for longer than its job may."""
        if not self.began_at:
            return False
        try:
            limit_s = parse_timeout(self.job.timeout or self.queue.DEFAULT_TIMEOUT)
        except TimeoutFormatError:  # a job may have assigned anything to its time-out
            return False
        return limit_s is not None and 0 < limit_s < time.monotonic() - self.began_at

    def unregister(self, redis: Redis) -> None:
        """Take it out of RQ's registries."""
        with redis.pipeline() as pipeline:
            self.rq_execution.delete(self.job, pipeline)
            pipeline.execute()


class ExecutionTable:
    """What this worker has claimed and not finished writing, by execution id.

    `rq_executions` is RQ's own table of the same, which its methods read.
    """

    def __init__(self, rq_executions: dict[str, Execution]) -> None:
        self._rq_executions = rq_executions
        self._executions: dict[str, JobExecution] = {}

    def __len__(self) -> int:
        return len(self._executions)

    def __iter__(self) -> Iterator[JobExecution]:
        """Over a copy: other greenlets add and forget meanwhile."""
        return iter(list(self._executions.values()))

    def add(self, execution: JobExecution) -> None:
        self._rq_executions[execution.id] = execution.rq_execution
        self._executions[execution.id] = execution

    def get(self, execution_id: str) -> JobExecution | None:
        return self._executions.get(execution_id)

    def forget(self, execution: JobExecution) -> None:
        """Its result is written, or is another worker's to write."""
        self._rq_executions.pop(execution.id, None)
        self._executions.pop(execution.id, None)

    def members(self) -> set[str]:
        return {execution.member for execution in self}
