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
from tests.worker.factories import ANA_ID, PERSONAL, Harness, call
from worker.attempt import DeliveryFault

GIVEN = Customer(customer_id=ANA_ID)
STYLES = pytest.mark.parametrize("bad_key", [401, 400])
THROTTLE = "relay:throttle:principal"


def logged(harness, record_id, *names):
    """The columns of the attempt log."""
    return [tuple(row[name] for name in names) for row in harness.ledger.attempts(record_id)]


def paused(harness, record_id) -> bool:
    """Whether an attempt came to nothing but a short sleep."""
    result = harness.deliver(record_id)
    return isinstance(result, Retry) and 20 <= result.intervals[0] <= 73


def let_probe(harness) -> None:
    """As if it were time for the next probe."""
    harness.redis.hset(THROTTLE, "open_until", 1)


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
    harness, standin, refuse_key, bad_key, known
):
    if known:  # then the event's own answer is the first to tell
        harness.deliver(harness.keep_one("order-0"))
    key = refuse_key(bad_key)
    first, second = harness.keep("order-1", "order-2")

    assert paused(harness, first)
    assert harness.target.throttle.half_open_reason() == "credentials"
    for _ in range(20):
        assert paused(harness, first)
        assert paused(harness, second)
    for record_id in (first, second):
        record = harness.record(record_id)
        assert (record.state, record.attempts) == (State.ACCEPTED, 0)
        assert harness.ledger.attempts(record_id) == []
    assert harness.record(first).reason == "credentials"

    standin.api_key = key
    let_probe(harness)
    assert harness.deliver(first) == "delivered"
    assert harness.target.throttle.half_open_reason() == ""
    assert harness.deliver(second) == "delivered"
    assert harness.record(second).attempts == 1


@STYLES
def test_paused_destination_is_asked_by_one_prober_only(
    harness, standin, refuse_key, bad_key, monkeypatch
):
    refuse_key(bad_key)
    first, second = harness.keep("order-1", "order-2")
    assert paused(harness, first)
    let_probe(harness)
    asked = []
    real = harness.target.client.probe
    monkeypatch.setattr(harness.target.client, "probe", lambda: asked.append(1) or real())

    assert paused(harness, first)
    assert paused(harness, second)
    assert paused(harness, first)

    assert len(asked) == 1
    assert standin.events == []


@pytest.mark.slow
@STYLES
def test_pause_keeps_the_attempts_made_before_it(harness, standin, refuse_key, bad_key):
    standin.fail("unavailable_503", times=2)
    record_id = harness.keep_one()
    harness.deliver(record_id)
    harness.deliver(record_id)
    refuse_key(bad_key)

    assert paused(harness, record_id)

    record = harness.record(record_id)
    assert (record.state, record.attempts) == (State.RETRYING, 2)


def test_paused_record_is_looked_for_again(harness, refuse_key, began_at):
    refuse_key(401)
    record_id = harness.keep_one()

    assert paused(harness, record_id)

    assert began_at + 48 < harness.redis.zscore(OPEN, record_id) < time.time() + 133


@pytest.mark.parametrize(
    "fault, state, reason",
    [
        ("unauthorized_400", State.DEAD, "validation"),
        ("unauthorized_401", State.RETRYING, "refused"),
    ],
)
def test_good_key_is_not_blamed_for_one_refused_event(harness, standin, fault, state, reason):
    standin.fail(fault)
    record_id = harness.keep_one()

    harness.deliver(record_id)

    record = harness.record(record_id)
    assert (record.state, record.reason, record.attempts) == (state, reason, 1)
    assert harness.target.throttle.half_open_reason() == ""


@pytest.mark.parametrize("fault", ["unavailable_503", "reset_before_recording", "poison_500"])
def test_outage_of_the_probe_says_nothing_of_the_key(harness, standin, fault):
    standin.fail("unauthorized_401")
    standin.fail(fault, on="agents")

    harness.deliver(harness.keep_one())

    assert harness.target.throttle.half_open_reason() == ""


@pytest.mark.parametrize("fault", ["unavailable_503", "reset_before_recording", "poison_500"])
def test_outage_of_the_probe_does_not_resume(harness, standin, refuse_key, fault):
    key = refuse_key(401)
    record_id = harness.keep_one()
    paused(harness, record_id)
    let_probe(harness)
    standin.api_key = key
    standin.fail(fault, on="agents")

    assert paused(harness, record_id)
    assert harness.target.throttle.half_open_reason() == "credentials"


def test_page_from_a_proxy_does_not_pause(harness, standin):
    standin.fail("blocked_403_html")
    record_id = harness.keep_one()

    harness.deliver(record_id)

    record = harness.record(record_id)
    assert (record.state, record.reason) == (State.RETRYING, "blocked")
    assert harness.target.throttle.half_open_reason() == ""


# No answer.


@pytest.fixture
def short(settings):
    """Settings for those who wait in vain."""
    return replace(settings, read_timeout_s=0.2)


SILENT = ["hang_after_recording", "reset_after_recording"]


@pytest.mark.parametrize("fault", SILENT)
def test_event_sent_and_not_answered_is_held_where_asked(redis, short, relay, standin, fault):
    standin.fail(fault)
    with Harness(redis, short, relay, on_ambiguous="hold") as harness:
        record_id = harness.keep_one(call(customer=GIVEN))
        assert harness.deliver(record_id).startswith("held: ")

    assert logged(harness, record_id, "outcome", "ambiguous") == [("held", True)]
    assert len(standin.events) == 1


@pytest.mark.parametrize("fault", SILENT)
def test_event_sent_and_not_answered_is_repeated_by_default(redis, short, relay, standin, fault):
    standin.fail(fault, times=1)
    with Harness(redis, short, relay) as harness:
        record_id = harness.keep_one(call(customer=GIVEN))
        harness.deliver(record_id)
        harness.deliver(record_id)

    names = ("attempt", "outcome", "ambiguous")
    assert logged(harness, record_id, *names) == [(1, "retry", True), (2, "delivered", False)]
    assert len(standin.events) == 2


def test_event_that_was_never_sent_is_tried_again_even_where_silence_is_held(open_harness):
    harness = open_harness(on_ambiguous="hold", server="http://127.0.0.1:1")
    record_id = harness.keep_one(call(customer=GIVEN))

    harness.deliver(record_id)
    assert logged(harness, record_id, "reason", "ambiguous") == [("connection_refused", False)]


def test_look_up_that_was_not_answered_is_not_ambiguous(redis, short, relay, standin):
    """A question can be asked again: the event itself was never sent."""
    standin.fail("hang_after_recording", on="customers")
    with Harness(redis, short, relay, on_ambiguous="hold") as harness:
        record_id = harness.keep_one()
        harness.deliver(record_id)

    assert harness.record(record_id).state is State.RETRYING
    assert logged(harness, record_id, "reason", "ambiguous") == [("read_timeout", False)]


# A bug of ours, or a record that a newer version of us has written.
BROKEN = {
    "cut": {"body": '{"notes": "Pedido secreto'},
    "not_an_object": {"customer": '["Inventada", "ana@example.com"]'},
    "unknown_field": {"customer": '{"ana@example.com": "Inventada"}'},
    "wrong_type": {"customer": '{"phone": ["+593999000001"]}'},
    "half_a_letter": {"body": r'{"notes": "Pedido secreto \ud83d"}'},
}


@pytest.mark.parametrize("fields", BROKEN.values(), ids=BROKEN)
def test_fault_of_ours_is_told_without_the_data_and_the_record_stays_due(harness, standin, fields):
    record_id = harness.keep_one()
    harness.redis.hset(record_key(record_id), mapping=fields)

    with capture_logs() as lines, pytest.raises(DeliveryFault) as on_claimed:
        harness.deliver(record_id)

    told = "".join(traceback.format_exception(on_claimed.value)) + json.dumps(lines)
    assert not any(word in told for word in PERSONAL)
    assert " at " in str(on_claimed.value)
    assert standin.events == []
    values = harness.redis.hgetall(record_key(record_id))
    assert values[b"state"] == b"retrying"
    assert harness.redis.zscore(OPEN, record_id) < time.time() + 6 + 61
    (row,) = harness.ledger.attempts(record_id)
    assert (row["outcome"], row["reason"]) == ("retry", "internal_error")


@pytest.mark.parametrize(
    "text", ['{"ana@example.com": "Inventada"}', "[[]]", "[1, 2, 3, [4]]", "x"]
)
def test_record_that_does_not_say_where_to_is_held(harness, standin, text):
    record_id = harness.keep_one()
    harness.redis.hset(record_key(record_id), "route", text)

    assert harness.deliver(record_id) == "held: unreadable_record"
    assert standin.events == []


def test_fault_that_does_not_go_away_ends_as_dead(harness):
    record_id = harness.keep_one()
    harness.redis.hset(record_key(record_id), mapping=BROKEN["half_a_letter"])

    for _ in range(8):
        with pytest.raises(DeliveryFault):
            harness.deliver(record_id)

    record = harness.record(record_id)
    assert (record.state, record.reason) == (State.DEAD, "internal_error")
    assert harness.deliver(record_id) == "already dead"


# What is told.


def test_every_attempt_is_one_line_that_names_nobody(harness, standin):
    standin.fail("validation_422", times=1)
    first, second = harness.keep("order-1", "order-2")

    with capture_logs() as lines:
        results = [harness.deliver(first), harness.deliver(second)]

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


def test_end_of_a_pause_is_a_line(harness, standin, refuse_key):
    key = refuse_key(401)
    record_id = harness.keep_one()
    harness.deliver(record_id)
    let_probe(harness)
    standin.api_key = key

    with capture_logs() as lines:
        harness.deliver(record_id)

    assert lines[0] == {
        "event": "destination.resumed",
        "log_level": "info",
        "destination": "principal",
    }
