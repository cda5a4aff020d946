"""Our jobs are RQ's: its own worker runs them, its own classes read them, and they name nobody."""

import re
import zlib
from datetime import timedelta

import pytest
import structlog
from rq import Retry
from rq.job import Job, JobStatus
from rq.registry import FailedJobRegistry, FinishedJobRegistry, ScheduledJobRegistry
from rq.results import Result
from rq.serializers import JSONSerializer
from rq.utils import import_attribute, now

import worker.tasks
from relay.model import Customer, State
from relay.store.keys import record_key
from relay.store.queue import JOB_TIMEOUT_S, TASK
from tests.worker.factories import PERSONAL, apart, call
from worker.service import delivery_service

pytestmark = pytest.mark.usefixtures("environment")


def job_of(harness, job_id) -> Job:
    return Job.fetch(job_id, connection=harness.redis, serializer=JSONSerializer)


def everything_of_rq(redis) -> str:
    """Every name and value RQ has in Redis, job data unpacked."""
    told = []
    for key in redis.scan_iter("rq:*"):
        told.append(key)
        kind = redis.type(key)
        if kind == b"hash":
            values = redis.hgetall(key)
            data = values.pop(b"data", b"")
            told += [*values, *values.values(), zlib.decompress(data) if data else b""]
        elif kind == b"string":
            told.append(redis.get(key))
        elif kind == b"list":
            told += redis.lrange(key, 0, -1)
        elif kind == b"set":
            told += redis.smembers(key)
        elif kind == b"zset":
            told += redis.zrange(key, 0, -1)
        elif kind == b"stream":
            told += [part for _, row in redis.xrange(key) for pair in row.items() for part in pair]
    return b"\n".join(told).decode(errors="replace")


def test_name_of_the_task_is_the_function_s():
    assert import_attribute(TASK) is worker.tasks.deliver


def test_accepted_job_reads_as_one_that_rq_has_enqueued(harness):
    record_id = harness.keep_one()

    job = job_of(harness, record_id)

    harness.queue.enqueue(
        TASK,
        args=(record_id,),
        job_id="theirs",
        description=job.description,
        result_ttl=job.result_ttl,
        failure_ttl=job.failure_ttl,
    )
    assert (job.func_name, [*job.args], job.kwargs) == (TASK, [record_id], {})
    assert job.func is worker.tasks.deliver
    assert job.get_status() is JobStatus.QUEUED
    assert job.origin == harness.queue.name
    assert job.timeout == JOB_TIMEOUT_S
    assert job.get_position() == 0
    assert harness.queue.job_ids == [record_id, "theirs"]
    ours, enqueued = job.to_dict(), job_of(harness, "theirs").to_dict()
    moments = {"created_at", "enqueued_at", "data"}  # the same call, written without spaces
    assert {name: value for name, value in ours.items() if name not in moments} == {
        name: value for name, value in enqueued.items() if name not in moments
    }
    assert abs(now() - job.created_at) < timedelta(seconds=5)
    assert job.enqueued_at == job.created_at


def test_queue_is_known_to_rq(harness):
    harness.keep_one()

    assert [queue.name for queue in type(harness.queue).all(harness.redis)] == [harness.queue.name]


def test_stock_worker_delivers(harness, standin):
    ids = harness.keep(*(f"order-{n}" for n in range(3)))

    harness.run_stock_worker()

    assert len(standin.events) == 3
    for record_id in ids:
        assert harness.record(record_id).state is State.DELIVERED
        job = job_of(harness, record_id)
        assert job.get_status() is JobStatus.FINISHED
        (row,) = job.results()
        assert (row.type, row.return_value) == (Result.Type.SUCCESSFUL, "delivered")
        assert job_of(harness, record_id).return_value() == "delivered"
    assert set(FinishedJobRegistry(queue=harness.queue).get_job_ids()) == set(ids)
    assert (
        harness.waiting() == harness.redis.lrange(harness.queue.intermediate_queue_key, 0, -1) == []
    )


@pytest.mark.slow
def test_retry_is_scheduled_by_rq_and_run_again(harness, standin):
    standin.fail("unavailable_503", times=2)
    record_id = harness.keep_one()

    harness.run_jobs()

    job = job_of(harness, record_id)
    registry = ScheduledJobRegistry(queue=harness.queue)
    assert registry.get_job_ids() == [record_id]
    assert job.get_status() is JobStatus.SCHEDULED
    wait = registry.get_scheduled_time(job) - job.ended_at
    assert 3 <= wait.total_seconds() <= 7
    assert FailedJobRegistry(queue=harness.queue).get_job_ids() == []

    for _ in range(2):
        registry.remove(job)
        harness.queue._enqueue_job(job)
        harness.run_jobs()
    assert len(standin.events) == 1
    rows = job.results()
    assert [row.type for row in reversed(rows)] == [
        Result.Type.RETRIED,
        Result.Type.RETRIED,
        Result.Type.SUCCESSFUL,
    ]


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }}<% 7 %>${7}",
    "orders/create\r\nX-Injected: 1\x00\x1b[31m",
    "órdenes\u202e\u2028 ☃",
    "x" * 5000,
    "&lt;b&gt;`'\\",
]


@pytest.mark.parametrize("topic", HOSTILE)
def test_description_cannot_become_markup(harness, topic):
    record_id = harness.keep_one(call(topic=topic))

    text = job_of(harness, record_id).description

    assert re.fullmatch(r"[A-Za-z0-9 ._/:@-]+", text)
    assert len(text) < 200
    assert harness.record(record_id).topic == topic


def test_description_says_where_from_and_where_to(harness):
    record_id = harness.keep_one()

    assert job_of(harness, record_id).description == f"{harness.source.name} orders/create"


@pytest.mark.slow
def test_rq_never_gets_to_know_anybody(harness, standin, caplog, capfd):
    """Neither in Redis nor in what its worker logs, whatever the outcome."""
    caplog.set_level("DEBUG", "rq")
    standin.fail("validation_422", times=1)
    standin.fail("unavailable_503", times=1)
    standin.fail("unauthorized_400", times=1)
    ids = harness.keep(call("order-0"), *apart("order-1", "order-2", "order-3", standin=standin))
    absent = call("absent", customer=Customer(phone="+593999000019", email="eva@example.com"))
    broken = harness.keep(absent, call("broken"))[1]
    harness.redis.hset(record_key(broken), "body", r'{"notes": "Pedido secreto \ud83d"}')

    harness.run_stock_worker()

    states = [harness.record(record_id).state for record_id in ids]
    assert sorted(states) == ["dead", "dead", "delivered", "retrying"]
    told = everything_of_rq(harness.redis) + caplog.text + "".join(capfd.readouterr())
    assert ids[0] in told
    for word in (*PERSONAL, "999000019", "eva@example.com", standin.api_key):
        assert word not in told


@pytest.mark.parametrize(
    "fault", ["validation_302", "not_found_404", "poison_500", "unauthorized_401", "hang"]
)
def test_what_mercately_does_is_no_failure_of_a_job(harness, standin, fault):
    if fault == "hang":
        fault = "reset_after_recording"
    standin.fail(fault)
    harness.keep_one()

    harness.run_jobs()

    assert FailedJobRegistry(queue=harness.queue).get_job_ids() == []


def test_fault_of_ours_is_a_failed_job_that_names_nobody(harness, standin):
    good, bad = harness.keep("order-1", "order-2")
    harness.redis.hset(record_key(bad), "body", r'{"notes": "Pedido secreto \ud83d"}')

    harness.run_jobs()

    assert FailedJobRegistry(queue=harness.queue).get_job_ids() == [bad]
    assert harness.record(good).state is State.DELIVERED
    (row,) = job_of(harness, bad).results()
    assert row.type is Result.Type.FAILED
    assert re.search(r"DeliveryFault: UnicodeEncodeError at \w+\.py:\d+\n$", row.exc_string)
    assert row.exc_string.count("Traceback") == 1
    assert not any(word in row.exc_string for word in PERSONAL)
    assert harness.record(bad).state is State.RETRYING


def test_job_of_a_settled_record_ends_quietly(harness, standin):
    record_id = harness.keep_one()
    harness.run_jobs()
    harness.queue.enqueue(TASK, args=(record_id,), job_id="once-more")

    harness.run_jobs()

    assert job_of(harness, "once-more").return_value() == "already delivered"
    assert len(standin.events) == 1


def test_result_of_a_job_is_text_or_retry(harness, standin):
    """What the JSON serializer can keep."""
    standin.fail("unavailable_503", times=1)
    record_id = harness.keep_one()

    assert isinstance(worker.tasks.deliver(record_id), Retry)
    assert worker.tasks.deliver(record_id) == "delivered"
    assert structlog.is_configured()
    assert delivery_service() is delivery_service()
