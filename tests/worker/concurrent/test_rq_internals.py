"""Every part of RQ, redis-py and rq-dashboard that is private or typed by name, and relied on.

A new minor version that lacks one of them fails here and says which. Versions are pinned in
pyproject.toml; whoever raises a pin runs all tests of the worker and the chaos run.
"""

import inspect
import re
from importlib.metadata import version
from pathlib import Path

import pytest
import redis.backoff
import redis.retry
import rq
import rq.executions
import rq.job
import rq.job_lifecycle
import rq.registry
import rq.results
import rq.worker.base
from cases import all_of
from redis import Redis
from rq import Queue, Retry
from rq.executions import Execution
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer
from rq.worker import BaseWorker

import worker.concurrent
from tests.worker.concurrent import jobs
from worker.concurrent.features import _FIELDS

FOLDER = Path(worker.concurrent.__file__).parent

# Attributes of RQ's worker that are read, set or overridden.
WORKER_ATTRIBUTES = [
    "_state", "_stop_requested", "_shutdown_requested_date", "_stopped_job_id", "connection", "executions",
    "executions_key", "job_class", "key", "log", "maintenance_interval", "name", "queues",
    "serializer", "should_run_maintenance_tasks", "worker_ttl", "default_result_ttl",
]  # fmt: skip
# Its methods that are called, overridden, or both; with the parameters relied on.
WORKER_METHODS = {
    "_install_signal_handlers": ["self"],
    "_pubsub_exception_handler": ["self", "exc", "pubsub", "pubsub_thread"],
    "bootstrap": ["self", "logging_level", "date_format", "log_format"],
    "cleanup_execution": ["self", "job", "pipeline", "execution"],
    "get_state": ["self"],
    "handle_exception": ["self", "job", "exc_info"],
    "handle_job_failure": [
        "self", "job", "queue", "started_job_registry", "exc_string", "execution",
    ],
    "handle_job_retry": ["self", "job", "queue", "retry", "started_job_registry", "execution"],
    "handle_payload": ["self", "message"],
    "heartbeat": ["self", "timeout", "pipeline"],
    "queue_keys": ["self"],
    "queue_names": ["self"],
    "register_birth": ["self"],
    "request_stop": ["self", "signum", "frame"],
    "request_stop_execution": ["self", "execution_id"],
    "run_maintenance_tasks": ["self"],
    "set_state": ["self", "state", "pipeline"],
    "teardown": ["self"],
    "work": [
        "self", "burst", "logging_level", "date_format", "log_format", "max_jobs", "max_idle_time",
        "with_scheduler", "dequeue_strategy",
    ],
}  # fmt: skip
JOB_ATTRIBUTES = [
    "_status", "enqueue_at_front_on_retry", "ended_at", "execution_registry", "failure_ttl",
    "last_heartbeat", "number_of_retries", "origin", "retries_left", "started_at",
    "started_job_registry", "timeout", "webhooks", "worker_name",
]  # fmt: skip
EXECUTION_METHODS = {
    "delete": ["self", "job", "pipeline"],
    "heartbeat": ["self", "started_job_registry", "ttl", "pipeline"],
    "save": ["self", "ttl", "pipeline"],
}
# Fields of a job's hash that scripts and loading read or write.
JOB_FIELDS = {
    "data", "ended_at", "enqueue_at_front", "enqueue_at_front_on_retry", "enqueued_at",
    "last_heartbeat", "number_of_retries", "origin", "started_at", "status", "worker_name",
}  # fmt: skip


def parameters(function) -> list[str]:
    return list(inspect.signature(function).parameters)


@pytest.fixture
def job(redis: Redis) -> Job:
    queue = Queue("work", connection=redis, serializer=JSONSerializer)
    return queue.enqueue(jobs.say, "word", job_id="id", retry=Retry(max=2), at_front=True)


@pytest.mark.parametrize(
    ("package", "minor"), [("rq", "3.0"), ("redis", "8.1"), ("rq-dashboard", "0.9")]
)
def test_versions_are_those_whose_internals_were_read(package, minor):
    assert version(package).startswith(f"{minor}."), f"read {package} again, then change this"


@pytest.mark.parametrize("name", WORKER_ATTRIBUTES)
def test_worker_has_the_attribute(redis, name):
    assert hasattr(BaseWorker([Queue("work", connection=redis)], connection=redis), name)


@all_of(("name", "names"), WORKER_METHODS.items())
def test_worker_has_the_method(name, names):
    assert parameters(getattr(BaseWorker, name)) == names


def test_failure_handler_asks_which_job_was_stopped():
    """And forgets it then: hence a value of its own in each thread."""
    source = inspect.getsource(BaseWorker.handle_job_failure)
    assert "self._stopped_job_id == job.id" in source
    assert "self.cleanup_execution(job, pipeline=pipeline, execution=execution)" in source
    assert "except Exception" in source  # it logs what Redis refuses: the claim is looked at after


def test_retry_handler_gives_the_execution_up():
    source = inspect.getsource(BaseWorker.handle_job_retry)
    assert "self.cleanup_execution(job, pipeline=pipeline, execution=execution)" in source
    assert "job.number_of_retries >= retry.max" in source


@pytest.mark.parametrize("name", JOB_ATTRIBUTES)
def test_job_has_the_attribute(job, name):
    assert hasattr(job, name)


@pytest.mark.parametrize(("name", "names"), EXECUTION_METHODS.items(), ids=EXECUTION_METHODS)
def test_execution_has_the_method(name, names):
    found = parameters(getattr(Execution, name))
    assert found[0] == "self"
    assert set(names) == set(found)


def test_execution_has_the_attributes(redis):
    execution = Execution("execution", "job", redis, "worker")
    assert (execution._job, execution.composite_key) == (None, "job:execution")
    assert execution.created_at is not None


def test_results_and_retries_have_their_parts():
    assert {"FAILED", "SUCCESSFUL", "RETRIED"} <= set(rq.results.Result.Type.__members__)
    assert parameters(rq.results.Result.serialize) == ["self"]
    assert parameters(Retry.get_interval) == ["count", "intervals"]
    retry = Retry(max=3, interval=[1, 2], enqueue_at_front=True)
    assert (retry.max, retry.intervals, retry.enqueue_at_front) == (3, [1, 2], True)


def test_statuses_are_the_words_that_scripts_write():
    words = {"queued", "started", "finished", "scheduled", "failed", "canceled", "deferred"}
    assert words <= {status.value for status in JobStatus}


def test_hash_of_a_job_has_the_fields_that_scripts_read(redis, job):
    written = set(re.findall(r"'(\w+)'", inspect.getsource(Job.to_dict)))
    assert JOB_FIELDS | {name.decode() for name in _FIELDS} <= written
    assert {b"data", b"origin", b"status", b"enqueued_at"} <= set(redis.hgetall(job.key))


def test_keys_are_those_that_scripts_write(redis, job):
    queue = Queue("work", connection=redis)
    execution = Execution("execution", "id", redis, "worker")
    worker_keys = BaseWorker([queue], name="worker", connection=redis)
    assert {
        "rq:job:": job.key.removesuffix("id"),
        "rq:queue:": queue.key.removesuffix("work"),
        "rq:wip:": queue.started_job_registry.key.removesuffix("work"),
        "rq:finished:": queue.finished_job_registry.key.removesuffix("work"),
        "rq:scheduled:": queue.scheduled_job_registry.key.removesuffix("work"),
        "rq:results:": rq.results.Result.get_key("id").removesuffix("id"),
        "rq:execution:": execution.key.removesuffix("id:execution"),
        "rq:executions:": job.execution_registry.key.removesuffix("id"),
        "rq:worker:": worker_keys.key.removesuffix("worker"),
        "rq:queues": Queue.redis_queues_keys,
        "rq:suspended": rq.suspension.WORKERS_SUSPENDED,
        "rq:scheduler-lock:": rq.scheduler.RQScheduler.get_locking_key("work").removesuffix("work"),
    } == {name: name for name in sorted(RQ_KEYS)}
    assert worker_keys.executions_key == "rq:worker:worker:executions"
    assert job.dependents_key == "rq:job:id:dependents"


RQ_KEYS = {
    "rq:execution:", "rq:executions:", "rq:finished:", "rq:job:", "rq:queue:", "rq:queues",
    "rq:results:", "rq:scheduled:", "rq:scheduler-lock:", "rq:suspended", "rq:wip:", "rq:worker:",
}  # fmt: skip
OWN_KEYS = {"rq:claims:", "rq:leases", "rq:nothing"}


def test_scripts_write_no_other_keys():
    typed = set()
    for path in [*FOLDER.glob("lua/*.lua"), *FOLDER.glob("*.py")]:
        typed |= set(re.findall(r"""["'](rq:[a-z:-]*)""", path.read_text()))
    assert typed - OWN_KEYS == RQ_KEYS


def test_commands_of_rq_name_what_is_handled():
    source = inspect.getsource(rq.command)
    assert all(f"'{name}'" in source for name in ("stop-job", "stop-execution", "shutdown"))
    assert parameters(rq.command.parse_payload) == ["payload"]


def test_redis_py_has_its_retry():
    assert parameters(redis.retry.Retry.__init__) == [
        "self", "backoff", "retries", "supported_errors",
    ]  # fmt: skip
    assert {"do", "fail"} <= set(parameters(redis.retry.Retry.call_with_retry))
    backoff = redis.backoff.ExponentialWithJitterBackoff(cap=2.0, base=0.1)
    assert 0 <= backoff.compute(3) <= 2.0
    assert hasattr(redis.retry, "sleep")  # tests replace it


def test_rq_dashboard_has_what_the_dashboard_sets():
    web = pytest.importorskip("rq_dashboard.web")
    import rq_dashboard

    assert parameters(web.setup_rq_connection) == ["current_app"]
    assert hasattr(web.config, "serializer")
    assert rq_dashboard.blueprint.name
    assert (Path(rq_dashboard.__file__).parent / "static").is_dir()
    rules = inspect.getsource(web)
    assert "/requeue/" in rules  # the one change that it makes by GET, which is refused
