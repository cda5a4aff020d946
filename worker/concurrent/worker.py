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

from worker.concurrent.away import FIRST_WAIT_S, LONGEST_WAIT_S, until_back
from worker.concurrent.bell import Bell
from worker.concurrent.books import Books
from worker.concurrent.claims import Catch, Claims, Group, Taken, fast, retry_wait_s
from worker.concurrent.commands import CommandedWorker
from worker.concurrent.departure import Departure
from worker.concurrent.endings import Endings
from worker.concurrent.lease import Lease
from worker.concurrent.pool import Pool
from worker.concurrent.room import Room
from worker.concurrent.run import ExcInfo, HandBack, JobStopped, Run
from worker.concurrent.watch import Watch

_SOCKET_TIMEOUT_S: Final = 10
_LOOK_EVERY_S: Final = 5.0
_SUSPENDED_S: Final = 1.0
_CARE_EVERY_S: Final = 1.0
_GATHER_S: Final = 0.003


class ConcurrentWorker(CommandedWorker):
    """Runs up to `concurrency` jobs at once.

    Told to stop, it finishes what it has begun within `grace_s` seconds and hands the rest back.
    `bell` names a list in Redis that whoever enqueues pushes to when a queue has been empty; a
    worker of one queue needs none. `fair` gives queues equal shares, where RQ empties one after the
    other. Subclasses may `prepare` a batch, `perform` a run and hear when it has `ended`.
    """

    death_penalty_class = TimerDeathPenalty  # callbacks run in threads too
    _mine = threading.local()

    def __init__(
        self,
        queues: Sequence[Queue],
        *,
        concurrency: int = 32,
        grace_s: float = 20.0,
        bell: str = "",
        fair: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(queues, **options)
        self.concurrency = concurrency
        self.grace_s = grace_s
        self.claims = Claims(self.connection, self.name, bell)
        self.lease = Lease()
        self.claiming = False
        self.not_started: Sequence[Run] = ()
        self._bell_key = bell
        self._fair = fair
        self._by_name = {queue.name: queue for queue in self.queues}
        self._endings = Endings(self)
        self._departure = Departure(self)
        self.over = False
        self._look_at = self._shut_until = 0.0
        self._watch: Watch | None = None

    @property
    def connection_timeout(self) -> int:
        """RQ waits for minutes, since it blocks for as long; we never block for more than 4 s."""
        return _SOCKET_TIMEOUT_S

    # What a subclass may change.

    def groups(self) -> list[Group]:
        """The queues to take from, and how."""
        return [Group(tuple(self._by_name), self.concurrency)]

    def prepare(self, runs: Sequence[Run]) -> None:
        """Called with what was taken, before any of it runs; it may set each run's `note`.

        Called again after a RedisError.
        """

    def perform(self, run: Run) -> Any:
        """Run the job, in a thread of the pool."""
        return run.job.perform()

    def ended(self, runs: Sequence[Run]) -> None:
        """Called with runs that returned or raised, before RQ is told; again after a RedisError."""

    def caught(self, catch: Catch, groups: Sequence[Group]) -> None:
        """Called after each look for jobs and before they run, with how the valves stand."""

    def maintain(self) -> None:
        """Called every second, in a thread of its own."""
        # RQ takes for abandoned what it has not heard of for a while. After a time without Redis
        # that is all that runs, until each of us has shown again what it holds.
        if self._watch and self._watch.steady and self.should_run_maintenance_tasks:
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
        self.room = Room(self.concurrency)
        self._look_at, self.over = 0.0, False
        self._install_signal_handlers()
        self.pool = Pool(self.concurrency, self._perform, self._end)
        self.books = Books(self._write, self._spoiled, self.alarm, lambda: self.room.flowing)
        self._watch = Watch(self)
        keys = [self._bell_key] if self._bell_key else self.queue_keys()
        bell = Bell(self.connection, keys, self.alarm)
        self._maintain()
        threading.Thread(target=self._care, name="care", daemon=True).start()
        try:
            self._loop(bell, max_jobs, max_idle_time, burst=burst)
        finally:
            bell.close()
            self._departure.wind_down()
            self._watch.close()
            self._departure.say_goodbye()
        return self.room.taken > 0

    def _loop(
        self, bell: Bell, max_jobs: int | None, max_idle_time: int | None, *, burst: bool
    ) -> None:
        retry_s, full, idle_since = FIRST_WAIT_S, False, time.monotonic()
        while not self._stop_requested:
            wanted = self._wanted(max_jobs, full=full)
            if wanted < 1:
                if max_jobs is not None and self.room.taken >= max_jobs and not self.runs:
                    return
                self.alarm.wait(0.2)
                continue
            quiet = not self.runs
            try:
                catch = self._catch(wanted) if self._look_when_due() else Catch()
                self._show_state(catch)
            except RedisError as error:
                self.log.warning("Redis is away: %s", type(error).__name__)
                self.alarm.wait(retry_s)
                retry_s = min(retry_s * 2, LONGEST_WAIT_S)
                continue
            retry_s, full = FIRST_WAIT_S, 2 * len(catch.taken) > wanted
            if catch.taken or not quiet:
                idle_since = time.monotonic()
            if catch.taken:
                bell.answered()
                continue
            if burst and quiet and catch.pace_s is None:
                return
            if quiet and max_idle_time and time.monotonic() - idle_since > max_idle_time:
                return
            watching = catch.suspended or max_idle_time is not None
            wait_s = self._nothing_for_s(catch, _SUSPENDED_S if watching else _LOOK_EVERY_S)
            # A queue that may not be taken from rings all the time.
            if not catch.suspended and (self._bell_key or not self._shut):
                bell.listen()
            self.alarm.wait(wait_s)

    def _nothing_for_s(self, catch: Catch, most_s: float) -> float:
        """How long nothing can be taken, unless the alarm rings."""
        if catch.shut_s and catch.pace_s is None:
            self._shut_until = time.monotonic() + catch.shut_s
        shut_s = self._shut_until - time.monotonic()
        waits = [most_s, self._look_at - time.time(), catch.pace_s, shut_s if shut_s > 0 else None]
        return min(wait for wait in waits if wait is not None)

    def _wanted(self, max_jobs: int | None, *, full: bool) -> int:
        """How many jobs to take now."""
        self.room.set_pace()
        if full and self.room.free < self.concurrency // 4:
            time.sleep(_GATHER_S)  # a claim of many costs hardly more than a claim of one
            if self.room.in_hand >= self.concurrency:
                return 0
        free = self.room.free
        return free if max_jobs is None else min(free, max_jobs - self.room.taken)

    def _catch(self, room: int) -> Catch:
        """Take jobs and start them."""
        groups = self.groups()
        fair = self._fair or self._dequeue_strategy != DequeueStrategy.DEFAULT
        asked_at, self.claiming = self.lease.asked(), True
        lapses = self.lease.lapses
        try:
            catch = self.claims.claim(groups, room, fair=fair)
            self.lease.renewed(asked_at)
            runs = [self._begun(taken, lapses) for taken in catch.taken]
            self.runs |= {run.execution.id: run for run in runs}
        finally:
            self.claiming = False
        self.room.taken += len(runs)
        self.caught(catch, groups)
        if runs:
            self._start(runs)
        return catch

    def _start(self, runs: Sequence[Run]) -> None:
        prepared = not self._stop_requested and until_back(
            lambda: self._prepare([run for run in runs if not run.fault]),
            given_up=lambda: self._stop_requested,
            wait=self.alarm.wait,
        )
        if prepared:
            for run in runs:
                self.pool.submit(run)
        else:
            self.room.taken -= len(runs)
            self.not_started = runs  # told to stop meanwhile: they are handed back

    def _prepare(self, runs: Sequence[Run]) -> None:
        """One that cannot be prepared fails alone."""
        try:
            self.prepare(runs)
        except RedisError:
            raise
        except Exception as error:  # noqa: BLE001  told as the failure of the job
            if len(runs) == 1:
                runs[0].fault = error
                return
            for run in runs:
                self._prepare([run])

    def _begun(self, taken: Taken, lapses: int) -> Run:
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
        takeovers = int(taken.hash.get(b"takeovers", 0))
        return Run(job, queue, execution, takeovers, lapses, fault)

    def _look_when_due(self) -> bool:
        """Queue what is due. False if that showed that there is nothing to claim."""
        if time.time() < self._look_at:
            return True
        self._look_at = time.time() + _LOOK_EVERY_S
        found, fresh, due = self.claims.look(tuple(self._by_name))
        self._look_at = min(self._look_at, due or self._look_at)
        return fresh or (found and not self._shut)

    @property
    def _shut(self) -> bool:
        """Whether all that waits stands behind a shut valve, as far as we know."""
        return time.monotonic() < self._shut_until

    def due_at(self, moment: float) -> None:
        """A job falls due then (unix time): look for it in time."""
        if moment < self._look_at:
            self._look_at = moment
            self.alarm.ring()

    def members(self) -> set[str]:
        """Everything this worker holds, as it knows itself."""
        return {run.member for run in list(self.runs.values())}

    def _show_state(self, catch: Catch) -> None:
        busy = catch.taken or self.runs  # until its end is written down a job is not over
        idle = WorkerStatus.SUSPENDED if catch.suspended else WorkerStatus.IDLE
        state = WorkerStatus.BUSY if busy else idle
        if state != self.get_state():
            self.set_state(state)

    # One run, in a thread of the pool.

    def _perform(self, run: Run) -> None:
        if not self.lease.unbroken_since(run.lapses):
            run.value = HandBack()  # we stood still: another may have it already
            return
        run.began_at = time.monotonic()
        run.execution.created_at = now()
        if run.fault:
            raise run.fault
        if run.stopped:
            raise JobStopped  # before it began
        run.value = self.perform(run)

    def _end(self, run: Run, raised: ExcInfo | None) -> None:
        run.over = True
        try:
            if raised:
                self._endings.failed(run, raised)
            elif fast(run):
                self.books.add(run)
            else:
                self._endings.succeeded(run)
        finally:
            self.room.left()
            self.alarm.ring()

    def _write(self, runs: Sequence[Run]) -> None:
        """Called by the books."""
        self.ended(runs)
        words = self.claims.commit(runs, self.default_result_ttl)
        for run, word in zip(runs, words, strict=True):
            if word == "rq":
                _begin(self._endings.succeeded, run, told=True)
                continue
            if word == "lost":
                self.hide(run)
            self.forget(run)
            if isinstance(run.value, Retry):
                self.due_at(time.time() + retry_wait_s(run.job, run.value))

    def _spoiled(self, run: Run, raised: ExcInfo) -> None:
        """Called by the books."""
        _begin(self._endings.failed, run, raised, told=True)

    def hide(self, run: Run) -> None:
        """Nothing says any longer that we run it."""
        with self.connection.pipeline() as pipeline:
            run.execution.delete(run.job, pipeline)
            pipeline.execute()

    def forget(self, run: Run) -> None:
        """The end of a run is written down, or no longer ours to write."""
        self.executions.pop(run.execution.id, None)
        self.runs.pop(run.execution.id, None)

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

    def _care(self) -> None:
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
