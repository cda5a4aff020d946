"""A state that a newer version of us has written: its record is left alone, and never lost."""

import time

import pytest

from relay.model import State
from relay.store.keys import OPEN, record_key
from tests.worker.depot import apart, job_key
from worker import sweep

pytestmark = pytest.mark.usefixtures("environment")

HOUR_S = 3600


@pytest.fixture
def strange(depot, redis, standin):
    """A record in such a state, and two in ours, of which nobody holds a job any more."""
    ids = depot.keep(*apart("1", "2", "3", standin=standin))
    redis.hset(record_key(ids[1]), "state", "parked")
    redis.delete(depot.queue.key, *map(job_key, ids))
    for record_id in ids:
        depot.let_time_pass(record_id)
    return ids


def test_sweep_goes_on_to_the_others(depot, standin, strange):
    before, _, after = strange

    assert sweep.sweep(depot.ledger, depot.intake) == 2

    depot.run_jobs()
    assert {depot.record(one).state for one in (before, after)} == {State.DELIVERED}
    assert sorted(event.body["notes"] for event in standin.events) == ["1", "3"]


def test_it_stays_among_the_open_and_is_looked_at_again_in_an_hour(depot, redis, strange):
    _, parked, _ = strange

    sweep.sweep(depot.ledger, depot.intake)

    assert redis.zscore(OPEN, parked) == pytest.approx(time.time() + HOUR_S, abs=10)
    assert redis.hget(record_key(parked), "state") == b"parked"
    assert not redis.exists(job_key(parked), job_key(f"{parked}-r2"))


def test_it_is_shown_with_its_fault_and_not_sent(depot, standin, strange):
    _, parked, _ = strange

    assert depot.record(parked).fault == "state"
    assert not depot.record(parked).open
    assert depot.deliver(parked) == "already held"
    assert standin.events == []


def test_once_the_state_is_known_it_is_delivered(depot, redis, strange):
    _, parked, _ = strange
    sweep.sweep(depot.ledger, depot.intake)
    redis.hset(record_key(parked), "state", "accepted")
    depot.let_time_pass(parked)

    sweep.sweep(depot.ledger, depot.intake)
    depot.run_jobs()

    assert depot.record(parked).state is State.DELIVERED
