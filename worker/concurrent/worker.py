"""The worker: a main loop that claims, a pool of greenlets that performs, a writer of results.

    claim -> prepare -> pool -> perform -> result writer -> commit

The main loop claims whenever there is capacity. Results are written in batches; a failure is
written by RQ's own code, in the greenlet of its job. Beside them, a thread renews the lease, a
greenlet looks after its answers, RQ's registrations and time-outs, and another calls `maintain`.
"""

import time
from collections.abc import Sequence
from typing import Any, Final

from redis import RedisError
from redis.client import Pipeline
from rq import Queue
from rq.defaults import DEFAULT_LOGGING_DATE_FORMAT, DEFAULT_LOGGING_FORMAT
from rq.executions import Execution
from rq.job import Job, Retry
from rq.utils import now
from rq.worker.base import DequeueStrategy, WorkerStatus

from worker.concurrent.capacity import Capacity
from worker.concurrent.claim_loop import ClaimLoop
from worker.concurrent.claimer import Claimer
from worker.concurrent.claims import ClaimedJob, ClaimResult, Claims, QueueGroup
from worker.concurrent.commands import CommandedWorker
from worker.concurrent.execution import JobExecution, JobStopped, Requeue
from worker.concurrent.features import require_keys_of_rq
from worker.concurrent.finalize import JobFinalizer
from worker.concurrent.greenlets import ON_DEATH, ExcInfo, Pool, Ticker
from worker.concurrent.lease import Lease
from worker.concurrent.lease_keeper import LeaseKeeper
from worker.concurrent.lease_thread import LeaseThread
from worker.concurrent.loading import load_execution
from worker.concurrent.promotion import Promoter
from worker.concurrent.reconnect import report, report_bug
from worker.concurrent.registration import Registrar, WorkerHeartbeat
from worker.concurrent.result_writer import ResultWriter
from worker.concurrent.results import Results
from worker.concurrent.shutdown import Shutdown
from worker.concurrent.timeouts import TimeoutWatch
from worker.concurrent.timings import Timings
from worker.concurrent.wakeup import QueueNotifier

_SOCKET_TIMEOUT_S: Final = 10
_DEFAULT_TIMINGS: Final = Timings()


class ConcurrentWorker(CommandedWorker):
    """Runs up to `concurrency` jobs at once.

    On a signal it finishes what it has begun within `grace_s` seconds and returns the rest to the
    queues. `wakeup_key` names a list in Redis to which a producer pushes when it enqueues to an
    empty queue; a worker of one queue needs none. `fair` gives queues equal shares, where RQ
    empties one after the other. Subclasses may override the methods up to `maintain`.
    """

    def __init__(
        self,
        queues: Sequence[Queue],
        name: str | None = None,
        *,
        concurrency: int = 32,
        grace_s: float = 20.0,
        wakeup_key: str = "",
        fair: bool = False,
        timings: Timings = _DEFAULT_TIMINGS,
        **options: Any,
    ) -> None:
        super().__init__(queues, name=name, **options)
        require_keys_of_rq(self)
        self._has_serializer = options.get("serializer") is not None
        self.concurrency = concurrency
        self.timings = timings
        self.claims = Claims(self.connection, self.name, wakeup_key, lease_s=timings.lease_s)
        self.lease = Lease(timings.lease_s)
        self._grace_s = grace_s
        self._wakeup_key = wakeup_key
        self._fair = fair
        self._by_name = {queue.name: queue for queue in self.queues}
        self._set_up()

    def _set_up(self) -> None:
        """The parts that are new each time it works."""
        claims, running, timings = self.claims, self.running, self.timings
        self.capacity = Capacity(self.concurrency)
        names, every_s = lambda: tuple(self._by_name), timings.promote_s
        self._promoter = Promoter(claims, names, self.wakeup, every_s)
        self._closing = Shutdown(
            claims, running, self.wakeup, grace_s=self._grace_s, forced=lambda: self.forced
        )
        self._finalizer = JobFinalizer(
            self,
            claims,
            running,
            self._promoter,
            on_finished=self.on_finished,
            abandon=lambda: self._closing.closed,
        )
        self._lease_keeper = LeaseKeeper(
            claims, running, self.wakeup, claiming=lambda: self._claimer.claiming, timings=timings
        )
        self._worker_heartbeat = WorkerHeartbeat(self, timings.worker_heartbeat_s)

    @property
    def connection_timeout(self) -> int:
        """RQ's is minutes, since its worker blocks for as long; this one for 4 s at most."""
        return _SOCKET_TIMEOUT_S

    # What a subclass may override.

    def groups(self) -> list[QueueGroup]:
        """The queues to claim from, and how."""
        return [QueueGroup(tuple(self._by_name), self.concurrency)]

    def on_claimed(self, claim: ClaimResult, groups: Sequence[QueueGroup]) -> None:
        """Called after each claim, before its jobs run; `claim.states` runs beside `groups`."""

    def prepare(self, executions: Sequence[JobExecution]) -> None:
        """Called with what was claimed, before it runs, and again after a RedisError.

        It may set each execution's `context`.
        """

    def perform(self, execution: JobExecution) -> Any:
        """Run the job, in a greenlet of the pool."""
        return execution.job.perform()

    def on_finished(self, executions: Sequence[JobExecution]) -> None:
        """Called before the results of these are written, and again after a RedisError."""

    def maintain(self) -> None:
        """Called every `maintain_s` seconds, in a greenlet of its own."""
        # After a Redis outage RQ would take running jobs for abandoned, until each worker has sent
        # heartbeats again.
        if self._lease_keeper.stable and self.should_run_maintenance_tasks:
            self.run_maintenance_tasks()  # type: ignore[no-untyped-call]  # RQ has no types here

    def work(  # noqa: PLR0913, PLR0917  RQ's signature
        self,
        burst: bool = False,  # noqa: FBT001, FBT002  RQ's signature
        logging_level: str | None = None,
        date_format: str = DEFAULT_LOGGING_DATE_FORMAT,
        log_format: str = DEFAULT_LOGGING_FORMAT,
        max_jobs: int | None = None,
        max_idle_time: int | None = None,
        with_scheduler: bool = False,  # noqa: ARG002, FBT001, FBT002  due jobs are queued anyway
        dequeue_strategy: DequeueStrategy = DequeueStrategy.DEFAULT,
    ) -> bool:
        """Work as RQ's `work` does; whether any job was claimed.

        A Redis that goes away later is waited for.

        Raises:
            NotImplementedError: an option that this worker does not have.
            RedisError: Redis is away at the start.
            RuntimeError: a greenlet or thread of the worker has died.
        """
        default = dequeue_strategy == DequeueStrategy.DEFAULT
        if max_jobs is not None or max_idle_time is not None or not default:
            raise NotImplementedError("no max_jobs, max_idle_time or dequeue_strategy; see `fair`")
        ON_DEATH.set(self.on_death)
        self._install_signal_handlers()  # before Redis knows of it: told to stop, it signs off
        self._set_up()
        self.bootstrap(logging_level, date_format, log_format)
        self.pool = Pool(self.concurrency, self._perform, self._finish)
        results = Results(
            self.connection,
            self.claims,
            self.running,
            self._promoter,
            self._finalizer,
            on_finished=self.on_finished,
            default_result_ttl=self.default_result_ttl,
        )
        self._writer = ResultWriter(
            results.write, results.on_poisoned, self.wakeup, lambda: self.capacity.flowing
        )
        self._claimer = Claimer(
            self,
            self.claims,
            self.lease,
            self.running,
            self.capacity,
            submit=self.pool.submit,
            fair=self._fair,
        )
        loop = ClaimLoop(
            self._claimer,
            self.capacity,
            self._promoter,
            self.wakeup,
            show_state=self._show_state,
            stopping=lambda: self.stopping,
            timings=self.timings,
        )
        notifier = QueueNotifier(
            self.connection,
            wakeup_key=self._wakeup_key,
            queue_keys=self.queue_keys(),
            wakeup=self.wakeup,
            timings=self.timings,
        )
        thread = LeaseThread(self.name, self.connection, self.lease, self.timings)
        keeper = self._start_keeper(thread)
        if not self.stopping:
            self._maintain_once()
        every_s = self.timings.maintain_s
        maintenance = Ticker("maintenance", every_s, self.maintain, on_error=report, delayed=True)
        try:
            loop.run(notifier, burst=burst)
        finally:
            notifier.close()
            self._closing.drain([*self.pool.close(), *self._claimer.not_started])
            self._writer.close()
            maintenance.close()
            keeper.close()
            thread.close()
            self._closing.deregister(self.teardown)
        self.raise_if_dead()
        return self.capacity.claimed > 0

    def _start_keeper(self, thread: LeaseThread) -> Ticker:
        """The greenlet beside the jobs."""
        registrar = Registrar(
            self.connection,
            self.running,
            executions_key=self.executions_key,
            worker_ttl_s=self.worker_ttl,
            timings=self.timings,
        )
        return Ticker(
            "lease-keeper",
            self.timings.tick_s,
            lambda: self._lease_keeper.keep(thread),
            self._worker_heartbeat.send,
            TimeoutWatch(self.running, self.pool).interrupt_overdue,
            registrar.register,
            self.end_with_its_parts,
            on_error=report_bug,
        )

    def load(self, claimed: ClaimedJob, lease_epoch: int) -> JobExecution:
        """The execution of a claimed job."""
        queue = self._by_name[claimed.queue]
        own = self.serializer if self._has_serializer else None
        return load_execution(claimed, queue, self.job_class, self.name, lease_epoch, own)

    def _show_state(self, suspended: bool) -> None:  # noqa: FBT001  a callback's only argument
        idle = WorkerStatus.SUSPENDED if suspended else WorkerStatus.IDLE
        shown, state = self.get_state(), WorkerStatus.BUSY if self.running else idle
        try:
            if state != shown:
                self.set_state(state)
        except RedisError:  # Redis is full or away: claiming must go on
            self._state = shown  # so that it is tried again

    # One execution, in a greenlet of the pool.

    def _perform(self, execution: JobExecution) -> None:
        if not self.lease.held_since(execution.lease_epoch):
            execution.value = Requeue()  # the lease had a gap: another worker may have it already
            return
        execution.began_at = time.monotonic()
        execution.rq_execution.created_at = now()
        if execution.load_error:
            raise execution.load_error
        if execution.stopped:
            raise JobStopped  # before it began
        execution.value = self.perform(execution)

    def _finish(self, execution: JobExecution, raised: ExcInfo | None) -> None:
        execution.finished = True
        value, retries = execution.value, execution.job.number_of_retries
        try:
            if raised:
                self._finalizer.failed(execution, raised)
            elif isinstance(value, Retry) and retries and retries >= value.max:
                self._finalizer.retries_exhausted(execution, value)
            else:
                self._writer.add(execution)
        finally:
            self.capacity.release()
            self.wakeup.set()

    def cleanup_execution(
        self, job: Job, pipeline: Pipeline, execution: Execution | None = None
    ) -> None:
        """Called by RQ's own code with whatever ends a job: it is no longer claimed either."""
        super().cleanup_execution(job, pipeline, execution)
        if execution:
            pipeline.zrem(self.claims.key, execution.composite_key)

    def _maintain_once(self) -> None:
        try:
            self.maintain()
        except Exception as error:  # noqa: BLE001  it is tried again
            report(error)
