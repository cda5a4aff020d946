"""Our RQ worker: the concurrent one, with what it has to know of deliveries.

Records are read by the batch, tried by greenlets, and written down by the batch; every destination
is a group of queues behind its throttle, one queue for each source.
"""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

import structlog
from redis import Redis, RedisError
from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.worker import BaseWorker
from rq.worker_registration import WORKERS_BY_QUEUE_KEY

from config import log
from relay.model import Verdict
from relay.store.job_store import JobStore
from relay.store.keys import WAKEUP
from relay.store.queue import ForeignJob, RelayJob, open_queue
from worker import sweep
from worker.attempt import DeliveryFault, DeliveryTask, LeaseLost, attempt_delivery
from worker.concurrent import (
    ClaimResult,
    ConcurrentWorker,
    JobExecution,
    QueueGroup,
    Refused,
    Requeue,
    Timings,
)
from worker.concurrent.claims import ClaimedJob
from worker.concurrent.greenlets import Lock
from worker.service import DeliveryService
from worker.tasks import rq_result, rq_retry
from worker.throttle import FeedbackBatch

_LOG: Final = structlog.get_logger()
_RQ_MAINTENANCE_S: Final = 300
_FORGET_EVERY_S: Final = 60.0
_MARK_EVERY_S: Final = 15.0
_ABSENT_EVERY_S: Final = 300.0
# A job that has cost two workers may be why they died, or have been beside the one that was.
_SUSPECT_AFTER: Final = 2
_SUSPECT_RUNS_MAX: Final = 3
_DEFAULT_TIMINGS: Final = Timings()


class RefusedJob(Refused, ForeignJob):
    """A job that is none of the relay's: what it names is neither called nor tried again."""


class RelayWorker(ConcurrentWorker):
    """Delivers the records of all queues that `base` begins the name of."""

    def __init__(
        self,
        base: Queue,
        *,
        service: DeliveryService,
        intake: JobStore,
        concurrency: int,
        grace_s: float,
        sweep_s: float,
        timings: Timings = _DEFAULT_TIMINGS,
    ) -> None:
        super().__init__(
            [base],
            concurrency=concurrency,
            grace_s=grace_s,
            wakeup_key=WAKEUP,
            fair=True,
            timings=timings,
            connection=base.connection,
            serializer=JSONSerializer,
            job_class=RelayJob,
            maintenance_interval=_RQ_MAINTENANCE_S,
        )
        self._base = base
        self._service = service
        self._intake = intake
        self._sweep_s = sweep_s
        self._swept_at = self._forgot_at = float("-inf")
        self._refused = 0
        self._one_suspect = Lock()
        self._marked_at = self._looked_for_absent_at = float("-inf")

    @classmethod
    def find_by_key(cls, *args: Any, **options: Any) -> BaseWorker | None:
        """A worker as RQ's tools see it, which has nothing to deliver with."""
        return ConcurrentWorker.find_by_key(*args, **options)

    def register_birth(self) -> None:
        super().register_birth()  # type: ignore[no-untyped-call]  # RQ has no types here
        self._find_queues()

    def groups(self) -> list[QueueGroup]:
        """A destination that is slow to answer leaves room for the others."""
        running = Counter(self._destination(execution.queue.name) for execution in self.running)
        queues: dict[str, list[str]] = {}
        for name in list(self._by_name):
            queues.setdefault(self._destination(name), []).append(name)
        shared = len(self._service.destinations) > 1
        spare = max(1, self.concurrency // 8) if shared else 0
        groups = []
        for destination, names in sorted(queues.items()):
            target = self._service.destinations.get(destination)
            limit = self.capacity.free
            if shared:  # nothing ahead either: what flows may hang the next moment
                most = self.concurrency - spare - running[destination]
                limit = max(0 if running[destination] else 1, min(limit, most))
            groups.append(
                QueueGroup(tuple(names), limit, target.throttle.rate_limit if target else None)
            )
        return groups

    def on_claimed(self, claim: ClaimResult, groups: Sequence[QueueGroup]) -> None:
        for group, state in zip(groups, claim.states, strict=False):
            if target := self._service.destinations.get(self._destination(group.queues[0])):
                target.throttle.state = state
        if not claim.jobs:  # the wake-up may have been for a queue we do not know yet
            self._find_queues()

    def load(self, claimed: ClaimedJob, lease_epoch: int) -> JobExecution:
        execution = super().load(claimed, lease_epoch)
        job = execution.job
        if execution.load_error is None and not (isinstance(job, RelayJob) and job.is_ours):
            execution.load_error = RefusedJob()
        return execution

    def handle_exception(self, job: Job, *exc_info: Any) -> None:
        """RQ's would log what a foreign job names, and its arguments."""
        if not isinstance(exc_info[1], Refused):
            super().handle_exception(job, *exc_info)
            return
        self._refused += 1
        _LOG.error("job.refused", queue=job.origin, count=self._refused)

    def prepare(self, executions: Sequence[JobExecution]) -> None:
        try:
            self._read(executions)
        except RedisError:
            raise
        except Exception as error:  # noqa: BLE001  its text may name a person
            raise DeliveryFault(f"{type(error).__name__} at {log.error_location(error)}") from None

    def _read(self, executions: Sequence[JobExecution]) -> None:
        tasks = self._service.read_tasks([execution.job.args[0] for execution in executions])
        for execution, task in zip(executions, tasks, strict=True):
            task.redelivery_count = execution.redelivery_count
            if execution.redelivery_count and task.record:
                attempts = self._service.ledger.attempts(task.record.id)
                # The clock of who wrote when it is due may be another.
                longest_s = attempts[-1]["retry_in_s"] if attempts else 0.0
                due_in_s = self._service.ledger.due_in_s(task.record)
                task.not_before_s = min(due_in_s, longest_s)
                if self._is_outcome_known(attempts, execution):
                    task.redelivery_count = 0
            execution.context = task

    @staticmethod
    def _is_outcome_known(attempts: Sequence[Mapping[str, Any]], execution: JobExecution) -> bool:
        """Whether the worker that lost the job had written its outcome before it did.

        Both times are by the clock of that worker.
        """
        began = execution.lost_run_began
        return bool(began and attempts and attempts[-1]["at"] >= began.timestamp())

    def perform(self, execution: JobExecution) -> Any:
        task: DeliveryTask = execution.context
        if task.not_before_s > 0:
            return rq_retry(task.not_before_s)
        task.lease_held = lambda: self.lease.held_since(execution.lease_epoch)
        if task.redelivery_count < _SUSPECT_AFTER:
            return self._attempt(execution, task)
        with self._one_suspect:  # who dies with it knows which of them it was
            try:
                key = execution.job.key
                runs = self.connection.hincrby(key, "suspect_runs", 1)
            except RedisError:
                return Requeue()
            task.ends_workers = runs > _SUSPECT_RUNS_MAX
            return self._attempt(execution, task)

    def _attempt(self, execution: JobExecution, task: DeliveryTask) -> Any:
        try:
            # What else it raises RQ keeps as failed; the sweep gives the record a new job.
            outcome = attempt_delivery(task)
        except LeaseLost:
            return Requeue()
        if outcome is None:
            return task.skip_reason
        if self._intake.pressure.full:
            execution.job.result_ttl = 0  # an end must make room, not take it
        return Requeue() if outcome.verdict is Verdict.PAUSED else rq_result(outcome)

    def on_finished(self, executions: Sequence[JobExecution]) -> None:
        self._service.record_attempts(
            [execution.context for execution in executions if execution.context]
        )
        no_request = Counter(
            self._destination(execution.queue.name)
            for execution in executions
            if execution.context and not execution.context.attempt
        )
        for destination, count in no_request.items():
            if target := self._service.destinations.get(destination):
                target.throttle.observe(FeedbackBatch(no_request=count))

    def maintain(self) -> None:
        super().maintain()
        sweeping = time.monotonic() - self._swept_at > self._sweep_s
        self._watch_data()
        if self.running:
            self._intake.pressure.refresh()
        if self.running or sweeping:
            self._find_queues()
        if sweeping:
            self._swept_at = time.monotonic()
            if sweep.sweep(self._service.ledger, self._intake):
                self.wakeup.set()
        if time.monotonic() - self._looked_for_absent_at > _ABSENT_EVERY_S:
            self._looked_for_absent_at = time.monotonic()
            if retried := sweep.retry_absent(self._service.ledger, self._intake):
                _LOG.info("records.absent_customers_tried_again", count=retried)
        if time.monotonic() - self._forgot_at > _FORGET_EVERY_S:
            self._forgot_at = time.monotonic()
            self._service.ledger.forget_expired()
            if dropped := self._service.ledger.drop_old():
                _LOG.warning("records.kept_too_long", discarded=dropped)

    def _watch_data(self) -> None:
        """Notice that Redis has lost data, and mark how far they have come."""
        marking = time.monotonic() - self._marked_at > _MARK_EVERY_S
        if marking:
            self._marked_at = time.monotonic()
        if marking or self.running:
            self._intake.generation.check(mark=marking)

    def _destination(self, queue_name: str) -> str:
        """`principal` of `mercately.principal.shopify`."""
        return queue_name.removeprefix(f"{self._base.name}.").partition(".")[0]

    def _find_queues(self) -> None:
        """A source has its queue from its first event on."""
        redis: Redis = self.connection
        known_keys = {queue.key for queue in self.queues}
        prefix = f"{self._base.key}."
        keys = cast("set[bytes]", redis.smembers(Queue.redis_queues_keys))
        existing_keys = {key.decode() for key in keys}
        new_keys = [key for key in sorted(existing_keys - known_keys) if key.startswith(prefix)]
        for key in new_keys:
            name = key.removeprefix(Queue.redis_queue_namespace_prefix)
            queue = open_queue(redis, name)
            self.queues.append(queue)
            self._by_name[name] = queue
            redis.sadd(WORKERS_BY_QUEUE_KEY % name, self.key)
        if new_keys:
            redis.hset(self.key, "queues", ",".join(self.queue_names()))
            self.wakeup.set()
