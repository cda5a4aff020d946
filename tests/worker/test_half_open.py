"""One tries for all: who had nothing to send wastes no trial, and every answer is an answer."""

import time

import pytest

from relay.model import Customer, Outcome, State, Verdict
from relay.store.keys import record_key
from relay.store.ledger import Attempt
from tests.waiting import LONG_S, eventually
from tests.worker.concurrent.workers import at_work
from tests.worker.factories import apart, call, destination, job_key
from worker import retry, throttle as throttles
from worker.concurrent import QueueGroup, RateLimit, claims
from worker.concurrent.claims import Claims
from worker.process import make_worker
from worker.reply import Reply
from worker.throttle import CREDENTIALS, DestinationThrottle, FeedbackBatch

THROTTLE = "relay:throttle:principal"
QUEUE = "mercately.principal.a"
HELD = Outcome(Verdict.HELD, "worker_died", ambiguous=True)


def on_trial(redis, word="outage", shut_for_s=-1.0):
    """As after ten failures in a row, when the time has come to try again."""
    shut, tripped = time.time() + shut_for_s, time.time() - 30
    redis.hset(
        THROTTLE,
        mapping={
            "half_open": word,
            "open_until": shut,
            "opened_until": tripped,
            "failures": 10,
            "open_count": 1,
        },
    )


def shut_for_s(redis) -> float:
    return open_until(redis) - time.time()


def open_until(redis) -> float:
    return float(redis.hget(THROTTLE, "open_until"))


@pytest.fixture
def throttle(redis):
    made = DestinationThrottle(redis, destination())
    made.state = "outage"
    return made


# What an outcome says of the destination.

REFUSAL = Reply(422, "no", is_html=False)


@pytest.mark.parametrize("on_absent", ["hold", "drop"])
@pytest.mark.parametrize("refusal", [None, Reply(404, "", is_html=False), REFUSAL])
def test_customer_mercately_does_not_know_is_an_answer_of_mercately_s(on_absent, refusal):
    feedback = FeedbackBatch()
    feedback.add(retry.on_customer_not_found(refusal, destination(on_absent=on_absent)))
    assert feedback == FeedbackBatch(successes=1)


@pytest.mark.parametrize(
    "outcome", [HELD, Outcome(Verdict.HELD, "unknown_destination")], ids=lambda one: one.reason
)
def test_held_without_a_request_says_nothing_either_way(outcome):
    feedback = FeedbackBatch()
    feedback.add(outcome)
    assert feedback == FeedbackBatch(no_request=1)


def test_pause_is_told_elsewhere():
    feedback = FeedbackBatch()
    feedback.add(Outcome(Verdict.PAUSED, "credentials", delay_s=60.0, status=401))
    assert feedback == FeedbackBatch()


# What it does to the rate_limit.


def test_trial_ends_with_a_customer_mercately_does_not_know(throttle, redis):
    on_trial(redis, shut_for_s=30)
    feedback = FeedbackBatch()
    feedback.add(retry.on_customer_not_found(None, destination()))

    throttle.observe(feedback)

    assert redis.hgetall(THROTTLE) == {}


def test_failures_with_such_a_customer_between_them_are_not_in_a_row(throttle, redis):
    throttle.state = ""
    for _ in range(12):
        throttle.observe(FeedbackBatch(failures=1))
        throttle.state = "degraded"
        throttle.observe(FeedbackBatch(successes=1))
    assert throttle.half_open_reason() == ""


def test_trial_that_had_nothing_to_send_lets_the_next_one_try(throttle, redis):
    on_trial(redis, shut_for_s=30)

    throttle.observe(FeedbackBatch(no_request=1))

    assert shut_for_s(redis) <= 0
    assert throttle.half_open_reason() == "outage"


def test_nothing_to_send_does_not_open_what_has_just_been_shut(throttle, redis):
    """It was under way before, and was no trial."""
    till = time.time() + 60
    redis.hset(THROTTLE, mapping={"half_open": "outage", "open_until": till, "opened_until": till})

    throttle.observe(FeedbackBatch(no_request=1))

    assert open_until(redis) == pytest.approx(till, abs=1e-3)


def test_nothing_to_send_beside_a_failure_opens_nothing(throttle, redis, began_at):
    on_trial(redis, shut_for_s=30)

    throttle.observe(FeedbackBatch(failures=1, no_request=1))

    assert open_until(redis) >= began_at + 10  # twice as long as the first time


# What is claimed under it.


@pytest.fixture
def take(redis):
    """How a worker takes jobs, of which the first few are gone."""
    redis.rpush(f"rq:queue:{QUEUE}", "gone-1", "gone-2", "good", "next")
    for name in ("good", "next"):
        redis.hset(job_key(name), "data", "x")
    claims = Claims(redis, "worker-1", "")

    def claim(rate_per_s=1000.0):
        group = QueueGroup((QUEUE,), 8, RateLimit(THROTTLE, rate_per_s, 0))
        return [one.job_id for one in claims.claim([group], 8, fair=True).jobs]

    return claim


def test_job_that_is_gone_is_no_trial(redis, take, began_at):
    on_trial(redis)

    assert [take(), take()] == [["good"], []]

    assert open_until(redis) >= began_at + 30  # the good one tries for all


def test_job_that_is_gone_costs_no_token(redis, take):
    """At four a second one may go at once."""
    assert take(4.0) == ["good"]
    redis.hset(THROTTLE, "at", time.time() + 3600)  # by a clock that is ahead: refills nothing
    assert take(4.0) == []


# All of it together.


# So long that a test does not outlast it: who has to wait for it delivers nothing.
PROBE_INTERVAL_S = 10 * LONG_S


@pytest.fixture
def work(environment, settings, monkeypatch):
    """A worker in a thread of its own; the results of its claims are appended to `results`."""
    for module in (claims, throttles):
        monkeypatch.setattr(module, "PROBE_INTERVAL_S", PROBE_INTERVAL_S)

    def made(results=None):
        worker = make_worker(settings)
        claim = worker.claims.claim

        def noted(*args, **options):
            result = claim(*args, **options)
            if results is not None:
                results.append(result)
            return result

        monkeypatch.setattr(worker.claims, "claim", noted)
        return at_work(worker)

    return made


def settled(harness, record_id):
    outcome = Outcome(Verdict.DEAD, "refused")
    assert harness.ledger.record_attempts(
        [Attempt(harness.record(record_id), outcome, took_s=0)]
    ) == [True]


def record_gone(harness, record_id):
    harness.redis.delete(record_key(record_id))


IDLE = [settled, record_gone]


@pytest.mark.slow
@pytest.mark.parametrize("idle", IDLE, ids=[one.__name__ for one in IDLE])
def test_next_one_tries_at_once_where_the_first_had_nothing_to_send(
    harness, redis, standin, work, idle
):
    first, second, good = harness.keep(*apart("1", "2", "3", standin=standin))
    idle(harness, first)
    idle(harness, second)
    on_trial(redis)
    with work():
        assert eventually(lambda: harness.record(good).state is State.DELIVERED)
    assert [event.body["notes"] for event in standin.events] == ["3"]
    assert redis.hget(THROTTLE, "half_open") is None


@pytest.mark.slow
def test_next_one_tries_at_once_where_the_first_may_not_be_sent_again(
    harness, redis, standin, work, settings
):
    """A worker died with it, and this destination wants no event twice."""
    text = settings.config_file.read_text()
    held = text.replace('rate = "1000/s"', 'rate = "1000/s"\non_ambiguous = "hold"')
    settings.config_file.write_text(held)
    first, good = harness.keep(*apart("1", "2", standin=standin))
    redis.hset(job_key(first), "redelivery_count", 1)
    on_trial(redis)
    with work():
        assert eventually(lambda: harness.record(good).state is State.DELIVERED)
    assert harness.record(first).reason == "worker_died"


@pytest.mark.slow
def test_customers_mercately_does_not_know_keep_nobody_waiting(harness, redis, standin, work):
    strangers = harness.keep(*apart("1", "2", "3"))
    (good,) = harness.keep(*apart("4", standin=standin))
    on_trial(redis)
    with work():
        assert eventually(lambda: harness.record(good).state is State.DELIVERED)
    assert {harness.record(one).reason for one in strangers} == {"customer_absent"}


@pytest.mark.slow
def test_probe_that_finds_the_key_still_bad_is_a_probe(harness, redis, standin, work, began_at):
    """Nobody else tries for as long as it would have taken."""
    standin.api_key = "another"
    ids = harness.keep(*(call(str(n), customer=Customer(customer_id=f"c{n}")) for n in range(5)))
    on_trial(redis, CREDENTIALS)
    results = []
    with work(results) as thread:
        assert eventually(lambda: harness.record(ids[0]).reason == "credentials")
        assert open_until(redis) >= began_at + PROBE_INTERVAL_S
        assert eventually(lambda: results[-1].open_for_s)  # it has looked again, and must wait
        assert thread.is_alive()
    assert [harness.record(one).reason for one in ids[1:]] == [""] * 4
