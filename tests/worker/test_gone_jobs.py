"""Jobs that are gone from Redis, first in a queue where one goes at a time: nobody waits for them."""

import time

import pytest

from relay.model import State
from tests.worker.concurrent.workers import at_work, eventually
from tests.worker.factories import apart, job_key
from worker.__main__ import make_worker

THROTTLE = "relay:throttle:principal"


def on_trial(redis, settings):
    redis.hset(
        THROTTLE, mapping={"half_open": "outage", "open_until": time.time() - 1, "failures": 10}
    )


def at_two_a_second(redis, settings):
    text = settings.config_file.read_text()
    settings.config_file.write_text(text.replace('rate = "1000/s"', 'rate = "2/s"'))


NARROW = [on_trial, at_two_a_second]


@pytest.mark.parametrize("narrow", NARROW, ids=[one.__name__ for one in NARROW])
def test_next_one_goes_at_once_where_the_first_are_gone(
    harness, redis, standin, environment, settings, narrow
):
    *gone, good = harness.keep(*apart("1", "2", "3", "4", standin=standin))
    redis.delete(*map(job_key, gone))
    narrow(redis, settings)
    with at_work(make_worker(settings)):
        assert eventually(lambda: harness.record(good).state is State.DELIVERED, within_s=3)
