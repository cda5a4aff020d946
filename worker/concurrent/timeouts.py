"""Job time-outs: RQ's `job_timeout`, for jobs that run in greenlets."""

from rq.timeouts import JobTimeoutException

from worker.concurrent.execution import ExecutionTable, JobExecution
from worker.concurrent.greenlets import Pool


class TimeoutWatch:
    """Interrupts executions that have run for longer than their job may, each once."""

    def __init__(self, executions: ExecutionTable, pool: Pool[JobExecution]) -> None:
        self._executions = executions
        self._pool = pool
        self._interrupted: set[JobExecution] = set()

    def interrupt_overdue(self) -> None:
        running = list(self._executions)
        self._interrupted &= set(running)
        for execution in running:
            if execution.overdue and execution not in self._interrupted:
                self._interrupted.add(execution)
                limit_s = execution.job.timeout or execution.queue.DEFAULT_TIMEOUT
                text = f"Task exceeded maximum timeout value ({limit_s} seconds)"  # as RQ's own
                self._pool.interrupt(execution, JobTimeoutException(text))
