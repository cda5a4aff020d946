"""Ends that RQ's own code writes: failures, and what has dependents, callbacks or more to do."""

import logging
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from redis import RedisError
from rq.callbacks import (
    execute_failure_callback,
    execute_stopped_callback,
    execute_success_callback,
)
from rq.job import JobStatus, Retry
from rq.job_lifecycle import format_exc_info
from rq.rate_limit import release_slot
from rq.utils import now

from worker.concurrent.execution import ExcInfo, JobExecution
from worker.concurrent.reconnect import retry_while_disconnected

if TYPE_CHECKING:
    from worker.concurrent.worker import ConcurrentWorker

_LOG: Final = logging.getLogger("rq.worker")


class JobFinalizer:
    """Each in the thread of its job. What a callback or handler raises ends nothing else."""

    def __init__(self, worker: "ConcurrentWorker") -> None:
        self._worker = worker

    def succeeded(self, run: JobExecution, *, already_notified: bool = False) -> None:
        """Callbacks run once, however often Redis has to be asked; so does `ended` if `told`."""
        job, worker = run.job, self._worker
        job.ended_at = job.last_heartbeat = now()
        job._result = run.value  # noqa: SLF001  what RQ itself does
        try:
            if not already_notified:
                self._retry_until_written(lambda: worker.on_finished([run]))
            if isinstance(run.value, Retry):
                self._retried(run, run.value)
            else:
                job._status = JobStatus.FINISHED  # noqa: SLF001  what RQ itself does
                execute_success_callback(job, worker.death_penalty_class, run.value)
                self._finished(run)
        except BaseException:  # noqa: BLE001  as in RQ, it becomes the job's
            self.failed(run, sys.exc_info(), already_notified=True)

    def _retried(self, run: JobExecution, retry: Retry) -> None:
        job, retries, registry = run.job, run.job.number_of_retries, run.job.started_job_registry

        def write() -> None:
            job.number_of_retries = retries  # as it was, should this be a second try
            self._worker.handle_job_retry(job, run.queue, retry, registry, run.rq_execution)

        self._written(run, write)

    def _finished(self, run: JobExecution) -> None:
        job, registry = run.job, run.job.started_job_registry
        left, intervals = job.repeats_left, job.repeat_intervals

        def write() -> None:
            job.repeats_left, job.repeat_intervals = left, intervals  # as above
            self._worker.handle_job_success(job, run.queue, registry, run.rq_execution)

        self._written(run, write)
        job.send_webhooks(JobStatus.FINISHED)

    def failed(
        self, run: JobExecution, exc_info: ExcInfo, *, already_notified: bool = False
    ) -> None:
        """The same; `told` if `ended` has had its turn."""
        job, worker = run.job, self._worker
        if not already_notified:
            self._notify(run)
        job.ended_at = job.last_heartbeat = now()
        if run.stopped:
            self._run_stopped_callback(run)
        else:
            exc_info = self._run_failure_callbacks(run, exc_info)
        # Half a character has no UTF-8, and RQ could not write the failure down.
        text = format_exc_info(exc_info).encode(errors="backslashreplace").decode()
        left = job.retries_left

        def write() -> None:
            job.retries_left = left  # as it was, should this be a second try
            worker._stopped_job_id = job.id if run.stopped else None  # noqa: SLF001  as RQ's own commands do
            worker.handle_job_failure(job, run.queue, exc_string=text, execution=run.rq_execution)

        try:
            self._written(run, write)
        except Exception:  # noqa: BLE001  whatever RQ cannot write
            _LOG.exception("The end of job %s cannot be written; RQ will find it abandoned", job.id)
            self._retry_until_written(lambda: worker.claims.drop(run))
            self._over(run)

    def _notify(self, run: JobExecution) -> None:
        try:
            self._retry_until_written(lambda: self._worker.on_finished([run]))
        except Exception:  # noqa: BLE001  the failure of the job itself is told all the same
            _LOG.exception("What was to follow the failure of job %s did not", run.job.id)

    def _run_stopped_callback(self, run: JobExecution) -> None:
        try:
            execute_stopped_callback(run.job, self._worker.death_penalty_class)
        except BaseException:  # noqa: BLE001  a callback of somebody's
            _LOG.exception("The callback of a stopped job failed: %s", run.job.id)

    def _run_failure_callbacks(self, run: JobExecution, exc_info: ExcInfo) -> ExcInfo:
        """Tell who wants to know; what is the failure then."""
        job, worker = run.job, self._worker
        job._status = JobStatus.FAILED  # noqa: SLF001  what RQ itself does
        try:
            execute_failure_callback(job, worker.death_penalty_class, *exc_info)
        except BaseException:  # noqa: BLE001  as in RQ, it becomes the job's
            exc_info = sys.exc_info()
        try:
            worker.handle_exception(job, *exc_info)
        except BaseException:  # noqa: BLE001  a handler of somebody's
            _LOG.exception("An exception handler failed: %s", job.id)
        return exc_info

    def _written(self, run: JobExecution, write: Callable[[], None]) -> None:
        """Try until it is no longer ours: RQ has taken the claim away with the rest."""
        worker = self._worker

        def step() -> None:
            if not worker.claims.holds(run):
                worker.hide(run)
                return
            if worker.job_class.exists(run.job.id, worker.connection):
                write()
            else:
                self._give_up(run)
            if worker.claims.holds(run):
                raise RedisError("RQ has logged why")

        self._retry_until_written(step)
        self._over(run)

    def _give_up(self, run: JobExecution) -> None:
        """Deleted while it ran: it stays deleted."""
        with self._worker.connection.pipeline() as pipeline:
            self._worker.cleanup_execution(run.job, pipeline, run.rq_execution)
            pipeline.execute()
        run.job._status = JobStatus.CANCELED  # noqa: SLF001  a slot is kept by what runs
        release_slot(run.job)

    def _over(self, run: JobExecution) -> None:
        self._worker.forget(run)
        self._worker.due_at(time.time())  # RQ may have scheduled it: the next look finds out when

    def _retry_until_written(self, step: Callable[[], None]) -> None:
        retry_while_disconnected(step, given_up=lambda: self._worker.over)
