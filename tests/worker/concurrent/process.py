"""A worker as a process of its own: `python -m tests.worker.concurrent.process URL NAME GRACE_S`."""

import relay.patched  # isort: skip  # noqa: F401  before anything else

import sys

from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer

from tests.worker.concurrent.intervals import SHORT_LEASE
from worker.concurrent import ConcurrentWorker


def main() -> None:
    url, name, grace_s = sys.argv[1:]
    redis = Redis.from_url(url)
    worker = ConcurrentWorker(
        [Queue("work", connection=redis, serializer=JSONSerializer)],
        name=name,
        concurrency=4,
        grace_s=float(grace_s),
        timings=SHORT_LEASE,
        connection=redis,
        serializer=JSONSerializer,
    )
    worker.work(logging_level="CRITICAL")


if __name__ == "__main__":
    main()
