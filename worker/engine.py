"""Our RQ worker: a `SimpleWorker` that also promotes retries and sweeps, every second or so.

One job at a time. Everything RQ shows of a worker (name, state, counts, heartbeats) stays RQ's.
"""

from datetime import timedelta

import structlog
from redis import RedisError
from rq import Queue, SimpleWorker
from rq.utils import now

from relay.intake import Intake
from relay.ledger import Ledger
from worker import sweep

_LOG = structlog.get_logger()
_RQ_MAINTENANCE = timedelta(seconds=60)


class RelayWorker(SimpleWorker):
    """Runs jobs of one queue and is the net below them."""

    def __init__(self, queue: Queue, *, ledger: Ledger, intake: Intake, sweep_s: float) -> None:
        super().__init__([queue], connection=queue.connection, serializer=queue.serializer)
        self._ledger = ledger
        self._intake = intake
        self._sweep_every = timedelta(seconds=sweep_s)
        self._swept_at = self._rq_cleaned_at = now() - timedelta(days=1)

    @property
    def dequeue_timeout(self) -> int:
        """Short, so that a due retry does not wait for the next new event."""
        return 1

    @property
    def should_run_maintenance_tasks(self) -> bool:
        return True

    def run_maintenance_tasks(self) -> None:
        """Called by RQ between jobs and while idle. Redis away is no reason to stop."""
        try:
            sweep.promote(self.queues[0])
            if now() - self._swept_at > self._sweep_every:
                sweep.sweep(self._ledger, self._intake)
                self._swept_at = now()
            if now() - self._rq_cleaned_at > _RQ_MAINTENANCE:
                super().run_maintenance_tasks()  # type: ignore[no-untyped-call]  # RQ has no types here
                self._rq_cleaned_at = now()
        except RedisError as error:
            _LOG.warning("maintenance.postponed", error=type(error).__name__)
