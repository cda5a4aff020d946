"""Lanes: the events of one customer at one destination, one at a time, in the order accepted."""

import itertools
import time
from dataclasses import replace

import pytest
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer

from relay.devtools.standin import DEMO_KEY
from relay.model import Customer, Held, State, Verdict
from relay.store.keys import OPEN, lane_digests, lane_key
from relay.store.ledger import GRACE_S
from relay.store.pseudonyms import Pseudonyms
from tests.relay.store.attempts import attempt, close, write_attempt
from tests.worker.factories import ANA, PERSONAL, apart, call, job_key

HELD = Held("orders/create", "held-1", "no_customer", {"contact": "expected one"}, b'{"id": 7}')
ENDS = (Verdict.DELIVERED, Verdict.HELD, Verdict.DEAD, Verdict.DISCARDED)
PSEUDONYMS = Pseudonyms((), lambda: {"principal": DEMO_KEY})


def lane_of(destination, customer):
    return lane_key(lane_digests(PSEUDONYMS, destination, customer)[0])


LANE = lane_of("principal", ANA)


def ends(harness, *ids):
    """As if workers had delivered them, one after the other."""
    for record_id in ids:
        harness.redis.lrem(harness.queue.key, 0, record_id)
        close(harness, record_id, State.DELIVERED)


def test_batch_with_several_events_of_a_customer_queues_the_first_of_each(harness, redis):
    (beto,) = apart("beto-1")
    batch = ["ana-1", beto, "ana-2", replace(beto, key="beto-2"), "ana-3", "ana-1", HELD]

    receipt = harness.accept(*batch)

    ana_1, beto_1, ana_2, beto_2, ana_3, again, _ = receipt.ids
    assert receipt.statuses == (*["accepted"] * 5, "duplicate", "held")
    assert again == ana_1
    assert harness.waiting() == [ana_1, beto_1]
    assert harness.deferred() == [ana_2, beto_2, ana_3]
    assert redis.get(LANE) == ana_3.encode()
    ends(harness, ana_1)
    assert harness.waiting() == [beto_1, ana_2]  # who was accepted before her goes first
    ends(harness, ana_2, beto_1)
    assert sorted(harness.waiting()) == sorted([beto_2, ana_3])


def test_events_of_a_customer_go_out_in_the_order_accepted_whatever_their_sources(
    harness, relay, redis
):
    one, other = list(relay.sources.values())[:2]
    ids = [harness.accept(f"order-{n}", source=(one, other)[n % 2]).ids[0] for n in range(6)]
    queues = [harness.queue_of(source).key for source in (one, other)]
    ran = []
    while job_ids := [redis.lpop(key) for key in queues if redis.llen(key)]:
        (job_id,) = job_ids  # never two at once
        ran.append(job_id.decode())
        close(harness, ran[-1], State.DELIVERED)

    assert ran == ids


def test_job_behind_another_is_complete_but_for_its_place(harness, redis):
    first, second = harness.accept("order-1", "order-2").ids

    jobs = [redis.hgetall(job_key(one)) for one in (first, second)]

    assert jobs[0].keys() == jobs[1].keys()
    assert [job.pop(b"status") for job in jobs] == [b"queued", b"deferred"]
    assert second.encode() in jobs[1].pop(b"data")
    assert first.encode() in jobs[0].pop(b"data")
    assert jobs[0] == jobs[1]
    assert redis.zscore(OPEN, second) > time.time() + 3600  # it is looked for with its turn


def test_duplicate_does_not_enter_a_lane(harness, redis):
    first, second = harness.accept("order-1", "order-2").ids

    harness.accept("order-1")

    assert redis.get(LANE) == second.encode()
    ends(harness, first, second)
    assert not redis.keys("relay:lane:*")
    assert harness.waiting() == harness.deferred() == []


@pytest.mark.parametrize("state", [State.DELIVERED, State.DEAD, State.HELD, State.DISCARDED])
def test_lane_with_nobody_open_in_it_holds_nobody_up(harness, redis, state):
    """Even if its key has been left behind."""
    (first,) = harness.accept("order-1").ids
    close(harness, first, state)
    redis.delete(harness.queue.key)
    redis.set(LANE, first)

    (second,) = harness.accept("order-2").ids

    assert (harness.waiting(), harness.deferred()) == ([second], [])


def test_lane_whose_last_record_has_expired_holds_nobody_up(harness, redis):
    redis.set(LANE, "01JEXPIRED")

    (record_id,) = harness.accept("order-1").ids

    assert (harness.waiting(), harness.deferred()) == ([record_id], [])


def test_keys_and_places_of_a_lane_name_nobody(harness, redis):
    harness.accept("order-1", "order-2")

    texts = b" ".join(redis.keys())
    texts += b" ".join(redis.get(key) for key in redis.keys("relay:lane:*"))
    assert not any(word.encode() in texts for word in PERSONAL)


def test_lane_costs_one_command_where_nobody_waits(harness, redis):
    """Counted by Redis itself, for events of a customer each."""

    def cost(*keys):
        redis.config_resetstat()
        harness.accept(*apart(*keys))
        stats = redis.info("commandstats")
        return {name.removeprefix("cmdstat_"): row["calls"] for name, row in stats.items()}

    cost("first")  # after which Redis knows the script, and the queue is not empty
    few, many = cost(*(f"a-{n}" for n in range(5))), cost(*(f"b-{n}" for n in range(15)))

    difference = {name: many[name] - few.get(name, 0) for name in many}
    assert {name: count / 10 for name, count in difference.items() if count} == {
        "set": 2,  # the mark of the event, and the lane
        "hset": 2,  # the record and its job
        "rpush": 1,
        "zadd": 2,  # of what is open, and the index that it is found by
    }


def test_first_job_of_an_empty_queue_wakes_a_worker_once(harness, redis):
    """Stock workers never read the list, so it must not grow."""
    for number in range(5):
        harness.accept(*apart(f"a-{number}", f"b-{number}"))
        redis.delete(harness.queue.key)

    assert redis.llen("relay:wakeup") == 1


def test_replayed_record_enters_its_lane_at_the_end(harness):
    """What has come since is not to be overtaken by what a person has just put right."""
    first, second, third = harness.accept("order-1", "order-2", "order-3").ids
    close(harness, first, State.DEAD)
    assert harness.intake.replay(harness.record(first)) == "requeued"
    again = f"{first}-r2"

    assert harness.deferred() == [third, again]
    ends(harness, second)
    assert third in harness.waiting()
    ends(harness, third)
    assert (again in harness.waiting(), harness.deferred()) == (True, [])
    ends(harness, first)
    assert not harness.redis.keys("relay:lane:*")


def test_replayed_record_has_its_lane_to_itself_where_nobody_is_open(harness):
    (record_id,) = harness.accept("order-1").ids
    record = close(harness, record_id, State.DEAD)
    harness.redis.delete(harness.queue.key)

    harness.intake.replay(record)
    (behind,) = harness.accept("order-2").ids

    assert harness.waiting() == [f"{record_id}-r2"]
    assert harness.deferred() == [behind]
    ends(harness, record_id)
    assert behind in harness.waiting()


def test_record_mapped_anew_enters_the_lane_of_its_new_customer(harness):
    carla = Customer(phone="+525599000003")
    (theirs,) = harness.accept(call("order-0", customer=carla)).ids
    (record_id,) = harness.accept("order-1").ids
    record = close(harness, record_id, State.DEAD)
    (anas,) = harness.accept("order-2").ids

    assert harness.intake.replay(record, call("order-1", customer=carla)) == "requeued"

    assert harness.deferred() == [f"{record_id}-r2"]
    ends(harness, anas)
    assert harness.deferred() == [f"{record_id}-r2"]
    ends(harness, theirs)
    assert (f"{record_id}-r2" in harness.waiting(), harness.deferred()) == (True, [])


@pytest.mark.parametrize("times", [1, 2])
def test_record_replayed_while_it_is_the_last_of_its_lane_does_not_wait_for_itself(harness, times):
    """Its lane's key may still name it, where a worker was overtaken."""
    (record_id,) = harness.accept("order-1").ids
    for run in range(times):
        record = close(harness, record_id, State.HELD)
        harness.redis.set(LANE, record_id)
        assert harness.intake.replay(record) == "requeued"
        assert harness.waiting()[-1] == f"{record_id}-r{run + 2}"
        assert harness.deferred() == []


def test_record_behind_another_is_not_requeued_before_its_turn(harness, redis):
    first, second = harness.accept("order-1", "order-2").ids
    redis.delete(job_key(second))
    harness.let_time_pass(second)

    assert harness.intake.requeue_lost(harness.record(second)) == "waiting"
    ends(harness, first)
    assert harness.intake.requeue_lost(harness.record(second)) == "requeued"

    assert harness.waiting()[-1] == f"{second}-r2"


def test_requeued_record_keeps_its_place_in_the_lane(harness, redis):
    first, second, third = harness.accept("order-1", "order-2", "order-3").ids
    redis.delete(job_key(first))
    harness.let_time_pass(first)

    assert harness.intake.requeue_lost(harness.record(first)) == "requeued"

    assert harness.waiting()[-1] == f"{first}-r2"
    assert harness.deferred() == [second, third]
    ends(harness, first)
    assert second in harness.waiting()
    assert harness.deferred() == [third]


# Leaving a lane.


@pytest.fixture
def lane(harness, keep):
    """The records of three events of one customer; the first has the lane."""
    ids = keep("order-1", "order-2", "order-3")
    assert (harness.waiting(), harness.deferred()) == ([ids[0]], [*ids[1:]])
    return ids


def status_of(harness, job_id) -> JobStatus:
    return Job.fetch(job_id, connection=harness.redis, serializer=JSONSerializer).get_status()


def tried(harness, record_id, verdict, **changes) -> None:
    """A worker takes the job, which ends with an attempt."""
    assert harness.redis.lrem(harness.queue.key, 0, record_id) == 1
    assert write_attempt(harness.ledger, harness.record(record_id), verdict, **changes)


@pytest.mark.parametrize("verdict", ENDS)
def test_next_of_a_lane_is_released_by_every_end_of_the_one_before(harness, lane, verdict):
    first, second, third = lane

    tried(harness, first, verdict)

    assert (harness.waiting(), harness.deferred()) == ([second], [third])
    assert [status_of(harness, one) for one in (second, third)] == ["queued", "deferred"]
    tried(harness, second, verdict)
    assert (harness.waiting(), harness.deferred()) == ([third], [])


@pytest.mark.parametrize("verdict", [Verdict.RETRY, Verdict.PAUSED])
@pytest.mark.parametrize("releases_lane", [False, True], ids=["strict", "relaxed"])
def test_next_of_a_lane_passes_one_that_waits_only_where_it_may(
    harness, lane, verdict, releases_lane
):
    first, second, _ = lane

    tried(harness, first, verdict, releases_lane=releases_lane)

    released = [second] if releases_lane else []
    assert (harness.waiting(), harness.deferred()) == (released, [*lane[1 + len(released) :]])


def test_one_that_was_passed_releases_nobody_a_second_time(harness, lane):
    """Else two of one customer would be on their way at once."""
    first, second, third = lane
    tried(harness, first, Verdict.RETRY, releases_lane=True)

    for verdict in (Verdict.RETRY, Verdict.DELIVERED):
        assert write_attempt(harness.ledger, harness.record(first), verdict, releases_lane=True)
        assert (harness.waiting(), harness.deferred()) == ([second], [third])

    tried(harness, second, Verdict.DELIVERED)
    assert (harness.waiting(), harness.deferred()) == ([third], [])


def test_one_that_was_passed_last_leaves_the_lane_empty(harness, keep, redis):
    (first,) = keep("order-1")
    tried(harness, first, Verdict.RETRY, releases_lane=True)
    assert not redis.exists(LANE)

    (second,) = keep("order-2")
    assert write_attempt(harness.ledger, harness.record(first), Verdict.RETRY, releases_lane=True)

    assert harness.waiting() == [second]
    assert redis.get(LANE) == second.encode()  # the one behind is not forgotten


def test_lane_is_gone_with_its_last(harness, lane, redis):
    for record_id in lane:
        assert redis.get(LANE) == lane[-1].encode()
        tried(harness, record_id, Verdict.DELIVERED)

    assert not redis.keys("relay:lane:*")
    assert harness.waiting() == harness.deferred() == []


def test_whole_lane_may_end_in_one_batch(harness, lane, redis):
    """A worker that took them as they were released, and writes them down together."""
    records = [harness.record(one) for one in lane]
    redis.delete(harness.queue.key)

    assert (
        harness.ledger.record_attempts([attempt(one, Verdict.DELIVERED) for one in records])
        == [True] * 3
    )

    assert not redis.keys("relay:lane:*")
    (fourth,) = harness.keep("order-4")
    assert harness.waiting()[-1] == fourth
    assert harness.deferred() == []


def test_released_job_is_looked_after_again(harness, lane, redis, just_now):
    """While it waits for another nobody looks; from its turn on somebody does."""
    first, second, _ = lane
    assert redis.zscore(OPEN, second) > time.time() + 3600

    tried(harness, first, Verdict.DELIVERED)

    assert just_now(redis.zscore(OPEN, second) - GRACE_S)


def test_one_whose_job_is_lost_is_due_as_its_turn_comes(harness, lane, redis):
    first, second, _ = lane
    redis.delete(job_key(second))

    tried(harness, first, Verdict.DELIVERED)

    assert harness.waiting() == []
    assert harness.ledger.overdue(time.time(), 10) == [second]


def test_released_job_goes_to_the_front_of_its_own_queue(harness, relay, redis):
    """It was accepted before what has come meanwhile, maybe from another source."""
    other = list(relay.sources.values())[1]
    (first,) = harness.accept("order-1").ids
    (second,) = harness.accept("order-2", source=other).ids
    harness.accept(*apart("order-3"), source=other)
    assert harness.waiting() == [first]

    tried(harness, first, Verdict.DELIVERED)

    assert harness.waiting() == []
    assert redis.lindex(harness.queue_of(other).key, 0) == second.encode()


def test_late_success_does_not_let_two_pass(harness, lane):
    """A worker comes back with a success long after its record was given up as dead."""
    first, second, third = lane
    late = harness.record(first)
    tried(harness, first, Verdict.DEAD)

    assert write_attempt(harness.ledger, late, Verdict.DELIVERED)

    assert (harness.waiting(), harness.deferred()) == ([second], [third])


@pytest.mark.parametrize("verdict", sorted(set(Verdict) - {Verdict.DELIVERED}))
def test_overtaken_attempt_releases_nobody(harness, lane, verdict):
    first, second, third = lane
    late = harness.record(first)
    tried(harness, first, Verdict.RETRY)

    assert not write_attempt(harness.ledger, late, verdict, releases_lane=True)

    assert (harness.waiting(), harness.deferred()) == ([], [second, third])


def test_leaving_an_empty_lane_costs_one_command_a_batch(harness, redis):
    few, many = apart(*(f"few-{n}" for n in range(5))), apart(*(f"many-{n}" for n in range(15)))

    def cost(calls):
        records = [harness.record(one) for one in harness.keep(*calls)]
        redis.config_resetstat()
        harness.ledger.record_attempts([attempt(one, Verdict.DELIVERED) for one in records])
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
    "document": (Customer(id_number="1710034065"), Customer(id_type="x", id_number="1710034065")),
}


@pytest.mark.parametrize("one, same", CUSTOMERS.values(), ids=CUSTOMERS)
def test_lane_is_the_customer_s_by_what_they_are_known_by(one, same):
    assert lane_of("principal", one) == lane_of("principal", same)


def test_lanes_of_others_are_others():
    customers = [one for one, _ in CUSTOMERS.values()] + [Customer(phone="+593999000002")]
    keys = [lane_of(name, one) for name in ("principal", "other") for one in customers]

    assert len(set(keys)) == len(keys)
    for key, word in itertools.product(keys, PERSONAL):
        assert word not in key
