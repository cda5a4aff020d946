"""Job time-outs: RQ's `job_timeout`, for jobs that run in threads."""

from worker.concurrent.execution import ExecutionTable, JobExecution, TimedOut
from worker.concurrent.threads import Pool


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
                self._pool.interrupt(execution, TimedOut)
