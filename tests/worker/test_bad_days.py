"""A Mercately that is somebody else, has moved, or refuses a probe; customers who come later."""

import json
import time

import pytest

from relay.model import Customer, Outcome, State, Verdict
from relay.store.keys import record_key, state_key
from relay.store.ledger import Attempt
from tests.waiting import eventually
from tests.worker.concurrent.workers import at_work
from tests.worker.factories import Harness, apart, call
from tests.worker.http_stub import HttpStub, answer, hang_up
from worker import sweep
from worker.attempt import DeliveryTask, attempt_delivery
from worker.concurrent import PROBE_INTERVAL_S
from worker.process import make_worker
from worker.throttle import PAUSED_BY_HAND, FeedbackBatch

THROTTLE = "relay:throttle:principal"
OK = answer(200, b'{"messages": "Customer event created successfully"}')
FOUND = answer(200, b'{"customer": {"id": "c7"}}')
AGENTS = answer(200, b'{"agents": []}')


def let_probe(harness: Harness) -> None:
    """As if the time until the next probe had passed."""
    harness.redis.hset(THROTTLE, "open_until", 0)


def test_an_event_of_another_person_is_held_and_not_written(open_harness):
    other = json.dumps({"customer": {"id": "c9", "phone": "+593988888888"}}).encode()
    with HttpStub(answer(200, other)) as stub:
        harness = open_harness(server=stub.url)
        record_id = harness.keep_one()
        harness.deliver(record_id)

    record = harness.record(record_id)
    assert (record.state, record.reason) == (State.HELD, "customer_mismatch")
    assert all(request.method == "GET" for request in stub.requests)


def test_a_page_with_200_is_tried_again_and_no_success_of_the_breaker(open_harness):
    page = answer(200, b"<html>Sitio en mantenimiento</html>", Content_Type="text/html")
    with HttpStub(FOUND, page) as stub:
        harness = open_harness(server=stub.url)
        record_id = harness.keep_one()
        harness.deliver(record_id)

        assert harness.record(record_id).reason == "blocked"
        assert harness.redis.hget(THROTTLE, "failures") == b"1"


def test_a_server_that_has_moved_stops_all_and_goes_on_when_it_is_back(open_harness):
    with HttpStub(FOUND, answer(301, Location="https://elsewhere.example/")) as stub:
        harness = open_harness(server=stub.url)
        record_id = harness.keep_one()
        harness.deliver(record_id)

        record = harness.record(record_id)
        assert (record.state, record.attempts) == (State.ACCEPTED, 0)
        assert harness.target.throttle.half_open_reason() == "redirected"
        stub.answers(AGENTS, OK)
        let_probe(harness)
        harness.deliver(record_id)

    assert harness.record(record_id).state is State.DELIVERED
    assert harness.target.throttle.half_open_reason() == ""


@pytest.mark.parametrize("probe", [AGENTS, answer(403), answer(401)], ids=["200", "403", "401"])
def test_an_event_that_alone_is_sent_elsewhere_stops_no_other(open_harness, probe):
    with HttpStub(FOUND, answer(301, Location="https://elsewhere.example/"), probe) as stub:
        harness = open_harness(server=stub.url)
        record_id = harness.keep_one()
        harness.deliver(record_id)

    record = harness.record(record_id)
    assert (record.state, record.reason, record.attempts) == (State.RETRYING, "redirected", 1)
    assert harness.target.throttle.half_open_reason() == ""
    assert harness.redis.hget(THROTTLE, "failures") == b"1"


def test_a_key_that_may_not_be_probed_is_tried_with_an_event(open_harness, redis):
    with HttpStub(FOUND, answer(401), answer(403)) as stub:
        harness = open_harness(server=stub.url)
        record_id = harness.keep_one()
        harness.deliver(record_id)
        assert harness.target.throttle.half_open_reason() == "credentials"

        stub.answers(answer(403), answer(401), answer(403))
        let_probe(harness)
        harness.deliver(record_id)  # one event goes out, and is refused once more
        posts = [request for request in stub.requests if request.method == "POST"]
        assert len(posts) == 2
        let_probe(harness)
        harness.deliver(record_id)  # and none for five minutes
        posts = [request for request in stub.requests if request.method == "POST"]
        assert len(posts) == 2

        redis.delete(f"{THROTTLE}:tried")
        stub.answers(answer(403), OK)
        let_probe(harness)
        harness.deliver(record_id)

    assert harness.record(record_id).state is State.DELIVERED
    assert harness.target.throttle.half_open_reason() == ""


def test_one_bad_event_does_not_pause_a_key_that_may_not_be_probed(open_harness):
    with HttpStub(FOUND, answer(400), answer(403)) as stub:
        harness = open_harness(server=stub.url)
        record_id = harness.keep_one()
        harness.deliver(record_id)

    assert harness.record(record_id).state is State.DEAD
    assert harness.target.throttle.half_open_reason() == ""


def test_what_a_person_has_paused_no_probe_resumes(open_harness):
    with HttpStub(AGENTS) as stub:
        harness = open_harness(server=stub.url)
        harness.target.throttle.pause(PAUSED_BY_HAND)
        record_id = harness.keep_one()
        harness.deliver(record_id)
        assert stub.requests == []
        harness.target.throttle.resume()
        stub.answers(FOUND, OK)
        harness.deliver(record_id)

    assert harness.record(record_id).state is State.DELIVERED


def test_a_person_is_not_overruled_by_what_was_under_way(open_harness):
    """A probe, an event, and a refusal that was still awaited when they paused it."""
    with HttpStub(FOUND, answer(401), answer(401)) as stub:
        harness = open_harness(server=stub.url)
        record_id = harness.keep_one()
        throttle = harness.target.throttle
        throttle.pause(PAUSED_BY_HAND)
        throttle.state = ""  # as at this worker's last claim
        task = DeliveryTask(harness.record(record_id), harness.target)
        assert attempt_delivery(task).reason == "credentials"
        assert throttle.half_open_reason() == PAUSED_BY_HAND

        throttle.state = "credentials"
        stub.answers(AGENTS, OK)
        assert attempt_delivery(task).verdict is Verdict.PAUSED
        assert throttle.half_open_reason() == PAUSED_BY_HAND

        throttle.observe(FeedbackBatch(successes=1, no_request=1))
        throttle.observe(FeedbackBatch(no_request=1))
        assert throttle.half_open_reason() == PAUSED_BY_HAND
        assert float(harness.redis.hget(THROTTLE, "open_until")) > time.time()


PAUSES = pytest.mark.parametrize("reason", ["credentials", "redirected"])
SILENT = [
    answer(403),
    answer(403, b"<html>", Content_Type="text/html"),
    answer(404),
    answer(405),
    answer(302),
]


def posts(stub: HttpStub) -> int:
    return sum(request.method == "POST" for request in stub.requests)


@PAUSES
@pytest.mark.parametrize("probe", SILENT, ids=["403", "page", "404", "405", "302"])
def test_where_a_probe_says_nothing_an_event_finds_out(open_harness, reason, probe):
    with HttpStub(probe, FOUND, OK) as stub:
        harness = open_harness(server=stub.url)
        record_id = harness.keep_one()
        harness.target.throttle.pause(reason)
        let_probe(harness)
        harness.deliver(record_id)

    assert harness.record(record_id).state is State.DELIVERED
    assert harness.target.throttle.half_open_reason() == ""


@pytest.mark.parametrize(
    "event",
    [answer(422, b'{"errors": []}'), answer(302, b'{"errors": []}'), answer(404)],
    ids=["422", "302", "404"],
)
def test_an_event_that_is_refused_for_what_it_says_shows_that_the_key_works(open_harness, event):
    with HttpStub(answer(403), FOUND, event) as stub:
        harness = open_harness(server=stub.url)
        harness.target.throttle.pause()
        let_probe(harness)
        harness.deliver(harness.keep_one())

    assert harness.target.throttle.half_open_reason() == ""


@PAUSES
@pytest.mark.parametrize(
    "probe",
    [answer(429), answer(503), answer(301, Location="https://x.example/"), hang_up,
     answer(200, b"<html>", Content_Type="text/html")],
    ids=["429", "503", "301", "closed", "page"],
)  # fmt: skip
def test_what_is_away_is_sent_nothing(open_harness, reason, probe):
    with HttpStub(probe) as stub:
        harness = open_harness(server=stub.url)
        record_id = harness.keep_one()
        harness.target.throttle.pause(reason)
        for _ in range(3):
            let_probe(harness)
            harness.deliver(record_id)
        assert posts(stub) == 0

    assert harness.record(record_id).attempts == 0
    assert harness.target.throttle.half_open_reason() == reason


def test_a_server_that_is_back_and_refuses_the_key_is_paused_for_that(open_harness):
    with HttpStub(answer(401)) as stub:
        harness = open_harness(server=stub.url)
        harness.target.throttle.pause("redirected")
        let_probe(harness)
        harness.deliver(harness.keep_one())

    assert harness.target.throttle.half_open_reason() == "credentials"


def test_answers_of_another_shape_are_no_success_of_the_breaker(open_harness):
    with HttpStub(answer(200, b'{"status": "degraded"}')) as stub:
        harness = open_harness(server=stub.url)
        record_id = harness.keep_one()
        harness.deliver(record_id)

    assert harness.record(record_id).reason == "unexpected_answer"
    assert harness.redis.hget(THROTTLE, "failures") == b"1"


@pytest.mark.slow
def test_what_a_person_resumes_goes_out_at_once(harness, standin, environment, settings):
    """Though its workers know that nothing may go out for a while."""
    harness.target.throttle.pause(PAUSED_BY_HAND)
    (record_id,) = harness.keep(*apart("1", standin=standin))
    worker = make_worker(settings)
    with at_work(worker):
        time.sleep(2)
        assert harness.record(record_id).state is State.ACCEPTED
        harness.target.throttle.resume()
        resumed_at = time.monotonic()
        assert eventually(lambda: harness.record(record_id).state is State.DELIVERED)
    assert time.monotonic() - resumed_at < PROBE_INTERVAL_S / 2


DAY_S = 86400
STRANGER = Customer(phone="+593999777777")


def held_for_days(harness: Harness, record_id: str, held: float, tried: float = 0) -> None:
    """As if a record had been held so many days ago, and tried then or later."""
    now = time.time()
    harness.redis.zadd(state_key("held"), {record_id: now - held * DAY_S})
    harness.redis.hset(record_key(record_id), "settled_at", now - (tried or held) * DAY_S)


@pytest.mark.parametrize(
    ("held", "tried", "is_tried"),
    [(0.9, 0, False), (1.1, 0, True), (9, 0.9, False), (9, 1.1, True)],
)
def test_an_absent_customer_is_looked_up_again_the_next_day(harness, held, tried, is_tried):
    (record_id,) = harness.accept(call(customer=STRANGER)).ids
    harness.deliver(record_id)
    assert harness.record(record_id).reason == "customer_absent"
    held_for_days(harness, record_id, held, tried)

    assert sweep.retry_absent(harness.ledger, harness.intake) == is_tried
    expected = State.ACCEPTED if is_tried else State.HELD
    assert harness.record(record_id).state is expected


def test_an_event_is_delivered_once_its_customer_is_there(harness, standin):
    (record_id,) = harness.accept(call(customer=STRANGER)).ids
    harness.deliver(record_id)
    held_for_days(harness, record_id, 2)
    standin.add_customer(phone=STRANGER.phone)

    assert sweep.retry_absent(harness.ledger, harness.intake) == 1
    harness.deliver(record_id)

    assert harness.record(record_id).state is State.DELIVERED


@pytest.mark.slow
def test_a_worker_does_so_by_itself(harness, standin, environment, settings):
    (record_id,) = harness.accept(call(customer=STRANGER)).ids
    harness.deliver(record_id)
    held_for_days(harness, record_id, 2)
    standin.add_customer(phone=STRANGER.phone)

    with at_work(make_worker(settings)):
        assert eventually(lambda: harness.record(record_id).state is State.DELIVERED)


def test_trying_again_every_day_makes_no_event_wait_longer(harness, redis):
    """It is told of a week before, and discarded after its time."""
    (record_id,) = harness.accept(call(customer=STRANGER)).ids
    harness.deliver(record_id)
    for days in (84, 85):
        held_for_days(harness, record_id, days)
        assert sweep.retry_absent(harness.ledger, harness.intake) == 1
        harness.deliver(record_id)
        assert harness.record(record_id).reason == "customer_absent"
        assert harness.ledger.dropped_within(7 * DAY_S)[0] == 1
        assert sweep.retry_absent(harness.ledger, harness.intake) == 0
    held_for_days(harness, record_id, 90.1, 0.5)

    assert harness.ledger.drop_old() == 1
    record = harness.record(record_id)
    assert (record.state, record.reason) == (State.DISCARDED, "kept_too_long")


def test_what_a_person_replays_begins_to_wait_anew(harness):
    (record_id,) = harness.accept(call(customer=STRANGER)).ids
    harness.deliver(record_id)
    held_for_days(harness, record_id, 84)
    sweep.retry_absent(harness.ledger, harness.intake)
    harness.deliver(record_id)

    harness.intake.replay(harness.record(record_id))
    harness.deliver(record_id)

    assert harness.record(record_id).state is State.HELD
    assert harness.ledger.dropped_within(7 * DAY_S)[0] == 0


def test_many_absent_customers_are_tried_a_few_at_a_time(harness, monkeypatch):
    monkeypatch.setattr(sweep, "_ABSENT_AT_ONCE", 2)
    for record_id in harness.keep(*apart("1", "2", "3")):
        harness.deliver(record_id)
        held_for_days(harness, record_id, 2)

    rounds = [sweep.retry_absent(harness.ledger, harness.intake) for _ in range(3)]

    assert rounds == [2, 1, 0]


@pytest.mark.parametrize("reason", ["customer_refused", "customer_mismatch", "no_customer"])
def test_what_is_held_for_another_reason_waits_for_a_person(harness, redis, reason):
    record_id = harness.keep_one()
    outcome = Outcome(Verdict.HELD, reason)
    harness.ledger.record_attempts([Attempt(harness.record(record_id), outcome, took_s=0)])
    held_for_days(harness, record_id, 2)

    assert sweep.retry_absent(harness.ledger, harness.intake) == 0
