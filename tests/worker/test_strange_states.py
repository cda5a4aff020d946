"""A state that a newer version of us has written: its record is left alone, and never lost."""

import time

import pytest

from relay.model import State
from relay.store.keys import OPEN, record_key
from tests.worker.factories import apart, job_key
from worker import sweep

pytestmark = pytest.mark.usefixtures("environment")

HOUR_S = 3600


@pytest.fixture
def strange(harness, redis, standin):
    """A record in such a state, and two in ours, of which nobody holds a job any more."""
    ids = harness.keep(*apart("1", "2", "3", standin=standin))
    redis.hset(record_key(ids[1]), "state", "parked")
    redis.delete(harness.queue.key, *map(job_key, ids))
    for record_id in ids:
        harness.let_time_pass(record_id)
    return ids


def test_sweep_goes_on_to_the_others(harness, standin, strange):
    before, _, after = strange

    assert sweep.sweep(harness.ledger, harness.intake) == 2

    harness.run_jobs()
    assert {harness.record(one).state for one in (before, after)} == {State.DELIVERED}
    assert sorted(event.body["notes"] for event in standin.events) == ["1", "3"]


def test_it_stays_among_the_open_and_is_looked_at_again_in_an_hour(
    harness, redis, strange, began_at
):
    _, parked, _ = strange

    sweep.sweep(harness.ledger, harness.intake)

    assert began_at + HOUR_S <= redis.zscore(OPEN, parked) <= time.time() + HOUR_S
    assert redis.hget(record_key(parked), "state") == b"parked"
    assert not redis.exists(job_key(parked), job_key(f"{parked}-r2"))


def test_it_is_shown_with_its_fault_and_not_sent(harness, standin, strange):
    _, parked, _ = strange

    assert harness.record(parked).fault == "state"
    assert not harness.record(parked).open
    assert harness.deliver(parked) == "already held"
    assert standin.events == []


def test_once_the_state_is_known_it_is_delivered(harness, redis, strange):
    _, parked, _ = strange
    sweep.sweep(harness.ledger, harness.intake)
    redis.hset(record_key(parked), "state", "accepted")
    harness.let_time_pass(parked)

    sweep.sweep(harness.ledger, harness.intake)
    harness.run_jobs()

    assert harness.record(parked).state is State.DELIVERED
