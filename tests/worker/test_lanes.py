"""Lanes beside each other and out of turn: who goes next when the head of one has left."""

from datetime import UTC, datetime, timedelta

import pytest

from relay.model import Customer, Outcome, State, Verdict
from relay.store.keys import OPEN
from relay.store.ledger import Attempt
from tests.worker.factories import call

pytestmark = pytest.mark.usefixtures("environment")

BEGAN = datetime(2026, 11, 2, 15, 4, 5, tzinfo=UTC)
MANY, ONCE = "cliente-de-muchos", "cliente-{}"


@pytest.fixture
def keep(harness, standin):
    """Accepts calls one after the other, a second apart; their notes say which they are."""
    clock = [BEGAN]

    def kept(*notes, customer=MANY):
        ids = []
        for note in notes:
            clock[0] += timedelta(seconds=1)
            made = call(note, customer=Customer(customer_id=customer), body={"notes": note})
            ids += harness.accept(made, now=clock[0]).ids
        if customer not in standin.customers:
            standin.add_customer(id=customer)
        return ids

    return kept


def settle(harness, record, verdict):
    outcome = Outcome(verdict, f"because_{verdict}")
    (counts,) = harness.ledger.record_attempts([Attempt(record, outcome, took_s=0)])
    return counts


def told(standin):
    return [event.body["notes"] for event in standin.events]


# Beside each other.


def test_one_customer_s_many_events_let_those_of_others_between_them(harness, standin, keep):
    keep("many 0")
    for n in range(4):
        keep(f"once {n}", customer=ONCE.format(n))
    keep("many 1", "many 2", "many 3", "many 4")

    harness.run_jobs()

    order = told(standin)
    assert sorted(order) == sorted(
        [f"once {n}" for n in range(4)] + [f"many {n}" for n in range(5)]
    )
    for n in range(4):
        assert order.index(f"many {n + 1}") > order.index(f"once {n}")  # accepted before it


def test_order_within_a_lane_is_kept_all_the_same(harness, standin, keep):
    keep("many 0")
    for n in range(3):
        keep(f"once {n}", customer=ONCE.format(n))
        keep(f"many {n + 1}")

    harness.run_jobs()

    order = told(standin)
    assert [note for note in order if "many" in note] == [f"many {n}" for n in range(4)]
    assert [note for note in order if "once" in note] == [f"once {n}" for n in range(3)]


def test_follower_goes_before_who_was_accepted_after_it(harness, keep):
    head, follower = keep("many 0", "many 1")
    (later,) = keep("once", customer=ONCE)
    assert harness.waiting() == [head, later]
    harness.redis.lpop(harness.queue.key)

    settle(harness, harness.record(head), Verdict.DELIVERED)

    assert harness.waiting() == [follower, later]


def test_follower_goes_behind_the_first_that_was_accepted_before_it(harness, keep):
    (head,) = keep("many 0")
    (first,) = keep("once 0", customer=ONCE.format(0))
    (follower,) = keep("many 1")
    (later,) = keep("once 1", customer=ONCE.format(1))
    harness.redis.lpop(harness.queue.key)

    settle(harness, harness.record(head), Verdict.DELIVERED)

    assert harness.waiting() == [first, follower, later]


def test_follower_alone_sets_the_wakeup_key(harness, redis, keep):
    head, follower = keep("many 0", "many 1")
    redis.delete(harness.queue.key, "relay:wakeup")

    settle(harness, harness.record(head), Verdict.DELIVERED)

    assert harness.waiting() == [follower]
    assert redis.llen("relay:wakeup") == 1


# Out of turn.


@pytest.mark.parametrize("verdict", [Verdict.DELIVERED, Verdict.DEAD, Verdict.HELD])
def test_who_is_settled_before_its_turn_is_passed_over(harness, keep, verdict):
    """And whoever is behind it waits for the head all the same."""
    head, middle, last = keep("many 0", "many 1", "many 2")

    settle(harness, harness.record(middle), verdict)
    assert harness.waiting() == [head]
    assert harness.deferred()[-1] == last

    settle(harness, harness.record(head), Verdict.DELIVERED)
    assert harness.waiting() == [head, last]  # the job of who has just been delivered does nothing
    assert harness.record(middle).state == verdict.value


def test_several_in_a_row_are_passed_over(harness, standin, keep):
    ids = keep(*(f"many {n}" for n in range(5)))
    for record_id in ids[3:0:-1]:
        settle(harness, harness.record(record_id), Verdict.DELIVERED)
    assert harness.waiting() == ids[:1]

    harness.run_jobs()

    assert told(standin) == ["many 0", "many 4"]
    assert harness.redis.zcard(OPEN) == 0


def test_lane_whose_last_was_passed_over_is_open_to_the_next(harness, standin, keep):
    _, middle = keep("many 0", "many 1")
    settle(harness, harness.record(middle), Verdict.DELIVERED)
    harness.run_jobs()

    (new,) = keep("many 2")

    assert harness.waiting() == [new]
    harness.run_jobs()
    assert told(standin) == ["many 0", "many 2"]


@pytest.fixture
def replayed(harness, keep):
    """An event that died, and was replayed behind another of its customer; and what a worker had
    read of it that was slow to tell what came of its try.
    """
    (record_id,) = keep("replayed")
    slow = harness.record(record_id)
    settle(harness, slow, Verdict.DEAD)
    (head,) = keep("head")
    assert harness.intake.replay(harness.record(record_id)) == "requeued"
    (last,) = keep("last")
    harness.redis.lrem(harness.queue.key, 0, record_id)  # of its first run
    return record_id, slow, head, last


def test_late_word_that_it_was_delivered_lets_nobody_pass_the_head(harness, replayed):
    record_id, slow, head, last = replayed

    settle(harness, slow, Verdict.DELIVERED)

    assert harness.record(record_id).state is State.DELIVERED
    assert harness.waiting() == [head]
    assert last in harness.deferred()


def test_and_when_the_head_has_left_the_last_goes(harness, standin, replayed):
    _, slow, _, last = replayed
    settle(harness, slow, Verdict.DELIVERED)

    harness.run_jobs()

    assert told(standin) == ["head", "last"]
    assert harness.record(last).state is State.DELIVERED
    assert last not in harness.deferred()


def test_who_comes_after_a_late_word_waits_for_the_head_too(harness, keep):
    head, middle = keep("many 0", "many 1")
    settle(harness, harness.record(middle), Verdict.DELIVERED)
    (new,) = keep("many 2")
    assert harness.waiting() == [head]
    assert new in harness.deferred()
