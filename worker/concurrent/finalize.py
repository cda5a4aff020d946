"""Results that RQ's own code writes: failures, and returned Retries that are used up."""

import logging
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any, Final, Protocol

from redis import Redis, RedisError
from redis.client import Pipeline
from rq import Queue
from rq.executions import Execution
from rq.job import Job, JobStatus, Retry
from rq.job_lifecycle import format_exc_info
from rq.registry import StartedJobRegistry
from rq.utils import now

from worker.concurrent.claims import Claims
from worker.concurrent.execution import ExecutionTable, JobExecution
from worker.concurrent.features import Refused
from worker.concurrent.greenlets import ExcInfo, Lock
from worker.concurrent.promotion import Promoter
from worker.concurrent.reconnect import retry_while_disconnected

_LOG: Final = logging.getLogger("rq.worker")

# Which job RQ is to write down as stopped rather than failed: in this greenlet, of several.
STOPPED_JOB_ID: Final[ContextVar[str | None]] = ContextVar("stopped_job_id", default=None)


class RQHandlers(Protocol):
    """The methods of RQ's worker that write results."""

    connection: Redis
    job_class: type[Job]

    def handle_exception(self, job: Job, *exc_info: Any) -> None: ...

    def handle_job_failure(
        self,
        job: Job,
        queue: Queue,
        started_job_registry: StartedJobRegistry | None = None,
        exc_string: str = "",
        execution: Execution | None = None,
    ) -> None: ...

    def handle_job_retry(
        self,
        job: Job,
        queue: Queue,
        retry: Retry,
        started_job_registry: StartedJobRegistry,
        execution: Execution,
    ) -> None: ...

    def cleanup_execution(
        self, job: Job, pipeline: Pipeline, execution: Execution | None = None
    ) -> None: ...


class JobFinalizer:
    """Writes one result at a time, in the greenlet of its job, until Redis has it.

    `on_finished` is called before, once it succeeds. `abandon` ends waiting for Redis.
    """

    def __init__(
        self,
        rq: RQHandlers,
        claims: Claims,
        executions: ExecutionTable,
        promoter: Promoter,
        *,
        on_finished: Callable[[Sequence[JobExecution]], None],
        abandon: Callable[[], bool],
    ) -> None:
        self._rq = rq
        self._claims = claims
        self._executions = executions
        self._promoter = promoter
        self._on_finished = on_finished
        self._abandon = abandon
        # RQ watches keys on one connection while it asks on another: of few, two are enough.
        self._one_at_a_time = Lock()

    def retries_exhausted(self, execution: JobExecution, retry: Retry) -> None:
        """The job returned a Retry and has no retries left: RQ writes it down as failed."""
        job = execution.job
        job.ended_at = job.last_heartbeat = now()
        self._notify(execution)

        def write() -> None:
            self._rq.handle_job_retry(
                job, execution.queue, retry, job.started_job_registry, execution.rq_execution
            )

        self._finalize(execution, write)

    def failed(
        self, execution: JobExecution, exc_info: ExcInfo, *, already_notified: bool = False
    ) -> None:
        """Write a failure, or a retry of it if RQ's retries are left.

        `already_notified`: `on_finished` has been called for it.
        """
        job = execution.job
        if not already_notified:
            self._notify(execution)
        job.ended_at = job.last_heartbeat = now()
        if isinstance(exc_info[1], Refused):
            job.retries_left = None  # the next try would fail likewise
            job.webhooks = []  # RQ's code would send them
        if not execution.stopped:
            job._status = JobStatus.FAILED  # noqa: SLF001  as RQ does before its handlers
            try:
                self._rq.handle_exception(job, *exc_info)
            except BaseException:  # noqa: BLE001  an exception handler's own
                _LOG.exception("An exception handler failed: %s", job.id)
        # RQ could not write a lone surrogate, which has no UTF-8.
        text = format_exc_info(exc_info).encode(errors="backslashreplace").decode()
        retries_left = job.retries_left

        def write() -> None:
            job.retries_left = retries_left  # RQ counts down before it writes
            STOPPED_JOB_ID.set(job.id if execution.stopped else None)
            self._rq.handle_job_failure(
                job, execution.queue, exc_string=text, execution=execution.rq_execution
            )

        self._finalize(execution, write)

    def _notify(self, execution: JobExecution) -> None:
        try:
            self._retry_until_written(lambda: self._on_finished([execution]))
        except Exception:  # noqa: BLE001  the result itself is written all the same
            _LOG.exception("on_finished failed for job %s", execution.job.id)

    def _finalize(self, execution: JobExecution, write: Callable[[], None]) -> None:
        """Write until the claim is gone: RQ's code takes it away with the rest."""
        redis, failed = self._rq.connection, False

        def step() -> None:
            nonlocal failed
            with self._one_at_a_time:
                try:
                    finalized()
                except RedisError:
                    raise
                except Exception as error:
                    if failed:
                        raise
                    # The lease keeper may hide the execution just while RQ reads what to delete.
                    failed = True
                    raise RedisError("RQ could not write it") from error

        def finalized() -> None:
            if not self._claims.holds(execution):
                execution.unregister(redis)
                return
            if self._rq.job_class.exists(execution.job.id, redis):
                write()
            else:
                self._clean_up_deleted(execution)
            if self._claims.holds(execution):
                raise RedisError("RQ has logged the reason")

        try:
            self._retry_until_written(step)
        except Exception:  # noqa: BLE001  RQ cannot write it
            _LOG.exception("No result for job %s; RQ will find it abandoned", execution.job.id)
            self._retry_until_written(lambda: self._claims.drop(execution))
        self._executions.forget(execution)
        self._promoter.due_in(0)  # RQ may have scheduled it for a moment unknown here

    def _clean_up_deleted(self, execution: JobExecution) -> None:
        """The job was deleted while it ran: it stays deleted."""
        with self._rq.connection.pipeline() as pipeline:
            self._rq.cleanup_execution(execution.job, pipeline, execution.rq_execution)
            pipeline.execute()

    def _retry_until_written(self, step: Callable[[], object]) -> None:
        retry_while_disconnected(step, abandon=self._abandon)
