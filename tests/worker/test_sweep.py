"""The net under RQ. What is lost here is delivered in the end, by a worker with no net of its own."""

import threading
import time

import pytest
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer

from relay.ledger import OPEN, record_key
from relay.model import Outcome, State, Verdict
from relay.queue import job_key
from tests.worker.depot import call
from worker import sweep

pytestmark = pytest.mark.usefixtures("environment")


def swept(depot) -> int:
    return sweep.sweep(depot.ledger, depot.intake)


def status_of(depot, job_id) -> JobStatus:
    return Job.fetch(job_id, connection=depot.redis, serializer=JSONSerializer).get_status()


# Due retries.


@pytest.fixture
def retrying(depot, standin):
    """A record whose next attempt RQ has scheduled."""
    standin.fail("unavailable_503", times=1)
    record_id = depot.keep_one()
    depot.run_jobs()
    assert depot.scheduled() == [record_id]
    return record_id


def test_due_retry_is_queued_and_delivered(depot, standin, retrying):
    depot.make_due(retrying)

    assert sweep.promote(depot.queue) == 1

    assert depot.scheduled() == []
    assert depot.waiting() == [retrying]
    assert status_of(depot, retrying) is JobStatus.QUEUED
    depot.run_jobs()
    assert depot.record(retrying).state is State.DELIVERED
    assert len(standin.events) == 1


def test_retry_that_is_not_due_stays(depot, retrying):
    assert sweep.promote(depot.queue) == 0
    assert (depot.scheduled(), depot.waiting()) == ([retrying], [])


def test_scheduled_job_that_is_gone_is_dropped(depot, redis, retrying):
    depot.make_due(retrying)
    redis.delete(job_key(retrying))

    sweep.promote(depot.queue)

    assert (depot.scheduled(), depot.waiting()) == ([], [])
    assert redis.exists(job_key(retrying)) == 0


def test_promoted_queue_is_known_to_rq_again(depot, redis, retrying):
    redis.delete("rq:queues")
    depot.make_due(retrying)

    sweep.promote(depot.queue)

    assert redis.smembers("rq:queues") == {depot.queue.key.encode()}


def test_due_jobs_are_queued_once_whoever_promotes(depot, redis):
    """Four promoters over 350 due jobs and one that is not; in the order they became due."""
    registry = depot.queue.scheduled_job_registry.key
    due = [f"j{n:03}" for n in range(350)]
    for at, job_id in enumerate(due, 1):
        redis.hset(job_key(job_id), "status", "scheduled")
        redis.zadd(registry, {job_id: at})
    redis.zadd(registry, {"later": time.time() + 60})
    promoted = []

    def promote():
        promoted.extend(sweep.promote(depot.queue) for _ in range(10))

    threads = [threading.Thread(target=promote) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(promoted) == 350
    assert max(promoted) <= 100
    assert depot.waiting() == due
    assert depot.scheduled() == ["later"]


# Lost jobs: each takes the place of a worker that died somewhere.


def _pop(depot, job_id):
    assert depot.redis.lrem(depot.queue.key, 0, job_id) == 1


def _set_status(depot, job_id, status):
    depot.redis.hset(job_key(job_id), "status", status)


def hash_gone(depot, job_id):
    _pop(depot, job_id)
    depot.redis.delete(job_key(job_id))


def hash_gone_and_still_listed(depot, job_id):
    depot.redis.delete(job_key(job_id))


def in_the_intermediate_list_only(depot, job_id):
    depot.redis.lmove(depot.queue.key, depot.queue.intermediate_queue_key)
    assert depot.waiting() == []


def queued_and_in_no_list(depot, job_id):
    _pop(depot, job_id)


def started_and_never_claimed(depot, job_id):
    _pop(depot, job_id)
    _set_status(depot, job_id, "started")


def started_with_the_lease_over(depot, job_id):
    started_and_never_claimed(depot, job_id)
    depot.ledger.claim(job_id)
    depot.redis.hset(record_key(job_id), "lease", 1)


def scheduled_and_not_in_the_registry(depot, job_id):
    _pop(depot, job_id)
    _set_status(depot, job_id, "scheduled")


def ended(status):
    def end(depot, job_id):
        _pop(depot, job_id)
        _set_status(depot, job_id, status)

    return end


LOST = {
    one.__name__: one
    for one in (
        hash_gone,
        hash_gone_and_still_listed,
        in_the_intermediate_list_only,
        queued_and_in_no_list,
        started_and_never_claimed,
        started_with_the_lease_over,
        scheduled_and_not_in_the_registry,
    )
} | {status: ended(status) for status in ("failed", "finished", "stopped", "canceled", "deferred")}
lost = pytest.mark.parametrize("lose", LOST.values(), ids=LOST)


@lost
@pytest.mark.parametrize("state", ["accepted", "retrying"])
def test_record_whose_job_is_lost_is_delivered_in_the_end(depot, standin, redis, lose, state):
    record_id = depot.keep_one()
    redis.hset(record_key(record_id), "state", state)
    lose(depot, record_id)
    depot.let_time_pass(record_id)

    assert swept(depot) == 1

    depot.run_jobs()
    assert len(standin.events) == 1
    assert depot.record(record_id).state is State.DELIVERED
    assert (depot.waiting(), depot.scheduled()) == ([], [])


@lost
def test_lost_record_is_left_alone_before_its_time(depot, standin, lose):
    """Its job may be between two steps of a worker that is alive."""
    record_id = depot.keep_one()
    lose(depot, record_id)
    before = depot.waiting()

    assert swept(depot) == 0
    assert depot.waiting() == before
    assert depot.record(record_id).runs == 1


@lost
def test_two_sweeps_make_one_job(depot, standin, lose):
    record_id = depot.keep_one()
    lose(depot, record_id)
    depot.let_time_pass(record_id)
    seen = depot.record(record_id)

    assert depot.intake.revive(seen) in ("requeued", "returned")
    made = depot.waiting()

    assert depot.intake.revive(seen) == "moved"
    assert depot.intake.revive(depot.record(record_id)) == "moved"
    assert swept(depot) == 0
    assert depot.waiting() == made
    depot.run_jobs()
    assert len(standin.events) == 1


def test_many_sweepers_make_one_job_a_record(depot, standin):
    ids = depot.keep(*(call(f"order-{n}", body={"notes": str(n)}) for n in range(30)))
    for record_id in ids:
        hash_gone(depot, record_id)
        depot.let_time_pass(record_id)
    threads = [threading.Thread(target=swept, args=[depot]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    depot.run_jobs()

    assert sorted(int(event.body["notes"]) for event in standin.events) == list(range(30))


def test_new_job_is_the_record_s_next_run(depot, redis):
    record_id = depot.keep_one()
    hash_gone(depot, record_id)
    depot.let_time_pass(record_id)

    swept(depot)

    assert depot.waiting() == [f"{record_id}-r2"]
    assert depot.record(record_id).runs == 2
    assert redis.hget(record_key(record_id), "job") == f"{record_id}-r2".encode()
    assert redis.zscore(OPEN, record_id) > time.time() + 50
    assert redis.smembers("rq:queues") == {depot.queue.key.encode()}


def test_revived_record_keeps_its_attempts(depot, standin, retrying, redis):
    redis.zrem(depot.queue.scheduled_job_registry.key, retrying)
    depot.let_time_pass(retrying)

    swept(depot)
    depot.run_jobs()

    assert [row["attempt"] for row in depot.ledger.attempts(retrying)] == [1, 2]


def test_worker_that_was_given_up_decides_nothing(depot, redis):
    """It was slower than its lease; a success would still count."""
    record_id = depot.keep_one()
    late = depot.ledger.claim(record_id)
    started_and_never_claimed(depot, record_id)
    depot.let_time_pass(record_id)
    swept(depot)

    dead = Outcome(Verdict.DEAD, "refused")
    assert not depot.ledger.settle(late, dead, took_s=0, now=time.time())

    depot.run_jobs()
    assert depot.record(record_id).state is State.DELIVERED


def test_job_that_was_popped_goes_back_in_front(depot):
    first, second, third = depot.keep(*(f"order-{n}" for n in range(3)))
    in_the_intermediate = depot.redis.lmove(depot.queue.key, depot.queue.intermediate_queue_key)
    assert in_the_intermediate == first.encode()
    depot.let_time_pass(first)

    swept(depot)

    assert depot.waiting() == [first, second, third]


# Jobs that are not lost.


def test_job_that_waits_its_turn_is_left_there(depot, redis):
    record_id = depot.keep_one()
    depot.let_time_pass(record_id)

    assert swept(depot) == 0

    assert depot.waiting() == [record_id]
    assert redis.zscore(OPEN, record_id) > time.time() + 50


def test_job_that_is_scheduled_is_left_there(depot, redis, retrying):
    depot.let_time_pass(retrying)

    assert swept(depot) == 0

    assert (depot.scheduled(), depot.waiting()) == ([retrying], [])
    assert redis.zscore(OPEN, retrying) > time.time() + 50


def test_record_in_a_worker_s_hands_is_left_there(depot):
    record_id = depot.keep_one()
    started_and_never_claimed(depot, record_id)
    depot.let_time_pass(record_id)
    depot.ledger.claim(record_id)

    assert swept(depot) == 0
    assert depot.waiting() == []


def test_settled_record_leaves_the_index_of_open_ones(depot, redis):
    record_id = depot.keep_one()
    depot.run_jobs()
    redis.zadd(OPEN, {record_id: 1})

    assert swept(depot) == 0

    assert redis.zcard(OPEN) == 0
    assert depot.waiting() == []


def test_id_without_a_record_leaves_the_index_of_open_ones(depot, redis):
    redis.zadd(OPEN, {"01JABSENT": 1})

    assert swept(depot) == 0
    assert redis.zcard(OPEN) == 0


def test_record_nobody_can_read_does_not_keep_the_others_from_being_found(depot, standin, redis):
    """A newer version of us may have written it."""
    unreadable, good = depot.keep("order-1", "order-2")
    redis.hset(record_key(unreadable), "customer", '{"nickname": "x"}')
    for record_id in (unreadable, good):
        hash_gone(depot, record_id)
        depot.let_time_pass(record_id)

    swept(depot)

    depot.run_jobs()
    assert len(standin.events) == 1
