"""What others see of a worker: dashboards, `rq info`, whoever asks RQ."""

import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest
from rq import Queue, Worker
from rq.job import Job
from rq.registry import StartedJobRegistry

from tests.waiting import eventually
from tests.worker.concurrent import jobs
from tests.worker.concurrent.intervals import SHORT_LEASE
from tests.worker.concurrent.workers import at_work, burst, let_go, said


@pytest.mark.slow
def test_a_worker_is_seen_at_work_and_gone_after(redis, start_worker):
    queues = [Queue(name, connection=redis) for name in ("high", "low")]
    worker = start_worker(*queues, name="worker-1:1")
    with at_work(worker):
        (seen,) = eventually(lambda: Worker.all(connection=redis))
        assert (seen.name, seen.queue_names(), seen.pid) == (
            "worker-1:1",
            ["high", "low"],
            os.getpid(),
        )
        assert (seen.hostname, seen.version) == (worker.hostname, worker.version)
        assert eventually(lambda: Worker.all(queue=queues[1])[0].get_state() == "idle")
        assert datetime.now(UTC) - seen.last_heartbeat < timedelta(seconds=60)
        assert seen.get_current_job() is None
        assert redis.ttl(seen.key) > 60

        held = [queues[0].enqueue(jobs.hold, str(n)) for n in range(3)]
        failed = queues[1].enqueue(jobs.fail)
        assert eventually(lambda: failed.is_failed and len(said(redis)) == 3)

        def seen_at_work():
            (found,) = Worker.all(connection=redis)
            return found if len(found.get_current_executions()) == 3 else None

        seen = eventually(seen_at_work)
        assert seen.get_state() == "busy"
        assert {one.job_id for one in seen.get_current_executions()} == {job.id for job in held}
        assert seen.current_execution_count == 3
        assert seen.get_current_job().id in {job.id for job in held}
        registry = StartedJobRegistry(queue=queues[0])
        assert set(registry.get_job_ids()) == {job.id for job in held}
        (execution,) = held[0].get_executions()
        assert execution.worker_name == "worker-1:1"
        assert Job.fetch(held[0].id, redis).worker_name == "worker-1:1"

        let_go(redis, "0", "1", "2")
        assert eventually(lambda: Worker.all(connection=redis)[0].get_state() == "idle")
        (seen,) = Worker.all(connection=redis)
        assert (seen.successful_job_count, seen.failed_job_count) == (3, 1)
        assert seen.total_working_time > 0
        assert seen.get_current_executions() == []
        assert held[0].get_executions() == []

    assert Worker.all(connection=redis) == []
    assert Worker.all(queue=queues[0]) == []
    seen = Worker.find_by_key(worker.key, connection=redis)
    assert seen.death_date is not None
    assert redis.keys("rq:claims:*") + redis.keys("rq:leases") + redis.keys("rq:execution*") == []


@pytest.mark.slow
def test_while_many_short_jobs_run_one_of_them_is_seen(redis, queue, start_worker):
    for _ in range(80):
        queue.enqueue(jobs.nap, 0.06)
    seen = set()
    with at_work(start_worker(queue, concurrency=4)) as thread:
        while len(queue.finished_job_registry.get_job_ids(cleanup=False)) < 80:
            seen |= {worker.get_current_job_id() for worker in Worker.all(connection=redis)}
            time.sleep(0.01)  # the worker runs in this process, and wants its turn
        assert thread.is_alive()
        assert eventually(lambda: Worker.all(connection=redis)[0].get_current_executions() == [])
    assert seen - {None}
    assert redis.keys("rq:execution*") == []


@pytest.mark.slow
def test_rq_info_shows_it(redis, redis_server, queue, start_worker):
    queue.enqueue(jobs.hold, "x")
    queue.enqueue(jobs.fail)
    with at_work(start_worker(queue, name="worker-1")):
        assert eventually(lambda: queue.failed_job_registry.count == 1 and said(redis))
        told = subprocess.run(
            [sys.executable, "-m", "rq.cli", "info", "--raw", "--url", redis_server.url],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        ).stdout
        let_go(redis, "x")
    assert "queue work 0, 1 executing, 0 finished, 1 failed" in told
    (line,) = [line for line in told.splitlines() if line.startswith("worker")]
    assert line.startswith("worker worker-1 (")
    assert line.endswith("busy work. jobs: 0 finished, 1 failed")


def test_results_say_when_and_by_whom(queue, start_worker):
    before = datetime.now(UTC)
    job = queue.enqueue(jobs.nap, 0.2)
    worker = start_worker(queue)
    burst(worker)
    result = job.latest_result()
    assert result.worker_name == worker.name
    assert result.execution_id
    took = result.execution_ended_at - result.execution_started_at
    assert timedelta(seconds=0.2) <= took
    assert before < result.execution_started_at
    job.refresh()
    assert before < job.started_at < job.ended_at <= job.last_heartbeat


@pytest.mark.slow
def test_heartbeats_go_on(redis, queue, start_worker):
    """Those of the worker for dashboards, those of its lease for other workers."""
    worker = start_worker(queue, name="worker-1", timings=SHORT_LEASE)
    with at_work(worker):
        assert eventually(lambda: redis.zscore("rq:leases", "worker-1"))
        till = redis.zscore("rq:leases", "worker-1")
        assert 0 < till - time.time() <= SHORT_LEASE.lease_s + 0.5
        redis.hset(worker.key, "last_heartbeat", "")
        worker._worker_heartbeat.sent_at = 0.0
        assert eventually(
            lambda: redis.zscore("rq:leases", "worker-1") >= till + 0.9 * SHORT_LEASE.heartbeat_s
        )
        assert eventually(lambda: redis.hget(worker.key, "last_heartbeat"))
