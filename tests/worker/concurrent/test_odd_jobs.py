"""Jobs that do what no job should: the worker goes on, and so do the others."""

import time

import pytest
from rq import get_current_job
from rq.executions import ExecutionRegistry

from tests.waiting import eventually
from tests.worker.concurrent import jobs
from tests.worker.concurrent.intervals import SHORT_LEASE
from tests.worker.concurrent.workers import at_work, burst, let_go, said

HALF_A_CHARACTER = "Pedido \ud83d cortado"


def retimed(name):
    """Gives itself more time, in words that RQ reads only when a job is made."""
    get_current_job().timeout = "10m"
    return jobs.hold(name)


def test_failure_text_with_a_lone_surrogate_is_written(redis, queue, start_worker):
    job = queue.enqueue(jobs.fail, HALF_A_CHARACTER)
    burst(start_worker(queue))

    assert job.is_failed
    assert job.id in queue.failed_job_registry
    assert "ValueError: Pedido \\ud83d cortado" in job.latest_result().exc_string
    assert redis.zcard(queue.started_job_registry.key) == 0
    assert redis.keys("rq:claims:*") == []


def test_failure_text_is_written_as_it_is(queue, start_worker):
    job = queue.enqueue(jobs.fail, "Pedido № 7 \U0001f600")
    burst(start_worker(queue))
    assert "ValueError: Pedido № 7 \U0001f600" in job.latest_result().exc_string


@pytest.mark.slow
def test_a_job_with_an_unreadable_timeout_stops_no_lease_and_no_other_timeout(
    redis, queue, start_worker
):
    """Nor the lease, which the watch keeps, nor the time of others, which it measures."""
    queue.enqueue(retimed, "odd")
    worker = start_worker(queue, name="worker-1", timings=SHORT_LEASE)
    with at_work(worker):
        assert eventually(lambda: said(redis))
        time.sleep(0.3)
        till = redis.zscore("rq:leases", "worker-1")
        short = queue.enqueue(jobs.dawdle, "short", 10, job_timeout=1)

        assert eventually(lambda: redis.zscore("rq:leases", "worker-1") > till + 1)
        assert eventually(lambda: short.is_failed)
        let_go(redis, "odd")


def test_execution_that_is_hidden_while_rq_deletes_its_job_leaves_nothing(
    redis, queue, start_worker, monkeypatch
):
    """RQ reads the executions of a job that it deletes, one by one: one of them may be gone."""
    worker = start_worker(queue, name="worker-1")
    get, hidden = ExecutionRegistry.get_executions, []

    def hide(registry):
        if not hidden:
            (execution,) = worker.running
            hidden.append(execution)
            redis.zadd(registry.key, {execution.id: time.time() + 60})  # shown, and just hidden
            redis.delete(execution.rq_execution.key)
            try:
                return get(registry)
            finally:
                execution.unregister(redis)
        return get(registry)

    monkeypatch.setattr(ExecutionRegistry, "get_executions", hide)
    job = queue.enqueue(jobs.fail, failure_ttl=0)

    burst(worker)

    assert hidden
    assert not redis.exists(job.key)
    assert redis.keys("rq:wip:*") == redis.keys("rq:claims:*") == []
    assert redis.keys("rq:execution*") == []
