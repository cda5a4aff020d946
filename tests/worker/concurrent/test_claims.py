"""The steps in Redis, each by itself: taking, giving back, taking over, rate limits."""

import time
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from rq import Queue, Retry
from rq.executions import Execution
from rq.job import Job

from tests.waiting import LONG_S, eventually
from tests.worker.concurrent import jobs
from tests.worker.concurrent.intervals import SHORT_LEASE
from tests.worker.concurrent.workers import at_work, burst, said
from worker.concurrent import JobExecution, QueueGroup, RateLimit, Requeue, Timings
from worker.concurrent.claims import Claims

THROTTLE = RateLimit("rate_limit", rate_per_s=40.0, cap=0)


@pytest.fixture
def hold_claims(connect):
    """Makes the claims of workers that do nothing else."""
    return lambda name, wakeup_key="": Claims(connect(), name, wakeup_key)


def fill(queue, count):
    """Ids are numbers, in the order of the queue."""
    for n in range(count):
        queue.enqueue(jobs.say, str(n), job_id=str(n))


def take(claims, room, *groups, queues=("work",), fair=False):
    return claims.claim(groups or [QueueGroup(tuple(queues), room)], room, fair=fair)


def ids(claim):
    return [taken.job_id for taken in claim.jobs]


def members(claim):
    return [f"{taken.job_id}:{taken.execution_id}" for taken in claim.jobs]


def run_of(taken, queue, name, value):
    job = Job(taken.job_id, queue.connection, serializer=queue.serializer)
    job.restore(taken.hash)
    execution = Execution(taken.execution_id, job.id, queue.connection, name)
    return JobExecution(job, queue, execution, value=value, began_at=time.monotonic())


def end_lease(redis, name):
    assert redis.zadd("rq:leases", {name: 1}, xx=True, ch=True)


def test_a_claim_takes_from_the_front_and_shows_what_it_took(redis, queue, hold_claims):
    fill(queue, 5)
    claims = hold_claims("worker-1")
    claim = take(claims, 3)
    assert ids(claim) == ["0", "1", "2"]
    assert queue.job_ids == ["3", "4"]
    assert sorted(queue.started_job_registry.get_job_ids()) == ["0", "1", "2"]
    assert claims.members() == members(claim)
    job = Job.fetch("0", redis)
    assert (job.get_status(), job.worker_name) == ("started", "worker-1")
    assert datetime.now(UTC).timestamp() - job.started_at.timestamp() < 5
    assert redis.zscore("rq:leases", "worker-1") > time.time()


def test_released_jobs_are_first_in_their_old_order(redis, queue, hold_claims):
    fill(queue, 6)
    claims = hold_claims("worker-1")
    first, second = take(claims, 2), take(claims, 2)
    assert claims.release(members(second)[::-1] + members(first)) == ["3", "2", "1", "0"]
    assert queue.job_ids == ["0", "1", "2", "3", "4", "5"]
    assert queue.started_job_registry.count == 0
    assert redis.keys("rq:claims:*") == []
    assert Job.fetch("0", redis).is_queued
    assert not redis.hexists("rq:job:0", "redelivery_count")


def test_released_jobs_that_may_have_begun_count_a_redelivery(redis, queue, hold_claims):
    fill(queue, 1)
    claims = hold_claims("worker-1")
    for n in (1, 2):
        claims.release(members(take(claims, 1)), counted=True)
        assert redis.hget("rq:job:0", "redelivery_count") == str(n).encode()


def test_only_jobs_of_an_expired_lease_are_reclaimed(redis, queue, hold_claims):
    fill(queue, 4)
    worker_1, worker_2 = hold_claims("worker-1"), hold_claims("worker-2")
    take(worker_1, 3)
    seen = worker_2.heartbeat().leases["worker-1"]
    worker_1.heartbeat()
    assert worker_2.heartbeat().leases["worker-1"] > seen
    assert worker_2.reclaim("worker-1", seen) == []

    end_lease(redis, "worker-1")
    assert worker_2.heartbeat().leases["worker-1"] == 1
    assert worker_2.reclaim("worker-1", 1) == ["2", "1", "0"]
    assert queue.job_ids == ["0", "1", "2", "3"]
    assert redis.hget("rq:job:0", "redelivery_count") == b"1"
    assert worker_2.heartbeat().leases.keys() == {"worker-2"}
    assert worker_2.reclaim("worker-1", 1) == []  # by a third who feedback of it too


def test_two_workers_that_reclaim_at_once_reclaim_once(redis, queue, hold_claims):
    fill(queue, 3)
    take(hold_claims("worker-1"), 3)
    end_lease(redis, "worker-1")
    both = [hold_claims(name).reclaim("worker-1", 1) for name in ("worker-2", "worker-3")]
    assert both == [["2", "1", "0"], []]
    assert queue.job_ids == ["0", "1", "2"]


def test_a_worker_that_lost_a_claim_writes_nothing(redis, queue, hold_claims):
    fill(queue, 1)
    worker_1, worker_2 = hold_claims("worker-1"), hold_claims("worker-2")
    (taken,) = take(worker_1, 1).jobs
    run = run_of(taken, queue, "worker-1", "of worker-1")
    end_lease(redis, "worker-1")
    worker_2.reclaim("worker-1", 1)
    (taken,) = take(worker_2, 1).jobs

    assert not worker_1.holds(run)
    assert worker_1.commit([run], 500) == ["lost"]
    assert Job.fetch("0", redis).worker_name == "worker-2"
    assert queue.started_job_registry.count == 1
    assert worker_2.commit([run_of(taken, queue, "worker-2", "of worker-2")], 500) == ["done"]
    assert [result.return_value for result in Job.fetch("0", redis).results()] == ["of worker-2"]


def test_a_result_is_written_once_however_often_it_is_sent(redis, queue, hold_claims):
    """As when an answer of Redis is lost."""
    fill(queue, 2)
    claims = hold_claims("worker-1")
    first, second = take(claims, 2).jobs
    runs = [
        run_of(first, queue, "worker-1", Retry(max=3)),
        run_of(second, queue, "worker-1", "value"),
    ]
    assert claims.commit(runs, 500) == ["done", "done"]
    assert claims.commit(runs, 500) == ["lost", "lost"]
    assert queue.job_ids == ["0"]
    assert len(Job.fetch("1", redis).results()) == 1
    assert Job.fetch("0", redis).number_of_retries == 1
    assert redis.hget("rq:worker:worker-1", "successful_job_count") == b"1"


def test_one_batch_writes_every_kind_of_result(redis, queue, hold_claims):
    fill(queue, 5)
    queue.enqueue(jobs.say, "child", depends_on="4", job_id="child")
    claims = hold_claims("worker-1")
    values = ["value", Retry(max=3), Retry(max=3, interval=60), Requeue(), "parent"]
    runs = [
        run_of(taken, queue, "worker-1", value)
        for taken, value in zip(take(claims, 5).jobs, values, strict=True)
    ]
    assert claims.commit(runs, 500) == ["done", "done", "done", "done", "dependents"]
    assert queue.finished_job_registry.get_job_ids() == ["0"]
    assert queue.job_ids == ["3", "1"]
    assert queue.scheduled_job_registry.get_job_ids() == ["2"]
    assert claims.members() == [runs[4].member]


def test_what_was_claimed_by_another_meanwhile_is_not_queued_a_second_time(
    redis, queue, hold_claims
):
    """RQ's own maintenance may have put a dead worker's job back before us."""
    fill(queue, 1)
    worker_1, worker_2 = hold_claims("worker-1"), hold_claims("worker-2")
    take(worker_1, 1)
    redis.delete("rq:wip:work")  # as it does first
    redis.hset("rq:job:0", "status", "queued")
    redis.rpush(queue.key, "0")
    take(worker_2, 1)
    end_lease(redis, "worker-1")
    assert worker_2.reclaim("worker-1", 1) == []
    assert queue.job_ids == []


def test_a_lease_with_claims_left_runs_out_by_itself(redis, queue, hold_claims):
    fill(queue, 1)
    claims = hold_claims("worker-1")
    claim = take(claims, 1)
    claims.end()
    assert redis.zscore("rq:leases", "worker-1")
    claims.release(members(claim))
    claims.end()
    assert redis.zscore("rq:leases", "worker-1") is None


def test_shares(redis, hold_claims):
    for name in "abc":
        queue = Queue(name, connection=redis)
        for n in range(10 if name != "b" else 1):
            queue.enqueue(jobs.nothing, job_id=f"{name}{n}")
    claims = hold_claims("worker-1")
    assert ids(take(claims, 4, queues="abc")) == ["a0", "a1", "a2", "a3"]
    taken = ids(take(claims, 7, queues="abc", fair=True))
    assert sorted(taken) == ["a4", "a5", "a6", "b0", "c0", "c1", "c2"]


def test_a_claim_whose_answer_was_lost_is_released_and_not_counted(redis, queue, start_worker):
    fill(queue, 3)
    worker = start_worker(queue, timings=SHORT_LEASE)
    take(worker.claims, 3)
    with at_work(worker):
        # One beat finds it strange, the next one gives it back.
        assert eventually(lambda: len(said(redis)) == 3)
    assert sorted(said(redis)) == ["0", "1", "2"]
    assert [redis.hexists(f"rq:job:{n}", "redelivery_count") for n in range(3)] == [False] * 3


# Rate limits.


def limited(*names, limit=100, rate_limit=THROTTLE):
    return QueueGroup(names or ("work",), limit, rate_limit)


@pytest.mark.slow
def test_a_rate_is_shared_by_all_workers(redis, queue, hold_claims):
    fill(queue, 200)
    both = [hold_claims("worker-1"), hold_claims("worker-2")]
    began, taken = time.monotonic(), 0
    waits, asked_at = [], []
    while (took := time.monotonic() - began) < 1.0:
        for claims in both:
            asked_at.append(time.monotonic())
            claim = take(claims, 50, limited())
            taken += len(claim.jobs)
            waits.append(claim.token_wait_s)
        time.sleep(0.01)
    # A quarter of a second's worth at once, then as fast as the rate says; of a time in which
    # nobody asked no more than that is saved.
    earned = sum(min(40 * (late - early), 10) for early, late in pairwise(asked_at))
    assert 10 + earned - 3 <= taken <= 10 + 40 * took
    assert waits[0] is not None
    assert 0 < max(waits) <= 1 / 40 + 0.001


def test_a_rate_slowed_down_by_others_holds(redis, queue, hold_claims):
    fill(queue, 50)
    redis.hset("rate_limit", "rate", 4)
    claim = take(hold_claims("worker-1"), 50, limited())
    assert len(claim.jobs) == 1
    assert claim.states == ("degraded",)
    assert claim.token_wait_s == pytest.approx(1 / 4)


def test_a_cap_counts_the_jobs_of_all_workers(redis, queue, hold_claims):
    fill(queue, 20)
    worker_1, worker_2 = hold_claims("worker-1"), hold_claims("worker-2")
    group = limited(rate_limit=RateLimit("rate_limit", 1000.0, cap=5))
    first = take(worker_1, 3, group)
    assert len(first.jobs) == 3
    second = take(worker_2, 10, group)
    assert len(second.jobs) == 2
    assert take(worker_1, 10, group).jobs == []

    worker_1.commit([run_of(first.jobs[0], queue, "worker-1", "value")], 500)
    worker_2.release(members(second)[:1])
    assert len(take(worker_1, 10, group).jobs) == 2


def test_a_rate_limit_is_shared_by_its_queues_and_not_by_others(redis, hold_claims):
    for name in "abc":
        queue = Queue(name, connection=redis)
        for n in range(9):
            queue.enqueue(jobs.nothing, job_id=f"{name}{n}")
    groups = [
        limited("a", "b", rate_limit=RateLimit("rate_limit", 1000.0, cap=4)),
        QueueGroup(("c",), 3),
    ]
    claim = take(hold_claims("worker-1"), 50, *groups, fair=True)
    assert sorted(ids(claim)) == ["a0", "a1", "b0", "b1", "c0", "c1", "c2"]
    assert claim.states == ("", "")


def test_an_open_rate_limit_lets_nothing_through_until_its_time(
    redis, queue, hold_claims, is_left_of
):
    fill(queue, 3)
    claims = hold_claims("worker-1")
    redis.hset("rate_limit", "open_until", time.time() + LONG_S)
    claim = take(claims, 3, limited())
    assert claim.jobs == []
    assert is_left_of(claim.open_for_s, LONG_S)

    open_until = time.time() + 0.2
    redis.hset("rate_limit", "open_until", open_until)
    assert eventually(lambda: take(claims, 3, limited()).jobs)
    assert open_until <= time.time()
    assert queue.job_ids == []


def test_nothing_waits_for_an_open_rate_limit_before_an_empty_queue(redis, hold_claims):
    redis.hset("rate_limit", "open_until", time.time() + LONG_S)
    assert take(hold_claims("worker-1"), 3, limited()).open_for_s is None


def test_a_half_open_rate_limit_lets_one_probe_through(redis, queue, hold_claims, is_left_of):
    fill(queue, 5)
    redis.hset("rate_limit", mapping={"half_open": "outage", "open_until": time.time() - 1})
    worker_1, worker_2 = hold_claims("worker-1"), hold_claims("worker-2")
    claim = take(worker_1, 5, limited())
    assert len(claim.jobs) == 1
    assert claim.states == ("outage",)
    assert take(worker_2, 5, limited()).jobs == []
    assert is_left_of(take(worker_1, 5, limited()).open_for_s, 30)

    redis.hdel("rate_limit", "half_open", "open_until")  # as whoever hears that all is well
    assert len(take(worker_2, 5, limited()).jobs) == 4


@pytest.mark.slow
def test_a_worker_behind_a_rate_limit_keeps_its_rate_without_a_storm(redis, queue, start_worker):
    fill(queue, 14)
    worker = start_worker(queue)
    worker.groups = lambda: [limited(rate_limit=RateLimit("rate_limit", 8.0, cap=0))]
    redis.config_resetstat()
    began = time.monotonic()
    burst(worker)
    assert time.monotonic() - began > 12 / 8
    claims = redis.info("commandstats")["cmdstat_evalsha"]["calls"]
    assert claims < 14 * 7  # five a job as a rule, and hundreds in a storm
    # Two may go at once, and each says its word when it gets there.
    assert sorted(said(redis), key=int) == [str(n) for n in range(14)]


@pytest.mark.slow
def test_a_worker_behind_an_open_rate_limit_waits_without_a_storm(redis, queue, start_worker):
    fill(queue, 3)
    open_until = time.time() + 6
    redis.hset("rate_limit", "open_until", open_until)
    worker = start_worker(queue, timings=Timings())
    worker.groups = lambda: [limited()]
    with at_work(worker):
        assert eventually(lambda: worker.get_state() == "idle")
        redis.config_resetstat()
        began = time.monotonic()
        time.sleep(1)
        stats = redis.info("commandstats")
        asked = sum(
            stats.get(f"cmdstat_{name}", {"calls": 0})["calls"] for name in ("evalsha", "blmove")
        )
        assert asked / (time.monotonic() - began) < 5
        assert said(redis) == [] or time.time() >= open_until
        assert eventually(lambda: len(said(redis)) == 3)
        assert time.time() >= open_until


def test_no_limit_of_a_group_is_exceeded(redis, queue, hold_claims):
    fill(queue, 9)
    assert len(take(hold_claims("worker-1"), 9, QueueGroup(("work",), 4)).jobs) == 4


def test_the_wakeup_key_is_deleted_when_all_is_taken_and_set_for_what_comes_back(
    redis, queue, hold_claims
):
    fill(queue, 3)
    redis.lpush("wakeup", 1)
    claims = hold_claims("worker-1", wakeup_key="wakeup")
    claim = take(claims, 2)
    assert redis.exists("wakeup")  # for others to look
    take(claims, 2)
    assert not redis.exists("wakeup")
    claims.release(members(claim))
    assert redis.exists("wakeup")
