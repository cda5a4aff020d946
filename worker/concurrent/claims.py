"""What a worker holds in Redis: its lease, its claims, and the steps that change them.

`rq:leases` says until when each worker's word counts, by the clock of Redis; `rq:claims:<worker>`
lists what it has taken and not given back. A job is in a queue, among a worker's claims, or in a
registry of RQ's: every step from one to the other is one script.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Any, Final, cast
from uuid import uuid4

from redis import Redis
from rq.job import Job, Retry
from rq.rate_limit import RateLimitRegistry
from rq.results import Result
from rq.utils import now, utcformat

from worker.concurrent import lua
from worker.concurrent.execution import JobExecution, Requeue
from worker.concurrent.lease import LEASE_S

# How long RQ, and whoever looks at its registries, believes a job to be running without hearing of
# it. The lease decides sooner; this is for when nobody of us is left, or Redis was away.
STARTED_S: Final = 3600
PROBE_INTERVAL_S: Final = 30.0
_PROMOTED_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class RateLimit:
    """How fast and how many jobs of a group may run, over all workers.

    `key` names a hash that others may write: `rate` (per second, below `rate_per_s`), `shut`
    (unix time until when nothing runs) and `trial` (a word: one job at a time may try).
    """

    key: str
    rate_per_s: float
    cap: int


@dataclass(frozen=True, slots=True)
class QueueGroup:
    """Queues that share a valve; `limit` is how many jobs this worker takes of them at most."""

    queues: tuple[str, ...]
    limit: int
    rate_limit: RateLimit | None = None


@dataclass(frozen=True, slots=True)
class ClaimedJob:
    """One job as claimed: its hash is what RQ keeps of it, before the claim."""

    queue: str
    job_id: str
    execution_id: str
    hash: Mapping[bytes, bytes]


@dataclass(frozen=True, slots=True)
class ClaimResult:
    """What came of trying to take jobs. Waits are seconds, None where nothing waits for it.

    `states` runs beside the groups asked for: empty for a valve at rest, `degraded`, or the word of
    its trial.
    """

    taken: Sequence[ClaimedJob] = ()
    pace_s: float | None = None
    open_for_s: float | None = None
    states: tuple[str, ...] = ()
    suspended: bool = False


class Claims:
    """One worker's claims. Safe to share between threads."""

    def __init__(self, redis: Redis, worker_name: str, wakeup_key: str) -> None:
        self._redis = redis
        self._name = worker_name
        self._wakeup_key = wakeup_key
        self.key = f"rq:claims:{worker_name}"
        self._execution_prefix = f"{uuid4().hex[:16]}-"
        self._number = 0
        # When a queue was last served, counted in claims.
        self._turn = 0
        self._served: dict[str, int] = {}
        register = redis.register_script
        self._claim = register(lua.script("clock", "token_bucket", "lease", "claim"))
        self._commit = register(lua.script("commit"))
        self._return = register(lua.script("release"))
        self._beat = register(lua.script("clock", "lease", "heartbeat"))
        self._look = register(lua.script("promote_scheduled"))

    def claim(self, groups: Sequence[QueueGroup], room: int, *, fair: bool) -> ClaimResult:
        """Take up to `room` jobs; if `fair`, first from the queues that have waited longest.

        Where there is room for one, or a valve lets one through, whoever is asked first takes all.
        """
        args: list[Any] = [
            self._name, LEASE_S, utcformat(now()), room, self._execution_prefix, self._number,
            STARTED_S, int(fair), self._wakeup_key, PROBE_INTERVAL_S,
        ]  # fmt: skip
        self._number += room
        asked = list(range(len(groups)))
        if fair:
            asked.sort(key=lambda place: min(map(self._turn_of, groups[place].queues)))
        for place in asked:
            group = groups[place]
            rate_limit = group.rate_limit or RateLimit("", 0, 0)
            queues = sorted(group.queues, key=self._turn_of) if fair else group.queues
            args += [rate_limit.key, rate_limit.rate_per_s, rate_limit.cap, group.limit]
            args += [len(queues), *queues]
        answer: Any = self._claim(args=args)
        if answer == b"suspended":
            return ClaimResult(suspended=True)
        pace, shut, states, jobs = answer
        taken = [
            ClaimedJob(
                queue.decode(),
                job_id.decode(),
                execution_id.decode(),
                dict(zip(values[::2], values[1::2], strict=True)),
            )
            for queue, job_id, execution_id, values in jobs
        ]
        self._turn += 1
        self._served |= {job.queue: self._turn for job in taken}
        stands = dict(zip(asked, states, strict=True))
        return ClaimResult(
            taken,
            pace_s=float(pace) if pace else None,
            open_for_s=float(shut) if shut else None,
            states=tuple(stands[place].decode() for place in sorted(stands)),
        )

    def _turn_of(self, queue: str) -> int:
        return self._served.get(queue, 0)

    def commit(self, runs: Sequence[JobExecution], default_result_ttl: int) -> list[str]:
        """Write down how runs ended; `done`, `lost` or `rq` for each, see the script."""
        at = now()
        args: list[Any] = [self._name, at.timestamp(), utcformat(at)]
        for run in runs:
            args += _ending(run, at, default_result_ttl)
        answer: Any = self._commit(args=args)
        return [word.decode() for word in answer]

    def holds(self, run: JobExecution) -> bool:
        return self._redis.zscore(self.key, run.member) is not None

    def members(self) -> list[str]:
        """Everything this worker holds, as Redis knows it."""
        found = cast("list[bytes]", self._redis.zrange(self.key, 0, -1))
        return [member.decode() for member in found]

    def release(self, members: Sequence[str], *, counted: bool = False) -> list[str]:
        """Put claims of our own back to the front of their queues; the ids of the jobs.

        `counted` where a job may have begun, as its `redelivery_count` then say.
        """
        if not members:
            return []
        return self._returned(self._name, members, only_dead=False, counted=counted)

    def reclaim(self, worker_name: str) -> list[str]:
        """The same with all the claims of a worker whose lease is over."""
        return self._returned(worker_name, [], only_dead=True, counted=True)

    def _returned(
        self, name: str, members: Sequence[str], *, only_dead: bool, counted: bool
    ) -> list[str]:
        args: list[Any] = [
            name, int(only_dead), utcformat(now()), self._wakeup_key, int(counted), *members,
        ]  # fmt: skip
        answer: Any = self._return(args=args)
        return [job_id.decode() for job_id in answer]

    def drop(self, run: JobExecution) -> None:
        """Hold it no longer, whatever becomes of it."""
        self._redis.zrem(self.key, run.member)

    def heartbeat(self) -> tuple[int, list[str]]:
        """Renew the lease; how many jobs we hold, and the workers whose lease is over."""
        answer: Any = self._beat(args=[self._name, LEASE_S])
        return int(answer[0]), [name.decode() for name in answer[1]]

    def end(self) -> None:
        """Give the lease up; with claims left it runs out, so that others take them back."""
        if not self._redis.exists(self.key):
            self._redis.zrem("rq:leases", self._name)

    def promote_scheduled(self, queues: Sequence[str]) -> tuple[bool, bool, float | None]:
        """Queue what is due; whether there are jobs, whether some are new, and when (unix time) the
        next one is due.
        """
        at = now()
        answer: Any = self._look(args=[at.timestamp(), utcformat(at), _PROMOTED_AT_ONCE, *queues])
        found, queued, due, limits = answer
        for key, concurrency in zip(limits[::2], limits[1::2], strict=True):
            RateLimitRegistry(key.decode(), self._redis).acquire_and_enqueue(int(concurrency))
        # What has just been let through its limit was not yet there to be found.
        return bool(found or limits), bool(queued or limits), float(due) if due else None


def _ending(run: JobExecution, at: datetime, default_result_ttl: int) -> list[Any]:
    """How a run ended, as the script reads it."""
    job, value, queue = run.job, run.value, run.queue.name
    took_s = max(monotonic() - run.began_at, 0.0) if run.began_at else 0.0
    head, shown = [queue, job.id, run.rq_execution.id], int(run.registered)
    if isinstance(value, Requeue):
        return [*head, "back", took_s, 0, 0, 0, 1, shown, 0]
    shared: dict[str, Any] = {
        "worker_name": run.rq_execution.worker_name,
        "execution_id": run.rq_execution.id,
        "execution_started_at": run.rq_execution.created_at,
        "execution_ended_at": at,
        "connection": job.connection,
        "serializer": job.serializer,
    }
    if isinstance(value, Retry):
        retries = job.number_of_retries or 0
        wait_s = retry_wait_s(job, value)
        front = job.enqueue_at_front_on_retry or value.enqueue_at_front
        row = Result(job.id, Result.Type.RETRIED, return_value=value, **shared)
        due = at.timestamp() + wait_s if wait_s else 0
        ttl = "" if job.failure_ttl is None else job.failure_ttl
        return [*head, "retry", took_s, ttl, retries + 1, due, int(front), shown, *_fields(row)]
    row = Result(job.id, Result.Type.SUCCESSFUL, return_value=value, **shared)
    ttl = job.get_result_ttl(default_result_ttl)
    return [*head, "finished", took_s, ttl, 0, 0, 0, shown, *_fields(row)]


def retry_wait_s(job: Job, retry: Retry) -> int:
    """How long a job that returned `retry` is to wait."""
    return Retry.get_interval(job.number_of_retries or 0, retry.intervals)


def _fields(row: Result) -> list[Any]:
    fields = row.serialize()
    return [2 * len(fields), *(part for pair in fields.items() for part in pair)]


def fast(run: JobExecution) -> bool:
    """Whether a run's end is one of those written in batches; RQ itself writes the others."""
    job, value = run.job, run.value
    plain = not (
        job.webhooks
        or job.repeats_left
        or job.has_rate_limit
        or job.group_id
        or job._dependency_ids  # noqa: SLF001  RQ has no public word without a round trip
        or job._success_callback_name  # noqa: SLF001  same
    )
    if isinstance(value, Requeue):
        return True
    if isinstance(value, Retry):
        exhausted = job.number_of_retries and job.number_of_retries >= value.max
        return plain and not job.ttl and not exhausted
    return plain
