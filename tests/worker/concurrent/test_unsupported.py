"""Features of RQ that this worker does not have: a job that uses one fails and says so."""

from datetime import timedelta

import pytest
from rq import Callback, Queue, Repeat, Retry, SimpleWorker
from rq.group import Group
from rq.job import Job
from rq.rate_limit import RateLimit
from rq.results import Result
from rq.webhook import Webhook

from tests.worker.concurrent import jobs
from tests.worker.concurrent.workers import QUIET, burst, said
from tests.worker.factories import signals_kept

OPTIONS = {
    "callbacks (on_success)": {"on_success": Callback(jobs.cheer)},
    "callbacks (on_failure)": {"on_failure": Callback(jobs.record_failure)},
    "callbacks (on_stopped)": {"on_stopped": Callback(jobs.record_stop)},
    "webhooks": {"webhooks": [Webhook("https://hooks.invalid/failed", "failed")]},
    "repeats": {"repeat": Repeat(times=2)},
    "RQ's rate limits": {"rate_limit": RateLimit("narrow", 1)},
    "a time to live in the queue (ttl)": {"ttl": 60},
}


def assert_failed(queue: Queue, job: Job, feature: str) -> None:
    assert job.is_failed
    assert job.id in queue.failed_job_registry
    (result,) = job.results()
    assert result.type is Result.Type.FAILED
    assert f"This worker does not support {feature}. Run the job with a stock RQ worker." in (
        result.exc_string
    )
    assert queue.connection.keys("rq:claims:*") == []
    assert queue.started_job_registry.count == 0


@pytest.mark.parametrize(("feature", "options"), OPTIONS.items(), ids=OPTIONS)
def test_a_job_that_uses_it_fails_before_it_runs(redis, queue, start_worker, feature, options):
    job = queue.enqueue(jobs.say, "never", **options)
    burst(start_worker(queue))
    assert said(redis) == []
    assert_failed(queue, job, feature)


def test_it_is_not_tried_again(redis, queue, start_worker):
    job = queue.enqueue(jobs.say, "never", retry=Retry(max=3), ttl=60)
    burst(start_worker(queue))
    assert_failed(queue, job, "a time to live in the queue (ttl)")
    assert redis.ttl(job.key) > 60  # as long as any failed job


def test_its_webhooks_are_not_sent(queue, start_worker, monkeypatch):
    sent = []
    monkeypatch.setattr(Webhook, "send", lambda *_, **__: sent.append(1))
    queue.enqueue(jobs.say, "never", **OPTIONS["webhooks"])
    burst(start_worker(queue))
    assert sent == []


def test_jobs_of_a_group_fail(redis, queue, start_worker):
    data = [queue.prepare_data(jobs.say, ("never",), job_id=f"job-{n}") for n in range(2)]
    group = Group.create(connection=redis, name="team")
    group.enqueue_many(queue, data)
    burst(start_worker(queue))
    assert said(redis) == []
    for job in group.get_jobs():
        assert_failed(queue, job, "groups")


def test_all_jobs_behind_a_rate_limit_fail(redis, queue, start_worker):
    """RQ lets the next one through as one ends."""
    limited = [
        queue.enqueue(jobs.say, "never", rate_limit=RateLimit("narrow", 1)) for _ in range(3)
    ]
    limited.append(
        queue.enqueue_in(timedelta(seconds=-5), jobs.say, "x", rate_limit=RateLimit("narrow", 1))
    )
    burst(start_worker(queue))
    assert said(redis) == []
    for job in limited:
        assert_failed(queue, job, "RQ's rate limits")


def test_a_job_that_others_depend_on_fails_and_they_do_not_run(redis, queue, start_worker):
    parent = queue.enqueue(jobs.say, "never")
    child = queue.enqueue(jobs.say, "child", depends_on=parent)
    burst(start_worker(queue))
    assert said(redis) == []
    assert_failed(queue, parent, "dependents (depends_on)")
    assert child.is_deferred
    assert child.id in queue.deferred_job_registry


def test_a_job_that_gets_dependents_while_it_runs_fails_and_they_do_not_run(
    redis, queue, start_worker
):
    parent = queue.enqueue(jobs.adopt, "child")
    burst(start_worker(queue))
    assert said(redis) == []
    assert_failed(queue, parent, "dependents (depends_on)")
    assert Job.fetch("child", redis).is_deferred


def test_a_job_whose_dependencies_a_stock_worker_has_done_runs(redis, queue, start_worker):
    parent = queue.enqueue(jobs.say, "parent")
    child = queue.enqueue(jobs.say, "child", depends_on=parent)
    with signals_kept():
        SimpleWorker([queue], connection=redis).work(burst=True, max_jobs=1, **QUIET)
    assert child.is_queued
    burst(start_worker(queue))
    assert said(redis) == ["parent", "child"]
    assert child.is_finished


def test_another_job_is_not_harmed(redis, queue, start_worker):
    queue.enqueue(jobs.say, "never", ttl=60)
    good = queue.enqueue(jobs.say, "good")
    burst(start_worker(queue))
    assert said(redis) == ["good"]
    assert good.is_finished
