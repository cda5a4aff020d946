"""Claims jobs, makes executions of them, prepares and starts them."""

from collections.abc import Callable, Sequence
from typing import Protocol

from redis import RedisError

from worker.concurrent.capacity import Capacity
from worker.concurrent.claims import ClaimedJob, ClaimResult, Claims, QueueGroup
from worker.concurrent.execution import ExecutionTable, JobExecution
from worker.concurrent.lease import Lease
from worker.concurrent.reconnect import retry_while_disconnected


class ClaimHooks(Protocol):
    """What a worker decides about claims, see `ConcurrentWorker`."""

    @property
    def stopping(self) -> bool: ...

    def groups(self) -> list[QueueGroup]: ...

    def load(self, claimed: ClaimedJob, lease_epoch: int) -> JobExecution: ...

    def on_claimed(self, claim: ClaimResult, groups: Sequence[QueueGroup]) -> None: ...

    def prepare(self, executions: Sequence[JobExecution]) -> None: ...


class Claimer:
    """`claiming` is True while the answer to a claim is on its way; `not_started` has what was
    claimed and, because of a stop, not started.

    `submit` starts an execution.
    """

    def __init__(
        self,
        hooks: ClaimHooks,
        claims: Claims,
        lease: Lease,
        executions: ExecutionTable,
        capacity: Capacity,
        *,
        submit: Callable[[JobExecution], object],
        fair: bool,
    ) -> None:
        self._hooks = hooks
        self._claims = claims
        self._lease = lease
        self._executions = executions
        self._capacity = capacity
        self._submit = submit
        self._fair = fair
        self._answer_lost = False
        self.claiming = False
        self.not_started: Sequence[JobExecution] = ()

    @property
    def idle(self) -> bool:
        """Whether nothing runs, and every result is written."""
        return not self._executions

    def claim(self, free: int) -> ClaimResult:
        """Claim up to `free` jobs and start them.

        Raises:
            RedisError: the claim failed, or its answer was lost.
        """
        if self._answer_lost:
            self.release_lost()
        groups = self._hooks.groups()
        requested_at, self.claiming = self._lease.begin_renewal(), True
        epoch = self._lease.epoch
        self._answer_lost = True
        try:
            claim = self._claims.claim(groups, free, fair=self._fair)
            self._answer_lost = False
            self._lease.renewed(requested_at)
            executions = [self._hooks.load(job, epoch) for job in claim.jobs]
            for execution in executions:
                self._executions.add(execution)
        finally:
            self.claiming = False
        self._capacity.claimed += len(executions)
        self._hooks.on_claimed(claim, groups)
        if executions:
            self._start(executions)
        return claim

    def release_lost(self) -> bool:
        """Return what was claimed by a call whose answer was lost; whether there was anything.

        Raises:
            RedisError
        """
        lost = self._claims.release_unknown(self._executions.members())
        self._answer_lost = False
        return bool(lost)

    def _start(self, executions: Sequence[JobExecution]) -> None:
        loaded = [execution for execution in executions if not execution.load_error]
        prepared = not self._hooks.stopping and retry_while_disconnected(
            lambda: self._prepare(loaded), abandon=lambda: self._hooks.stopping
        )
        if prepared:
            for execution in executions:
                self._submit(execution)
        else:
            self._capacity.claimed -= len(executions)
            self.not_started = executions

    def _prepare(self, executions: Sequence[JobExecution]) -> None:
        """One that cannot be prepared fails alone."""
        if not executions:
            return
        try:
            self._hooks.prepare(executions)
        except RedisError:
            raise
        except Exception as error:  # noqa: BLE001  it becomes the failure of the job
            if len(executions) == 1:
                executions[0].load_error = error
                return
            for execution in executions:
                self._prepare([execution])
