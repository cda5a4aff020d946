"""What becomes of executions that have ended, in batches."""

from collections.abc import Callable, Sequence

from redis import Redis
from rq.job import Retry

from worker.concurrent import greenlets
from worker.concurrent.claims import Claims, retry_wait_s
from worker.concurrent.execution import ExecutionTable, JobExecution
from worker.concurrent.features import DEPENDENTS, UnsupportedFeature
from worker.concurrent.finalize import JobFinalizer
from worker.concurrent.greenlets import ExcInfo
from worker.concurrent.promotion import Promoter


class Results:
    """Commits batches for the result writer, and leaves to the finalizer what cannot be."""

    def __init__(
        self,
        redis: Redis,
        claims: Claims,
        executions: ExecutionTable,
        promoter: Promoter,
        finalizer: JobFinalizer,
        *,
        on_finished: Callable[[Sequence[JobExecution]], None],
        default_result_ttl: int,
    ) -> None:
        self._redis = redis
        self._claims = claims
        self._executions = executions
        self._promoter = promoter
        self._finalizer = finalizer
        self._on_finished = on_finished
        self._default_result_ttl = default_result_ttl

    def write(self, batch: Sequence[JobExecution]) -> None:
        """Write results that were returned.

        Raises:
            RedisError: none of them is written.
        """
        self._on_finished(batch)
        commits = self._claims.commit(batch, self._default_result_ttl)
        for execution, commit in zip(batch, commits, strict=True):
            if commit == "dependents":
                error = UnsupportedFeature(DEPENDENTS)
                self.on_poisoned(execution, (UnsupportedFeature, error, None))
                continue
            if commit == "lost":
                execution.unregister(self._redis)
            self._executions.forget(execution)
            if isinstance(execution.value, Retry):
                self._promoter.due_in(retry_wait_s(execution.job, execution.value))

    def on_poisoned(self, execution: JobExecution, raised: ExcInfo) -> None:
        """Write a failure in a greenlet of its own, which may wait for Redis on behalf of one."""
        greenlets.start(
            "finalizer",
            lambda: self._finalizer.failed(execution, raised, already_notified=True),
        )
