"""Clocks that were put back, as by a Redis that took over on another host: nobody waits for them."""

import time
from datetime import timedelta

import pytest
from rq.utils import now

from relay.model import Outcome, Verdict
from relay.store.keys import OPEN
from relay.store.ledger import Attempt
from tests.waiting import eventually
from tests.worker.factories import destination, job_key, signals_kept
from worker import process
from worker.concurrent import QueueGroup, RateLimit, claims
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
    worker, group = (
        Claims(redis, "worker-1", ""),
        QueueGroup((QUEUE,), 50, RateLimit(THROTTLE, 100.0, 0)),
    )
    return lambda: worker.claim([group], 50, fair=True)


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


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("off_s", [-HOUR_S, HOUR_S])
def test_retry_of_a_worker_whose_clock_is_off_is_due_in_time(
    redis, harness, standin, settings, monkeypatch, off_s
):
    """By Redis's clock, which is the one that all workers share."""
    standin.fail("unavailable_503", times=1)
    record_id = harness.keep_one()

    with monkeypatch.context() as clock, signals_kept():
        clock.setattr(claims, "now", lambda: now() + timedelta(seconds=off_s))
        process.run(settings, burst=True)

    due = redis.zscore(harness.queue.scheduled_job_registry.key, record_id)
    assert 0 < due - time.time() <= 6 + 1


@pytest.mark.parametrize("off_s", [-HOUR_S, HOUR_S])
def test_worker_whose_clock_is_off_promotes_what_is_due_and_nothing_else(
    redis, queue_of_due, monkeypatch, off_s
):
    monkeypatch.setattr(claims, "now", lambda: now() + timedelta(seconds=off_s))
    assert Claims(redis, "worker-1", "").promote_scheduled([QUEUE]).promoted
    assert redis.lrange(f"rq:queue:{QUEUE}", 0, -1) == [b"due"]


@pytest.fixture
def queue_of_due(redis):
    for name, due_in_s in (("due", -1), ("later", 60)):
        redis.hset(job_key(name), "data", "x")
        redis.zadd(f"rq:scheduled:{QUEUE}", {name: time.time() + due_in_s})


def test_due_time_of_a_worker_whose_clock_was_ahead_puts_nothing_off(harness, redis, settings,
    environment):  # fmt: skip
    """It died before its job had an end; who takes over waits no longer than it would have."""
    record_id = harness.keep_one()
    (record,) = harness.ledger.to_deliver([record_id])
    outcome = Outcome(Verdict.RETRY, "unavailable", status=503, delay_s=5.0)
    harness.ledger.record_attempts([Attempt(record, outcome, 0.1)])
    redis.zincrby(OPEN, HOUR_S, record_id)
    redis.hset(job_key(record_id), "redelivery_count", 1)

    with signals_kept():
        process.run(settings, burst=True)

    due = redis.zscore(harness.queue.scheduled_job_registry.key, record_id)
    assert 0 < due - time.time() <= 5 + 1
