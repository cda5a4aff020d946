"""A greenlet that computes for longer than a lease: the lease holds, or the work is given up."""

import time
from collections import Counter
from dataclasses import replace

import pytest

from tests.waiting import LONG_S, eventually
from tests.worker.concurrent import jobs
from tests.worker.concurrent.intervals import SHORT_LEASE
from tests.worker.concurrent.test_ends import begun, queue, start  # noqa: F401  fixtures
from tests.worker.concurrent.workers import let_go, said
from worker.concurrent.lease import Lease
from worker.concurrent.lease_thread import LeaseThread

LEASE_S = SHORT_LEASE.lease_s


@pytest.mark.slow
def test_what_waits_beside_a_job_that_computes_is_not_taken_over(redis, queue, start):  # noqa: F811
    start("worker-1")
    waiting = [queue.enqueue(jobs.hold, str(n), 10 * LONG_S) for n in range(2)]
    assert eventually(lambda: begun(redis) == 2)
    start("worker-2")
    busy = queue.enqueue(jobs.compute, "busy", 3 * LEASE_S)
    more = queue.enqueue(jobs.compute, "more", 3 * LEASE_S)
    assert eventually(lambda: begun(redis) >= 3)
    time.sleep(4 * LEASE_S)
    let_go(redis, "0", "1")
    every = [*waiting, busy, more]
    assert eventually(lambda: all(job.is_finished for job in every))

    assert set(Counter(said(redis)).values()) == {1}
    assert not any(redis.hexists(job.key, "redelivery_count") for job in every)


@pytest.mark.slow
def test_a_lease_is_let_go_by_who_never_has_a_turn_again(redis):
    timings = replace(SHORT_LEASE, lease_s=0.3, heartbeat_s=0.05, stuck_s=0.2)
    lease = Lease(timings.lease_s)
    thread = LeaseThread("worker-1", redis, lease, timings)
    try:
        for _ in range(6):
            thread.alive()
            time.sleep(0.1)
        assert lease.held_since(0)
        until = time.monotonic() + 1.0
        while time.monotonic() < until:  # as one that never ends
            pass
        assert not lease.held_since(0)
        assert redis.zscore("rq:leases", "worker-1") < time.time()
    finally:
        thread.close()


def test_an_error_of_a_heartbeat_is_raised_for_a_greenlet_and_the_thread_goes_on(redis):
    timings = replace(SHORT_LEASE, heartbeat_s=0.05)
    thread = LeaseThread("worker-1", redis, Lease(timings.lease_s), timings)
    try:
        assert eventually(lambda: thread.sent_at)
        redis.delete("rq:leases")
        redis.set("rq:leases", "of another type")
        assert eventually(lambda: thread.failed_at)
        with pytest.raises(Exception, match="WRONGTYPE"):
            thread.take_answer()
        redis.delete("rq:leases")
        sent_at = thread.sent_at
        assert eventually(lambda: thread.sent_at > sent_at)
    finally:
        thread.close()
