"""One tries for all: who had nothing to send wastes no trial, and every answer is an answer."""

import time

import pytest

from relay.model import Customer, Outcome, State, Verdict
from relay.store.keys import record_key
from relay.store.ledger import Attempt
from tests.worker.concurrent.crew import at_work, eventually
from tests.worker.depot import apart, call, destination, job_key
from worker import retry
from worker.__main__ import make_worker
from worker.concurrent import Group, Valve
from worker.concurrent.claims import Claims
from worker.gate import CREDENTIALS, Gate, Heard
from worker.reply import Reply

VALVE = "relay:valve:principal"
QUEUE = "mercately.principal.a"
HELD = Outcome(Verdict.HELD, "worker_died", ambiguous=True)


def on_trial(redis, word="outage", shut_for_s=-1.0):
    """As after ten failures in a row, when the time has come to try again."""
    shut, tripped = time.time() + shut_for_s, time.time() - 30
    redis.hset(
        VALVE, mapping={"trial": word, "shut": shut, "tripped": tripped, "failures": 10, "trips": 1}
    )


def shut_for_s(redis) -> float:
    return float(redis.hget(VALVE, "shut")) - time.time()


@pytest.fixture
def gate(redis):
    made = Gate(redis, destination())
    made.state = "outage"
    return made


# What an outcome says of the destination.

REFUSAL = Reply(422, "no", is_html=False)


@pytest.mark.parametrize("on_absent", ["hold", "drop"])
@pytest.mark.parametrize("refusal", [None, Reply(404, "", is_html=False), REFUSAL])
def test_customer_mercately_does_not_know_is_an_answer_of_mercately_s(on_absent, refusal):
    heard = Heard()
    heard.add(retry.after_absence(refusal, destination(on_absent=on_absent)))
    assert heard == Heard(good=1)


@pytest.mark.parametrize(
    "outcome", [HELD, Outcome(Verdict.HELD, "unknown_destination")], ids=lambda one: one.reason
)
def test_held_without_a_request_says_nothing_either_way(outcome):
    heard = Heard()
    heard.add(outcome)
    assert heard == Heard(void=1)


def test_pause_is_told_elsewhere():
    heard = Heard()
    heard.add(Outcome(Verdict.PAUSED, "credentials", delay_s=60.0, status=401))
    assert heard == Heard()


# What it does to the valve.


def test_trial_ends_with_a_customer_mercately_does_not_know(gate, redis):
    on_trial(redis, shut_for_s=30)
    heard = Heard()
    heard.add(retry.after_absence(None, destination()))

    gate.hear(heard)

    assert redis.hgetall(VALVE) == {}


def test_failures_with_such_a_customer_between_them_are_not_in_a_row(gate, redis):
    gate.state = ""
    for _ in range(12):
        gate.hear(Heard(bad=1))
        gate.state = "uneasy"
        gate.hear(Heard(good=1))
    assert gate.paused() == ""


def test_trial_that_had_nothing_to_send_lets_the_next_one_try(gate, redis):
    on_trial(redis, shut_for_s=30)

    gate.hear(Heard(void=1))

    assert shut_for_s(redis) <= 0
    assert gate.paused() == "outage"


def test_nothing_to_send_does_not_open_what_has_just_been_shut(gate, redis):
    """It was under way before, and was no trial."""
    till = time.time() + 5
    redis.hset(VALVE, mapping={"trial": "outage", "shut": till, "tripped": till})

    gate.hear(Heard(void=1))

    assert shut_for_s(redis) > 4


def test_nothing_to_send_beside_a_failure_opens_nothing(gate, redis):
    on_trial(redis, shut_for_s=30)

    gate.hear(Heard(bad=1, void=1))

    assert shut_for_s(redis) > 4


# What is claimed under it.


@pytest.fixture
def take(redis):
    """How a worker takes jobs, of which the first few are gone."""
    redis.rpush(f"rq:queue:{QUEUE}", "gone-1", "gone-2", "good", "next")
    for name in ("good", "next"):
        redis.hset(job_key(name), "data", "x")
    claims = Claims(redis, "anna", "")

    def claim(rate_per_s=1000.0):
        group = Group((QUEUE,), 8, Valve(VALVE, rate_per_s, 0))
        return [one.job_id for one in claims.claim([group], 8, fair=True).taken]

    return claim


def test_job_that_is_gone_is_no_trial(redis, take):
    on_trial(redis)

    assert [take(), take()] == [["good"], []]

    assert shut_for_s(redis) > 25  # the good one tries for all


def test_job_that_is_gone_costs_no_token(redis, take):
    """At four a second one may go at once."""
    assert [take(4.0), take(4.0)] == [["good"], []]


# All of it together.


@pytest.fixture
def work(environment, settings):
    """A worker in a thread of its own."""
    return lambda: at_work(make_worker(settings))


def settled(depot, record_id):
    outcome = Outcome(Verdict.DEAD, "refused")
    assert depot.ledger.record_attempts([Attempt(depot.record(record_id), outcome, took_s=0)]) == [
        True
    ]


def record_gone(depot, record_id):
    depot.redis.delete(record_key(record_id))


IDLE = [settled, record_gone]


@pytest.mark.parametrize("idle", IDLE, ids=[one.__name__ for one in IDLE])
def test_next_one_tries_at_once_where_the_first_had_nothing_to_send(
    depot, redis, standin, work, idle
):
    first, second, good = depot.keep(*apart("1", "2", "3", standin=standin))
    idle(depot, first)
    idle(depot, second)
    on_trial(redis)
    with work():
        assert eventually(lambda: depot.record(good).state is State.DELIVERED, within_s=4)
    assert [event.body["notes"] for event in standin.events] == ["3"]
    assert redis.hget(VALVE, "trial") is None


def test_next_one_tries_at_once_where_the_first_may_not_be_sent_again(
    depot, redis, standin, work, settings
):
    """A worker died with it, and this destination wants no event twice."""
    text = settings.config_file.read_text()
    held = text.replace('rate = "1000/s"', 'rate = "1000/s"\non_ambiguous = "hold"')
    settings.config_file.write_text(held)
    first, good = depot.keep(*apart("1", "2", standin=standin))
    redis.hset(job_key(first), "takeovers", 1)
    on_trial(redis)
    with work():
        assert eventually(lambda: depot.record(good).state is State.DELIVERED, within_s=4)
    assert depot.record(first).reason == "worker_died"


def test_customers_mercately_does_not_know_keep_nobody_waiting(depot, redis, standin, work):
    strangers = depot.keep(*apart("1", "2", "3"))
    (good,) = depot.keep(*apart("4", standin=standin))
    on_trial(redis)
    with work():
        assert eventually(lambda: depot.record(good).state is State.DELIVERED, within_s=4)
    assert {depot.record(one).reason for one in strangers} == {"customer_absent"}


def test_probe_that_finds_the_key_still_bad_is_a_probe(depot, redis, standin, work):
    """Nobody else tries for as long as it would have taken."""
    standin.api_key = "another"
    ids = depot.keep(*(call(str(n), customer=Customer(customer_id=f"c{n}")) for n in range(5)))
    on_trial(redis, CREDENTIALS)
    with work() as thread:
        assert eventually(lambda: depot.record(ids[0]).reason == "credentials")
        assert shut_for_s(redis) > 25
        time.sleep(0.5)
        assert thread.is_alive()
    assert [depot.record(one).reason for one in ids[1:]] == [""] * 4
