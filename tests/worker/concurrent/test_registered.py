"""A worker that RQ has forgotten, as after a Redis that was away for long, makes itself known."""

import os
import signal

import pytest
from rq import Worker
from rq.worker import BaseWorker

from tests.waiting import eventually
from tests.worker.concurrent import jobs
from tests.worker.concurrent.workers import QUIET, at_work, said
from tests.worker.factories import signals_kept


def test_a_worker_whose_entry_has_expired_registers_again(redis, queue, start_worker):
    worker = start_worker(queue, name="worker-1")
    with at_work(worker):
        assert eventually(lambda: worker.get_state() == "idle")
        redis.delete(worker.key, "rq:workers", "rq:workers:work")
        assert Worker.all(connection=redis) == []

        worker._worker_heartbeat.sent_at = 0.0  # as if it were time for the next sign of life
        (seen,) = eventually(lambda: Worker.all(connection=redis))

        assert (seen.name, seen.queue_names()) == ("worker-1", ["work"])
        assert [one.name for one in Worker.all(queue=queue)] == ["worker-1"]
        assert seen.last_heartbeat is not None
        assert redis.ttl(worker.key) > 60
    assert Worker.all(connection=redis) == []


def test_a_worker_whose_entry_is_lost_and_touched_since_registers_again(redis, queue, start_worker):
    """What counts its jobs makes a hash again, which is no entry."""
    worker = start_worker(queue, name="worker-1")
    with at_work(worker):
        assert eventually(lambda: worker.get_state() == "idle")
        redis.flushall()
        redis.hincrby(worker.key, "successful_job_count", 3)

        worker._worker_heartbeat.sent_at = 0.0
        (seen,) = eventually(lambda: Worker.all(connection=redis))

        assert (seen.name, seen.queue_names(), seen.get_state()) == ("worker-1", ["work"], "idle")
        assert (seen.pid, seen.successful_job_count) == (worker.pid, 3)
        assert [one.name for one in Worker.all(queue=queue)] == ["worker-1"]
        assert redis.ttl(worker.key) > 60


def test_a_worker_that_only_the_set_of_workers_has_lost_registers_again(redis, queue, start_worker):
    worker = start_worker(queue, name="worker-1")
    with at_work(worker):
        assert eventually(lambda: worker.get_state() == "idle")
        redis.delete("rq:workers")

        worker._worker_heartbeat.sent_at = 0.0

        assert eventually(lambda: [one.name for one in Worker.all(connection=redis)])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda one: one.name)
def test_told_to_stop_while_it_registers_it_ends_at_once_and_signs_off(
    redis, queue, start_worker, monkeypatch, number
):
    worker = start_worker(queue, name="worker-1")
    job = queue.enqueue(jobs.say, "later")
    seen = []

    def told(self):
        seen.extend(one.name for one in Worker.all(connection=redis))
        os.kill(os.getpid(), number)

    monkeypatch.setattr(BaseWorker, "subscribe", told)
    with signals_kept():
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, lambda *_: pytest.fail("the worker's own is not in place yet"))
        worker.work(**QUIET)

    assert seen == ["worker-1"]
    assert said(redis) == []
    assert queue.job_ids == [job.id]
    assert Worker.all(connection=redis) == redis.keys("rq:claims:*") == []
    assert redis.zrange("rq:leases", 0, -1) == []
