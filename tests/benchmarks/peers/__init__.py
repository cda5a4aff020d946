"""What else could deliver: each fills its own queue, and has a process that empties it."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module


@dataclass(frozen=True, slots=True)
class Peer:
    """A way to deliver. `jobs` is how many make a round of two to four seconds at a sink's delay.

    `module` has `fill(count)`, which puts that many jobs where `command` will look for them. Without
    one it is this relay at an earlier commit (tests/benchmarks/before.py).
    """

    name: str
    module: str
    command: tuple[str, ...]
    jobs: Mapping[int, int]
    environ: Mapping[str, str] = field(default_factory=dict)

    def fill(self) -> Callable[[int], None]:
        """Its way to fill the queue.

        Raises:
            ImportError: it is not installed.
        """
        fill: Callable[[int], None] = import_module(f"{__name__}.{self.module}").fill
        return fill


def rq_worker(kind: str, queue: str) -> tuple[str, ...]:
    """As `rq worker` starts one: a `Worker` forks, then imports the job's module, for each job."""
    return ("rq.cli", "worker", "--quiet", "--worker-class", f"rq.{kind}", queue)


RQ_QUEUE = "bench"
_CELERY = (
    "celery", "-A", f"{__name__}.celery_app", "worker", "-P", "threads", "-c", "64", "-l", "ERROR",
    "--without-gossip", "--without-mingle", "--without-heartbeat",
)  # fmt: skip
_DRAMATIQ = (
    "dramatiq", f"{__name__}.dramatiq_app", "-p", "1", "-t", "64", "--worker-shutdown-timeout",
    "1000",
)  # fmt: skip

PEERS = (
    Peer("ours", "ours", ("relay", "worker"), {0: 3000, 100: 1600}),
    Peer("before", "", ("worker",), {0: 2000, 100: 1600}),
    Peer("two", "ours", ("relay", "worker", "--processes", "2"), {0: 4000, 100: 3000}),
    Peer("simple_worker", "rq_jobs", rq_worker("SimpleWorker", RQ_QUEUE), {0: 400, 100: 20}),
    Peer("worker", "rq_jobs", rq_worker("Worker", RQ_QUEUE), {0: 25}),
    Peer("celery", "celery_app", _CELERY, {0: 800, 100: 800}),
    Peer("dramatiq", "dramatiq_app", _DRAMATIQ, {0: 1400, 100: 1400}),
    Peer("ceiling", "ceiling", (f"{__name__}.ceiling",), {0: 1500, 100: 1400}),
)


def redis_url() -> str:
    return os.environ["REDIS_URL"]
