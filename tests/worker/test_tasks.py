"""The worker's story: one record, one attempt, one outcome, written down."""

import json
import time
from types import SimpleNamespace

import pytest
from rq import Retry

from relay.devtools.standin import API
from relay.model import Customer, Held, State
from relay.store.keys import record_key
from tests.worker.factories import ANA, ANA_ID, BODY, Harness, call
from tests.worker.http_stub import HttpStub, answer
from worker import tasks
from worker.attempt import attempt_delivery

EVA = Customer(phone="+593999000009", email="eva@example.com", first_name="Eva")
FOUND = answer(200, b'{"customer": {"id": "c7"}}')
ABSENT = answer(404, b'{"message": "Customer not found"}')
SCHEDULE_S = (5, 300, 1800, 7200, 18000, 36000, 36000)


def interval_s(result) -> int:
    assert isinstance(result, Retry)
    (seconds,) = result.intervals
    return seconds


def told(harness: Harness, record_id: str, *names: str) -> list[tuple]:
    """The columns of the attempt log."""
    return [tuple(row[name] for name in names) for row in harness.ledger.attempts(record_id)]


# Delivered.


def test_event_arrives_as_it_was_mapped(harness, standin):
    record_id = harness.keep_one()

    assert harness.deliver(record_id) == "delivered"

    (event,) = standin.events
    assert event.customer_id == ANA_ID
    assert event.body == BODY
    assert event.raw == json.dumps(BODY, ensure_ascii=False).encode()
    assert event.path == f"{API}/customers/{ANA_ID}/events"
    record = harness.record(record_id)
    assert (record.state, record.attempts) == (State.DELIVERED, 1)
    assert record.settled_at > record.accepted_at
    names = ("attempt", "outcome", "status", "ambiguous")
    assert told(harness, record_id, *names) == [(1, "delivered", 200, False)]


@pytest.mark.parametrize("fault", ["empty_200", "not_json_200"])
def test_success_needs_no_readable_body(harness, standin, fault):
    standin.fail(fault)
    record_id = harness.keep_one()

    harness.deliver(record_id)

    assert harness.record(record_id).state is State.DELIVERED


def test_every_request_has_its_place_in_the_pace(open_harness, monkeypatch):
    """Three look-ups of one customer are three calls to Mercately: the next event waits for all."""
    with HttpStub(ABSENT) as stub:
        harness = open_harness(server=stub.url, rate_per_s=10.0)
        first, second = harness.keep("order-1", "order-2")
        harness.deliver(first)
        # Written by a clock that is ahead: the bucket refills nothing in the meantime.
        harness.redis.hset("relay:throttle:principal", "at", time.time() + 3600)
        waits_s: list[float] = []
        monkeypatch.setattr(tasks, "time", SimpleNamespace(sleep=waits_s.append))
        harness.deliver(second)

    assert len(stub.requests) == 6
    # Of a quarter of a second's tokens the event took one and its look-ups three.
    left = 10 / 4 - (1 + 3)
    assert waits_s == [pytest.approx((1 - left) / 10)]


def test_events_are_delivered_in_the_order_they_are_run(harness, standin):
    ids = harness.keep(*(call(f"order-{n}", body={"notes": str(n)}) for n in range(5)))
    for record_id in ids:
        harness.deliver(record_id)

    assert [event.body["notes"] for event in standin.events] == ["0", "1", "2", "3", "4"]


# Tried again.


@pytest.mark.slow
def test_failed_attempts_are_scheduled_and_logged(harness, standin):
    standin.fail("unavailable_503", times=1)
    standin.fail("too_many_429_retry_after", times=1)
    standin.retry_after_s = 400
    record_id = harness.keep_one()

    assert 4 <= interval_s(harness.deliver(record_id)) <= 6
    assert harness.record(record_id).state is State.RETRYING
    assert interval_s(harness.deliver(record_id)) == 400
    harness.redis.hset("relay:throttle:principal", "open_until", 1)  # as if that were over
    assert harness.record(record_id).reason == "too_many_requests"
    assert harness.deliver(record_id) == "delivered"

    assert told(harness, record_id, "attempt", "outcome", "reason", "status") == [
        (1, "retry", "server_error", 503),
        (2, "retry", "too_many_requests", 429),
        (3, "delivered", "delivered", 200),
    ]
    assert len(standin.events) == 1


def test_record_is_dead_after_the_schedule_with_the_answer_kept(harness, standin):
    standin.fail("poison_500")
    record_id = harness.keep_one()

    for delay_s in SCHEDULE_S:
        assert 0.8 * delay_s <= interval_s(harness.deliver(record_id)) <= 1.2 * delay_s + 1
    assert harness.deliver(record_id) == "dead: server_error"

    record = harness.record(record_id)
    assert (record.state, record.attempts) == (State.DEAD, 8)
    assert "undefined method" in record.answer
    assert told(harness, record_id, "attempt", "outcome") == [
        *((attempt, "retry") for attempt in range(1, 8)),
        (8, "dead"),
    ]


def test_rq_is_never_the_one_to_give_up(harness, standin):
    standin.fail("unavailable_503")

    assert harness.deliver(harness.keep_one()).max >= 1_000_000


@pytest.mark.parametrize("fault, status", [("validation_302", 302), ("validation_422", 422)])
def test_refused_event_is_dead_at_once(harness, standin, fault, status):
    standin.fail(fault)
    record_id = harness.keep_one()

    assert harness.deliver(record_id) == "dead: validation"

    record = harness.record(record_id)
    assert record.state is State.DEAD
    assert "has already been taken" in record.answer
    assert told(harness, record_id, "attempt", "status") == [(1, status)]


def test_failed_look_up_counts_like_a_failed_event(harness, standin):
    standin.fail("unavailable_503", times=1, on="customers")
    record_id = harness.keep_one()

    assert 4 <= interval_s(harness.deliver(record_id)) <= 6
    assert harness.deliver(record_id) == "delivered"
    assert told(harness, record_id, "attempt", "status") == [(1, 503), (2, 200)]


@pytest.mark.parametrize(
    "said",
    [
        answer(204, b""),
        answer(203, b"{}"),
        answer(200, b"<html>Maintenance", Content_Type="text/html"),
        answer(200, b""),
    ],
    ids=["204", "203", "page", "empty"],
)
def test_success_of_a_look_up_is_not_the_event_s(open_harness, said):
    """Nothing was posted, so nothing is delivered, and nobody is known to be absent."""
    with HttpStub(said) as stub:
        harness = open_harness(server=stub.url, on_absent="drop")
        record_id = harness.keep_one()
        harness.deliver(record_id)

    assert {request.method for request in stub.requests} == {"GET"}
    assert harness.record(record_id).state is State.RETRYING


# Nobody there.


def test_cached_id_that_is_gone_is_looked_up_again_once(harness, standin):
    first, second = harness.keep("order-1", "order-2")
    harness.deliver(first)
    standin.customers.clear()
    again = standin.add_customer(phone=ANA.phone)

    assert harness.deliver(second) == "delivered"

    assert [event.customer_id for event in standin.events] == [ANA_ID, again]
    assert told(harness, second, "attempt", "outcome") == [(1, "delivered")]


def test_cached_id_that_is_gone_for_good_is_held(harness, standin):
    first, second = harness.keep("order-1", "order-2")
    harness.deliver(first)
    standin.customers.clear()

    assert harness.deliver(second) == "held: customer_absent"
    assert harness.record(second).state is State.HELD


def test_cached_id_that_is_found_again_and_not_taken_is_held(open_harness):
    with HttpStub(FOUND, answer(), ABSENT, FOUND, ABSENT) as stub:
        harness = open_harness(server=stub.url)
        first, second = harness.keep("order-1", "order-2")
        harness.deliver(first)
        assert harness.deliver(second) == "held: customer_absent"

    assert [request.method for request in stub.requests] == ["GET", "POST", "POST", "GET", "POST"]


def test_id_found_and_not_taken_is_held_without_going_round(open_harness):
    with HttpStub(FOUND, ABSENT) as stub:
        harness = open_harness(server=stub.url)
        record_id = harness.keep_one()
        assert harness.deliver(record_id) == "held: customer_absent"

    assert [request.method for request in stub.requests] == ["GET", "POST"]
    assert told(harness, record_id, "status") == [(404,)]


@pytest.mark.parametrize("policy", ["hold", "create"])
def test_given_id_that_is_not_there_is_held(open_harness, policy):
    harness = open_harness(on_absent=policy)
    record_id = harness.keep_one(call(customer=Customer(customer_id="c-nobody")))

    assert harness.deliver(record_id) == "held: customer_absent"
    assert harness.record(record_id).state is State.HELD


@pytest.mark.parametrize(
    "policy, result, state",
    [
        ("hold", "held: customer_absent", State.HELD),
        ("drop", "discarded: customer_absent", State.DISCARDED),
        ("create", "delivered", State.DELIVERED),
    ],
)
def test_absent_customer_is_treated_as_the_destination_says(
    open_harness, standin, policy, result, state
):
    harness = open_harness(on_absent=policy)
    known = len(standin.customers)
    record_id = harness.keep_one(call(customer=EVA))

    assert harness.deliver(record_id) == result

    assert harness.record(record_id).state is state
    assert len(standin.customers) - known == len(standin.events) == (policy == "create")


def test_refused_creation_is_held_with_its_answer(open_harness, standin):
    harness = open_harness(on_absent="create")
    standin.fail("not_found_404", times=3, on="customers")  # two spellings and the e-mail
    standin.fail("validation_422", times=1, on="customers")  # the creation
    standin.fail("not_found_404", times=3, on="customers")  # and nobody else has made her
    record_id = harness.keep_one()

    assert harness.deliver(record_id) == "held: customer_refused"
    assert "errors" in harness.record(record_id).answer


def test_customer_whom_another_worker_has_just_made_is_found(open_harness, standin):
    harness = open_harness(on_absent="create")
    standin.fail("not_found_404", times=3, on="customers")
    record_id = harness.keep_one()  # her phone is taken, so she cannot be made

    assert harness.deliver(record_id) == "delivered"


def test_destination_that_is_no_longer_configured_is_held(harness, redis):
    record_id = harness.keep_one()
    text = redis.hget(record_key(record_id), "route").replace(b"principal", b"gone")
    redis.hset(record_key(record_id), "route", text)

    assert harness.deliver(record_id) == "held: unknown_destination"


# Nothing to do.


def test_absent_record_is_no_error(harness):
    assert harness.deliver("01JABSENT") == "absent"


@pytest.mark.parametrize(
    "state", [State.DELIVERED, State.HELD, State.DEAD, State.DISCARDED], ids=lambda state: state
)
def test_settled_record_is_left_alone(harness, standin, redis, state):
    record_id = harness.keep_one()
    redis.hset(record_key(record_id), "state", state)

    assert harness.deliver(record_id) == f"already {state}"
    assert standin.events == []
    assert harness.ledger.attempts(record_id) == []


def test_held_delivery_has_nothing_to_send(harness, standin):
    record_id = harness.keep_one(Held("orders/create", "k", "unreadable", {}, b"{"))

    assert harness.deliver(record_id) == "already held"


def test_delivered_record_is_not_sent_twice(harness, standin):
    record_id = harness.keep_one()
    harness.deliver(record_id)

    assert harness.deliver(record_id) == "already delivered"
    assert len(standin.events) == 1


def test_attempt_that_another_has_overtaken_changes_nothing(harness, open_harness, standin):
    """A worker that was frozen in the middle: what has happened since counts."""
    record_id = harness.keep_one()
    (late,) = harness.service.read_tasks([record_id])
    standin.fail("unavailable_503", times=1)
    open_harness().deliver(record_id)

    standin.fail("validation_422", times=1)
    attempt_delivery(late)
    harness.service.record_attempts([late])

    assert harness.record(record_id).state is State.RETRYING
    assert told(harness, record_id, "outcome") == [("retry",), ("dead",)]


def test_delivery_counts_however_late_it_is_told(harness, open_harness, standin):
    record_id = harness.keep_one()
    (late,) = harness.service.read_tasks([record_id])
    standin.fail("validation_422", times=1)
    open_harness().deliver(record_id)
    assert harness.record(record_id).state is State.DEAD

    attempt_delivery(late)
    harness.service.record_attempts([late])

    assert harness.record(record_id).state is State.DELIVERED
    assert list(harness.ledger.ids([State.DEAD])) == []


@pytest.mark.parametrize(
    ("wish", "result"), [("hold", "held: worker_died"), ("retry", "delivered")]
)
def test_event_a_worker_died_with_is_ambiguous(open_harness, standin, wish, result):
    harness = open_harness(on_ambiguous=wish)
    record_id = harness.keep_one()
    (task,) = harness.service.read_tasks([record_id])
    task.redelivery_count = 1

    outcome = attempt_delivery(task)
    harness.service.record_attempts([task])

    assert tasks.rq_result(outcome) == result
    assert told(harness, record_id, "redelivery_count", "ambiguous") == [(1, wish == "hold")]
    assert len(standin.events) == (wish == "retry")
