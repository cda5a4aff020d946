"""SendGrid: batches whose events are parsed independently."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
import senders
from remembering import Remembering

from relay.errors import MISMATCH, STALE, Refused
from relay.model import Call, Held, Ignored, WebhookRequest
from relay.pipeline import flattened, parse, process, translate

GOOD = {"email": "ana@example.com", "event": "bounce", "timestamp": 1793631840, "sg_event_id": "a"}
LATER = {**GOOD, "event": "delivered", "sg_event_id": "b"}


def batch(*events: object) -> WebhookRequest:
    body = b"[" + b",\r\n".join(json.dumps(event).encode() for event in events) + b"]\r\n"
    return senders.delivery(senders.signed("sendgrid", {}, body), body)


def translated(delivery: WebhookRequest, more: str = ""):
    return flattened(process(delivery, senders.source_of("sendgrid", more), senders.NOW))


@pytest.mark.parametrize(
    "bad",
    [
        {**GOOD, "event": ["bounce"]},
        {"email": "ana@example.com"},
        {**GOOD, "event": None},
        {**GOOD, "event": ""},
        "not an event",
        None,
    ],
)
def test_bad_event_is_held_and_its_neighbours_are_not(bad):
    before, held, after = translated(batch(GOOD, bad, LATER))
    assert isinstance(before, Call)
    assert isinstance(held, Held)
    assert isinstance(after, Call)
    assert held.reason == "unreadable"
    assert held.reasons == {"event": ["expected the name of an event"]}
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
    assert call.body["notes"] == "Un correo no llegó (SendGrid)"
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


def parsed(**fields: object):
    """The one event of a batch with these fields."""
    (event,) = parse(batch({**GOOD, **fields}), senders.source_of("sendgrid"))
    return event


@pytest.mark.parametrize(
    ("fields", "event_type"),
    [
        ({"type": "bounce"}, "email.bounced"),
        ({"type": "blocked"}, "email.blocked"),
        ({"type": "Blocked "}, "email.blocked"),
        ({"type": "expired"}, "email.bounced"),
        ({"type": "blocked", "bounce_classification": "Invalid Address"}, "email.blocked"),
        ({"type": "bounce", "bounce_classification": "Reputation"}, "email.bounced"),
        ({"bounce_classification": "Reputation"}, "email.blocked"),
        ({"bounce_classification": "Invalid Address"}, "email.bounced"),
        ({"event": "dropped", "type": "blocked"}, "email.rejected"),
        ({}, "email.bounced"),
    ],
)
def test_block_is_no_bounce(fields, event_type):
    assert parsed(**fields).type == event_type


def test_block_does_not_say_that_the_address_is_dead():
    (call,) = translated(batch({**GOOD, "type": "blocked", "response": "421 try later"}))
    assert call.body["notes"] == "Un correo fue bloqueado por ahora: 421 try later (SendGrid)"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"reason": "550 a", "response": "250 OK"}, "550 a"),
        ({"response": "452 mailbox full"}, "452 mailbox full"),
        ({"reason": "", "response": "452 b"}, "452 b"),
        ({"event": "deferred", "response": "421 c"}, "421 c"),
        ({"event": "dropped", "response": "d"}, "d"),
        ({"event": "delivered", "response": "250 OK"}, ""),
        ({"event": "open", "response": "x"}, ""),
    ],
)
def test_response_is_the_reason_of_a_failure_that_has_no_other(fields, reason):
    assert (parsed(**fields).fields.reason or "") == reason


@pytest.mark.parametrize(
    ("fields", "note"),
    [
        ({"event": "unsubscribe", "category": "gatos"}, "Se dio de baja de todos los correos"),
        ({"event": "unsubscribe", "asm_group_id": 10}, "Se dio de baja de todos los correos"),
        (
            {"event": "group_unsubscribe", "asm_group_id": 10},
            "Se dio de baja de los correos del grupo 10",
        ),
        (
            {"event": "group_unsubscribe", "asm_group_id": "10"},
            "Se dio de baja de los correos del grupo 10",
        ),
        ({"event": "group_unsubscribe", "asm_group_id": []}, "Se dio de baja de los correos"),
        (
            {"event": "group_resubscribe", "asm_group_id": 10},
            "Se suscribió a los correos: grupo 10",
        ),
    ],
)
def test_unsubscribe_is_from_all_e_mails_or_from_one_group(fields, note):
    (call,) = translated(batch({**GOOD, **fields}))
    assert call.body["notes"] == f"{note} (SendGrid)"


@pytest.mark.parametrize(
    ("fields", "message_id"),
    [
        (
            {"sg_message_id": "2uNYO1wm81v1QoPRSL5njQ.recvd-66d6f5-7xk2p-1-6906F2D1-1A.0"},
            "2uNYO1wm81v1QoPRSL5njQ",
        ),
        (
            {"sg_message_id": "LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b-18-5F5FC76C-9.0"},
            "LRzXl_NHStOGhQ4kofSm_A",
        ),
        (
            {"sg_message_id": "14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0"},
            "14c5d75ce93.dfd.64b469",
        ),
        ({"sg_message_id": "md7.f"}, "md7"),
        ({"sg_message_id": "plain"}, "plain"),
        ({"smtp-id": "<14c5d75ce93.dfd.64b469@ismtpd-555>"}, "14c5d75ce93.dfd.64b469"),
        ({"sg_message_id": "a.f", "smtp-id": "<b@ismtpd-555>"}, "a"),
        ({"sg_message_id": []}, ""),
        ({}, ""),
    ],
)
def test_message_id_is_the_one_that_the_sender_was_given(fields, message_id):
    assert parsed(**fields).fields.message_id == message_id


def test_batch_is_told_in_the_order_in_which_it_happened():
    def at(second: int, event: str, message: str = "m1.f") -> dict[str, object]:
        at = GOOD["timestamp"] + second
        return {
            "email": "ana@example.com",
            "timestamp": at,
            "event": event,
            "sg_message_id": message,
        }

    items = translated(
        batch(at(9, "delivered", "m2.f"), at(5, "delivered"), at(5, "processed"), at(1, "deferred"))
    )
    assert [item.topic for item in items] == ["processed", "deferred", "delivered", "delivered"]


IDS = count()


def sent(event: str, email: str = "ana@example.com", **fields: object) -> WebhookRequest:
    """A request with one event of one e-mail."""
    own = {"event": event, "email": email, "sg_message_id": "m1.f", "sg_event_id": str(next(IDS))}
    return batch({"timestamp": GOOD["timestamp"], **own, **fields})


def test_what_lies_behind_is_not_told_in_a_later_request():
    source = Remembering(senders.source_of("sendgrid"))
    assert source.outcome(sent("deferred", response="450")) == ["email.deferred"]
    assert source.outcome(sent("processed")) == ["stale"]
    assert source.outcome(sent("delivered")) == ["email.delivered"]
    for event in ("processed", "deferred"):
        assert source.outcome(sent(event)) == ["stale"]
    assert source.outcome(sent("delivered")) == ["duplicate"]
    assert source.outcome(sent("bounce", type="blocked")) == ["email.blocked"]
    assert source.outcome(sent("bounce")) == ["email.bounced"]
    assert source.outcome(sent("delivered")) == ["stale"]
    # Of another e-mail, or one to somebody else, nothing of this is remembered.
    assert source.outcome(sent("processed", sg_message_id="m2.f")) == ["email.sent"]
    assert source.outcome(sent("processed", email="eva@example.com")) == ["email.sent"]
    assert source.outcome(sent("click", url="https://tienda.example/")) == ["email.clicked"]


def test_event_of_an_email_without_an_id_is_always_told():
    source = Remembering(senders.source_of("sendgrid"))
    assert source.outcome(sent("delivered", sg_message_id=None)) == ["email.delivered"]
    assert source.outcome(sent("processed", sg_message_id=None)) == ["email.sent"]
