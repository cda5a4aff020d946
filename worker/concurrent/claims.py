"""What a worker holds in Redis: its lease, its claims, and the steps that change them.

`rq:leases` is a sorted set of workers by their leases, numbers that change with each renewal: by
Redis's clock when they would expire, which nobody compares with a clock.
`rq:claims:<worker>` is a sorted set of the `job:execution` entries that a worker has claimed, by
when. A job is in a queue, among a worker's claims, or in one of RQ's registries: every step from
one to another is one script.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Any, Final, Literal, cast
from uuid import uuid4

from redis import Redis
from rq.job import Job, Retry
from rq.results import Result
from rq.utils import now, utcformat

from relay.store.lua import counted_pairs, script
from worker.concurrent.execution import JobExecution, Requeue

# How long RQ's registries show an execution as running without hearing of it again. The lease
# decides sooner; this is for when no worker of this kind is left, or Redis was away. RQ compares
# the clocks of two workers there, which may be hours apart.
STARTED_S: Final = 24 * 3600
# How long a half-open rate limit waits for its probe before the next job may be one.
PROBE_INTERVAL_S: Final = 30.0
_PROMOTED_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class RateLimit:
    """How fast (a token bucket) and how many jobs of a group may run, over all workers.

    `key` names a hash. Others may write `rate` (per second, if below `rate_per_s`), `open_until`
    (unix time until when nothing is claimed) and `half_open` (a reason: one job at a time is let
    through as a probe). `cap` is how many may run at once, 0 for any number.
    """

    key: str
    rate_per_s: float
    cap: int


@dataclass(frozen=True, slots=True)
class QueueGroup:
    """Queues that share a rate limit; `limit` is how many jobs this worker claims of them now."""

    queues: tuple[str, ...]
    limit: int
    rate_limit: RateLimit | None = None


@dataclass(frozen=True, slots=True)
class ClaimedJob:
    """One job as claimed; `hash` is RQ's hash of it as it was before."""

    queue: str
    job_id: str
    execution_id: str
    hash: Mapping[bytes, bytes]
    has_dependents: bool = False


@dataclass(frozen=True, slots=True)
class ClaimResult:
    """The result of a claim.

    `token_wait_s` and `open_for_s` are the seconds until the first token of an empty bucket, and
    until the first open rate limit is half open; None where no job waits for one. `states` has one
    entry for each group asked for: empty for a rate limit in its normal state, `degraded`, or the
    reason why it is half open.
    """

    jobs: Sequence[ClaimedJob] = ()
    token_wait_s: float | None = None
    open_for_s: float | None = None
    states: tuple[str, ...] = ()
    suspended: bool = False


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The answer to a heartbeat: how many jobs this worker holds, and everybody's leases."""

    held: int
    leases: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Promotion:
    """The result of looking for due jobs.

    `jobs_waiting` says whether the queues have jobs, or workers are suspended; `promoted` whether
    some have just been queued; `next_due_in_s` is in how many seconds the next one is due.
    """

    jobs_waiting: bool
    promoted: bool
    next_due_in_s: float | None


Commit = Literal["done", "lost", "dependents"]


class Claims:
    """One worker's claims.

    `wakeup_key` names a list that tells idle workers of jobs, empty if there is none.
    """

    def __init__(
        self, redis: Redis, worker_name: str, wakeup_key: str, *, lease_s: float = 5.0
    ) -> None:
        self._redis = redis
        self._name = worker_name
        self._wakeup_key = wakeup_key
        self._lease_s = lease_s
        self.key = f"rq:claims:{worker_name}"
        self._execution_prefix = f"{uuid4().hex[:16]}-"
        self._execution_number = 0
        self._claim_number = 0
        self._served_at: dict[str, int] = {}
        register = redis.register_script
        self._claim = register(_lua("clock", "token_bucket", "lease", "claim"))
        self._commit = register(_lua("clock", "commit"))
        self._release = register(_lua("release"))
        self._heartbeat = register(_lua("clock", "lease", "heartbeat"))
        self._promote = register(_lua("clock", "promote_scheduled"))

    def claim(self, groups: Sequence[QueueGroup], capacity: int, *, fair: bool) -> ClaimResult:
        """Claim up to `capacity` jobs and renew the lease.

        If `fair`, queues are ordered by when this worker last served them, because a limit of one
        goes to the first queue in the list; each gets an equal share.
        """
        args: list[Any] = [
            self._name,
            self._lease_s,
            utcformat(now()),
            capacity,
            self._execution_prefix,
            self._execution_number,
            STARTED_S,
            int(fair),
            self._wakeup_key,
            PROBE_INTERVAL_S,
        ]
        self._execution_number += capacity
        order = list(range(len(groups)))
        if fair:
            order.sort(key=lambda place: min(map(self._last_served, groups[place].queues)))
        for place in order:
            group = groups[place]
            rate_limit = group.rate_limit or RateLimit("", 0, 0)
            queues = sorted(group.queues, key=self._last_served) if fair else group.queues
            args += [rate_limit.key, rate_limit.rate_per_s, rate_limit.cap, group.limit]
            args += [len(queues), *queues]
        answer: Any = self._claim(args=args)
        if answer == b"suspended":
            return ClaimResult(suspended=True)
        token_wait_s, open_for_s, states, rows = answer
        jobs = [
            ClaimedJob(
                queue.decode(),
                job_id.decode(),
                execution_id.decode(),
                dict(zip(values[::2], values[1::2], strict=True)),
                bool(has_dependents),
            )
            for queue, job_id, execution_id, values, has_dependents in rows
        ]
        self._claim_number += 1
        self._served_at |= {job.queue: self._claim_number for job in jobs}
        state_at = dict(zip(order, states, strict=True))
        return ClaimResult(
            jobs,
            token_wait_s=float(token_wait_s) if token_wait_s else None,
            open_for_s=float(open_for_s) if open_for_s else None,
            states=tuple(state_at[place].decode() for place in sorted(state_at)),
        )

    def _last_served(self, queue: str) -> int:
        return self._served_at.get(queue, 0)

    def commit(self, executions: Sequence[JobExecution], default_result_ttl: int) -> list[Commit]:
        """Write the results of executions that returned a value, a Retry or a Requeue.

        Returns, for each: `done`; `lost`, if another worker has the job; or `dependents`, if the
        job has got dependents, whereupon nothing is written.
        """
        at = now()
        args: list[Any] = [self._name, utcformat(at)]
        for execution in executions:
            args += _result_args(execution, at, default_result_ttl)
        answer: Any = self._commit(args=args)
        return [cast("Commit", word.decode()) for word in answer]

    def holds(self, execution: JobExecution) -> bool:
        return self._redis.zscore(self.key, execution.member) is not None

    def members(self) -> list[str]:
        """The `job:execution` entries of all claims of this worker, as Redis knows them."""
        entries = cast("list[bytes]", self._redis.zrange(self.key, 0, -1))
        return [entry.decode() for entry in entries]

    def release(self, members: Sequence[str], *, counted: bool = False) -> list[str]:
        """Return claims of this worker to the front of their queues; the ids of the jobs.

        `counted` where a job may have begun: its `redelivery_count` goes up.
        """
        if not members:
            return []
        return self._run_release(self._name, members, lease="", counted=counted)

    def release_unknown(self, known: Collection[str]) -> list[str]:
        """Release what a lost answer claimed; to all but the claimer it may be on its way."""
        return self.release([member for member in self.members() if member not in known])

    def reclaim(self, worker_name: str, lease: float) -> list[str]:
        """Return all claims of a worker whose lease is still this one; the ids of the jobs."""
        return self._run_release(worker_name, [], lease=repr(lease), counted=True)

    def _run_release(
        self, name: str, members: Sequence[str], *, lease: str, counted: bool
    ) -> list[str]:
        args: list[Any] = [name, lease, utcformat(now()), self._wakeup_key]
        answer: Any = self._release(args=[*args, int(counted), *members])
        return [job_id.decode() for job_id in answer]

    def drop(self, execution: JobExecution) -> None:
        """Give a claim up without a result: RQ will find the job abandoned."""
        self._redis.zrem(self.key, execution.member)

    def heartbeat(self) -> Heartbeat:
        """Renew the lease."""
        answer: Any = self._heartbeat(args=[self._name, self._lease_s])
        leases = zip(answer[1][::2], answer[1][1::2], strict=True)
        return Heartbeat(int(answer[0]), {name.decode(): float(lease) for name, lease in leases})

    def end(self) -> None:
        """Give the lease up. With claims left it runs out, so that others reclaim them."""
        if not self._redis.exists(self.key):
            self._redis.zrem("rq:leases", self._name)

    def promote_scheduled(self, queues: Sequence[str]) -> Promotion:
        """Queue up to 100 due jobs of each queue."""
        args: list[Any] = [utcformat(now()), _PROMOTED_AT_ONCE, *queues]
        answer: Any = self._promote(args=args)
        jobs_waiting, promoted, due_in_s = answer
        return Promotion(bool(jobs_waiting), bool(promoted), float(due_in_s) if due_in_s else None)


def retry_wait_s(job: Job, retry: Retry) -> int:
    """Seconds until a job that returned `retry` is due."""
    return Retry.get_interval(job.number_of_retries or 0, retry.intervals)


def _result_args(execution: JobExecution, at: datetime, default_result_ttl: int) -> list[Any]:
    """One execution's result, as commit.lua reads it."""
    job, value, queue = execution.job, execution.value, execution.queue.name
    took_s = max(monotonic() - execution.began_at, 0.0) if execution.began_at else 0.0
    head, registered = [queue, job.id, execution.id], int(execution.registered)
    if isinstance(value, Requeue):
        return [*head, "requeue", took_s, 0, 0, 0, 1, registered, 0]
    shared: dict[str, Any] = {
        "worker_name": execution.rq_execution.worker_name,
        "execution_id": execution.id,
        "execution_started_at": execution.rq_execution.created_at,
        "execution_ended_at": at,
        "connection": job.connection,
    }
    if isinstance(value, Retry):
        retries = (job.number_of_retries or 0) + 1
        wait_s = retry_wait_s(job, value)
        front = int(job.enqueue_at_front_on_retry or value.enqueue_at_front)
        row = Result(job.id, Result.Type.RETRIED, return_value=value, **shared)
        row.serializer = job.serializer  # resolved once, for the queue
        ttl = "" if job.failure_ttl is None else job.failure_ttl
        result = counted_pairs(row.serialize())
        return [*head, "retry", took_s, ttl, retries, wait_s, front, registered, *result]
    row = Result(job.id, Result.Type.SUCCESSFUL, return_value=value, **shared)
    row.serializer = job.serializer
    ttl = job.get_result_ttl(default_result_ttl)
    return [*head, "finished", took_s, ttl, 0, 0, 0, registered, *counted_pairs(row.serialize())]


def _lua(*names: str) -> str:
    return script(*names, package="worker.concurrent.lua")
