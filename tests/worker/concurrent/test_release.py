"""What is given back: whatever stands among the started, for hashes say what others wrote there."""

import pytest
from rq.job import Job, JobStatus

from tests.worker.concurrent import jobs
from worker.concurrent import QueueGroup, RateLimit
from worker.concurrent.claims import Claims

ONE_AT_A_TIME = RateLimit("rate_limit", rate_per_s=1000.0, cap=1)


@pytest.fixture
def worker_1(connect):
    return Claims(connect(), "worker-1", "")


def take(claims, rate_limit=None):
    """The one job that waits, as it stands among the claims."""
    (taken,) = claims.claim([QueueGroup(("work",), 8, rate_limit)], 8, fair=False).jobs
    return f"{taken.job_id}:{taken.execution_id}"


def die(redis, name):
    assert redis.zadd("rq:leases", {name: 1}, xx=True, ch=True)


def another_worker_reclaims(redis, connect):
    die(redis, "worker-1")
    return Claims(connect(), "worker-2", "").reclaim("worker-1", 1)


def saved_by_a_client(job):
    """From a copy of the time it was put in the queue: `queued`, and nobody's."""
    job.meta["seen"] = True
    job.save()


def about_to_be_scheduled(job):
    """RQ says so in the hash at once, and schedules in a pipeline that its worker may not live for."""
    job.set_status(JobStatus.SCHEDULED)


def in_another_s_name(job):
    job.connection.hset(job.key, "worker_name", "somebody")


WRITINGS = [saved_by_a_client, about_to_be_scheduled, in_another_s_name]
written = pytest.mark.parametrize("write", WRITINGS, ids=[one.__name__ for one in WRITINGS])


@written
def test_reclaimed_whatever_its_hash_says(redis, queue, connect, worker_1, write):
    job = queue.enqueue(jobs.nothing)
    take(worker_1)
    write(job)

    assert another_worker_reclaims(redis, connect) == [job.id]

    assert queue.job_ids == [job.id]
    assert Job.fetch(job.id, redis).is_queued
    assert redis.hget(job.key, "redelivery_count") == b"1"
    assert queue.started_job_registry.count == 0


@written
def test_released_whatever_its_hash_says(redis, queue, worker_1, write):
    job = queue.enqueue(jobs.nothing)
    member = take(worker_1)
    write(job)

    assert worker_1.release([member]) == [job.id]

    assert queue.job_ids == [job.id]
    assert Job.fetch(job.id, redis).is_queued
    assert worker_1.members() == []


def test_canceled_meanwhile_it_stays_canceled_and_frees_its_place(redis, queue, connect, worker_1):
    job = queue.enqueue(jobs.nothing)
    take(worker_1)
    job.cancel()

    assert another_worker_reclaims(redis, connect) == []

    assert queue.job_ids == []
    assert Job.fetch(job.id, redis).is_canceled
    assert redis.zcard(queue.started_job_registry.key) == 0


def test_ended_by_rq_meanwhile_it_is_not_released(redis, queue, connect, worker_1):
    """What is no longer among the started has an end already, whoever wrote it."""
    queue.enqueue(jobs.nothing)
    member = take(worker_1)
    redis.zrem(queue.started_job_registry.key, member)

    assert another_worker_reclaims(redis, connect) == []
    assert queue.job_ids == []


def test_deleted_meanwhile_it_leaves_its_place_to_the_next(redis, queue, connect, worker_1):
    """Else what may run at once would be one fewer for as long as RQ believes that it runs."""
    job = queue.enqueue(jobs.nothing)
    take(worker_1, ONE_AT_A_TIME)
    redis.delete(job.key)
    following = queue.enqueue(jobs.nothing)

    assert another_worker_reclaims(redis, connect) == []

    assert redis.zcard(queue.started_job_registry.key) == 0
    assert take(Claims(connect(), "worker-2", ""), ONE_AT_A_TIME).startswith(f"{following.id}:")
