"""The worker's story: one record, one attempt, one outcome, written down."""

import json
import time

import pytest
from rq import Retry

from relay.devtools.standin import API
from relay.model import Customer, Held, State
from relay.store.keys import record_key
from tests.worker.depot import ANA, ANA_ID, BODY, Depot, call
from tests.worker.wire import Wire, answer
from worker import tasks

EVA = Customer(phone="+593999000009", email="eva@example.com", first_name="Eva")
FOUND = answer(200, b'{"customer": {"id": "c7"}}')
ABSENT = answer(404, b'{"message": "Customer not found"}')
SCHEDULE_S = (5, 300, 1800, 7200, 18000, 36000, 36000)


def interval_s(result) -> int:
    assert isinstance(result, Retry)
    (seconds,) = result.intervals
    return seconds


def told(depot: Depot, record_id: str, *names: str) -> list[tuple]:
    """The columns of the attempt log."""
    return [tuple(row[name] for name in names) for row in depot.ledger.attempts(record_id)]


# Delivered.


def test_event_arrives_as_it_was_mapped(depot, standin):
    record_id = depot.keep_one()

    assert depot.deliver(record_id) == "delivered"

    (event,) = standin.events
    assert event.customer_id == ANA_ID
    assert event.body == BODY
    assert event.raw == json.dumps(BODY, ensure_ascii=False).encode()
    assert event.path == f"{API}/customers/{ANA_ID}/events"
    record = depot.record(record_id)
    assert (record.state, record.attempts) == (State.DELIVERED, 1)
    assert record.settled_at > record.accepted_at
    names = ("attempt", "outcome", "status", "ambiguous")
    assert told(depot, record_id, *names) == [(1, "delivered", 200, False)]


@pytest.mark.parametrize("fault", ["empty_200", "not_json_200"])
def test_success_needs_no_readable_body(depot, standin, fault):
    standin.fail(fault)
    record_id = depot.keep_one()

    depot.deliver(record_id)

    assert depot.record(record_id).state is State.DELIVERED


def test_every_request_has_its_place_in_the_pace(open_depot):
    """Three look-ups of one customer are three calls to Mercately: the next event waits for all."""
    with Wire(ABSENT) as wire:
        depot = open_depot(server=wire.url, rate_per_s=10.0)
        first, second = depot.keep("order-1", "order-2")
        depot.deliver(first)
        started = time.monotonic()
        depot.deliver(second)

    assert len(wire.requests) == 6
    assert time.monotonic() - started >= 2 / 10 - 0.02


def test_events_are_delivered_in_the_order_they_are_run(depot, standin):
    ids = depot.keep(*(call(f"order-{n}", body={"notes": str(n)}) for n in range(5)))
    for record_id in ids:
        depot.deliver(record_id)

    assert [event.body["notes"] for event in standin.events] == ["0", "1", "2", "3", "4"]


# Tried again.


def test_failed_attempts_are_scheduled_and_logged(depot, standin):
    standin.fail("unavailable_503", times=1)
    standin.fail("too_many_429_retry_after", times=1)
    standin.retry_after_s = 400
    record_id = depot.keep_one()

    assert 4 <= interval_s(depot.deliver(record_id)) <= 6
    assert depot.record(record_id).state is State.RETRYING
    assert interval_s(depot.deliver(record_id)) == 400
    depot.redis.hset("relay:valve:principal", "shut", 1)  # as if that were over
    assert depot.record(record_id).reason == "too_many_requests"
    assert depot.deliver(record_id) == "delivered"

    assert told(depot, record_id, "attempt", "outcome", "reason", "status") == [
        (1, "retry", "server_error", 503),
        (2, "retry", "too_many_requests", 429),
        (3, "delivered", "delivered", 200),
    ]
    assert len(standin.events) == 1


def test_record_is_dead_after_the_schedule_with_the_answer_kept(depot, standin):
    standin.fail("poison_500")
    record_id = depot.keep_one()

    for delay_s in SCHEDULE_S:
        assert 0.8 * delay_s <= interval_s(depot.deliver(record_id)) <= 1.2 * delay_s + 1
    assert depot.deliver(record_id) == "dead: server_error"

    record = depot.record(record_id)
    assert (record.state, record.attempts) == (State.DEAD, 8)
    assert "undefined method" in record.answer
    assert told(depot, record_id, "attempt", "outcome") == [
        *((attempt, "retry") for attempt in range(1, 8)),
        (8, "dead"),
    ]


def test_rq_is_never_the_one_to_give_up(depot, standin):
    standin.fail("unavailable_503")

    assert depot.deliver(depot.keep_one()).max >= 1_000_000


@pytest.mark.parametrize("fault, status", [("validation_302", 302), ("validation_422", 422)])
def test_refused_event_is_dead_at_once(depot, standin, fault, status):
    standin.fail(fault)
    record_id = depot.keep_one()

    assert depot.deliver(record_id) == "dead: validation"

    record = depot.record(record_id)
    assert record.state is State.DEAD
    assert "has already been taken" in record.answer
    assert told(depot, record_id, "attempt", "status") == [(1, status)]


def test_failed_look_up_counts_like_a_failed_event(depot, standin):
    standin.fail("unavailable_503", times=1, on="customers")
    record_id = depot.keep_one()

    assert 4 <= interval_s(depot.deliver(record_id)) <= 6
    assert depot.deliver(record_id) == "delivered"
    assert told(depot, record_id, "attempt", "status") == [(1, 503), (2, 200)]


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
def test_success_of_a_look_up_is_not_the_event_s(open_depot, said):
    """Nothing was posted, so nothing is delivered, and nobody is known to be absent."""
    with Wire(said) as wire:
        depot = open_depot(server=wire.url, on_absent="drop")
        record_id = depot.keep_one()
        depot.deliver(record_id)

    assert {request.method for request in wire.requests} == {"GET"}
    assert depot.record(record_id).state is State.RETRYING


# Nobody there.


def test_cached_id_that_is_gone_is_looked_up_again_once(depot, standin):
    first, second = depot.keep("order-1", "order-2")
    depot.deliver(first)
    standin.customers.clear()
    again = standin.add_customer(phone=ANA.phone)

    assert depot.deliver(second) == "delivered"

    assert [event.customer_id for event in standin.events] == [ANA_ID, again]
    assert told(depot, second, "attempt", "outcome") == [(1, "delivered")]


def test_cached_id_that_is_gone_for_good_is_held(depot, standin):
    first, second = depot.keep("order-1", "order-2")
    depot.deliver(first)
    standin.customers.clear()

    assert depot.deliver(second) == "held: customer_absent"
    assert depot.record(second).state is State.HELD


def test_cached_id_that_is_found_again_and_not_taken_is_held(open_depot):
    with Wire(FOUND, answer(), ABSENT, FOUND, ABSENT) as wire:
        depot = open_depot(server=wire.url)
        first, second = depot.keep("order-1", "order-2")
        depot.deliver(first)
        assert depot.deliver(second) == "held: customer_absent"

    assert [request.method for request in wire.requests] == ["GET", "POST", "POST", "GET", "POST"]


def test_id_found_and_not_taken_is_held_without_going_round(open_depot):
    with Wire(FOUND, ABSENT) as wire:
        depot = open_depot(server=wire.url)
        record_id = depot.keep_one()
        assert depot.deliver(record_id) == "held: customer_absent"

    assert [request.method for request in wire.requests] == ["GET", "POST"]
    assert told(depot, record_id, "status") == [(404,)]


@pytest.mark.parametrize("policy", ["hold", "create"])
def test_given_id_that_is_not_there_is_held(open_depot, policy):
    depot = open_depot(on_absent=policy)
    record_id = depot.keep_one(call(customer=Customer(customer_id="c-nobody")))

    assert depot.deliver(record_id) == "held: customer_absent"
    assert depot.record(record_id).state is State.HELD


@pytest.mark.parametrize(
    "policy, result, state",
    [
        ("hold", "held: customer_absent", State.HELD),
        ("drop", "discarded: customer_absent", State.DISCARDED),
        ("create", "delivered", State.DELIVERED),
    ],
)
def test_absent_customer_is_treated_as_the_destination_says(
    open_depot, standin, policy, result, state
):
    depot = open_depot(on_absent=policy)
    known = len(standin.customers)
    record_id = depot.keep_one(call(customer=EVA))

    assert depot.deliver(record_id) == result

    assert depot.record(record_id).state is state
    assert len(standin.customers) - known == len(standin.events) == (policy == "create")


def test_refused_creation_is_held_with_its_answer(open_depot, standin):
    depot = open_depot(on_absent="create")
    standin.fail("not_found_404", times=3, on="customers")  # two spellings and the e-mail
    standin.fail("validation_422", times=1, on="customers")  # the creation
    standin.fail("not_found_404", times=3, on="customers")  # and nobody else has made her
    record_id = depot.keep_one()

    assert depot.deliver(record_id) == "held: customer_refused"
    assert "errors" in depot.record(record_id).answer


def test_customer_whom_another_worker_has_just_made_is_found(open_depot, standin):
    depot = open_depot(on_absent="create")
    standin.fail("not_found_404", times=3, on="customers")
    record_id = depot.keep_one()  # her phone is taken, so she cannot be made

    assert depot.deliver(record_id) == "delivered"


def test_destination_that_is_no_longer_configured_is_held(depot, redis):
    record_id = depot.keep_one()
    text = redis.hget(record_key(record_id), "event").replace(b"principal", b"gone")
    redis.hset(record_key(record_id), "event", text)

    assert depot.deliver(record_id) == "held: unknown_destination"


# Nothing to do.


def test_absent_record_is_no_error(depot):
    assert depot.deliver("01JABSENT") == "absent"


@pytest.mark.parametrize(
    "state", [State.DELIVERED, State.HELD, State.DEAD, State.DISCARDED], ids=lambda state: state
)
def test_settled_record_is_left_alone(depot, standin, redis, state):
    record_id = depot.keep_one()
    redis.hset(record_key(record_id), "state", state)

    assert depot.deliver(record_id) == f"already {state}"
    assert standin.events == []
    assert depot.ledger.attempts(record_id) == []


def test_held_delivery_has_nothing_to_send(depot, standin):
    record_id = depot.keep_one(Held("orders/create", "k", "unreadable", {}, b"{"))

    assert depot.deliver(record_id) == "already held"


def test_delivered_record_is_not_sent_twice(depot, standin):
    record_id = depot.keep_one()
    depot.deliver(record_id)

    assert depot.deliver(record_id) == "already delivered"
    assert len(standin.events) == 1


def test_attempt_that_another_has_overtaken_changes_nothing(depot, open_depot, standin):
    """A worker that was frozen in the middle: what has happened since counts."""
    record_id = depot.keep_one()
    (late,) = depot.station.read([record_id])
    standin.fail("unavailable_503", times=1)
    open_depot().deliver(record_id)

    standin.fail("validation_422", times=1)
    depot.station.attempt(late)
    depot.station.settle([late])

    assert depot.record(record_id).state is State.RETRYING
    assert told(depot, record_id, "outcome") == [("retry",), ("dead",)]


def test_delivery_counts_however_late_it_is_told(depot, open_depot, standin):
    record_id = depot.keep_one()
    (late,) = depot.station.read([record_id])
    standin.fail("validation_422", times=1)
    open_depot().deliver(record_id)
    assert depot.record(record_id).state is State.DEAD

    depot.station.attempt(late)
    depot.station.settle([late])

    assert depot.record(record_id).state is State.DELIVERED
    assert list(depot.ledger.ids([State.DEAD])) == []


@pytest.mark.parametrize(
    ("wish", "result"), [("hold", "held: worker_died"), ("retry", "delivered")]
)
def test_event_a_worker_died_with_is_ambiguous(open_depot, standin, wish, result):
    depot = open_depot(on_ambiguous=wish)
    record_id = depot.keep_one()
    (errand,) = depot.station.read([record_id])
    errand.takeovers = 1

    outcome = depot.station.attempt(errand)
    depot.station.settle([errand])

    assert tasks.result(outcome) == result
    assert told(depot, record_id, "takeovers", "ambiguous") == [(1, wish == "hold")]
    assert len(standin.events) == (wish == "retry")
