"""What is left in Redis is what a stock worker leaves, for every way in which a job can end."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from redis import Redis
from rq import Queue, Retry
from rq.serializers import JSONSerializer

from tests.worker.concurrent import jobs
from tests.worker.concurrent.workers import burst, footprint, stock_burst

Enqueue = Callable[[Queue], Any]


def one(function: Callable[..., Any], *args: Any, **options: Any) -> Enqueue:
    return lambda queue: queue.enqueue(function, *args, job_id="job-1", **options)


def due(function: Callable[..., Any], *args: Any, **options: Any) -> Enqueue:
    """Scheduled for a moment that has passed."""
    ago = timedelta(seconds=-5)
    return lambda queue: queue.enqueue_in(ago, function, *args, job_id="job-1", **options)


def canceled(queue: Queue) -> None:
    queue.enqueue(jobs.say, "never", job_id="job-1").cancel()


def deleted(queue: Queue) -> None:
    queue.enqueue(jobs.say, "never", job_id="job-1").delete()


def requeued(queue: Queue) -> None:
    """Failed once before, and kept for a year for it."""
    job = queue.enqueue(jobs.fail_once, job_id="job-1", result_ttl=-1)
    stock_burst([queue], name="first")
    job.requeue()


CASES: dict[str, Enqueue] = {
    "a value": one(jobs.add, 1, b=2, c=3),
    "nothing": one(jobs.nothing),
    "a value that cannot be kept": one(jobs.unserializable),
    "a coroutine": one(jobs.later),
    "kept for a time": one(jobs.add, 1, result_ttl=40),
    "kept for ever": one(jobs.add, 1, result_ttl=-1),
    "not kept": one(jobs.add, 1, result_ttl=0),
    "meta": one(jobs.keep_meta, note="kept", meta={"given": 1}),
    "what it knows of itself": one(jobs.who),
    "failure": one(jobs.fail),
    "failure kept for a time": one(jobs.fail, failure_ttl=40),
    "failure with a description": one(jobs.fail, description="what it does"),
    "exit": one(jobs.leave),
    "no such function": lambda queue: queue.enqueue("tests.worker.nowhere.job", job_id="job-1"),
    "wrong arguments": one(jobs.nothing, 1, 2),
    "Retry returned": one(jobs.again_once),
    "Retry returned with a wait": one(jobs.again, 3, 60),
    "Retry returned with waits": one(jobs.again, 3, [70, 80]),
    "Retry returned for the front": one(jobs.again, 3, 60, at_front=True),
    "Retry returned in vain": one(jobs.again, 2),
    "Retry returned, failures kept for a time": one(jobs.again, 3, 60, failure_ttl=40),
    "Retry returned, then kept for ever": one(jobs.again_once, failure_ttl=40, result_ttl=-1),
    "retried": one(jobs.fail_once, retry=Retry(max=2)),
    "retried in vain": one(jobs.fail, retry=Retry(max=2)),
    "retried later": one(jobs.fail, retry=Retry(max=2, interval=60)),
    "retried later and later": one(jobs.fail, retry=Retry(max=3, interval=[60, 600])),
    "due": due(jobs.add, 1),
    "due at the front": due(jobs.add, 1, at_front=True),
    "due with retries": due(jobs.fail_once, retry=Retry(max=2, enqueue_at_front=True)),
    "not due": lambda queue: queue.enqueue_in(timedelta(seconds=60), jobs.add, 1, job_id="job-1"),
    "canceled": canceled,
    "deleted": deleted,
    "requeued": requeued,
}  # fmt: skip


# Those in which a serializer has a part.
JSON_CASES = {
    name: CASES[name]
    for name in (
        "a value",
        "a value that cannot be kept",
        "meta",
        "failure",
        "Retry returned with a wait",
        "Retry returned in vain",
        "retried in vain",
    )
}


def compare(
    redis: Redis, enqueue: Callable[[], Any], stock: Callable[[], Any], ours: Callable[[], Any]
) -> None:
    enqueue()
    stock()
    expected = footprint(redis)
    assert any(key.startswith("rq:worker:") for key in expected)

    redis.flushall()
    enqueue()
    ours()
    assert footprint(redis) == expected


@pytest.mark.slow
@pytest.mark.parametrize("enqueue", CASES.values(), ids=CASES)
def test_leaves_what_stock_leaves(redis, queue, start_worker, enqueue):
    compare(
        redis,
        lambda: enqueue(queue),
        lambda: stock_burst([queue], name="worker"),
        lambda: burst(start_worker(queue, name="worker")),
    )


@pytest.mark.parametrize("enqueue", JSON_CASES.values(), ids=JSON_CASES)
def test_leaves_what_stock_leaves_of_json(redis, start_worker, enqueue):
    queue = Queue("work", connection=redis, serializer=JSONSerializer)
    compare(
        redis,
        lambda: enqueue(queue),
        lambda: stock_burst([queue], name="worker"),
        lambda: burst(start_worker(queue, name="worker")),
    )


@pytest.mark.parametrize(
    "options",
    [
        {"default_result_ttl": 0},
        {"default_result_ttl": -1},
        {"disable_default_exception_handler": True},
    ],
    ids=str,
)
def test_leaves_what_stock_leaves_with_options(redis, queue, start_worker, options):
    def enqueue():
        one(jobs.fail)(queue)
        queue.enqueue(jobs.add, 1, job_id="job-2")

    compare(
        redis,
        enqueue,
        lambda: stock_burst([queue], name="worker", **options),
        lambda: burst(start_worker(queue, name="worker", **options)),
    )
