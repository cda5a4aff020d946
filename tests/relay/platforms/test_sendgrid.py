"""SendGrid: batches whose events are parsed independently."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import senders

from relay.errors import MISMATCH, STALE, Refused
from relay.model import Call, Held, Ignored, WebhookRequest
from relay.pipeline import parse, process, translate

GOOD = {"email": "ana@example.com", "event": "bounce", "timestamp": 1793631840, "sg_event_id": "a"}
LATER = {**GOOD, "event": "delivered", "sg_event_id": "b"}


def batch(*events: object) -> WebhookRequest:
    body = b"[" + b",\r\n".join(json.dumps(event).encode() for event in events) + b"]\r\n"
    return senders.delivery(senders.signed("sendgrid", {}, body), body)


def translated(delivery: WebhookRequest, more: str = ""):
    return process(delivery, senders.source_of("sendgrid", more), senders.NOW)


@pytest.mark.parametrize(
    ("bad", "reasons"),
    [
        ({**GOOD, "event": ["bounce"]}, {"event": ["expected a text"]}),
        ({"email": "ana@example.com"}, {"event": ["Missing data for required field."]}),
        ({**GOOD, "event": None}, {"event": ["Field may not be null."]}),
        ({**GOOD, "event": ""}, {"event": ["Shorter than minimum length 1."]}),
        ("not an event", {"_schema": ["Invalid input type."]}),
        (None, {"_schema": ["Invalid input type."]}),
    ],
)
def test_bad_event_is_held_and_its_neighbours_are_not(bad, reasons):
    before, held, after = translated(batch(GOOD, bad, LATER))
    assert isinstance(before, Call)
    assert isinstance(held, Held)
    assert isinstance(after, Call)
    assert (held.reason, held.reasons) == ("unreadable", reasons)
    assert json.loads(held.raw) == bad
    # What is kept of it reads as that event again, and nothing but that event.
    assert translate(senders.delivery({}, held.raw), senders.source_of("sendgrid")) == [held]


def test_held_event_that_was_put_right_becomes_a_call():
    _, held = translated(batch(LATER, {**GOOD, "email": ""}), 'on_nobody = "hold"')
    mended = held.raw.replace(b'"email": ""', b'"email": "ana@example.com"')
    (call,) = translate(senders.delivery({}, mended), senders.source_of("sendgrid"))
    assert isinstance(call, Call)
    assert call.key == "a:bounce"


@pytest.mark.parametrize(
    ("email", "reason"),
    [
        ("", "names_nobody"),
        (None, "names_nobody"),
        ("invalid@invalid", "invalid_contact"),
        (7, "invalid_contact"),
        ([], "invalid_contact"),
    ],
)
def test_event_without_a_reachable_person_is_ignored_by_itself(email, reason):
    ignored, call = translated(batch({**GOOD, "email": email}, LATER))
    assert ignored == Ignored("bounce", reason, "email.bounced")
    assert isinstance(call, Call)


def test_event_without_a_reachable_person_is_held_by_itself_where_wished():
    held, call = translated(batch({**GOOD, "email": "nobody"}, LATER), 'on_nobody = "hold"')
    assert isinstance(held, Held)
    assert (held.reason, held.event_type) == ("no_customer", "email.bounced")
    assert json.loads(held.raw) == {**GOOD, "email": "nobody"}
    assert isinstance(call, Call)


def test_unknown_kind_is_ignored_and_its_neighbours_are_not():
    ignored, call = translated(batch({**GOOD, "event": "account_status_change"}, LATER))
    assert ignored == Ignored("account_status_change", "unknown_topic")
    assert isinstance(call, Call)


def test_a_thousand_events_are_a_thousand_calls():
    items = translated(batch(*({**GOOD, "sg_event_id": str(number)} for number in range(1000))))
    assert len({item.key for item in items if isinstance(item, Call)}) == 1000


def test_one_event_may_come_without_its_list():
    """As the documentation prints one."""
    body = json.dumps(GOOD).encode()
    (call,) = translated(senders.delivery(senders.signed("sendgrid", {}, body), body))
    assert call.key == "a:bounce"


@pytest.mark.parametrize(
    "timestamp",
    [1793631840, "1793631840", 1793631840.0, 1793631840000, "1793631840000"],
)
def test_time_is_seconds_or_milliseconds(timestamp):
    (call,) = translated(batch({**GOOD, "timestamp": timestamp}))
    assert call.occurred_at == datetime(2026, 11, 2, 15, 4, tzinfo=UTC)


@pytest.mark.parametrize("timestamp", [None, "yesterday", {}, [], "", 10**30])
def test_bad_time_does_not_lose_the_event(timestamp):
    (call,) = translated(batch({**GOOD, "timestamp": timestamp}))
    assert call.occurred_at == senders.NOW


OPEN = {**GOOD, "event": "open", "sg_machine_open": False}
BY_MACHINE = {**OPEN, "sg_machine_open": True}


@pytest.mark.parametrize(
    ("event", "more", "reason"),
    [
        (OPEN, "", "topic_not_wanted"),
        (OPEN, 'topics = ["email.opened"]', ""),
        (OPEN, 'topics = ["open"]', ""),
        (OPEN, 'topics = ["email.*"]', ""),
        (OPEN, 'topics = ["email.clicked", "bounce"]', "topic_not_wanted"),
        (BY_MACHINE, "", "made_by_a_machine"),
        (BY_MACHINE, 'topics = ["email.opened"]', "made_by_a_machine"),
        ({**BY_MACHINE, "sg_machine_open": "true"}, 'topics = ["*"]', "made_by_a_machine"),
        (BY_MACHINE, 'topics = ["email.opened"]\nmachine_events = true', ""),
        (GOOD, 'topics = ["email.opened"]', "topic_not_wanted"),
        (GOOD, "", ""),
    ],
)
def test_opens_are_told_only_where_wished_for(event, more, reason):
    (item,) = translated(batch(event), more)
    assert getattr(item, "reason", "") == reason
    assert isinstance(item, Ignored if reason else Call)


def test_kinds_that_share_an_id_are_different_events():
    """As in the vendor's own samples."""
    items = translated(batch(GOOD, {**GOOD, "event": "delivered"}, {**GOOD, "event": "dropped"}))
    assert len({item.key for item in items}) == 3


def test_event_without_an_id_is_keyed_by_itself_wherever_it_stands():
    bare = {name: value for name, value in GOOD.items() if name != "sg_event_id"}
    source = senders.source_of("sendgrid")
    first, _ = parse(batch(bare, LATER), source)
    _, second = parse(batch(LATER, bare), source)
    (other,) = parse(batch({**bare, "timestamp": 1793631841}), source)
    assert first.key == second.key != other.key


def test_senders_own_arguments_may_collide_with_fields():
    arguments = {"category": [1, "a", None, "b"], "subject": {"x": 1}, "reason": ["y"], "url": 7}
    arguments |= {"sg_message_id": 1, "status": 550, "type": True, "sg_machine_open": "no"}
    (call,) = translated(batch({**GOOD, **arguments}))
    assert call.body["notes"] == "Correo rebotado de «1» (SendGrid)"
    assert call.omitted_fields == {
        "subject": "not_a_text",
        "reason": "not_a_text",
        "type": "not_a_text",
    }


@pytest.mark.parametrize("field", ["subject", "category", "type", "reason", "sg_event_id"])
def test_null_in_a_field_that_may_be_absent_is_as_if_it_were(field):
    (call,) = translated(batch({**GOOD, field: None}))
    assert isinstance(call, Call)


@pytest.mark.parametrize("lost", [b"\r\n", b"\r", b"\n"])
def test_body_without_its_line_ends_does_not_verify(lost):
    headers, body = senders.request_for("sendgrid", "batch")
    with pytest.raises(Refused, match=MISMATCH):
        translated(senders.delivery(headers, body.replace(lost, b"")))


def test_a_day_late_is_taken_two_are_not():
    delivery = batch(GOOD)
    source = senders.source_of("sendgrid")
    assert process(delivery, source, senders.NOW + timedelta(hours=25))
    with pytest.raises(Refused, match=STALE):
        process(delivery, source, senders.NOW + timedelta(hours=25, seconds=1))


def test_tolerance_is_the_sources_to_choose():
    strict = senders.source_of("sendgrid", 'tolerance = "10m"')
    assert process(batch(GOOD), strict, senders.NOW + timedelta(minutes=10))
    with pytest.raises(Refused, match=STALE):
        process(batch(GOOD), strict, senders.NOW + timedelta(minutes=10, seconds=1))


def test_key_of_another_hook_does_not_verify():
    other = replace(senders.source_of("sendgrid"), secrets=(senders.SPARES["sendgrid"],))
    with pytest.raises(Refused, match=MISMATCH):
        process(batch(GOOD), other, senders.NOW)
