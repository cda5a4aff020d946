"""The net under RQ. What is lost here is delivered in the end, by a worker with no net of its own."""

import threading
import time

import pytest
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer

from relay.model import Outcome, State, Verdict
from relay.store.keys import OPEN, WAKEUP, record_key
from relay.store.ledger import Attempt
from tests.worker.depot import apart, job_key
from worker import sweep
from worker.concurrent.claims import Claims, Group

pytestmark = pytest.mark.usefixtures("environment")


def swept(depot) -> int:
    return sweep.sweep(depot.ledger, depot.intake)


def status_of(depot, job_id) -> JobStatus:
    return Job.fetch(job_id, connection=depot.redis, serializer=JSONSerializer).get_status()


# Due retries: queued by every worker of ours, whoever scheduled them.


@pytest.fixture
def retrying(depot, standin):
    """A record whose next attempt RQ has scheduled."""
    standin.fail("unavailable_503", times=1)
    record_id = depot.keep_one()
    depot.run_jobs()
    assert depot.scheduled() == [record_id]
    return record_id


def promote(depot, name="a-worker") -> None:
    Claims(depot.redis, name, WAKEUP).look([depot.queue.name])


def test_due_retry_is_queued_and_delivered(depot, standin, retrying):
    depot.make_due(retrying)

    promote(depot)

    assert depot.scheduled() == []
    assert depot.waiting() == [retrying]
    assert status_of(depot, retrying) is JobStatus.QUEUED
    depot.run_jobs()
    assert depot.record(retrying).state is State.DELIVERED
    assert len(standin.events) == 1


def test_retry_that_is_not_due_stays(depot, retrying):
    promote(depot)

    assert (depot.scheduled(), depot.waiting()) == ([retrying], [])


def test_scheduled_job_that_is_gone_is_dropped(depot, redis, retrying):
    depot.make_due(retrying)
    redis.delete(job_key(retrying))

    promote(depot)

    assert (depot.scheduled(), depot.waiting()) == ([], [])
    assert redis.exists(job_key(retrying)) == 0


def test_promoted_queue_is_known_to_rq_again(depot, redis, retrying):
    redis.delete("rq:queues")
    depot.make_due(retrying)

    promote(depot)

    assert redis.smembers("rq:queues") == {depot.queue.key.encode()}


def test_due_jobs_are_queued_once_whoever_promotes(depot, redis):
    """Four promoters over 350 due jobs and one that is not; in the order they became due."""
    registry = depot.queue.scheduled_job_registry.key
    due = [f"j{n:03}" for n in range(350)]
    for at, job_id in enumerate(due, 1):
        redis.hset(job_key(job_id), mapping={"status": "scheduled", "data": "x"})
        redis.zadd(registry, {job_id: at})
    redis.zadd(registry, {"later": time.time() + 60})

    promote(depot)
    first = depot.waiting()
    assert first == due[: len(first)]
    assert len(first) <= 101  # Redis has others to serve: the rest is for the next look

    def promote_often(name):
        for _ in range(10):
            promote(depot, name)

    threads = [threading.Thread(target=promote_often, args=[f"w-{n}"]) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

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


def started_by_one_of_ours_who_is_gone(depot, job_id):
    """Its claims were taken back, but for this one."""
    claimed(depot, job_id)
    depot.redis.delete("rq:leases")


def started_by_a_stock_worker_who_is_gone(depot, job_id):
    """It gives a sign of life for each job, which has run out."""
    started_and_never_claimed(depot, job_id)
    depot.redis.hset(job_key(job_id), "worker_name", "stock")


def claimed(depot, job_id):
    """As one of our workers takes it."""
    queue = Group((depot.queue.name,), limit=9)
    catch = Claims(depot.redis, "ours", WAKEUP).claim([queue], room=9, fair=True)
    assert [taken.job_id for taken in catch.taken] == [job_id]


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
        started_by_one_of_ours_who_is_gone,
        started_by_a_stock_worker_who_is_gone,
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

    assert depot.intake.requeue_lost(seen) in ("requeued", "returned")
    made = depot.waiting()

    assert depot.intake.requeue_lost(seen) == "moved"
    assert depot.intake.requeue_lost(depot.record(record_id)) == "moved"
    assert swept(depot) == 0
    assert depot.waiting() == made
    depot.run_jobs()
    assert len(standin.events) == 1


def test_many_sweepers_make_one_job_a_record(depot, standin):
    ids = depot.keep(*apart(*map(str, range(30)), standin=standin))
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


def late(depot, seen, verdict) -> bool:
    """What a worker tells that had the record when it was given a new job."""
    (counts,) = depot.ledger.record_attempts([Attempt(seen, Outcome(verdict, "refused"), took_s=0)])
    return counts


def test_worker_that_was_given_up_decides_nothing_once_another_has_tried(depot, standin):
    record_id = depot.keep_one()
    seen = depot.record(record_id)
    started_and_never_claimed(depot, record_id)
    depot.let_time_pass(record_id)
    swept(depot)
    standin.fail("unavailable_503", times=1)
    depot.run_jobs()

    assert not late(depot, seen, Verdict.DEAD)

    assert depot.record(record_id).state is State.RETRYING
    depot.deliver(record_id)
    assert depot.record(record_id).state is State.DELIVERED


def test_worker_that_was_given_up_and_comes_first_decides(depot, standin):
    """It was slow, and has tried all the same: the new job has nothing left to do."""
    record_id = depot.keep_one()
    seen = depot.record(record_id)
    started_and_never_claimed(depot, record_id)
    depot.let_time_pass(record_id)
    swept(depot)

    assert late(depot, seen, Verdict.DEAD)

    depot.run_jobs()
    assert standin.events == []
    assert depot.record(record_id).state is State.DEAD


def test_job_that_was_popped_goes_back_in_front(depot):
    first, second, third = depot.keep(*apart(*(f"order-{n}" for n in range(3))))
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


@pytest.mark.parametrize("lease_till", [9e9, 1], ids=["alive", "to_be_inherited"])
def test_record_in_the_hands_of_one_of_ours_is_left_there(depot, redis, lease_till):
    """Of one who died the others take everything back, in its order: that is not for us."""
    record_id = depot.keep_one()
    claimed(depot, record_id)
    redis.zadd("rq:leases", {"ours": lease_till})
    depot.let_time_pass(record_id)

    assert swept(depot) == 0
    assert depot.waiting() == []
    assert redis.zscore(OPEN, record_id) > time.time() + 50


def test_record_in_a_stock_worker_s_hands_is_left_there(depot, redis):
    record_id = depot.keep_one()
    job = Job.fetch(record_id, connection=redis, serializer=JSONSerializer)
    depot.redis.lpop(depot.queue.key)
    worker = depot.stock_worker()
    worker.prepare_execution(job)
    worker.prepare_job_execution(job)
    depot.let_time_pass(record_id)

    assert swept(depot) == 0
    assert depot.waiting() == []
    assert redis.zscore(OPEN, record_id) > time.time() + 50


def test_job_behind_another_of_its_customer_is_left_there(depot, redis):
    first, second = depot.keep("order-1", "order-2")
    depot.let_time_pass(second)

    assert swept(depot) == 0

    assert (depot.waiting(), depot.deferred()) == ([first], [second])
    assert redis.zscore(OPEN, second) > time.time() + 3600


def test_job_in_a_long_queue_is_looked_for_the_later_the_longer_it_is(depot, redis):
    """Looking after all who wait would take from delivering."""
    record_id = depot.keep_one()
    redis.rpush(depot.queue.key, *(f"other-{n}" for n in range(5000)))
    depot.let_time_pass(record_id)

    assert swept(depot) == 0

    assert redis.zscore(OPEN, record_id) > time.time() + 50 + 5000 / 20


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
    unreadable, good = depot.keep(*apart("order-1", "order-2", standin=standin))
    event = '["s","t","y","principal",{"nickname":"x"}]'
    redis.hset(record_key(unreadable), "event", event)
    for record_id in (unreadable, good):
        hash_gone(depot, record_id)
        depot.let_time_pass(record_id)

    swept(depot)

    depot.run_jobs()
    assert len(standin.events) == 1
