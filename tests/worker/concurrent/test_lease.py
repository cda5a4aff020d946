"""Whether a worker's word still counts, and what it does not begin when it may not."""

import time
from dataclasses import replace

import pytest

from tests.waiting import eventually
from tests.worker.concurrent import jobs
from tests.worker.concurrent.intervals import FAST
from tests.worker.concurrent.workers import at_work, burst, said
from worker.concurrent import QueueGroup, Timings, lease as leases
from worker.concurrent.claims import Claims
from worker.concurrent.lease import Lease

LEASE_S = Timings().lease_s


@pytest.fixture
def clock(monkeypatch):
    """A clock that is moved by hand."""

    class Clock:
        now = 1000.0

        def monotonic(self):
            return self.now

    made = Clock()
    monkeypatch.setattr(leases, "time", made)
    return made


def test_lease_holds_for_as_long_as_it_lasts(clock):
    lease = Lease(LEASE_S)
    assert lease.held_since(0)
    clock.now += LEASE_S
    assert lease.held_since(0)
    clock.now += 0.1
    assert not lease.held_since(0)


def test_renewed_in_time_it_holds_on(clock):
    lease = Lease(LEASE_S)
    for _ in range(10):
        clock.now += LEASE_S - 1
        lease.renewed(clock.now)
    assert (lease.epoch, lease.held_since(0)) == (0, True)


def test_renewed_too_late_it_holds_again_but_not_for_what_was_held_before(clock):
    lease = Lease(LEASE_S)
    clock.now += LEASE_S + 1
    lease.renewed(clock.now)
    assert lease.epoch == 1
    assert not lease.held_since(0)
    assert lease.held_since(1)


def test_it_counts_from_when_redis_was_asked_and_not_from_its_answer(clock):
    lease = Lease(LEASE_S)
    asked_at = clock.now
    clock.now += LEASE_S - 1
    lease.renewed(asked_at)
    clock.now += 2
    assert not lease.held_since(0)


def test_answer_that_comes_after_a_later_one_takes_nothing_back(clock):
    lease = Lease(LEASE_S)
    clock.now += 3
    lease.renewed(clock.now)
    lease.renewed(clock.now - 2)
    clock.now += LEASE_S
    assert (lease.epoch, lease.held_since(0)) == (0, True)


@pytest.fixture
def stand_still(start_worker, queue, monkeypatch):
    """Makes a worker that stands still for longer than its lease, once, after it has claimed."""

    def made(meanwhile=lambda: None):
        worker = start_worker(queue, name="worker-1", concurrency=1)
        times = []

        def prepare(runs):
            times.append(len(runs))
            if len(times) == 1:
                meanwhile()
                worker.lease._renewed_at -= LEASE_S + 1

        monkeypatch.setattr(worker, "prepare", prepare)
        return worker

    return made


def reclaimed_by(other, redis):
    """What another worker takes over; a heartbeat of the first may be on its way."""
    found = []

    def reclaimed():
        redis.zadd("rq:leases", {"worker-1": 1})
        found.extend(other.reclaim("worker-1", 1))
        return found

    assert eventually(reclaimed)
    return found


def test_a_job_that_another_worker_reclaimed_is_not_begun(redis, queue, connect, stand_still):
    """Both would send it."""
    job = queue.enqueue(jobs.say, "twice")
    worker_2 = Claims(connect(), "worker-2", "")

    def inherited():
        assert reclaimed_by(worker_2, redis) == [job.id]
        (taken,) = worker_2.claim([QueueGroup(("work",), 1)], 1, fair=False).jobs
        assert taken.job_id == job.id

    burst(stand_still(inherited))

    assert said(redis) == []
    assert len(worker_2.members()) == 1  # and what the worker_2 holds is left to it
    assert queue.started_job_registry.get_job_ids(cleanup=False) == [job.id]
    assert redis.hget(job.key, "worker_name") == b"worker-2"


def test_a_job_that_nobody_reclaimed_is_requeued_and_run_once(redis, queue, stand_still):
    job = queue.enqueue(jobs.say, "once")

    burst(stand_still())

    assert said(redis) == ["once"]
    assert len(job.results()) == 1
    assert not redis.hexists(job.key, "redelivery_count")
    assert redis.keys("rq:claims:*") == []


@pytest.mark.slow
def test_a_claim_whose_answer_is_on_its_way_is_not_released(
    redis, queue, start_worker, monkeypatch
):
    """The watch sees in Redis what the worker will know of in a moment."""
    worker = start_worker(queue, timings=replace(FAST, heartbeat_s=0.05))
    claim = worker.claims.claim

    def late(*args, **options):
        result = claim(*args, **options)
        if result.jobs:
            time.sleep(0.5)  # ten beats
        return result

    monkeypatch.setattr(worker.claims, "claim", late)
    job = queue.enqueue(jobs.say, "once")
    with at_work(worker):
        assert eventually(lambda: job.is_finished)
        assert eventually(lambda: not worker.running)
        assert queue.job_ids == []
    assert said(redis) == ["once"]


def test_a_claim_of_an_earlier_lease_epoch_is_not_begun_though_the_lease_is_renewed(
    redis, queue, connect, start_worker, monkeypatch
):
    """The process stood still while the answer to its claim was on its way; the watch, awake before
    the main loop, has renewed the lease by the time the claim is looked at.
    """
    job = queue.enqueue(jobs.say, "twice")
    worker_2 = Claims(connect(), "worker-2", "")
    worker = start_worker(queue, name="worker-1", concurrency=1)
    claim = worker.claims.claim

    def stood_still(*args, **options):
        result = claim(*args, **options)
        if result.jobs:
            assert reclaimed_by(worker_2, redis) == [job.id]
            assert worker_2.claim([QueueGroup(("work",), 1)], 1, fair=False).jobs
            worker.lease._renewed_at -= LEASE_S + 1
            worker.lease.renewed(time.monotonic())  # the watch
        return result

    monkeypatch.setattr(worker.claims, "claim", stood_still)
    burst(worker)
    assert said(redis) == []
