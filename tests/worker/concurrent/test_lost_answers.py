"""Claims whose answer was lost with the connection: Redis has them, the worker does not."""

import pytest
from redis import ConnectionError as LostConnection

from tests.waiting import eventually
from tests.worker.concurrent import jobs
from tests.worker.concurrent.workers import at_work, burst, said
from worker.concurrent import ClaimResult


@pytest.fixture
def answers_lost(start_worker, queue, monkeypatch):
    """A worker that does not get the first answers to its claims that have jobs."""
    worker = start_worker(queue, name="worker-1", concurrency=2)
    claim, lost = worker.claims.claim, []

    def cut(*args, **options):
        result = claim(*args, **options)
        if result.jobs and len(lost) < 2:
            lost.append(result)
            raise LostConnection
        return result

    monkeypatch.setattr(worker.claims, "claim", cut)
    return worker, lost


@pytest.mark.slow
def test_a_burst_runs_what_was_claimed_by_a_call_whose_answer_was_lost(redis, queue, answers_lost):
    worker, lost = answers_lost
    taken = [queue.enqueue(jobs.say, f"{n}") for n in range(5)]

    burst(worker)

    assert len(lost) == 2
    assert sorted(said(redis)) == ["0", "1", "2", "3", "4"]
    assert [redis.hget(job.key, "redelivery_count") for job in taken] == [None] * 5
    assert redis.keys("rq:claims:*") == redis.zrange("rq:leases", 0, -1) == []


def test_a_burst_ends_with_nothing_claimed_though_redis_knew_of_more(
    redis, queue, start_worker, monkeypatch
):
    """An answer that is lost without an error, as where a client tries again by itself."""
    worker = start_worker(queue, name="worker-1")
    claim, lost = worker.claims.claim, []

    def unheard(*args, **options):
        result = claim(*args, **options)
        if result.jobs and not lost:
            lost.append(result)
            return ClaimResult(states=result.states)
        return result

    monkeypatch.setattr(worker.claims, "claim", unheard)
    queue.enqueue(jobs.say, "once")

    burst(worker)

    assert lost
    assert said(redis) == ["once"]


@pytest.mark.slow
def test_told_to_stop_it_returns_what_it_has_not_heard_of(redis, queue, start_worker, monkeypatch):
    """Uncounted: none of it has begun, so that nothing can have been sent."""
    worker = start_worker(queue, name="worker-1")
    claim = worker.claims.claim
    taken: list[str] = []

    def cut(*args, **options):
        result = claim(*args, **options)
        if result.jobs:
            taken.extend(job.job_id for job in result.jobs)
            worker._stop_requested = True
            raise LostConnection
        return result

    monkeypatch.setattr(worker.claims, "claim", cut)
    job = queue.enqueue(jobs.say, "later")
    with at_work(worker) as thread:
        assert eventually(lambda: taken)
        thread.join()

    assert said(redis) == []
    assert queue.job_ids == [job.id]
    assert not redis.hexists(job.key, "redelivery_count")
    assert redis.keys("rq:claims:*") == redis.zrange("rq:leases", 0, -1) == []
