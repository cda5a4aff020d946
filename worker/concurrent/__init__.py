"""An RQ worker that runs many jobs at once, on threads, and loses none.

To RQ it is a worker like any other: `rq info`, dashboards, registries, results, retries, time-outs,
commands and suspension work as RQ documents them, and stock workers may share its queues. What is
its own is how it takes and gives back jobs: in batches, each claim a lease that another worker of
this kind takes over within ten seconds of its owner's death. It knows nothing of what jobs do.
"""

from worker.concurrent.claims import PROBE_INTERVAL_S, ClaimResult, QueueGroup, RateLimit
from worker.concurrent.execution import JobExecution, JobStopped, Requeue
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
]
