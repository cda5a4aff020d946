"""Jobs that are gone from Redis, first in a queue where one goes at a time: nobody waits for them."""

import time

import pytest

from relay.model import State
from tests.waiting import LONG_S, eventually
from tests.worker.concurrent.workers import at_work
from tests.worker.factories import apart, job_key
from worker.concurrent import claims
from worker.process import make_worker

THROTTLE = "relay:throttle:principal"


def on_trial(redis):
    redis.hset(
        THROTTLE, mapping={"half_open": "outage", "open_until": time.time() - 1, "failures": 10}
    )


def slowed_to_one_in_minutes(redis):
    redis.hset(THROTTLE, "rate", 0.001)


NARROW = [on_trial, slowed_to_one_in_minutes]


@pytest.mark.slow
@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("narrow", NARROW, ids=[one.__name__ for one in NARROW])
def test_next_one_goes_at_once_where_the_first_are_gone(
    harness, redis, standin, settings, narrow, monkeypatch
):
    """A probe, or a token, that a job which is gone had used up would be missed for minutes."""
    monkeypatch.setattr(claims, "PROBE_INTERVAL_S", 10 * LONG_S)
    *gone, good = harness.keep(*apart("1", "2", "3", "4", standin=standin))
    redis.delete(*map(job_key, gone))
    narrow(redis)
    with at_work(make_worker(settings)):
        assert eventually(lambda: harness.record(good).state is State.DELIVERED)
