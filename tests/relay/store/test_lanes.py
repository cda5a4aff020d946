"""Lanes: the events of one customer at one destination, one at a time, in the order accepted."""

import itertools
import time
from dataclasses import replace

import pytest
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer

from relay.model import Customer, Held, State, Verdict
from relay.store.keys import OPEN, lane_key
from relay.store.ledger import GRACE_S
from tests.relay.store.attempts import attempt, close, write_attempt
from tests.worker.depot import ANA, PERSONAL, apart, call, job_key

HELD = Held("orders/create", "held-1", "no_customer", {"contact": "expected one"}, b'{"id": 7}')
ENDS = (Verdict.DELIVERED, Verdict.HELD, Verdict.DEAD, Verdict.DISCARDED)
LANE = lane_key("principal", ANA)


def ends(depot, *ids):
    """As if workers had delivered them, one after the other."""
    for record_id in ids:
        depot.redis.lrem(depot.queue.key, 0, record_id)
        close(depot, record_id, State.DELIVERED)


def test_batch_with_several_events_of_a_customer_queues_the_first_of_each(depot, redis):
    (beto,) = apart("beto-1")
    batch = ["ana-1", beto, "ana-2", replace(beto, key="beto-2"), "ana-3", "ana-1", HELD]

    receipt = depot.accept(*batch)

    ana_1, beto_1, ana_2, beto_2, ana_3, again, _ = receipt.ids
    assert receipt.statuses == (*["accepted"] * 5, "duplicate", "held")
    assert again == ana_1
    assert depot.waiting() == [ana_1, beto_1]
    assert depot.deferred() == [ana_2, beto_2, ana_3]
    assert redis.get(LANE) == ana_3.encode()
    ends(depot, ana_1)
    assert depot.waiting() == [beto_1, ana_2]  # who was accepted before her goes first
    ends(depot, ana_2, beto_1)
    assert sorted(depot.waiting()) == sorted([beto_2, ana_3])


def test_events_of_a_customer_go_out_in_the_order_accepted_whatever_their_sources(
    depot, relay, redis
):
    one, other = list(relay.sources.values())[:2]
    ids = [depot.accept(f"order-{n}", source=(one, other)[n % 2]).ids[0] for n in range(6)]
    queues = [depot.queue_of(source).key for source in (one, other)]
    ran = []
    while job_ids := [redis.lpop(key) for key in queues if redis.llen(key)]:
        (job_id,) = job_ids  # never two at once
        ran.append(job_id.decode())
        close(depot, ran[-1], State.DELIVERED)

    assert ran == ids


def test_job_behind_another_is_complete_but_for_its_place(depot, redis):
    first, second = depot.accept("order-1", "order-2").ids

    jobs = [redis.hgetall(job_key(one)) for one in (first, second)]

    assert jobs[0].keys() == jobs[1].keys()
    assert [job.pop(b"status") for job in jobs] == [b"queued", b"deferred"]
    assert second.encode() in jobs[1].pop(b"data")
    assert first.encode() in jobs[0].pop(b"data")
    assert jobs[0] == jobs[1]
    assert redis.zscore(OPEN, second) > time.time() + 3600  # it is looked for with its turn


def test_duplicate_does_not_enter_a_lane(depot, redis):
    first, second = depot.accept("order-1", "order-2").ids

    depot.accept("order-1")

    assert redis.get(LANE) == second.encode()
    ends(depot, first, second)
    assert not redis.keys("relay:lane:*")
    assert depot.waiting() == depot.deferred() == []


@pytest.mark.parametrize("state", [State.DELIVERED, State.DEAD, State.HELD, State.DISCARDED])
def test_lane_with_nobody_open_in_it_holds_nobody_up(depot, redis, state):
    """Even if its key has been left behind."""
    (first,) = depot.accept("order-1").ids
    close(depot, first, state)
    redis.delete(depot.queue.key)
    redis.set(LANE, first)

    (second,) = depot.accept("order-2").ids

    assert (depot.waiting(), depot.deferred()) == ([second], [])


def test_lane_whose_last_record_has_expired_holds_nobody_up(depot, redis):
    redis.set(LANE, "01JEXPIRED")

    (record_id,) = depot.accept("order-1").ids

    assert (depot.waiting(), depot.deferred()) == ([record_id], [])


def test_keys_and_places_of_a_lane_name_nobody(depot, redis):
    depot.accept("order-1", "order-2")

    texts = b" ".join(redis.keys())
    texts += b" ".join(redis.get(key) for key in redis.keys("relay:lane:*"))
    assert not any(word.encode() in texts for word in PERSONAL)


def test_lane_costs_one_command_where_nobody_waits(depot, redis):
    """Counted by Redis itself, for events of a customer each."""

    def cost(*keys):
        redis.config_resetstat()
        depot.accept(*apart(*keys))
        stats = redis.info("commandstats")
        return {name.removeprefix("cmdstat_"): row["calls"] for name, row in stats.items()}

    cost("first")  # after which Redis knows the script, and the queue is not empty
    few, many = cost(*(f"a-{n}" for n in range(5))), cost(*(f"b-{n}" for n in range(15)))

    difference = {name: many[name] - few.get(name, 0) for name in many}
    assert {name: count / 10 for name, count in difference.items() if count} == {
        "set": 2,  # the mark of the event, and the lane
        "hset": 2,  # the record and its job
        "rpush": 1,
        "zadd": 1,
    }


def test_first_job_of_an_empty_queue_wakes_a_worker_once(depot, redis):
    """Stock workers never read the list, so it must not grow."""
    for number in range(5):
        depot.accept(*apart(f"a-{number}", f"b-{number}"))
        redis.delete(depot.queue.key)

    assert redis.llen("relay:wakeup") == 1


def test_replayed_record_enters_its_lane_at_the_end(depot):
    """What has come since is not to be overtaken by what a person has just put right."""
    first, second, third = depot.accept("order-1", "order-2", "order-3").ids
    close(depot, first, State.DEAD)
    assert depot.intake.replay(depot.record(first)) == "requeued"
    again = f"{first}-r2"

    assert depot.deferred() == [third, again]
    ends(depot, second)
    assert third in depot.waiting()
    ends(depot, third)
    assert (again in depot.waiting(), depot.deferred()) == (True, [])
    ends(depot, first)
    assert not depot.redis.keys("relay:lane:*")


def test_replayed_record_has_its_lane_to_itself_where_nobody_is_open(depot):
    (record_id,) = depot.accept("order-1").ids
    record = close(depot, record_id, State.DEAD)
    depot.redis.delete(depot.queue.key)

    depot.intake.replay(record)
    (behind,) = depot.accept("order-2").ids

    assert depot.waiting() == [f"{record_id}-r2"]
    assert depot.deferred() == [behind]
    ends(depot, record_id)
    assert behind in depot.waiting()


def test_record_mapped_anew_enters_the_lane_of_its_new_customer(depot):
    carla = Customer(phone="+525599000003")
    (theirs,) = depot.accept(call("order-0", customer=carla)).ids
    (record_id,) = depot.accept("order-1").ids
    record = close(depot, record_id, State.DEAD)
    (anas,) = depot.accept("order-2").ids

    assert depot.intake.replay(record, call("order-1", customer=carla)) == "requeued"

    assert depot.deferred() == [f"{record_id}-r2"]
    ends(depot, anas)
    assert depot.deferred() == [f"{record_id}-r2"]
    ends(depot, theirs)
    assert (f"{record_id}-r2" in depot.waiting(), depot.deferred()) == (True, [])


@pytest.mark.parametrize("times", [1, 2])
def test_record_replayed_while_it_is_the_last_of_its_lane_does_not_wait_for_itself(depot, times):
    """Its lane's key may still name it, where a worker was overtaken."""
    (record_id,) = depot.accept("order-1").ids
    for run in range(times):
        record = close(depot, record_id, State.HELD)
        depot.redis.set(LANE, record_id)
        assert depot.intake.replay(record) == "requeued"
        assert depot.waiting()[-1] == f"{record_id}-r{run + 2}"
        assert depot.deferred() == []


def test_record_behind_another_is_not_requeued_before_its_turn(depot, redis):
    first, second = depot.accept("order-1", "order-2").ids
    redis.delete(job_key(second))
    depot.let_time_pass(second)

    assert depot.intake.requeue_lost(depot.record(second)) == "waiting"
    ends(depot, first)
    assert depot.intake.requeue_lost(depot.record(second)) == "requeued"

    assert depot.waiting()[-1] == f"{second}-r2"


def test_requeued_record_keeps_its_place_in_the_lane(depot, redis):
    first, second, third = depot.accept("order-1", "order-2", "order-3").ids
    redis.delete(job_key(first))
    depot.let_time_pass(first)

    assert depot.intake.requeue_lost(depot.record(first)) == "requeued"

    assert depot.waiting()[-1] == f"{first}-r2"
    assert depot.deferred() == [second, third]
    ends(depot, first)
    assert second in depot.waiting()
    assert depot.deferred() == [third]


# Leaving a lane.


@pytest.fixture
def lane(depot, keep):
    """The records of three events of one customer; the first has the lane."""
    ids = keep("order-1", "order-2", "order-3")
    assert (depot.waiting(), depot.deferred()) == ([ids[0]], [*ids[1:]])
    return ids


def status_of(depot, job_id) -> JobStatus:
    return Job.fetch(job_id, connection=depot.redis, serializer=JSONSerializer).get_status()


def tried(depot, record_id, verdict, **changes) -> None:
    """A worker takes the job, which ends with an attempt."""
    assert depot.redis.lrem(depot.queue.key, 0, record_id) == 1
    assert write_attempt(depot.ledger, depot.record(record_id), verdict, **changes)


@pytest.mark.parametrize("verdict", ENDS)
def test_next_of_a_lane_is_released_by_every_end_of_the_one_before(depot, lane, verdict):
    first, second, third = lane

    tried(depot, first, verdict)

    assert (depot.waiting(), depot.deferred()) == ([second], [third])
    assert [status_of(depot, one) for one in (second, third)] == ["queued", "deferred"]
    tried(depot, second, verdict)
    assert (depot.waiting(), depot.deferred()) == ([third], [])


@pytest.mark.parametrize("verdict", [Verdict.RETRY, Verdict.PAUSED])
@pytest.mark.parametrize("releases_lane", [False, True], ids=["strict", "relaxed"])
def test_next_of_a_lane_passes_one_that_waits_only_where_it_may(
    depot, lane, verdict, releases_lane
):
    first, second, _ = lane

    tried(depot, first, verdict, releases_lane=releases_lane)

    released = [second] if releases_lane else []
    assert (depot.waiting(), depot.deferred()) == (released, [*lane[1 + len(released) :]])


def test_one_that_was_passed_releases_nobody_a_second_time(depot, lane):
    """Else two of one customer would be on their way at once."""
    first, second, third = lane
    tried(depot, first, Verdict.RETRY, releases_lane=True)

    for verdict in (Verdict.RETRY, Verdict.DELIVERED):
        assert write_attempt(depot.ledger, depot.record(first), verdict, releases_lane=True)
        assert (depot.waiting(), depot.deferred()) == ([second], [third])

    tried(depot, second, Verdict.DELIVERED)
    assert (depot.waiting(), depot.deferred()) == ([third], [])


def test_one_that_was_passed_last_leaves_the_lane_empty(depot, keep, redis):
    (first,) = keep("order-1")
    tried(depot, first, Verdict.RETRY, releases_lane=True)
    assert not redis.exists(LANE)

    (second,) = keep("order-2")
    assert write_attempt(depot.ledger, depot.record(first), Verdict.RETRY, releases_lane=True)

    assert depot.waiting() == [second]
    assert redis.get(LANE) == second.encode()  # the one behind is not forgotten


def test_lane_is_gone_with_its_last(depot, lane, redis):
    for record_id in lane:
        assert redis.get(LANE) == lane[-1].encode()
        tried(depot, record_id, Verdict.DELIVERED)

    assert not redis.keys("relay:lane:*")
    assert depot.waiting() == depot.deferred() == []


def test_whole_lane_may_end_in_one_batch(depot, lane, redis):
    """A worker that took them as they were released, and writes them down together."""
    records = [depot.record(one) for one in lane]
    redis.delete(depot.queue.key)

    assert (
        depot.ledger.record_attempts([attempt(one, Verdict.DELIVERED) for one in records])
        == [True] * 3
    )

    assert not redis.keys("relay:lane:*")
    (fourth,) = depot.keep("order-4")
    assert depot.waiting()[-1] == fourth
    assert depot.deferred() == []


def test_released_job_is_looked_after_again(depot, lane, redis):
    """While it waits for another nobody looks; from its turn on somebody does."""
    first, second, _ = lane
    assert redis.zscore(OPEN, second) > time.time() + 3600

    tried(depot, first, Verdict.DELIVERED)

    assert redis.zscore(OPEN, second) == pytest.approx(time.time() + GRACE_S, abs=5)


def test_one_whose_job_is_lost_is_due_as_its_turn_comes(depot, lane, redis):
    first, second, _ = lane
    redis.delete(job_key(second))

    tried(depot, first, Verdict.DELIVERED)

    assert depot.waiting() == []
    assert depot.ledger.overdue(time.time(), 10) == [second]


def test_released_job_goes_to_the_front_of_its_own_queue(depot, relay, redis):
    """It was accepted before what has come meanwhile, maybe from another source."""
    other = list(relay.sources.values())[1]
    (first,) = depot.accept("order-1").ids
    (second,) = depot.accept("order-2", source=other).ids
    depot.accept(*apart("order-3"), source=other)
    assert depot.waiting() == [first]

    tried(depot, first, Verdict.DELIVERED)

    assert depot.waiting() == []
    assert redis.lindex(depot.queue_of(other).key, 0) == second.encode()


def test_late_success_does_not_let_two_pass(depot, lane):
    """A worker comes back with a success long after its record was given up as dead."""
    first, second, third = lane
    late = depot.record(first)
    tried(depot, first, Verdict.DEAD)

    assert write_attempt(depot.ledger, late, Verdict.DELIVERED)

    assert (depot.waiting(), depot.deferred()) == ([second], [third])


@pytest.mark.parametrize("verdict", sorted(set(Verdict) - {Verdict.DELIVERED}))
def test_overtaken_attempt_releases_nobody(depot, lane, verdict):
    first, second, third = lane
    late = depot.record(first)
    tried(depot, first, Verdict.RETRY)

    assert not write_attempt(depot.ledger, late, verdict, releases_lane=True)

    assert (depot.waiting(), depot.deferred()) == ([], [second, third])


def test_leaving_an_empty_lane_costs_one_command_a_batch(depot, redis):
    few, many = apart(*(f"few-{n}" for n in range(5))), apart(*(f"many-{n}" for n in range(15)))

    def cost(calls):
        records = [depot.record(one) for one in depot.keep(*calls)]
        redis.config_resetstat()
        depot.ledger.record_attempts([attempt(one, Verdict.DELIVERED) for one in records])
        stats = redis.info("commandstats")
        return {name.removeprefix("cmdstat_"): row["calls"] for name, row in stats.items()}

    cost(few)  # after which Redis knows the script
    costs = cost(apart(*(f"some-{n}" for n in range(5)))), cost(many)
    assert [one["del"] for one in costs] == [1, 1]
    difference = {
        name: costs[1][name] - costs[0][name]
        for name in costs[0]
        if costs[1][name] - costs[0][name]
    }
    assert difference == {"hmget": 10, "hset": 10, "expire": 10}


CUSTOMERS = {
    "id": (Customer(customer_id="c1", phone=ANA.phone), Customer(customer_id="c1")),
    "phone": (ANA, Customer(phone=ANA.phone)),
    "email": (Customer(email="ana@example.com"), Customer(email="Ana@Example.com")),
}


@pytest.mark.parametrize("one, same", CUSTOMERS.values(), ids=CUSTOMERS)
def test_lane_is_the_customer_s_by_what_they_are_known_by(one, same):
    assert lane_key("principal", one) == lane_key("principal", same)


def test_lanes_of_others_are_others():
    customers = [one for one, _ in CUSTOMERS.values()] + [Customer(phone="+593999000002")]
    keys = [lane_key(name, one) for name in ("principal", "other") for one in customers]

    assert len(set(keys)) == len(keys)
    for key, word in itertools.product(keys, PERSONAL):
        assert word not in key
