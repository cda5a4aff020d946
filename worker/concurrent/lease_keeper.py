"""Keeps a worker's lease, shows what it runs, ends what runs too long, inherits from the dead."""

import logging
import threading
import time
from typing import TYPE_CHECKING, Final

from redis import RedisError

from worker.concurrent.claims import STARTED_S
from worker.concurrent.execution import JobExecution, TimedOut
from worker.concurrent.lease import BEAT_S, LEASE_S

if TYPE_CHECKING:
    from worker.concurrent.worker import ConcurrentWorker

_LOG: Final = logging.getLogger("rq.worker")
_TICK_S: Final = 0.5
_SHOWN_AFTER_S: Final = 0.5
_SHOWN_AGAIN_S: Final = 30.0
_HEARTBEAT_S: Final = 10.0


class LeaseKeeper:
    """A thread beside the jobs."""

    def __init__(self, worker: "ConcurrentWorker") -> None:
        self._worker = worker
        self._over = threading.Event()
        # Who was away from Redis cannot tell who else is dead: it asks again after a lease.
        self._stable_since = time.monotonic()
        self._beaten_at = self._heart_at = 0.0
        self._unknown_claims: set[str] = set()
        self._timed_out: set[JobExecution] = set()
        self._thread = threading.Thread(target=self._serve, name="watch", daemon=True)
        self._thread.start()

    @property
    def stable(self) -> bool:
        """Whether we have been in touch with Redis for the whole of a lease."""
        at = time.monotonic()
        return at - self._beaten_at <= LEASE_S < at - self._stable_since

    def close(self) -> None:
        self._over.set()
        self._thread.join(timeout=1)

    def _serve(self) -> None:
        while not self._over.is_set():
            try:
                if time.monotonic() - self._beaten_at >= BEAT_S:
                    self._beat()
                self._end_overdue()
                self._show()
            except RedisError:
                self._stable_since = time.monotonic()
            except Exception:  # noqa: BLE001  the lease would die with this thread
                _LOG.exception("The watch goes on")
            self._over.wait(_TICK_S)

    def _beat(self) -> None:
        asked_at = self._worker.lease.asked()
        held, dead = self._worker.claims.heartbeat()
        self._worker.lease.renewed(asked_at)
        if time.monotonic() - self._beaten_at > LEASE_S:  # ours was over, for all others knew
            self._stable_since = time.monotonic()
        self._beaten_at = asked_at
        if asked_at - self._heart_at > _HEARTBEAT_S:
            self._heart_at = asked_at
            self._show_worker()
        known = self._worker.members()
        quiet = held > len(known) and not self._worker.claiming
        self._unknown_claims = self._release_unknown(known) if quiet else set()
        if self.stable:
            for name in dead:
                self._reclaim_from_dead(name)

    def _show_worker(self) -> None:
        worker = self._worker
        if not worker.connection.exists(worker.key):  # Redis was away for long, or has lost it
            worker.register_birth()  # type: ignore[no-untyped-call]  # RQ has no types here
        worker.heartbeat()

    def _reclaim_from_dead(self, name: str) -> None:
        if jobs := self._worker.claims.reclaim(name):
            _LOG.warning("Worker %s is gone, %d of its jobs taken back", name, len(jobs))
            self._worker.wakeup.set()

    def _release_unknown(self, known: set[str]) -> set[str]:
        """Give back what Redis says we hold and we do not: a claim whose answer was lost.

        Only what was strange the last time too: an answer may still be on its way.
        """
        strange = set(self._worker.claims.members()) - known
        if lost := strange & self._unknown_claims:
            self._worker.claims.release(sorted(lost))
            self._worker.wakeup.set()
        return strange - lost

    def _end_overdue(self) -> None:
        running = list(self._worker.running.values())
        self._timed_out &= set(running)
        for run in running:
            if run.overdue and run not in self._timed_out:
                self._timed_out.add(run)
                self._worker.pool.interrupt(run, TimedOut)

    def _show(self) -> None:
        """Let RQ see the executions that last; of the short ones, always one.

        To write each one down would cost more than all the rest of a job's bookkeeping.
        """
        at = time.monotonic()
        running = sorted(self._worker.running.values(), key=lambda run: run.began_at)
        lasting = [run for run in running if run.began_at and at - run.began_at > _SHOWN_AFTER_S]
        due = [
            run
            for run in lasting or running[:1]
            if at - (run.registered_at or -1e9) > _SHOWN_AGAIN_S
        ]
        if not due:
            return
        worker = self._worker
        with worker.connection.pipeline() as pipeline:
            for run in due:
                run.registered = True  # before it is: who writes its end down has to take it out
                run.rq_execution.save(ttl=STARTED_S, pipeline=pipeline)
                run.job.execution_registry.add(run.rq_execution, STARTED_S, pipeline)
                run.rq_execution.heartbeat(run.job.started_job_registry, STARTED_S, pipeline)
                pipeline.sadd(worker.executions_key, run.rq_execution.composite_key)
            pipeline.expire(worker.executions_key, worker.worker_ttl + 60)
            pipeline.execute()
        for run in due:
            run.registered_at = at
            if run.finished:  # it may have been written down before we wrote this
                worker.hide(run)
