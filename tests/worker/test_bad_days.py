"""A Mercately that is somebody else, has moved, or refuses a probe; customers who come later."""

import json
import time

import pytest

from relay.model import Customer, State
from relay.store.keys import state_key
from tests.worker.factories import Harness, call
from tests.worker.http_stub import HttpStub, answer
from worker import sweep
from worker.throttle import PAUSED_BY_HAND

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


@pytest.mark.parametrize(("days", "is_tried"), [(0.9, False), (1.1, True)])
def test_an_absent_customer_is_looked_up_again_the_next_day(harness, redis, days, is_tried):
    stranger = Customer(phone="+593999777777")
    (record_id,) = harness.accept(call(customer=stranger)).ids
    harness.deliver(record_id)
    assert harness.record(record_id).reason == "customer_absent"
    redis.zadd(state_key("held"), {record_id: time.time() - days * 86400})

    assert sweep.retry_absent(harness.ledger, harness.intake) == is_tried
    expected = State.ACCEPTED if is_tried else State.HELD
    assert harness.record(record_id).state is expected


def test_an_absent_customer_is_not_looked_up_for_ever(harness, redis):
    (record_id,) = harness.accept(call(customer=Customer(phone="+593999777777"))).ids
    harness.deliver(record_id)
    redis.zadd(state_key("held"), {record_id: time.time() - 86400 * 2})
    harness.ledger.held_keep_s = 0

    assert sweep.retry_absent(harness.ledger, harness.intake) == 0
    assert harness.record(record_id).state is State.DISCARDED
