"""When what is due runs: once, and in time."""

from datetime import timedelta

import pytest
from rq import Retry
from rq.job import Job
from rq.scheduler import RQScheduler

from tests.waiting import eventually
from tests.worker.concurrent import jobs
from tests.worker.concurrent.intervals import SELDOM
from tests.worker.concurrent.workers import at_work
from worker.concurrent.claims import Claims, Promotion


@pytest.fixture
def claims(connect):
    return Claims(connect(), "worker-1", "")


@pytest.fixture
def scheduler(queue, connect):
    """RQ's own, in charge of the queue."""
    beside = RQScheduler([queue], connection=connect(), logging_level="CRITICAL")
    assert beside.acquire_locks() == {queue.name}
    yield beside
    beside.release_locks()


@pytest.fixture
def due(queue):
    return queue.enqueue_in(timedelta(seconds=-1), jobs.nothing)


def test_beside_rq_s_scheduler_due_jobs_are_left_to_it(queue, claims, scheduler, due):
    assert claims.promote_scheduled([queue.name]) == Promotion(False, False, None)
    assert queue.job_ids == []

    scheduler.enqueue_scheduled_jobs()
    assert queue.job_ids == [due.id]


def test_promotion_between_two_steps_of_rq_s_scheduler_queues_nothing_twice(
    queue, claims, scheduler, due, monkeypatch
):
    """It reads what is due, and queues it later."""
    fetch_many = Job.fetch_many

    def and_then_look(*args, **options):
        found = fetch_many(*args, **options)
        claims.promote_scheduled([queue.name])
        return found

    monkeypatch.setattr(Job, "fetch_many", and_then_look)
    scheduler.enqueue_scheduled_jobs()

    assert queue.job_ids == [due.id]


def test_without_rq_s_scheduler_due_jobs_are_promoted(queue, claims, scheduler, due):
    scheduler.release_locks()

    promotion = claims.promote_scheduled([queue.name])

    assert promotion.jobs_waiting
    assert promotion.promoted
    assert queue.job_ids == [due.id]


def test_a_scheduler_of_another_queue_changes_nothing(redis, queue, claims, due):
    redis.set("rq:scheduler-lock:another", 1)

    claims.promote_scheduled([queue.name])

    assert queue.job_ids == [due.id]


@pytest.mark.slow
def test_retry_after_an_exception_is_not_kept_waiting(queue, start_worker):
    """RQ writes it down, and the worker has to find out by itself when it is due."""
    job = queue.enqueue(jobs.fail_once, retry=Retry(max=1, interval=1))
    with at_work(start_worker(queue, timings=SELDOM)):
        assert eventually(lambda: job.is_finished)
