"""Whoever can write to Redis cannot make a worker run their code."""

import json
import pickle
import time
import zlib

import pytest
import structlog
from rq import Callback, Queue, Repeat, Retry, SimpleWorker
from rq.command import send_command
from rq.serializers import JSONSerializer
from rq.webhook import Webhook
from structlog.testing import capture_logs

from relay.model import State
from relay.store.queue import TASK, RelayJob
from tests.waiting import eventually
from tests.worker.concurrent.workers import QUIET, at_work
from tests.worker.factories import job_key, signals_kept
from worker import process as entry
from worker.service import delivery_service

RAN: list[object] = []


def attack(*args, **_kwargs):
    RAN.append(args)


@pytest.fixture(autouse=True)
def in_place(environment):
    RAN.clear()
    with signals_kept():
        yield


@pytest.fixture
def run(settings):
    return lambda: entry.run(settings, burst=True)


@pytest.fixture
def foreign(harness):
    """The relay's queue, as anybody opens it."""
    return Queue(harness.queue.name, connection=harness.redis, serializer=JSONSerializer)


ATTACK = f"{__name__}.attack"
CALLS = {
    "another function": (ATTACK, None, ["secreto"], {}),
    "a method of an instance": (TASK, "secreto", ["id"], {}),
    "more arguments": (TASK, None, ["id", "secreto"], {}),
    "named arguments": (TASK, None, ["id"], {"secreto": 1}),
    "no text": (TASK, None, [{"secreto": 1}], {}),
    "no list": (TASK, None, "i", {}),
    "a function of no name": (None, None, ["secreto"], {}),
    "four letters": "abcd",
}


@pytest.mark.parametrize("data", CALLS.values(), ids=CALLS)
def test_only_our_task_is_run(harness, foreign, run, data, caplog):
    job = foreign.enqueue(ATTACK, retry=Retry(max=1000))
    harness.redis.hset(job.key, "data", zlib.compress(json.dumps(data).encode()))
    record_id = harness.keep_one()
    delivery_service()
    structlog.reset_defaults()  # it lets little through in tests

    with capture_logs() as logs:
        run()

    assert RAN == []
    assert harness.record(record_id).state is State.DELIVERED
    assert foreign.failed_job_registry.get_job_ids() == [job.id]
    assert foreign.job_ids == foreign.scheduled_job_registry.get_job_ids() == []
    (result,) = job.results()
    assert "This job is not run: only worker.tasks.deliver" in result.exc_string
    (line,) = [line for line in logs if line["event"] == "job.refused"]
    assert line == {
        "event": "job.refused", "log_level": "error", "queue": foreign.name, "count": 1,
    }  # fmt: skip
    assert "secreto" not in caplog.text + result.exc_string


def test_pickle_is_not_read(harness, foreign, run):
    class Bomb:
        def __reduce__(self):
            return (attack, ("pickled",))

    job = foreign.enqueue(ATTACK)
    harness.redis.hset(job.key, "data", zlib.compress(pickle.dumps(Bomb())))

    run()

    assert RAN == []
    assert foreign.failed_job_registry.get_job_ids() == [job.id]


def test_jobs_of_a_queue_that_did_not_exist_are_refused_too(harness, run):
    evil = Queue("mercately.principal.evil", connection=harness.redis, serializer=JSONSerializer)
    job = evil.enqueue(ATTACK)

    run()

    assert RAN == []
    assert evil.failed_job_registry.get_job_ids() == [job.id]


EXTRAS = {
    "on_success": {"on_success": Callback(ATTACK)},
    "on_failure": {"on_failure": Callback(ATTACK)},
    "on_stopped": {"on_stopped": Callback(ATTACK)},
    "repeat": {"repeat": Repeat(times=3)},
    "webhooks": {"webhooks": [Webhook("https://hooks.invalid/x", "failed")]},
}


@pytest.mark.parametrize("extra", EXTRAS.values(), ids=EXTRAS)
def test_our_task_with_more_than_that_is_refused(harness, foreign, run, extra, monkeypatch):
    monkeypatch.setattr(Webhook, "send", attack)
    job = foreign.enqueue(TASK, "no-such-record", **extra)

    run()

    assert RAN == []
    assert foreign.failed_job_registry.get_job_ids() == [job.id]
    assert foreign.job_ids == []


def test_maintenance_calls_nothing_either(harness, foreign, settings, monkeypatch):
    """RQ takes a job among the started that is not heard of for abandoned, and tells callbacks."""
    monkeypatch.setattr(Webhook, "send", attack)
    job = foreign.enqueue(ATTACK, **EXTRAS["on_failure"], **EXTRAS["webhooks"])
    harness.redis.delete(foreign.key)
    harness.redis.hset(job.key, "status", "started")
    harness.redis.zadd(foreign.started_job_registry.key, {f"{job.id}:run": 1})
    worker = entry.make_worker(settings)

    worker._find_queues()
    worker.run_maintenance_tasks()

    assert RAN == []
    assert foreign.failed_job_registry.get_job_ids() == [job.id]


def test_a_stock_worker_with_our_job_class_runs_our_task_alone(harness, foreign):
    """`rq worker --job-class relay.store.queue.RelayJob`."""
    job = foreign.enqueue(ATTACK, "secreto", **EXTRAS["on_failure"])
    record_id = harness.keep_one()

    worker = SimpleWorker(
        [foreign.name], connection=harness.redis, serializer=JSONSerializer, job_class=RelayJob
    )
    worker.work(burst=True, **QUIET)

    assert RAN == []
    assert harness.record(record_id).state is State.DELIVERED
    assert foreign.failed_job_registry.get_job_ids() == [job.id]


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [("kill-horse", {}), ("no-such", {}), ("stop-job", {}), ("stop-execution", {"job_id": 5})],
    ids=lambda command: command[0],
)
def test_commands_do_no_harm(harness, settings, command):
    name, arguments = command
    worker = entry.make_worker(settings)
    with at_work(worker):
        assert eventually(lambda: harness.redis.pubsub_numsub(worker.pubsub_channel_name)[0][1])
        harness.redis.publish(worker.pubsub_channel_name, "no json")
        harness.redis.publish(worker.pubsub_channel_name, "[1]")
        harness.redis.publish(worker.pubsub_channel_name, "{}")
        send_command(harness.redis, worker.name, name, **arguments)
        time.sleep(0.2)
        record_id = harness.keep_one()
        assert eventually(lambda: harness.record(record_id).state is State.DELIVERED)
        assert worker.pubsub_thread.is_alive()
        assert not worker.stopping
        assert harness.redis.exists(job_key(record_id))
