"""An RQ worker that runs many jobs at once, on threads, and loses none."""

from worker.concurrent.claims import PROBE_INTERVAL_S, ClaimResult, QueueGroup, RateLimit
from worker.concurrent.execution import JobExecution, JobStopped, Requeue
from worker.concurrent.timings import Timings
from worker.concurrent.worker import ConcurrentWorker

__all__ = [
    "PROBE_INTERVAL_S",
    "ClaimResult",
    "ConcurrentWorker",
    "JobExecution",
    "JobStopped",
    "QueueGroup",
    "RateLimit",
    "Requeue",
    "Timings",
]
