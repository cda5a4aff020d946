"""Clocks that were put back, as by a Redis that took over on another host: nobody waits for them."""

import time

import pytest

from tests.waiting import eventually
from tests.worker.factories import destination, job_key
from worker.concurrent import QueueGroup, RateLimit
from worker.concurrent.claims import Claims
from worker.throttle import DestinationThrottle, FeedbackBatch

THROTTLE = "relay:throttle:principal"
QUEUE = "mercately.principal.a"
HOUR_S = 3600.0


@pytest.fixture
def take(redis):
    """How a worker takes jobs at a hundred a second."""
    for n in range(50):
        redis.hset(job_key(f"j{n}"), "data", "x")
        redis.rpush(f"rq:queue:{QUEUE}", f"j{n}")
    claims, group = (
        Claims(redis, "worker-1", ""),
        QueueGroup((QUEUE,), 50, RateLimit(THROTTLE, 100.0, 0)),
    )
    return lambda: claims.claim([group], 50, fair=True)


@pytest.fixture
def throttle(redis):
    made = DestinationThrottle(redis, destination(rate_per_s=100.0))
    made.state = "degraded"
    return made


def test_tokens_of_a_later_hour_are_not_waited_for(redis, take):
    redis.hset(THROTTLE, mapping={"tokens": "0.2", "at": time.time() + HOUR_S})

    catch = take()

    assert catch.jobs == []
    assert catch.token_wait_s < 0.1
    assert eventually(lambda: take().jobs)
    assert float(redis.hget(THROTTLE, "at")) < time.time() + HOUR_S / 2


def test_a_clock_put_back_gives_nothing_away(redis, take):
    """What there was is kept, and no more is made of the difference."""
    redis.hset(THROTTLE, mapping={"tokens": "3", "at": time.time() + HOUR_S})
    assert len(take().jobs) == 3


def test_rate_slowed_in_a_later_hour_rises_again(redis, throttle):
    redis.hset(THROTTLE, mapping={"rate": 10, "slowed_at": time.time() + HOUR_S})

    throttle.observe(FeedbackBatch(successes=5))

    assert float(redis.hget(THROTTLE, "rate")) == pytest.approx(11.1)
    assert float(redis.hget(THROTTLE, "slowed_at")) < time.time() + HOUR_S / 2


def test_rate_slowed_in_a_later_hour_falls_again(redis, throttle):
    redis.hset(THROTTLE, mapping={"rate": 10, "slowed_at": time.time() + HOUR_S})

    throttle.observe(FeedbackBatch(throttled=1))

    assert float(redis.hget(THROTTLE, "rate")) < 10


@pytest.mark.parametrize("off_s", [-HOUR_S, HOUR_S])
def test_clock_of_the_worker_does_not_matter_to_the_rate_limit(redis, throttle, monkeypatch, off_s):
    """Redis's does: all workers share it."""
    ours, before = time.time, time.time()
    monkeypatch.setattr(time, "time", lambda: ours() + off_s)
    throttle.observe(FeedbackBatch(failures=10))
    waits_s = throttle.reserve(1000.0)
    monkeypatch.undo()

    after = time.time()
    # Opened for 5 s; whoever reserves a token is the probe, and has 30 s.
    assert before + 5 <= float(redis.hget(THROTTLE, "open_until")) <= after + 35
    assert 5 - (after - before) <= waits_s <= 5
