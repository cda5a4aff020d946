"""What RQ's registries show of this worker: the worker itself and the executions that last."""

import time
from datetime import UTC, datetime
from typing import Final

from redis import Redis
from rq import worker_registration
from rq.utils import now, utcformat
from rq.worker import BaseWorker

from worker.concurrent.claims import STARTED_S
from worker.concurrent.execution import ExecutionTable, JobExecution
from worker.concurrent.timings import Timings

_WORKER_TTL_MARGIN_S: Final = 60  # as RQ's own


class Registrar:
    """Registers executions that last with RQ; of the short ones, always one.

    To register every execution would cost more than everything else that is written for a job.
    """

    def __init__(
        self,
        redis: Redis,
        executions: ExecutionTable,
        *,
        executions_key: str,
        worker_ttl_s: int,
        timings: Timings,
    ) -> None:
        self._redis = redis
        self._executions = executions
        self._executions_key = executions_key
        self._expire_s = worker_ttl_s + _WORKER_TTL_MARGIN_S
        self._timings = timings

    def register(self) -> None:
        """Register what is due, and renew what has been registered for long.

        Raises:
            RedisError
        """
        at = time.monotonic()
        due = self._due(at)
        if not due:
            return
        with self._redis.pipeline() as pipeline:
            for execution in due:
                # Set before it is written: whoever writes the result has to take it out again.
                execution.registered = True
                job, rq_execution = execution.job, execution.rq_execution
                rq_execution.save(ttl=STARTED_S, pipeline=pipeline)
                job.execution_registry.add(rq_execution, STARTED_S, pipeline)
                rq_execution.heartbeat(job.started_job_registry, STARTED_S, pipeline)
                pipeline.sadd(self._executions_key, rq_execution.composite_key)
            pipeline.expire(self._executions_key, self._expire_s)
            pipeline.execute()
        for execution in due:
            execution.registered_at = at
            if execution.finished:  # its result may have been written before it was registered
                execution.unregister(self._redis)

    def _due(self, at: float) -> list[JobExecution]:
        running = sorted(self._executions, key=lambda execution: execution.began_at)
        lasting = [
            execution
            for execution in running
            if execution.began_at and at - execution.began_at > self._timings.register_after_s
        ]
        return [
            execution
            for execution in lasting or running[:1]
            if not execution.registered_at
            or at - execution.registered_at > self._timings.register_again_s
        ]


class WorkerHeartbeat:
    """Renews the worker's own entry, as `rq info` and dashboards read it."""

    def __init__(self, worker: BaseWorker, interval_s: float) -> None:
        self._worker = worker
        self._interval_s = interval_s
        self.sent_at = float("-inf")

    def send(self) -> None:
        """Send a heartbeat if it is time for one.

        Raises:
            RedisError
        """
        at = time.monotonic()
        if at - self.sent_at <= self._interval_s:
            return
        if not self._is_registered():
            self._register()
        self._worker.heartbeat()
        self._show_by_redis_clock()
        self.sent_at = at

    def _show_by_redis_clock(self) -> None:
        """Who looks whether workers are alive may be an hour apart from this one."""
        redis = self._worker.connection
        seconds, _ = redis.time()
        redis.hset(
            self._worker.key, "last_heartbeat", utcformat(datetime.fromtimestamp(seconds, UTC))
        )

    def _is_registered(self) -> bool:
        """Whether the entry has neither expired nor been lost by Redis.

        That there is a hash says little: whatever counts or shows something makes one.
        """
        worker = self._worker
        with worker.connection.pipeline(transaction=False) as pipeline:
            pipeline.hexists(worker.key, "birth")
            pipeline.sismember(worker_registration.REDIS_WORKER_KEYS, worker.key)
            return all(pipeline.execute())

    def _register(self) -> None:
        """As RQ does at first, which refuses a name of which there is anything in Redis."""
        worker = self._worker
        worker.last_heartbeat = now()
        with worker.connection.pipeline() as pipeline:
            pipeline.hset(worker.key, mapping={**worker.serialize(), "state": worker.get_state()})
            worker_registration.register(worker, pipeline)
            pipeline.expire(worker.key, worker.worker_ttl + _WORKER_TTL_MARGIN_S)
            pipeline.execute()
