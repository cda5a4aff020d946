"""The net under RQ. What is lost here is delivered in the end, by a worker with no net of its own."""

import threading
import time

import pytest
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer

from relay.model import Outcome, State, Verdict
from relay.store.keys import OPEN, WAKEUP, record_key
from relay.store.ledger import Attempt
from tests.worker.factories import apart, job_key
from worker import sweep
from worker.concurrent.claims import Claims, QueueGroup

pytestmark = pytest.mark.usefixtures("environment")


def swept(harness) -> int:
    return sweep.sweep(harness.ledger, harness.intake)


def status_of(harness, job_id) -> JobStatus:
    return Job.fetch(job_id, connection=harness.redis, serializer=JSONSerializer).get_status()


# Due retries: queued by every worker of ours, whoever scheduled them.


@pytest.fixture
def retrying(harness, standin):
    """A record whose next attempt RQ has scheduled."""
    standin.fail("unavailable_503", times=1)
    record_id = harness.keep_one()
    harness.run_jobs()
    assert harness.scheduled() == [record_id]
    return record_id


def promote(harness, name="a-worker") -> None:
    Claims(harness.redis, name, WAKEUP).promote_scheduled([harness.queue.name])


def test_due_retry_is_queued_and_delivered(harness, standin, retrying):
    harness.make_due(retrying)

    promote(harness)

    assert harness.scheduled() == []
    assert harness.waiting() == [retrying]
    assert status_of(harness, retrying) is JobStatus.QUEUED
    harness.run_jobs()
    assert harness.record(retrying).state is State.DELIVERED
    assert len(standin.events) == 1


def test_retry_that_is_not_due_stays(harness, retrying):
    promote(harness)

    assert (harness.scheduled(), harness.waiting()) == ([retrying], [])


def test_scheduled_job_that_is_gone_is_dropped(harness, redis, retrying):
    harness.make_due(retrying)
    redis.delete(job_key(retrying))

    promote(harness)

    assert (harness.scheduled(), harness.waiting()) == ([], [])
    assert redis.exists(job_key(retrying)) == 0


def test_promoted_queue_is_known_to_rq_again(harness, redis, retrying):
    redis.delete("rq:queues")
    harness.make_due(retrying)

    promote(harness)

    assert redis.smembers("rq:queues") == {harness.queue.key.encode()}


def test_due_jobs_are_queued_once_whoever_promotes(harness, redis):
    """Four promoters over 350 due jobs and one that is not; in the order they became due."""
    registry = harness.queue.scheduled_job_registry.key
    due = [f"j{n:03}" for n in range(350)]
    for at, job_id in enumerate(due, 1):
        redis.hset(job_key(job_id), mapping={"status": "scheduled", "data": "x"})
        redis.zadd(registry, {job_id: at})
    redis.zadd(registry, {"later": time.time() + 60})

    promote(harness)
    first = harness.waiting()
    assert first == due[: len(first)]
    assert len(first) <= 101  # Redis has others to serve: the rest is for the next look

    def promote_often(name):
        for _ in range(10):
            promote(harness, name)

    threads = [threading.Thread(target=promote_often, args=[f"w-{n}"]) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert harness.waiting() == due
    assert harness.scheduled() == ["later"]


# Lost jobs: each takes the place of a worker that died somewhere.


def _pop(harness, job_id):
    assert harness.redis.lrem(harness.queue.key, 0, job_id) == 1


def _set_status(harness, job_id, status):
    harness.redis.hset(job_key(job_id), "status", status)


def hash_gone(harness, job_id):
    _pop(harness, job_id)
    harness.redis.delete(job_key(job_id))


def hash_gone_and_still_listed(harness, job_id):
    harness.redis.delete(job_key(job_id))


def in_the_intermediate_list_only(harness, job_id):
    harness.redis.lmove(harness.queue.key, harness.queue.intermediate_queue_key)
    assert harness.waiting() == []


def queued_and_in_no_list(harness, job_id):
    _pop(harness, job_id)


def started_and_never_claimed(harness, job_id):
    _pop(harness, job_id)
    _set_status(harness, job_id, "started")


def started_by_one_of_ours_who_is_gone(harness, job_id):
    """Its claims were taken back, but for this one."""
    claimed(harness, job_id)
    harness.redis.delete("rq:leases")


def started_by_a_stock_worker_who_is_gone(harness, job_id):
    """It gives a sign of life for each job, which has run out."""
    started_and_never_claimed(harness, job_id)
    harness.redis.hset(job_key(job_id), "worker_name", "stock")


def claimed(harness, job_id):
    """As one of our workers takes it."""
    queue = QueueGroup((harness.queue.name,), limit=9)
    catch = Claims(harness.redis, "ours", WAKEUP).claim([queue], 9, fair=True)
    assert [taken.job_id for taken in catch.jobs] == [job_id]


def scheduled_and_not_in_the_registry(harness, job_id):
    _pop(harness, job_id)
    _set_status(harness, job_id, "scheduled")


def ended(status):
    def end(harness, job_id):
        _pop(harness, job_id)
        _set_status(harness, job_id, status)

    return end


LOST = {
    one.__name__: one
    for one in (
        hash_gone,
        hash_gone_and_still_listed,
        in_the_intermediate_list_only,
        queued_and_in_no_list,
        started_and_never_claimed,
        started_by_one_of_ours_who_is_gone,
        started_by_a_stock_worker_who_is_gone,
        scheduled_and_not_in_the_registry,
    )
} | {status: ended(status) for status in ("failed", "finished", "stopped", "canceled", "deferred")}
lost = pytest.mark.parametrize("lose", LOST.values(), ids=LOST)


@lost
@pytest.mark.parametrize("state", ["accepted", "retrying"])
def test_record_whose_job_is_lost_is_delivered_in_the_end(harness, standin, redis, lose, state):
    record_id = harness.keep_one()
    redis.hset(record_key(record_id), "state", state)
    lose(harness, record_id)
    harness.let_time_pass(record_id)

    assert swept(harness) == 1

    harness.run_jobs()
    assert len(standin.events) == 1
    assert harness.record(record_id).state is State.DELIVERED
    assert (harness.waiting(), harness.scheduled()) == ([], [])


@lost
def test_lost_record_is_left_alone_before_its_time(harness, standin, lose):
    """Its job may be between two steps of a worker that is alive."""
    record_id = harness.keep_one()
    lose(harness, record_id)
    before = harness.waiting()

    assert swept(harness) == 0
    assert harness.waiting() == before
    assert harness.record(record_id).runs == 1


@lost
def test_two_sweeps_make_one_job(harness, standin, lose):
    record_id = harness.keep_one()
    lose(harness, record_id)
    harness.let_time_pass(record_id)
    seen = harness.record(record_id)

    assert harness.intake.requeue_lost(seen) in ("requeued", "returned")
    made = harness.waiting()

    assert harness.intake.requeue_lost(seen) == "moved"
    assert harness.intake.requeue_lost(harness.record(record_id)) == "moved"
    assert swept(harness) == 0
    assert harness.waiting() == made
    harness.run_jobs()
    assert len(standin.events) == 1


@pytest.mark.slow
def test_many_sweepers_make_one_job_a_record(harness, standin):
    ids = harness.keep(*apart(*map(str, range(30)), standin=standin))
    for record_id in ids:
        hash_gone(harness, record_id)
        harness.let_time_pass(record_id)
    threads = [threading.Thread(target=swept, args=[harness]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    harness.run_jobs()

    assert sorted(int(event.body["notes"]) for event in standin.events) == list(range(30))


def test_new_job_is_the_record_s_next_run(harness, redis, began_at):
    record_id = harness.keep_one()
    hash_gone(harness, record_id)
    harness.let_time_pass(record_id)

    swept(harness)

    assert harness.waiting() == [f"{record_id}-r2"]
    assert harness.record(record_id).runs == 2
    assert redis.hget(record_key(record_id), "job") == f"{record_id}-r2".encode()
    assert redis.zscore(OPEN, record_id) > began_at + 50
    assert redis.smembers("rq:queues") == {harness.queue.key.encode()}


def test_revived_record_keeps_its_attempts(harness, standin, retrying, redis):
    redis.zrem(harness.queue.scheduled_job_registry.key, retrying)
    harness.let_time_pass(retrying)

    swept(harness)
    harness.run_jobs()

    assert [row["attempt"] for row in harness.ledger.attempts(retrying)] == [1, 2]


def late(harness, seen, verdict) -> bool:
    """What a worker tells that had the record when it was given a new job."""
    (counts,) = harness.ledger.record_attempts(
        [Attempt(seen, Outcome(verdict, "refused"), took_s=0)]
    )
    return counts


def test_worker_that_was_given_up_decides_nothing_once_another_has_tried(harness, standin):
    record_id = harness.keep_one()
    seen = harness.record(record_id)
    started_and_never_claimed(harness, record_id)
    harness.let_time_pass(record_id)
    swept(harness)
    standin.fail("unavailable_503", times=1)
    harness.run_jobs()

    assert not late(harness, seen, Verdict.DEAD)

    assert harness.record(record_id).state is State.RETRYING
    harness.deliver(record_id)
    assert harness.record(record_id).state is State.DELIVERED


def test_worker_that_was_given_up_and_comes_first_decides(harness, standin):
    """It was slow, and has tried all the same: the new job has nothing left to do."""
    record_id = harness.keep_one()
    seen = harness.record(record_id)
    started_and_never_claimed(harness, record_id)
    harness.let_time_pass(record_id)
    swept(harness)

    assert late(harness, seen, Verdict.DEAD)

    harness.run_jobs()
    assert standin.events == []
    assert harness.record(record_id).state is State.DEAD


def test_job_that_was_popped_goes_back_in_front(harness):
    first, second, third = harness.keep(*apart(*(f"order-{n}" for n in range(3))))
    in_the_intermediate = harness.redis.lmove(
        harness.queue.key, harness.queue.intermediate_queue_key
    )
    assert in_the_intermediate == first.encode()
    harness.let_time_pass(first)

    swept(harness)

    assert harness.waiting() == [first, second, third]


# Jobs that are not lost.


def test_job_that_waits_its_turn_is_left_there(harness, redis, began_at):
    record_id = harness.keep_one()
    harness.let_time_pass(record_id)

    assert swept(harness) == 0

    assert harness.waiting() == [record_id]
    assert redis.zscore(OPEN, record_id) > began_at + 50


def test_job_that_is_scheduled_is_left_there(harness, redis, retrying, began_at):
    harness.let_time_pass(retrying)

    assert swept(harness) == 0

    assert (harness.scheduled(), harness.waiting()) == ([retrying], [])
    assert redis.zscore(OPEN, retrying) > began_at + 50


@pytest.mark.parametrize("lease_till", [9e9, 1], ids=["alive", "to_be_inherited"])
def test_record_in_the_hands_of_one_of_ours_is_left_there(harness, redis, lease_till, began_at):
    """Of one who died the others take everything back, in its order: that is not for us."""
    record_id = harness.keep_one()
    claimed(harness, record_id)
    redis.zadd("rq:leases", {"ours": lease_till})
    harness.let_time_pass(record_id)

    assert swept(harness) == 0
    assert harness.waiting() == []
    assert redis.zscore(OPEN, record_id) > began_at + 50


def test_record_in_a_stock_worker_s_hands_is_left_there(harness, redis, began_at):
    record_id = harness.keep_one()
    job = Job.fetch(record_id, connection=redis, serializer=JSONSerializer)
    harness.redis.lpop(harness.queue.key)
    worker = harness.stock_worker()
    worker.prepare_execution(job)
    worker.prepare_job_execution(job)
    harness.let_time_pass(record_id)

    assert swept(harness) == 0
    assert harness.waiting() == []
    assert redis.zscore(OPEN, record_id) > began_at + 50


def test_job_behind_another_of_its_customer_is_left_there(harness, redis, began_at):
    first, second = harness.keep("order-1", "order-2")
    harness.let_time_pass(second)

    assert swept(harness) == 0

    assert (harness.waiting(), harness.deferred()) == ([first], [second])
    assert redis.zscore(OPEN, second) > began_at + 3600


def test_job_in_a_long_queue_is_looked_for_the_later_the_longer_it_is(harness, redis, began_at):
    """Looking after all who wait would take from delivering."""
    record_id = harness.keep_one()
    redis.rpush(harness.queue.key, *(f"other-{n}" for n in range(5000)))
    harness.let_time_pass(record_id)

    assert swept(harness) == 0

    assert redis.zscore(OPEN, record_id) > began_at + 50 + 5000 / 20


def test_settled_record_leaves_the_index_of_open_ones(harness, redis):
    record_id = harness.keep_one()
    harness.run_jobs()
    redis.zadd(OPEN, {record_id: 1})

    assert swept(harness) == 0

    assert redis.zcard(OPEN) == 0
    assert harness.waiting() == []


def test_id_without_a_record_leaves_the_index_of_open_ones(harness, redis):
    redis.zadd(OPEN, {"01JABSENT": 1})

    assert swept(harness) == 0
    assert redis.zcard(OPEN) == 0


def test_record_nobody_can_read_does_not_keep_the_others_from_being_found(harness, standin, redis):
    """A newer version of us may have written it."""
    unreadable, good = harness.keep(*apart("order-1", "order-2", standin=standin))
    redis.hset(record_key(unreadable), "customer", '{"nickname":"x"}')
    for record_id in (unreadable, good):
        hash_gone(harness, record_id)
        harness.let_time_pass(record_id)

    swept(harness)

    harness.run_jobs()
    assert len(standin.events) == 1
