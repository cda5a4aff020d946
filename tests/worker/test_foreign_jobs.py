"""Jobs of others on the relay's queues: nothing that they name is imported or called."""

import sys
import time
from unittest.mock import Mock

import pytest
from rq import Retry
from rq.job import Callback, Job
from rq.registry import FailedJobRegistry, StartedJobRegistry
from rq.serializers import JSONSerializer

from relay.model import State
from relay.store.queue import TASK
from tests.worker.factories import Harness, apart, signals_kept
from worker import process as entry

# Importing it leaves a trace; nothing else here does.
NAMED = "tests.worker.named_by_others.leave_a_trace"
MODULE = NAMED.rpartition(".")[0]


@pytest.fixture(autouse=True)
def in_place(environment):
    sys.modules.pop(MODULE, None)
    with signals_kept():
        yield
    assert MODULE not in sys.modules


@pytest.fixture
def harness(redis, settings, relay):
    with Harness(redis, settings, relay) as made:
        yield made


@pytest.fixture
def log(monkeypatch) -> Mock:
    log = Mock()
    monkeypatch.setattr("worker.relay_worker._LOG", log)
    return log


def failed(queue) -> list[str]:
    return FailedJobRegistry(queue=queue).get_job_ids()


FOREIGN = {
    "another function": {"func": NAMED, "args": ["01M8CY2HJ0CV2H6ZKCZ8G84RYJ"]},
    "the shell": {"func": "os.system", "args": ["true"]},
    "our function, with an object": {"func": TASK, "args": [{"id": 1}]},
    "our function, without a record": {"func": TASK, "args": []},
    "a callback after success": {"func": TASK, "args": ["x"], "on_success": Callback(NAMED)},
    "a callback after failure": {
        "func": "os.system",
        "args": ["true"],
        "on_failure": Callback(NAMED),
    },
    "retries": {"func": "os.system", "args": ["true"], "retry": 3},
}


@pytest.mark.parametrize("job", FOREIGN.values(), ids=FOREIGN)
def test_job_of_another_fails_without_being_run_and_its_neighbours_are_delivered(
    job, harness, settings, standin, log
):
    before = harness.keep_one(*apart("first", standin=standin))
    if retries := job.get("retry"):
        job = job | {"retry": Retry(max=retries)}
    foreign = harness.queue.enqueue_call(**job)
    after = harness.keep_one(*apart("second", standin=standin))

    entry.run(settings, burst=True)

    assert [harness.record(each).state for each in (before, after)] == [State.DELIVERED] * 2
    assert failed(harness.queue) == [foreign.id]
    assert harness.queue.job_ids == harness.scheduled() == []
    log.warning.assert_called_once_with("job.refused", job=foreign.id, queue=harness.queue.name)


def test_job_that_cannot_be_read_fails_and_its_neighbours_are_delivered(harness, settings, standin):
    foreign = harness.queue.enqueue_call("os.system", args=["true"])
    harness.redis.hset(foreign.key, "data", b"\x80\x04\x95 no JSON, as of a pickle")
    neighbour = harness.keep_one(*apart("neighbour", standin=standin))

    entry.run(settings, burst=True)

    assert harness.record(neighbour).state is State.DELIVERED
    assert failed(harness.queue) == [foreign.id]


def test_callback_of_a_job_that_a_dead_worker_left_is_not_called(harness, settings):
    """RQ's maintenance calls `on_failure` of what it finds abandoned."""
    harness.keep_one()  # so that the queue is one of the worker's
    job = Job.create(
        NAMED,
        id="abandoned",
        origin=harness.queue.name,
        connection=harness.redis,
        serializer=JSONSerializer,
        on_failure=Callback(NAMED),
        status="started",
    )
    job.save()
    started = StartedJobRegistry(queue=harness.queue)
    harness.redis.zadd(started.key, {f"{job.id}:execution": time.time() - 60})

    worker = entry.make_worker(settings)
    worker.register_birth()
    worker.clean_registries()
    worker.register_death()

    assert failed(harness.queue) == [job.id]
