"""The worker itself: what it takes, runs and gives up, and when.

    claim -> pool -> perform -> books -> commit

The main loop claims whenever there is room; a pool of threads performs; the books write ends down
in batches; a watch keeps the lease. Ends that need more than a batch can do (failures, dependents,
callbacks) are written by RQ's own code, in the thread of the job.
"""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from redis import RedisError
from redis.client import Pipeline
from rq import Queue
from rq.defaults import DEFAULT_LOGGING_DATE_FORMAT, DEFAULT_LOGGING_FORMAT
from rq.executions import Execution
from rq.job import Job, JobStatus, Retry
from rq.timeouts import TimerDeathPenalty
from rq.utils import now
from rq.worker.base import DequeueStrategy, WorkerStatus

from worker.concurrent.capacity import Capacity
from worker.concurrent.claims import ClaimedJob, ClaimResult, Claims, QueueGroup, fast, retry_wait_s
from worker.concurrent.commands import CommandedWorker
from worker.concurrent.execution import ExcInfo, JobExecution, JobStopped, Requeue
from worker.concurrent.finalize import JobFinalizer
from worker.concurrent.lease import Lease
from worker.concurrent.lease_keeper import LeaseKeeper
from worker.concurrent.pool import Pool
from worker.concurrent.reconnect import FIRST_WAIT_S, LONGEST_WAIT_S, retry_while_disconnected
from worker.concurrent.result_writer import ResultWriter
from worker.concurrent.shutdown import Shutdown
from worker.concurrent.wakeup import QueueNotifier

_SOCKET_TIMEOUT_S: Final = 10
_LOOK_EVERY_S: Final = 5.0
_SUSPENDED_S: Final = 1.0
_CARE_EVERY_S: Final = 1.0
_GATHER_S: Final = 0.003


class ConcurrentWorker(CommandedWorker):
    """Runs up to `concurrency` jobs at once.

    On a signal it finishes what it has begun within `grace_s` seconds and returns the rest to the
    queues. `wakeup_key` names a list in Redis to which a producer pushes when it enqueues to an
    empty queue; a worker of one queue needs none. `fair` gives queues equal shares, where RQ
    empties one after the other. Subclasses may override the methods below.
    """

    death_penalty_class = TimerDeathPenalty  # callbacks run in threads too
    _mine = threading.local()

    def __init__(
        self,
        queues: Sequence[Queue],
        *,
        concurrency: int = 32,
        grace_s: float = 20.0,
        wakeup_key: str = "",
        fair: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(queues, **options)
        self.concurrency = concurrency
        self.grace_s = grace_s
        self.claims = Claims(self.connection, self.name, wakeup_key)
        self.lease = Lease()
        self.claiming = False
        self.not_started: Sequence[JobExecution] = ()
        self._wakeup_key = wakeup_key
        self._fair = fair
        self._by_name = {queue.name: queue for queue in self.queues}
        self._endings = JobFinalizer(self)
        self._departure = Shutdown(self)
        self.over = False
        self._look_at = self._open_until = 0.0
        self._watch: LeaseKeeper | None = None

    @property
    def connection_timeout(self) -> int:
        """RQ waits for minutes, since it blocks for as long; we never block for more than 4 s."""
        return _SOCKET_TIMEOUT_S

    # What a subclass may change.

    def groups(self) -> list[QueueGroup]:
        """The queues to take from, and how."""
        return [QueueGroup(tuple(self._by_name), self.concurrency)]

    def prepare(self, runs: Sequence[JobExecution]) -> None:
        """Called with what was taken, before any of it runs; it may set each run's `note`.

        Called again after a RedisError.
        """

    def perform(self, run: JobExecution) -> Any:
        """JobExecution the job, in a thread of the pool."""
        return run.job.perform()

    def on_finished(self, executions: Sequence[JobExecution]) -> None:
        """Called with runs that returned or raised, before RQ is told; again after a RedisError."""

    def on_claimed(self, catch: ClaimResult, groups: Sequence[QueueGroup]) -> None:
        """Called after each look for jobs and before they run, with how the valves stand."""

    def maintain(self) -> None:
        """Called every second, in a thread of its own."""
        # RQ takes for abandoned what it has not heard of for a while. After a time without Redis
        # that is all that runs, until each of us has shown again what it holds.
        if self._watch and self._watch.stable and self.should_run_maintenance_tasks:
            self.run_maintenance_tasks()  # type: ignore[no-untyped-call]  # RQ has no types here

    # The loop.

    def work(  # noqa: PLR0913, PLR0917  RQ's signature
        self,
        burst: bool = False,  # noqa: FBT001, FBT002  RQ's signature
        logging_level: str | None = None,
        date_format: str = DEFAULT_LOGGING_DATE_FORMAT,
        log_format: str = DEFAULT_LOGGING_FORMAT,
        max_jobs: int | None = None,
        max_idle_time: int | None = None,
        with_scheduler: bool = False,  # noqa: ARG002, FBT001, FBT002  what is due is queued anyway
        dequeue_strategy: DequeueStrategy = DequeueStrategy.DEFAULT,
    ) -> bool:
        """As RQ's: returns whether any job was taken. Redis away ends nothing once it has begun."""
        self.bootstrap(logging_level, date_format, log_format)
        self._dequeue_strategy = dequeue_strategy
        self.capacity = Capacity(self.concurrency)
        self._look_at, self.over = 0.0, False
        self._install_signal_handlers()
        self.pool = Pool(self.concurrency, self._perform, self._end)
        self.books = ResultWriter(
            self._write, self._on_poisoned, self.wakeup, lambda: self.capacity.flowing
        )
        self._watch = LeaseKeeper(self)
        keys = [self._wakeup_key] if self._wakeup_key else self.queue_keys()
        notifier = QueueNotifier(self.connection, keys, self.wakeup)
        self._maintain()
        threading.Thread(target=self._maintenance_loop, name="care", daemon=True).start()
        try:
            self._loop(notifier, max_jobs, max_idle_time, burst=burst)
        finally:
            notifier.close()
            self._departure.drain()
            self._watch.close()
            self._departure.deregister()
        return self.capacity.taken > 0

    def _loop(
        self,
        notifier: QueueNotifier,
        max_jobs: int | None,
        max_idle_time: int | None,
        *,
        burst: bool,
    ) -> None:
        retry_s, full, idle_since = FIRST_WAIT_S, False, time.monotonic()
        while not self._stop_requested:
            wanted = self._wanted(max_jobs, full=full)
            if wanted < 1:
                if max_jobs is not None and self.capacity.taken >= max_jobs and not self.running:
                    return
                self.wakeup.wait(0.2)
                continue
            quiet = not self.running
            try:
                catch = self._catch(wanted) if self._look_when_due() else ClaimResult()
                self._show_state(catch)
            except RedisError as error:
                self.log.warning("Redis is away: %s", type(error).__name__)
                self.wakeup.wait(retry_s)
                retry_s = min(retry_s * 2, LONGEST_WAIT_S)
                continue
            retry_s, full = FIRST_WAIT_S, 2 * len(catch.taken) > wanted
            if catch.taken or not quiet:
                idle_since = time.monotonic()
            if catch.taken:
                notifier.acknowledge()
                continue
            if burst and quiet and catch.pace_s is None:
                return
            if quiet and max_idle_time and time.monotonic() - idle_since > max_idle_time:
                return
            watching = catch.suspended or max_idle_time is not None
            wait_s = self._idle_wait_s(catch, _SUSPENDED_S if watching else _LOOK_EVERY_S)
            # A queue that may not be taken from rings all the time.
            if not catch.suspended and (self._wakeup_key or not self._shut):
                notifier.arm()
            self.wakeup.wait(wait_s)

    def _idle_wait_s(self, catch: ClaimResult, most_s: float) -> float:
        """How long nothing can be taken, unless the wakeup rings."""
        if catch.open_for_s and catch.pace_s is None:
            self._open_until = time.monotonic() + catch.open_for_s
        open_for_s = self._open_until - time.monotonic()
        waits = [
            most_s,
            self._look_at - time.time(),
            catch.pace_s,
            open_for_s if open_for_s > 0 else None,
        ]
        return min(wait for wait in waits if wait is not None)

    def _wanted(self, max_jobs: int | None, *, full: bool) -> int:
        """How many jobs to take now."""
        self.capacity.set_pace()
        if full and self.capacity.free < self.concurrency // 4:
            time.sleep(_GATHER_S)  # a claim of many costs hardly more than a claim of one
            if self.capacity.in_flight >= self.concurrency:
                return 0
        free = self.capacity.free
        return free if max_jobs is None else min(free, max_jobs - self.capacity.taken)

    def _catch(self, room: int) -> ClaimResult:
        """Take jobs and start them."""
        groups = self.groups()
        fair = self._fair or self._dequeue_strategy != DequeueStrategy.DEFAULT
        asked_at, self.claiming = self.lease.asked(), True
        lapses = self.lease.lapses
        try:
            catch = self.claims.claim(groups, room, fair=fair)
            self.lease.renewed(asked_at)
            runs = [self._to_execution(taken, lapses) for taken in catch.taken]
            self.running |= {run.rq_execution.id: run for run in runs}
        finally:
            self.claiming = False
        self.capacity.taken += len(runs)
        self.on_claimed(catch, groups)
        if runs:
            self._start(runs)
        return catch

    def _start(self, runs: Sequence[JobExecution]) -> None:
        prepared = not self._stop_requested and retry_while_disconnected(
            lambda: self._prepare([run for run in runs if not run.load_error]),
            given_up=lambda: self._stop_requested,
            wait=self.wakeup.wait,
        )
        if prepared:
            for run in runs:
                self.pool.submit(run)
        else:
            self.capacity.taken -= len(runs)
            self.not_started = runs  # told to stop meanwhile: they are handed back

    def _prepare(self, runs: Sequence[JobExecution]) -> None:
        """One that cannot be prepared fails alone."""
        try:
            self.prepare(runs)
        except RedisError:
            raise
        except Exception as error:  # noqa: BLE001  told as the failure of the job
            if len(runs) == 1:
                runs[0].load_error = error
                return
            for run in runs:
                self._prepare([run])

    def _to_execution(self, taken: ClaimedJob, lapses: int) -> JobExecution:
        queue = self._by_name[taken.queue]
        job = self.job_class(taken.job_id, connection=self.connection, serializer=self.serializer)
        fault: Exception | None = None
        try:
            job.restore(taken.hash)
        except Exception as error:  # noqa: BLE001  no hash of RQ's: it fails like any other
            fault = error
        execution = Execution(taken.execution_id, job.id, self.connection, self.name)
        execution._job = job  # noqa: SLF001  what RQ itself does
        job.worker_name, job.started_at = self.name, execution.created_at
        job._status = JobStatus.STARTED  # noqa: SLF001  as in Redis
        self.executions[execution.id] = execution
        redelivery_count = int(taken.hash.get(b"redelivery_count", 0))
        return JobExecution(job, queue, execution, redelivery_count, lapses, fault)

    def _look_when_due(self) -> bool:
        """Queue what is due. False if that showed that there is nothing to claim."""
        if time.time() < self._look_at:
            return True
        self._look_at = time.time() + _LOOK_EVERY_S
        found, fresh, due = self.claims.promote_scheduled(tuple(self._by_name))
        self._look_at = min(self._look_at, due or self._look_at)
        return fresh or (found and not self._shut)

    @property
    def _shut(self) -> bool:
        """Whether all that waits stands behind a shut valve, as far as we know."""
        return time.monotonic() < self._open_until

    def due_at(self, moment: float) -> None:
        """A job falls due then (unix time): look for it in time."""
        if moment < self._look_at:
            self._look_at = moment
            self.wakeup.set()

    def members(self) -> set[str]:
        """Everything this worker holds, as it knows itself."""
        return {run.member for run in list(self.running.values())}

    def _show_state(self, catch: ClaimResult) -> None:
        busy = catch.taken or self.running  # until its end is written down a job is not over
        idle = WorkerStatus.SUSPENDED if catch.suspended else WorkerStatus.IDLE
        state = WorkerStatus.BUSY if busy else idle
        if state != self.get_state():
            self.set_state(state)

    # One run, in a thread of the pool.

    def _perform(self, run: JobExecution) -> None:
        if not self.lease.unbroken_since(run.lease_epoch):
            run.value = Requeue()  # we stood still: another may have it already
            return
        run.began_at = time.monotonic()
        run.rq_execution.created_at = now()
        if run.load_error:
            raise run.load_error
        if run.stopped:
            raise JobStopped  # before it began
        run.value = self.perform(run)

    def _end(self, run: JobExecution, raised: ExcInfo | None) -> None:
        run.finished = True
        try:
            if raised:
                self._endings.failed(run, raised)
            elif fast(run):
                self.books.add(run)
            else:
                self._endings.succeeded(run)
        finally:
            self.capacity.release()
            self.wakeup.set()

    def _write(self, runs: Sequence[JobExecution]) -> None:
        """Called by the books."""
        self.on_finished(runs)
        words = self.claims.commit(runs, self.default_result_ttl)
        for run, word in zip(runs, words, strict=True):
            if word == "rq":
                _begin(self._endings.succeeded, run, already_notified=True)
                continue
            if word == "lost":
                self.hide(run)
            self.forget(run)
            if isinstance(run.value, Retry):
                self.due_at(time.time() + retry_wait_s(run.job, run.value))

    def _on_poisoned(self, run: JobExecution, raised: ExcInfo) -> None:
        """Called by the books."""
        _begin(self._endings.failed, run, raised, already_notified=True)

    def hide(self, run: JobExecution) -> None:
        """Nothing says any longer that we run it."""
        with self.connection.pipeline() as pipeline:
            run.rq_execution.delete(run.job, pipeline)
            pipeline.execute()

    def forget(self, run: JobExecution) -> None:
        """The end of a run is written down, or no longer ours to write."""
        self.executions.pop(run.rq_execution.id, None)
        self.running.pop(run.rq_execution.id, None)

    def cleanup_execution(
        self, job: Job, pipeline: Pipeline, execution: Execution | None = None
    ) -> None:
        """Called by RQ's own code with whatever ends a job: it is no longer claimed either."""
        super().cleanup_execution(job, pipeline, execution)
        if execution:
            pipeline.zrem(self.claims.key, execution.composite_key)

    @property
    def _stopped_job_id(self) -> str | None:
        """Where RQ keeps which job was stopped; of several that end, the one this thread ends."""
        return getattr(self._mine, "stopped_job_id", None)

    @_stopped_job_id.setter
    def _stopped_job_id(self, job_id: str | None) -> None:
        self._mine.stopped_job_id = job_id

    # What is done now and then.

    def _maintenance_loop(self) -> None:
        while not self.over:
            time.sleep(_CARE_EVERY_S)
            self._maintain()

    def _maintain(self) -> None:
        try:
            self.maintain()
        except RedisError as error:
            self.log.warning("Maintenance is postponed: %s", type(error).__name__)
        except Exception:
            self.log.exception("Maintenance failed")


def _begin(work: Callable[..., None], *args: Any, **options: Any) -> None:
    """In a thread of its own: it may take as long as Redis is away."""
    threading.Thread(target=work, args=args, kwargs=options, daemon=True).start()
