"""What is left in Redis is what a stock worker leaves, for every way in which a job can end."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from redis import Redis
from rq import Callback, Queue, Repeat, Retry
from rq.group import Group
from rq.job import Dependency
from rq.rate_limit import RateLimit
from rq.serializers import JSONSerializer
from rq.webhook import Webhook

from tests.worker.concurrent import jobs
from tests.worker.concurrent.workers import burst, footprint, stock_burst

NO_FAULT = {"on_success": Callback(jobs.cheer), "on_failure": Callback(jobs.record_failure)}
Enqueue = Callable[[Queue], Any]


def one(function: Callable[..., Any], *args: Any, **options: Any) -> Enqueue:
    return lambda queue: queue.enqueue(function, *args, job_id="job-1", **options)


def family(parent: Callable[..., Any], *args: Any, allow: bool = False, **options: Any) -> Enqueue:
    def enqueue(queue: Queue) -> None:
        first = queue.enqueue(parent, *args, job_id="parent", **options)
        need = Dependency([first], allow_failure=allow)
        queue.enqueue(jobs.say, "child", job_id="child", depends_on=need)
        queue.enqueue(jobs.say, "late", job_id="grandchild", depends_on=["child"])

    return enqueue


def two_parents(queue: Queue) -> None:
    both = [queue.enqueue(jobs.nap, s, job_id=name) for name, s in (("one", 0), ("other", 0.1))]
    queue.enqueue(jobs.say, "child", job_id="child", depends_on=both)


def due(function: Callable[..., Any], *args: Any, **options: Any) -> Enqueue:
    """Scheduled for a moment that has passed."""
    ago = timedelta(seconds=-5)
    return lambda queue: queue.enqueue_in(ago, function, *args, job_id="job-1", **options)


def limited(function: Callable[..., Any], *args: Any, **options: Any) -> Enqueue:
    def enqueue(queue: Queue) -> None:
        for n in range(3):
            queue.enqueue(
                function, *args, job_id=f"job-{n}", rate_limit=RateLimit("narrow", 1), **options
            )

    return enqueue


def grouped(queue: Queue) -> None:
    data = [queue.prepare_data(jobs.add, (n, 1), job_id=f"job-{n}") for n in range(3)]
    Group.create(connection=queue.connection, name="team").enqueue_many(queue, data)


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
    "a short life in the queue": one(jobs.add, 1, ttl=60, result_ttl=-1),
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
    "Retry returned in vain with children": family(jobs.again, 1),
    "retried": one(jobs.fail_once, retry=Retry(max=2)),
    "retried in vain": one(jobs.fail, retry=Retry(max=2)),
    "retried later": one(jobs.fail, retry=Retry(max=2, interval=60)),
    "retried later and later": one(jobs.fail, retry=Retry(max=3, interval=[60, 600])),
    "retried later with callback": one(jobs.fail, retry=Retry(max=2, interval=60), **NO_FAULT),
    "due": due(jobs.add, 1),
    "due at the front": due(jobs.add, 1, at_front=True),
    "due with a short life": due(jobs.again, 3, 60, ttl=300),
    "due with retries": due(jobs.fail_once, retry=Retry(max=2, enqueue_at_front=True)),
    "not due": lambda queue: queue.enqueue_in(timedelta(seconds=60), jobs.add, 1, job_id="job-1"),
    "children": family(jobs.add, 1),
    "children of a failure": family(jobs.fail),
    "children of a failure they allow": family(jobs.fail, allow=True),
    "children of what is not kept": family(jobs.add, 1, result_ttl=0),
    "children of a retried": family(jobs.again_once),
    "children of what is retried later": family(jobs.again, 3, 60),
    "two parents": two_parents,
    "children adopted meanwhile": one(jobs.adopt, "child"),
    "callbacks on success": one(jobs.add, 1, **NO_FAULT),
    "callbacks on failure": one(jobs.fail, **NO_FAULT),
    "a callback on success that fails": one(
        jobs.add, 1, on_success=Callback(jobs.bad_cheer), on_failure=Callback(jobs.record_failure)
    ),
    "a callback on success that exits": one(jobs.add, 1, on_success=Callback(jobs.rude_cheer)),
    "a callback on failure that fails": one(jobs.fail, on_failure=Callback(jobs.bad_failure_callback)),
    "no callback for a Retry": one(jobs.again, 3, 60, **NO_FAULT),
    "repeated": one(jobs.say, "again", repeat=Repeat(times=2)),
    "repeated later": one(jobs.say, "again", repeat=Repeat(times=2, interval=[60, 70])),
    "rate limited": limited(jobs.say, "one"),
    "rate limited failures": limited(jobs.say_and_fail, "one"),
    "rate limited and retried later": limited(jobs.again, 3, 60),
    "rate limited and due": due(jobs.say, "one", rate_limit=RateLimit("narrow", 1)),
    "a group": grouped,
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
        "children",
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
        family(jobs.add, 1)(queue)

    compare(
        redis,
        enqueue,
        lambda: stock_burst([queue], name="worker", **options),
        lambda: burst(start_worker(queue, name="worker", **options)),
    )


def test_webhooks_are_sent_as_stock_sends_them(redis, queue, start_worker, monkeypatch):
    sent = []
    monkeypatch.setattr(
        Webhook,
        "send",
        lambda hook, job, *, exc_string=None: sent.append(
            (hook.url, job.id, job.get_status(), (exc_string or "").splitlines()[-1:])
        ),
    )

    def enqueue():
        sent.clear()
        hooks = [Webhook(f"https://hooks.invalid/{word}", word) for word in ("finished", "failed")]
        for name, function in (("a", jobs.nothing), ("b", jobs.fail), ("c", jobs.again_once)):
            queue.enqueue(function, job_id=name, webhooks=hooks)

    stock = []
    compare(
        redis,
        enqueue,
        lambda: (stock_burst([queue], name="worker"), stock.extend(sent)),
        lambda: burst(start_worker(queue, name="worker")),
    )
    assert sorted(sent) == sorted(stock)
    assert len(sent) == 3
