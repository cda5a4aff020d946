"""What a worker does with jobs while they run: how many, which first, for how long, until when."""

import signal
import threading
import time
from datetime import timedelta

import pytest
from rq import Queue, Retry
from rq.command import (
    send_shutdown_command,
    send_stop_execution_command,
    send_stop_job_command,
)
from rq.job import Job, JobStatus
from rq.results import Result
from rq.serializers import JSONSerializer
from rq.suspension import resume, suspend

from tests.waiting import eventually
from tests.worker.concurrent import jobs
from tests.worker.concurrent.intervals import SELDOM
from tests.worker.concurrent.workers import QUIET, at_work, burst, let_go, said, stock_burst
from tests.worker.factories import signals_kept
from worker.concurrent import ConcurrentWorker, Requeue


def only_result(job: Job) -> Result:
    (result,) = job.results()
    return result


# How jobs are read.


@pytest.mark.parametrize("names_it", [True, False])
def test_a_job_is_read_by_the_worker_s_serializer_if_it_has_one(redis, names_it):
    """As in RQ, whose pool makes queues without one."""
    job = Queue("work", connection=redis, serializer=JSONSerializer).enqueue(jobs.add, 2, b=3)
    queue = Queue("work", connection=redis, serializer=None if names_it else JSONSerializer)
    worker = ConcurrentWorker([queue], **{"serializer": "json"} if names_it else {})

    with signals_kept():
        worker.work(burst=True, **QUIET)

    assert job.return_value() == 5


# How many at once.


def test_n_jobs_run_at_once_and_never_more(redis, queue, start_worker):
    for n in range(7):
        queue.enqueue(jobs.hold, str(n))
    with at_work(start_worker(queue, concurrency=5)):
        assert eventually(lambda: len(said(redis)) == 5)
        time.sleep(0.1)
        assert len(said(redis)) == 5
        assert queue.job_ids

        let_go(redis, *(str(n) for n in range(7)))
        assert eventually(lambda: len(said(redis)) == 14)


def test_a_free_thread_takes_the_next_job_while_others_are_busy(redis, queue, start_worker):
    queue.enqueue(jobs.hold, "long")
    with at_work(start_worker(queue, concurrency=2)):
        assert eventually(lambda: said(redis))
        for n in range(20):
            queue.enqueue(jobs.say, str(n))
        assert eventually(lambda: len(said(redis)) == 21)
        let_go(redis, "long")


def test_a_job_that_arrives_wakes_an_idle_worker_at_once(redis, queue, start_worker):
    worker = start_worker(queue, timings=SELDOM)
    with at_work(worker):
        assert eventually(lambda: worker.get_state() == "idle")
        for n in range(5):
            queue.enqueue(jobs.say, str(n))
            assert eventually(lambda n=n: len(said(redis)) > n)


def test_every_job_knows_itself(queue, start_worker):
    made = [queue.enqueue(jobs.who) for _ in range(30)]
    burst(start_worker(queue))
    assert [job.return_value() for job in made] == [
        [job.id, JobStatus.STARTED, True, True] for job in made
    ]


# Which first.


def test_queues_are_emptied_one_after_the_other(redis, start_worker):
    queues = [Queue(name, connection=redis) for name in ("high", "low")]
    for queue in reversed(queues):
        for n in range(5):
            queue.enqueue(jobs.say, f"{queue.name} {n}")
    burst(start_worker(*queues, concurrency=1))
    assert said(redis) == [f"{queue.name} {n}" for queue in queues for n in range(5)]


def test_equal_shares_where_asked_for(redis, start_worker):
    queues = [Queue(name, connection=redis) for name in ("a", "b", "c")]
    for queue, count in zip(queues, (20, 3, 20), strict=True):
        for n in range(count):
            queue.enqueue(jobs.hold, f"{queue.name}{n}")
    worker = start_worker(*queues, concurrency=12, fair=True)
    with at_work(worker):
        assert eventually(lambda: len(said(redis)) == 12)
        shares = {name: sum(f" {name}" in word for word in said(redis)) for name in "abc"}
        # Four each; what the second does not use up is shared by the others.
        assert shares["b"] == 3
        assert {shares["a"], shares["c"]} <= {4, 5}
        let_go(redis, *(f"{name}{n}" for name in "abc" for n in range(20)))


@pytest.mark.slow
def test_stock_worker_and_ours_share_a_queue_and_every_job_runs_once(redis, queue, start_worker):
    for n in range(200):
        queue.enqueue(jobs.say, str(n))
    with at_work(start_worker(queue, concurrency=2)):
        stock_burst([queue])
        assert eventually(lambda: len(said(redis)) == 200)
    assert sorted(map(int, said(redis))) == list(range(200))
    assert queue.finished_job_registry.count == 200
    assert queue.started_job_registry.count == 0


# For how long.


@pytest.mark.slow
def test_time_is_up_for_one_and_not_for_others(redis, queue, start_worker):
    short = queue.enqueue(jobs.dawdle, "short", 10, job_timeout=1)
    long = queue.enqueue(jobs.dawdle, "long", 1.4, job_timeout=60)
    endless = queue.enqueue(jobs.dawdle, "endless", 1.4, job_timeout=-1)
    burst(start_worker(queue))

    assert only_result(short).type is Result.Type.FAILED
    assert "dawdle" in only_result(short).exc_string
    error = "rq.timeouts.JobTimeoutException: Task exceeded maximum timeout value (1 seconds)"
    assert only_result(short).exc_string.splitlines()[-1] == error
    assert (long.return_value(), endless.return_value()) == ("long", "endless")


@pytest.mark.slow
def test_a_job_whose_time_was_up_may_try_again(queue, start_worker):
    job = queue.enqueue(jobs.dawdle, "x", 10, job_timeout=1, retry=Retry(max=1, interval=60))
    burst(start_worker(queue))
    assert job.id in queue.scheduled_job_registry
    assert job.get_status() is JobStatus.SCHEDULED


# Commands.


@pytest.mark.slow
def test_one_of_several_is_stopped(redis, queue, start_worker, listening):
    held = [queue.enqueue(jobs.hold, str(n), retry=Retry(max=3)) for n in range(3)]
    with at_work(start_worker(queue)):
        assert eventually(lambda: len(said(redis)) == 3)
        send_stop_job_command(redis, held[1].id)
        assert eventually(lambda: held[1].get_status() is JobStatus.STOPPED)
        assert [job.get_status() for job in held[::2]] == [JobStatus.STARTED] * 2
        let_go(redis, "0", "2")
        assert eventually(lambda: held[2].is_finished)
    assert held[0].return_value() == "0"
    assert held[1].id in queue.failed_job_registry
    assert "JobStopped" in only_result(held[1]).exc_string
    assert Job.fetch(held[1].id, redis).retries_left == 3
    assert queue.started_job_registry.count == 0


@pytest.mark.slow
def test_an_execution_is_stopped(redis, queue, start_worker, listening):
    job = queue.enqueue(jobs.hold, "x")
    with at_work(start_worker(queue)):
        (execution,) = eventually(job.get_executions)
        send_stop_execution_command(redis, job.id, execution.id)
        assert eventually(lambda: job.get_status() is JobStatus.STOPPED)
    assert job.id in queue.failed_job_registry


@pytest.mark.slow
def test_a_stop_is_ignored_by_what_is_not_running(redis, queue, start_worker, listening):
    job = queue.enqueue(jobs.add, 1)
    with at_work(start_worker(queue)):
        assert eventually(lambda: job.is_finished)
        send_stop_job_command(redis, job.id)
        time.sleep(0.1)
        again = queue.enqueue(jobs.add, 2)
        assert eventually(lambda: again.is_finished)
    assert job.is_finished


@pytest.mark.slow
def test_on_a_shutdown_command_it_finishes_what_it_has_begun(redis, queue, start_worker, listening):
    queue.enqueue(jobs.hold, "x")
    queue.enqueue(jobs.say, "next")
    worker = start_worker(queue, concurrency=1)

    def command():
        assert eventually(lambda: said(redis))
        send_shutdown_command(redis, worker.name)
        assert eventually(lambda: worker.stopping)
        let_go(redis, "x")

    helper = threading.Thread(target=command)
    helper.start()
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    try:
        worker.work(logging_level="CRITICAL")
    finally:
        signal.signal(signal.SIGINT, before[0])
        signal.signal(signal.SIGTERM, before[1])
    helper.join()
    assert said(redis) == ["begun x", "ended x"]
    assert len(queue.job_ids) == 1


# Suspension.


@pytest.mark.slow
def test_suspended_it_takes_nothing_and_resumed_it_goes_on(redis, queue, start_worker):
    queue.enqueue(jobs.hold, "x")
    worker = start_worker(queue)
    with at_work(worker):
        assert eventually(lambda: said(redis))
        suspend(redis)
        let_go(redis, "x")  # what has begun is finished
        assert eventually(lambda: said(redis)[-1] == "ended x")
        # So a claim was answered with it: none from before is on its way any more.
        assert eventually(lambda: worker.get_state() == "suspended")
        job = queue.enqueue(jobs.say, "late")
        time.sleep(0.5)  # it looks again every tenth of a second
        assert job.is_queued

        resume(redis)
        assert eventually(lambda: job.is_finished)


def test_suspended_burst_ends_at_once(redis, queue, start_worker):
    suspend(redis)
    queue.enqueue(jobs.say, "late")
    assert burst(start_worker(queue)) is False
    assert len(queue.job_ids) == 1


# Until when.


def test_burst_tells_whether_there_was_anything(queue, start_worker):
    assert burst(start_worker(queue)) is False
    queue.enqueue(jobs.nothing)
    assert burst(start_worker(queue)) is True


def test_burst_stays_for_what_its_jobs_enqueue(redis, queue, start_worker):
    queue.enqueue(jobs.enqueue_later, 0.2, ["0", "1", "2"])
    burst(start_worker(queue))
    assert sorted(said(redis)) == ["0", "1", "2"]


def test_a_worker_may_work_again(redis, queue, start_worker):
    worker = start_worker(queue)
    for n in range(2):
        queue.enqueue_in(timedelta(seconds=-1), jobs.say, str(n))
        burst(worker)
    assert said(redis) == ["0", "1"]


@pytest.mark.slow
def test_a_due_job_is_promoted_by_an_idle_worker_as_its_moment_comes(redis, queue, start_worker):
    job = queue.enqueue(jobs.again_once, 1)
    began = time.monotonic()
    with at_work(start_worker(queue, timings=SELDOM)):
        assert eventually(lambda: job.is_finished)
    assert time.monotonic() - began >= 0.9
    assert [result.type.name for result in job.results()] == ["SUCCESSFUL", "RETRIED"]


@pytest.mark.slow
def test_what_others_schedule_is_promoted_too(redis, queue, start_worker):
    with at_work(start_worker(queue)):
        job = queue.enqueue_in(timedelta(seconds=1), jobs.add, 1)
        assert eventually(lambda: job.is_finished)
    assert queue.scheduled_job_registry.count == 0


def test_many_due_jobs_are_promoted_in_one_go(redis, queue, start_worker):
    for n in range(250):
        queue.enqueue_in(timedelta(seconds=-5), jobs.say, str(n))
    burst(start_worker(queue))
    assert len(set(said(redis))) == len(said(redis)) == 250


@pytest.mark.parametrize(
    "option", [{"max_jobs": 7}, {"max_idle_time": 1}, {"dequeue_strategy": "round_robin"}], ids=str
)
def test_options_it_does_not_have_are_refused(redis, queue, start_worker, option):
    queue.enqueue(jobs.say, "never")
    with pytest.raises(NotImplementedError, match=next(iter(option))):
        start_worker(queue).work(burst=True, **option)
    assert len(queue.job_ids) == 1
    assert redis.keys("rq:worker:*") == []


# Exceptions.


def test_exception_handlers_are_called_in_turn_until_one_says_no(queue, start_worker):
    called = []
    handlers = [
        lambda job, *exc_info: called.append(("first", job.id, exc_info[0])),
        lambda job, *exc_info: bool(called.append(("second", job.id, exc_info[0]))),
        lambda job, *exc_info: called.append("never"),
    ]
    job = queue.enqueue(jobs.fail)
    burst(start_worker(queue, exception_handlers=handlers))
    assert called == [("first", job.id, ValueError), ("second", job.id, ValueError)]
    assert job.is_failed


def test_default_handler_may_be_switched_off(queue, start_worker):
    job = queue.enqueue(jobs.fail)
    burst(start_worker(queue, disable_default_exception_handler=True))
    assert job.is_failed
    assert queue.failed_job_registry.count == 0
    assert job.results() == []


def test_an_exception_handler_that_fails_changes_nothing(redis, queue, start_worker):
    def handler(*_):
        raise RuntimeError("no handle")

    failed, well = queue.enqueue(jobs.fail), queue.enqueue(jobs.add, 1)
    burst(start_worker(queue, exception_handlers=[handler]))
    assert failed.is_failed
    assert "out of order" in only_result(failed).exc_string
    assert well.is_finished
    assert redis.keys("rq:claims:*") == []


# Deleted, canceled, unreadable.


def test_deleted_or_canceled_while_it_waits_a_job_does_not_run(redis, queue, start_worker):
    queue.enqueue(jobs.say, "deleted").delete()
    queue.enqueue(jobs.say, "canceled").cancel()
    gone = queue.enqueue(jobs.say, "gone")
    redis.delete(gone.key)  # as if its life had ended: its id is still in the queue
    queue.enqueue(jobs.say, "well")
    burst(start_worker(queue))
    assert said(redis) == ["well"]
    assert redis.keys("rq:claims:*") == []


@pytest.mark.parametrize(
    ("function", "args", "options"),
    [
        (jobs.forget_me, (), {}),
        (jobs.forget_me_and_fail, (), {}),
        (jobs.forget_me_and_fail, (), {"retry": Retry(max=2)}),
        (jobs.forget_me_and_retry, (0,), {}),
        (jobs.forget_me_and_retry, (60,), {}),
    ],
)
def test_deleted_while_it_runs_a_job_stays_deleted(
    redis, queue, start_worker, function, args, options
):
    queue.enqueue(function, *args, job_id="gone", **options)
    burst(start_worker(queue))
    assert [key for key in redis.keys("*gone*") if not key.startswith(b"rq:worker:")] == []
    assert queue.job_ids == []
    assert redis.zcard(queue.finished_job_registry.key) == 0
    assert redis.zcard(queue.failed_job_registry.key) == 0
    assert redis.zcard(queue.scheduled_job_registry.key) == 0
    assert redis.zcard(queue.started_job_registry.key) == 0


def test_an_unreadable_call_fails_and_harms_no_other(redis, queue, start_worker):
    bad = queue.enqueue(jobs.add, 1)
    redis.hset(bad.key, "data", b"not a pickle")
    good = queue.enqueue(jobs.add, 1)
    burst(start_worker(queue))
    assert redis.hget(bad.key, "status") == b"failed"
    assert redis.zscore(queue.failed_job_registry.key, bad.id)
    assert good.is_finished


def test_a_hash_that_is_not_rq_s_fails_and_harms_no_other(redis, queue, start_worker):
    bad = queue.enqueue(jobs.add, 1)
    redis.hset(bad.key, "timeout", "soon")
    empty = queue.enqueue(jobs.add, 1)
    redis.hdel(empty.key, "data")
    good = queue.enqueue(jobs.add, 1)
    burst(start_worker(queue))
    assert redis.hget(bad.key, "status") == b"failed"
    assert good.is_finished
    assert queue.job_ids == []
    assert redis.keys("rq:claims:*") == []


# What subclasses do.


class Fussy(ConcurrentWorker):
    """Stumbles over words, wherever it is told to."""

    stumbles_in = ""

    def stumble(self, place, runs):
        if place == self.stumbles_in and any("stone" in run.job.args for run in runs):
            raise KeyError("stumbled")

    def prepare(self, runs):
        self.stumble("prepare", runs)
        for run in runs:
            run.context = f"prepared {run.job.args[0]}"

    def perform(self, run):
        self.stumble("perform", [run])
        return run.context

    def on_finished(self, executions):
        self.stumble("on_finished", executions)


@pytest.mark.parametrize("place", ["prepare", "perform", "on_finished"])
def test_an_error_in_a_hook_fails_one_job_alone(redis, queue, place):
    made = [queue.enqueue(jobs.say, word) for word in ("grass", "stone", "sand")]
    worker = Fussy([queue], connection=redis, concurrency=4)
    worker.stumbles_in = place
    burst(worker)
    assert [job.get_status() for job in made] == ["finished", "failed", "finished"]
    assert made[0].return_value() == "prepared grass"
    assert "stumbled" in only_result(made[1]).exc_string


class Reluctant(ConcurrentWorker):
    """Begins nothing the first few times."""

    asked = 0

    def perform(self, run):
        self.asked += 1
        return Requeue() if self.asked <= 3 else super().perform(run)


def test_a_requeued_job_counts_no_attempt(redis, queue):
    job = queue.enqueue(jobs.say, "first", retry=Retry(max=1))
    queue.enqueue(jobs.say, "second")
    worker = Reluctant([queue], connection=redis, concurrency=1)
    burst(worker)
    assert sorted(said(redis)) == ["first", "second"]
    assert worker.asked == 5
    job.refresh()
    assert (len(job.results()), job.retries_left) == (1, 1)
    assert not redis.hexists(job.key, "redelivery_count")
