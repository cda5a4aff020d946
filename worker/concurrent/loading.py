"""From a claimed job, as Redis returned it, to an execution."""

from typing import Any

from rq import Queue
from rq.executions import Execution
from rq.job import Job, JobStatus

from worker.concurrent.claims import ClaimedJob
from worker.concurrent.execution import JobExecution
from worker.concurrent.features import unsupported_feature


def load_execution(
    claimed: ClaimedJob,
    queue: Queue,
    job_class: type[Job],
    worker_name: str,
    lease_epoch: int,
    serializer: Any = None,
) -> JobExecution:
    """The execution of a job. One that cannot be read or done here has a `load_error`.

    `serializer` is the worker's own, which reads as in RQ; without one the queue's does.
    """
    job = job_class(claimed.job_id, connection=queue.connection)
    job.serializer = serializer or queue.serializer  # resolved once
    load_error: Exception | None = None
    try:
        job.restore(claimed.hash)
    except Exception as error:  # noqa: BLE001  not a hash of RQ's: it fails like any other job
        load_error = error
    if load_error is None:
        load_error = unsupported_feature(claimed.hash, has_dependents=claimed.has_dependents)
    rq_execution = Execution(claimed.execution_id, job.id, queue.connection, worker_name)
    rq_execution._job = job  # noqa: SLF001  as RQ does; else it would fetch the job again
    lost_run_began = job.started_at
    job.worker_name, job.started_at = worker_name, rq_execution.created_at
    job._status = JobStatus.STARTED  # noqa: SLF001  as in Redis
    redelivery_count = int(claimed.hash.get(b"redelivery_count", 0))
    return JobExecution(
        job, queue, rq_execution, redelivery_count, lost_run_began, lease_epoch, load_error
    )
