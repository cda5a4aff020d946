"""A key that is refused, no answer at all, a bug of our own, and what is told of them."""

import json
import time
import traceback
from dataclasses import replace

import pytest
from rq import Retry
from structlog.testing import capture_logs

from relay.model import Customer, State
from relay.store.keys import OPEN, record_key
from tests.worker.depot import ANA_ID, PERSONAL, Depot, call
from worker.tasks import DeliveryFault

GIVEN = Customer(customer_id=ANA_ID)
STYLES = pytest.mark.parametrize("bad_key", [401, 400])
VALVE = "relay:valve:principal"


def logged(depot, record_id, *names):
    """The columns of the attempt log."""
    return [tuple(row[name] for name in names) for row in depot.ledger.attempts(record_id)]


def paused(depot, record_id) -> bool:
    """Whether an attempt came to nothing but a short sleep."""
    result = depot.deliver(record_id)
    return isinstance(result, Retry) and 20 <= result.intervals[0] <= 73


def let_probe(depot) -> None:
    """As if it were time for the next probe."""
    depot.redis.hset(VALVE, "shut", 1)


@pytest.fixture
def refuse_key(standin):
    """Makes the stand-in refuse our key, in one of its two ways."""

    def refuse(bad_key):
        standin.behaviour.bad_key = bad_key
        key, standin.api_key = standin.api_key, "another"
        return key

    return refuse


@STYLES
@pytest.mark.parametrize("known", [False, True], ids=["look_up", "event"])
def test_bad_key_pauses_the_destination_and_burns_no_attempt(
    depot, standin, refuse_key, bad_key, known
):
    if known:  # then the event's own answer is the first to tell
        depot.deliver(depot.keep_one("order-0"))
    key = refuse_key(bad_key)
    first, second = depot.keep("order-1", "order-2")

    assert paused(depot, first)
    assert depot.post.gate.paused() == "credentials"
    for _ in range(20):
        assert paused(depot, first)
        assert paused(depot, second)
    for record_id in (first, second):
        record = depot.record(record_id)
        assert (record.state, record.attempts) == (State.ACCEPTED, 0)
        assert depot.ledger.attempts(record_id) == []
    assert depot.record(first).reason == "credentials"

    standin.api_key = key
    let_probe(depot)
    assert depot.deliver(first) == "delivered"
    assert depot.post.gate.paused() == ""
    assert depot.deliver(second) == "delivered"
    assert depot.record(second).attempts == 1


@STYLES
def test_paused_destination_is_asked_by_one_prober_only(
    depot, standin, refuse_key, bad_key, monkeypatch
):
    refuse_key(bad_key)
    first, second = depot.keep("order-1", "order-2")
    assert paused(depot, first)
    let_probe(depot)
    asked = []
    real = depot.post.client.agents
    monkeypatch.setattr(depot.post.client, "agents", lambda: asked.append(1) or real())

    assert paused(depot, first)
    assert paused(depot, second)
    assert paused(depot, first)

    assert len(asked) == 1
    assert standin.events == []


@STYLES
def test_pause_keeps_the_attempts_made_before_it(depot, standin, refuse_key, bad_key):
    standin.fail("unavailable_503", times=2)
    record_id = depot.keep_one()
    depot.deliver(record_id)
    depot.deliver(record_id)
    refuse_key(bad_key)

    assert paused(depot, record_id)

    record = depot.record(record_id)
    assert (record.state, record.attempts) == (State.RETRYING, 2)


def test_paused_record_is_looked_for_again(depot, refuse_key):
    refuse_key(401)
    record_id = depot.keep_one()

    assert paused(depot, record_id)

    assert time.time() + 48 < depot.redis.zscore(OPEN, record_id) < time.time() + 133


@pytest.mark.parametrize(
    "fault, state, reason",
    [
        ("unauthorized_400", State.DEAD, "validation"),
        ("unauthorized_401", State.RETRYING, "refused"),
    ],
)
def test_good_key_is_not_blamed_for_one_refused_event(depot, standin, fault, state, reason):
    standin.fail(fault)
    record_id = depot.keep_one()

    depot.deliver(record_id)

    record = depot.record(record_id)
    assert (record.state, record.reason, record.attempts) == (state, reason, 1)
    assert depot.post.gate.paused() == ""


@pytest.mark.parametrize("fault", ["unavailable_503", "reset_before_recording", "poison_500"])
def test_outage_of_the_probe_says_nothing_of_the_key(depot, standin, fault):
    standin.fail("unauthorized_401")
    standin.fail(fault, on="agents")

    depot.deliver(depot.keep_one())

    assert depot.post.gate.paused() == ""


@pytest.mark.parametrize("fault", ["unavailable_503", "reset_before_recording", "poison_500"])
def test_outage_of_the_probe_does_not_resume(depot, standin, refuse_key, fault):
    key = refuse_key(401)
    record_id = depot.keep_one()
    paused(depot, record_id)
    let_probe(depot)
    standin.api_key = key
    standin.fail(fault, on="agents")

    assert paused(depot, record_id)
    assert depot.post.gate.paused() == "credentials"


def test_page_from_a_proxy_does_not_pause(depot, standin):
    standin.fail("blocked_403_html")
    record_id = depot.keep_one()

    depot.deliver(record_id)

    record = depot.record(record_id)
    assert (record.state, record.reason) == (State.RETRYING, "blocked")
    assert depot.post.gate.paused() == ""


# No answer.


@pytest.fixture
def short(settings):
    """Settings for those who wait in vain."""
    return replace(settings, read_timeout_s=0.2)


SILENT = ["hang_after_recording", "reset_after_recording"]


@pytest.mark.parametrize("fault", SILENT)
def test_event_sent_and_not_answered_is_held_where_asked(redis, short, relay, standin, fault):
    standin.fail(fault)
    with Depot(redis, short, relay, on_ambiguous="hold") as depot:
        record_id = depot.keep_one(call(customer=GIVEN))
        assert depot.deliver(record_id).startswith("held: ")

    assert logged(depot, record_id, "outcome", "ambiguous") == [("held", True)]
    assert len(standin.events) == 1


@pytest.mark.parametrize("fault", SILENT)
def test_event_sent_and_not_answered_is_repeated_by_default(redis, short, relay, standin, fault):
    standin.fail(fault, times=1)
    with Depot(redis, short, relay) as depot:
        record_id = depot.keep_one(call(customer=GIVEN))
        depot.deliver(record_id)
        depot.deliver(record_id)

    names = ("attempt", "outcome", "ambiguous")
    assert logged(depot, record_id, *names) == [(1, "retry", True), (2, "delivered", False)]
    assert len(standin.events) == 2


def test_event_that_was_never_sent_is_tried_again_even_where_silence_is_held(open_depot):
    depot = open_depot(on_ambiguous="hold", server="http://127.0.0.1:1")
    record_id = depot.keep_one(call(customer=GIVEN))

    depot.deliver(record_id)
    assert logged(depot, record_id, "reason", "ambiguous") == [("connection_refused", False)]


def test_look_up_that_was_not_answered_is_not_ambiguous(redis, short, relay, standin):
    """A question can be asked again: the event itself was never sent."""
    standin.fail("hang_after_recording", on="customers")
    with Depot(redis, short, relay, on_ambiguous="hold") as depot:
        record_id = depot.keep_one()
        depot.deliver(record_id)

    assert depot.record(record_id).state is State.RETRYING
    assert logged(depot, record_id, "reason", "ambiguous") == [("read_timeout", False)]


# A bug of ours, or a record that a newer version of us has written.
def event(customer: str) -> str:
    """As a record says it, but for the customer."""
    return f'["shopify","orders/create","order.created","principal",{customer},"order-1",0]'


BROKEN = {
    "cut": {"body": '{"notes": "Pedido secreto'},
    "not_an_object": {"event": event('["Inventada", "ana@example.com"]')},
    "unknown_field": {"event": event('{"ana@example.com": "Inventada"}')},
    "wrong_type": {"event": event('{"phone": ["+593999000001"]}')},
    "half_a_letter": {"body": r'{"notes": "Pedido secreto \ud83d"}'},
}


@pytest.mark.parametrize("fields", BROKEN.values(), ids=BROKEN)
def test_fault_of_ours_is_told_without_the_data_and_the_record_stays_due(depot, standin, fields):
    record_id = depot.keep_one()
    depot.redis.hset(record_key(record_id), mapping=fields)

    with capture_logs() as lines, pytest.raises(DeliveryFault) as caught:
        depot.deliver(record_id)

    told = "".join(traceback.format_exception(caught.value)) + json.dumps(lines)
    assert not any(word in told for word in PERSONAL)
    assert " at " in str(caught.value)
    assert standin.events == []
    values = depot.redis.hgetall(record_key(record_id))
    assert values[b"state"] == b"retrying"
    assert depot.redis.zscore(OPEN, record_id) < time.time() + 6 + 61
    (row,) = depot.ledger.attempts(record_id)
    assert (row["outcome"], row["reason"]) == ("retry", "internal_error")


@pytest.mark.parametrize(
    "text", ['{"ana@example.com": "Inventada"}', "[[]]", "[1, 2, 3, [4]]", "x"]
)
def test_record_that_does_not_say_where_to_is_held(depot, standin, text):
    record_id = depot.keep_one()
    depot.redis.hset(record_key(record_id), "event", text)

    assert depot.deliver(record_id) == "held: unreadable_record"
    assert standin.events == []


def test_fault_that_does_not_go_away_ends_as_dead(depot):
    record_id = depot.keep_one()
    depot.redis.hset(record_key(record_id), mapping=BROKEN["half_a_letter"])

    for _ in range(8):
        with pytest.raises(DeliveryFault):
            depot.deliver(record_id)

    record = depot.record(record_id)
    assert (record.state, record.reason) == (State.DEAD, "internal_error")
    assert depot.deliver(record_id) == "already dead"


# What is told.


def test_every_attempt_is_one_line_that_names_nobody(depot, standin):
    standin.fail("validation_422", times=1)
    first, second = depot.keep("order-1", "order-2")

    with capture_logs() as lines:
        results = [depot.deliver(first), depot.deliver(second)]

    assert [line["event"] for line in lines] == ["attempt.made"] * 2
    assert lines[0] | {"ms": 0, "source": ""} == {
        "event": "attempt.made",
        "log_level": "info",
        "record_id": first,
        "source": "",
        "destination": "principal",
        "attempt": 1,
        "outcome": "dead",
        "reason": "validation",
        "status": 422,
        "ms": 0,
        "retry_in_s": 0.0,
        "ambiguous": False,
    }
    assert lines[1]["outcome"] == "delivered"
    told = json.dumps([lines, results])
    assert not any(word in told for word in (*PERSONAL, standin.api_key))


def test_end_of_a_pause_is_a_line(depot, standin, refuse_key):
    key = refuse_key(401)
    record_id = depot.keep_one()
    depot.deliver(record_id)
    let_probe(depot)
    standin.api_key = key

    with capture_logs() as lines:
        depot.deliver(record_id)

    assert lines[0] == {
        "event": "destination.resumed",
        "log_level": "info",
        "destination": "principal",
    }
