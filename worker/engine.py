"""Our RQ worker: the concurrent one, with what it has to know of deliveries.

Records are read by the batch, tried in threads, and written down by the batch; every destination
is a group of queues behind its gate, one queue for each source.
"""

import time
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final, cast

import structlog
from redis import Redis, RedisError
from rq import Queue
from rq.serializers import JSONSerializer
from rq.worker_registration import WORKERS_BY_QUEUE_KEY

from config import log
from relay.model import Verdict
from relay.store.job_store import JobStore
from relay.store.keys import WAKEUP
from relay.store.queue import TASK
from worker import sweep
from worker.concurrent import Catch, ConcurrentWorker, Group, HandBack, Run
from worker.gate import Heard
from worker.tasks import DeliveryFault, Errand, Station, again, result

_LOG: Final = structlog.get_logger()
_RQ_MAINTENANCE_S: Final = 300
_FORGET_EVERY_S: Final = 60.0


class RelayWorker(ConcurrentWorker):
    """Delivers the records of all queues that `base` begins the name of."""

    def __init__(
        self,
        base: Queue,
        *,
        station: Station,
        intake: JobStore,
        concurrency: int,
        grace_s: float,
        sweep_s: float,
    ) -> None:
        super().__init__(
            [base],
            concurrency=concurrency,
            grace_s=grace_s,
            bell=WAKEUP,
            fair=True,
            connection=base.connection,
            serializer=JSONSerializer,
            maintenance_interval=_RQ_MAINTENANCE_S,
        )
        self._base = base
        self._station = station
        self._intake = intake
        self._sweep_s = sweep_s
        self._swept_at = self._forgot_at = float("-inf")

    def register_birth(self) -> None:
        super().register_birth()  # type: ignore[no-untyped-call]  # RQ has no types here
        self._find_queues()

    def groups(self) -> list[Group]:
        """A destination that is slow to answer leaves room for the others."""
        running = Counter(self._destination(run.queue.name) for run in list(self.runs.values()))
        queues: dict[str, list[str]] = {}
        for name in list(self._by_name):
            queues.setdefault(self._destination(name), []).append(name)
        shared = len(self._station.posts) > 1
        spare = max(1, self.concurrency // 8) if shared else 0
        groups = []
        for destination, names in sorted(queues.items()):
            post = self._station.posts.get(destination)
            limit = self.room.free
            if shared:  # nothing ahead either: what flows may hang the next moment
                most = self.concurrency - spare - running[destination]
                limit = max(0 if running[destination] else 1, min(limit, most))
            groups.append(Group(tuple(names), limit, post.gate.valve if post else None))
        return groups

    def caught(self, catch: Catch, groups: Sequence[Group]) -> None:
        for group, state in zip(groups, catch.states, strict=False):
            if post := self._station.posts.get(self._destination(group.queues[0])):
                post.gate.state = state
        if not catch.taken:  # the bell may have rung for a queue we do not know yet
            self._find_queues()

    def prepare(self, runs: Sequence[Run]) -> None:
        try:
            self._read(runs)
        except RedisError:
            raise
        except Exception as error:  # noqa: BLE001  its text may name a person
            raise DeliveryFault(f"{type(error).__name__} at {log.error_location(error)}") from None

    def _read(self, runs: Sequence[Run]) -> None:
        ours = [run for run in runs if run.job.func_name == TASK]
        errands = self._station.read([run.job.args[0] for run in ours]) if ours else []
        for run, errand in zip(ours, errands, strict=True):
            errand.redelivery_count = run.takeovers
            if run.takeovers and errand.record:
                errand.due_in_s = self._station.ledger.due_in_s(errand.record)
            run.note = errand

    def perform(self, run: Run) -> Any:
        errand: Errand | None = run.note
        if errand is None:
            return super().perform(run)
        if errand.due_in_s > 0:
            return again(errand.due_in_s)
        # What it raises RQ keeps as failed; the sweep gives the record a new job.
        outcome = self._station.attempt(errand)
        if outcome is None:
            return errand.nothing
        if self._intake.pressure.full:
            run.job.result_ttl = 0  # an end must make room, not take it
        return HandBack() if outcome.verdict is Verdict.PAUSED else result(outcome)

    def ended(self, runs: Sequence[Run]) -> None:
        self._station.settle([run.note for run in runs if run.note])
        void = Counter(
            self._destination(run.queue.name) for run in runs if run.note and not run.note.attempt
        )
        for destination, count in void.items():
            if post := self._station.posts.get(destination):
                post.gate.hear(Heard(void=count))

    def maintain(self) -> None:
        super().maintain()
        sweeping = time.monotonic() - self._swept_at > self._sweep_s
        if self.runs:
            self._intake.pressure.refresh()
        if self.runs or sweeping:
            self._find_queues()
        if sweeping:
            self._swept_at = time.monotonic()
            if sweep.sweep(self._station.ledger, self._intake):
                self.alarm.ring()
        if time.monotonic() - self._forgot_at > _FORGET_EVERY_S:
            self._forgot_at = time.monotonic()
            self._station.ledger.forget_expired()

    def _destination(self, queue_name: str) -> str:
        """`principal` of `mercately.principal.shopify`."""
        return queue_name.removeprefix(f"{self._base.name}.").partition(".")[0]

    def _find_queues(self) -> None:
        """A source has its queue from its first event on."""
        redis: Redis = self.connection
        known = {queue.key for queue in self.queues}
        prefix = f"{self._base.key}."
        keys = cast("set[bytes]", redis.smembers(Queue.redis_queues_keys))
        found = {key.decode() for key in keys}
        fresh = [key for key in sorted(found - known) if key.startswith(prefix)]
        for key in fresh:
            name = key.removeprefix(Queue.redis_queue_namespace_prefix)
            queue = Queue(name, connection=redis, serializer=JSONSerializer)
            self.queues.append(queue)
            self._by_name[name] = queue
            redis.sadd(WORKERS_BY_QUEUE_KEY % name, self.key)
        if fresh:
            redis.hset(self.key, "queues", ",".join(self.queue_names()))
            self.alarm.ring()
