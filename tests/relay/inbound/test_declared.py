"""A verified request parsed by a declaration alone: parts, topic, values, event.

The platform is invented; the shipped ones have tests of their own.
"""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
import senders

from relay.errors import TooManyParts, Unreadable
from relay.inbound import declared
from relay.inbound.batches import BATCH_MAX
from relay.inbound.composite_fields import Amount, Documents, Items, Person
from relay.inbound.contract import Platform, each_part, stable_key
from relay.inbound.payload import json_body
from relay.inbound.payload_fields import Flag, Id, Text, Time
from relay.inbound.payload_schema import PayloadSchema
from relay.inbound.places import Field, Header, Query
from relay.inbound.results import Handshake, NeedsLookup, Skipped, Unparsable
from relay.inbound.signature import Hmac
from relay.inbound.topics import Shape, Topic, created, updated
from relay.mapping.event_fields import CheckoutFields, OrderFields
from relay.model import Event, Money, Phone, Resource, Step

_ADDRESS = {"name": "name", "phones": "phone", "lines": "street", "country": "country"}


class _OrderSchema(PayloadSchema):
    id = Id("no", required=True)
    event_id = Id("event_id")
    created_at = Time("made")
    updated_at = Time("saved")
    paid_at = Time("paid")
    buyer = Person(email="mail")
    account = Person("account", **_ADDRESS)
    billing = Person("bill", **_ADDRESS)
    recipient = Person("ship", **_ADDRESS)
    document = Documents("notes")
    machine = Flag("robot")
    token = Text("cart")
    ends = Text("done")
    type = Text("kind")
    order_number = Text("number")
    amount = Amount("total", "currency")
    items = Items("lines")
    status = Text("state")
    note = Text("remark")


ORDER = Shape(
    schema=_OrderSchema(),
    kind="order",
    shown=("status", "amount", "buyer", "recipient", "note"),
    order=("new", "paid"),
    foreign=("leads",),
)
LOOSE = replace(ORDER, kind="")
BODY = {"no": 7, "number": "A-7", "mail": "ana@example.com", "made": "2026-11-02T10:00:00-05:00"}


def platform(**parts: Any) -> Platform:
    common = {
        "name": "acme",
        "title": "Acme",
        "docs": "",
        "scheme": Hmac(headers=("x-acme",)),
        "topic": Header("x-topic"),
        "topics": {"a": Topic(type="order.paid", shape=LOOSE, at=("paid_at", "created_at"))},
    }
    return Platform(**{**common, **parts})


def source_of(bound: Platform, **parts: Any):
    return replace(senders.source_of("generic"), platform=bound, options={}, **parts)


def parsed(
    value: Any, topic: Any = "a", /, *, headers: Any = None, source: Any = None, **parts: Any
) -> Any:
    """What `declared.parse` makes of a body; a `Topic` is that of `x-topic: a`."""
    if isinstance(topic, Topic):
        parts.setdefault("topics", {"a": topic})
        topic = "a"
    content = value if isinstance(value, bytes) else json.dumps(value).encode()
    query = parts.pop("query", ())
    delivery = senders.delivery({"x-topic": topic, **(headers or {})}, content, query=query)
    return declared.parse(delivery, source_of(platform(**parts), **(source or {})))


def items(*arguments: Any, **parts: Any) -> list[Any]:
    return list(parsed(*arguments, **parts).items)


def event(*arguments: Any, **parts: Any) -> Event:
    result, *_ = items(*arguments, **parts)
    assert isinstance(result, Event), result
    return result


# Body and parts.


def test_body_that_is_one_event_keeps_no_copy_of_itself():
    only = event(BODY)
    assert (only.type, only.topic, only.raw) == ("order.paid", "a", b"")
    assert only.body == BODY


def test_parts_of_a_body_are_events_of_their_own():
    first, second = items([BODY, {**BODY, "no": 8}], parts=each_part)
    assert json_body(first.raw) == BODY
    assert json_body(second.raw)["no"] == 8
    assert first.key == stable_key("a", first.raw) != second.key


def test_odd_part_concerns_itself_alone():
    first, second, third = items([BODY, {"mail": "x"}, 7], parts=each_part)
    assert isinstance(first, Event)
    assert second == Unparsable(
        "a", stable_key("a", second.raw), {"no": ["Missing data for required field."]}, second.raw
    )
    assert third.reasons == {"body": "expected a JSON object"}


def test_body_without_a_part_is_skipped_and_one_of_too_many_is_not_parsed():
    assert parsed([], parts=each_part) == Skipped("empty_batch")
    with pytest.raises(TooManyParts):
        parsed([{}] * (BATCH_MAX + 1), parts=each_part)


def test_body_is_decoded_as_the_platform_says_and_may_be_an_address_check():
    answer = Handshake()

    def check(value):
        return answer if value == {"challenge": 1} else None

    assert parsed({"challenge": 1}, signed_handshake=check) is answer
    assert event(b"no=7", signed_handshake=check, body=lambda *_: {"no": 7}).body == {"no": 7}


@pytest.mark.parametrize(
    ("topic", "expected"),
    [
        ("b", Skipped("unknown_topic", "b")),
        ("gone", Skipped("names_nobody", "gone")),
        ("untyped", Skipped("unknown_topic", "untyped")),
    ],
)
def test_topic_in_a_header_is_enough_to_skip_a_body_that_cannot_be_decoded(topic, expected):
    topics = {"a": Topic(type="order.paid"), "untyped": Topic(type="")}
    parts = {"topics": topics, "ignored": {"gone": "names_nobody"}}
    assert parsed(b"{", topic, **parts) == expected
    assert items(BODY, topic, **parts) == [expected]


def test_body_that_cannot_be_decoded_is_held_whole():
    reasons = {"body": "expected JSON, unreadable at byte 1"}
    assert items(b"{", "a") == [Unparsable("a", stable_key("a", b"{"), reasons, b"{")]
    (held,) = items(b"{", "a", headers={"x-id": "d1"}, delivery_id=Header("x-id"))
    assert held.key == "d1"

    def body(_request, _source):
        raise Unreadable({"code": ["no right to read"]})

    (held,) = items(BODY, topic=Field("event"), body=body)
    assert (held.topic, held.reasons) == ("", {"code": ["no right to read"]})


def test_platform_that_declares_no_more_takes_any_request_and_no_options():
    plain, request = platform(), senders.delivery({}, b"{}")
    assert plain.handshake(request, source_of(plain)) is None
    assert (plain.options_fault({}), plain.needs_options, plain.places) == (
        "", False, (plain.topic,),
    )  # fmt: skip
    assert plain.event_types == {"a": "order.paid"}


# Topic.


def test_topic_may_be_in_the_body_or_the_query():
    assert event({**BODY, "event": "a"}, "", topic=Field("event")).topic == "a"
    assert event(BODY, "", topic=Query("kind"), query=(("kind", "a"),)).topic == "a"


def test_part_without_a_topic_in_its_body_is_held():
    (held,) = items(BODY, topic=Field("meta.event", "event"))
    assert held.reasons == {"meta.event": ["expected the name of an event"]}
    assert (held.topic, held.key) == ("", stable_key("", held.raw))


def test_platform_without_a_place_for_topics_has_one_without_a_name():
    only = event(BODY, "", topic=None, topics={"": Topic(type="order.paid", shape=LOOSE)})
    assert (only.topic, only.type) == ("", "order.paid")


@pytest.mark.parametrize("value", ["true", "TRUE", "1", "yes", True, 1, "test", "Sandbox"])
def test_marked_test_is_skipped(value):
    assert items({**BODY, "test": value}, test=(Field("test"),)) == [Skipped("test", "a")]


@pytest.mark.parametrize("value", ["false", "0", "", None, False, "prod"])
def test_what_is_not_marked_is_no_test(value):
    assert event({**BODY, "test": value}, test=(Header("x-test"), Field("test")))


SAYS = Topic(
    type="order.paid", shape=LOOSE,
    implies={"state": frozenset({"paid", "part"}), "paid": frozenset()},
)  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({}, set()),
        ({"state": "PAID", "paid": "2026-11-02"}, set()),
        ({"state": 5, "paid": False}, set()),
        ({"state": "open"}, {"state"}),
        ({"state": None}, {"state"}),
        ({"paid": None}, {"paid"}),
        ({"paid": ""}, {"paid"}),
        ({"leads": [1]}, {"leads"}),
        ({"leads": {"x": 1}, "state": ""}, {"leads", "state"}),
        *(({"leads": nothing}, set()) for nothing in (None, "", [], {}, False, True)),
    ],
)
def test_topic_that_contradicts_the_body_is_held(changes, named):
    (item,) = items({**BODY, **changes}, SAYS)
    if not named:
        assert isinstance(item, Event)
        return
    assert (item.reason, item.topic) == ("topic_mismatch", "a")
    assert item.reasons.keys() == {"topic", *named}


def test_topic_that_a_person_has_to_read_is_held_unless_the_source_gives_it_a_type():
    codes = {"code": "setup_code"}
    (held,) = items({"code": "1234"}, "code", held=codes)
    assert (held.topic, held.reason, held.raw) == ("code", "setup_code", b'{"code": "1234"}')
    assert [held] == items({"code": "1234"}, "code", held=codes)
    typed = event(BODY, "code", held=codes, source={"types": {"code": "order.paid"}})
    assert typed.type == "order.paid"


def test_part_that_is_no_object_contradicts_nothing():
    (held,) = items([7], SAYS)
    assert held.reason == "unreadable"


def test_topics_of_a_source_are_events_that_stand_alone():
    topics = {"known": created("order.created", ORDER, delayed_type="checkout.abandoned")}
    types = {"known": "order.updated", "new": "order.paid"}
    source = {"types": types, "abandoned_after_s": 60.0}
    body = {**BODY, "cart": "c1"}
    for name, event_type in types.items():
        (only,) = items(body, name, topics=topics, source=source)
        assert (only.type, only.topic, only.report) == (event_type, name, None)
        assert only.fields.order_number == "A-7"


def test_topic_of_a_source_that_only_names_a_thing_is_still_looked_up():
    topic = Topic(
        type="order.refunded", shape=LOOSE, at=(), lookup="order", other_types=("order.cancelled",)
    )
    (notice,) = items(BODY, topic, source={"types": {"a": "order.failed"}})
    assert (notice.event_type, notice.other_types) == ("order.failed", ())
    assert notice.resource == Resource("order", "7")
    assert items(BODY, topic)[0].other_types == ("order.cancelled",)


def test_unknown_topic_of_a_source_is_read_as_the_platform_says():
    other = Topic(type="", shape=replace(LOOSE, schema=PayloadSchema.of({"note": Text("text")})))
    only = event({"text": "x"}, "new", other=other, source={"types": {"new": "order.paid"}})
    assert only.fields == OrderFields(note="x")


def test_type_of_a_source_comes_before_the_bodys():
    shape = replace(LOOSE, refine=lambda *_: {"type": "order.failed"})
    topic = Topic(type="order.paid", shape=shape)
    assert event(BODY, topic).type == "order.failed"
    assert event(BODY, topic, source={"types": {"a": "order.on_hold"}}).type == "order.on_hold"


def test_topic_of_a_source_may_say_anything_of_its_body_but_a_test_stays_one():
    source = {"types": {"a": "order.on_hold"}}
    parts = {"source": source, "test": (Field("test"),)}
    assert event({**BODY, "state": "open"}, SAYS, **parts).type == "order.on_hold"
    assert items({**BODY, "test": True}, SAYS, **parts) == [Skipped("test", "a")]


# Keys.


def test_key_is_the_events_own_id_else_the_deliverys_else_of_topic_and_body():
    headers, place = {"x-id": "d1"}, Header("x-id")
    raw = json.dumps(BODY).encode()
    assert event(BODY).key == stable_key("a", raw)
    assert event(BODY, headers=headers, delivery_id=place).key == "d1"
    by_event = event({**BODY, "event_id": 5}, headers=headers, delivery_id=place)
    assert by_event.key == "5:a"


def test_id_of_a_request_is_not_that_of_each_of_its_parts():
    parts = {"headers": {"x-id": "d1"}, "delivery_id": Header("x-id"), "parts": each_part}
    first, second = items([BODY, {**BODY, "no": 8}], **parts)
    assert first.key != second.key
    assert first.key == items([BODY], **parts)[0].key
    other = {**parts, "headers": {"x-id": "d2"}}
    assert first.key != items([BODY], **other)[0].key


def test_other_keys_are_the_body_the_event_and_the_thing():
    raw = json.dumps(BODY).encode()
    assert event(BODY).other_keys == ()
    once = Topic(type="order.created", shape=ORDER, at=("created_at",), once=True)
    result = event(
        BODY, once, headers={"x-event": "e1", "x-shop": "norte"}, body_is_key=True,
        event_id=Header("x-event"), shop=Header("x-shop"),
    )  # fmt: skip
    assert result.other_keys == (
        f"body:{stable_key('a', raw)}",
        f"delivery:{stable_key('a', 'e1', '7')}",
        f"delivery:{stable_key('a', 'norte', '7')}",
    )


def test_thing_without_an_id_is_no_other_of_its_kind():
    """Else all of them were one event."""
    shape = replace(
        LOOSE, schema=PayloadSchema.of({"id": Id("no"), "order_number": Text("number")})
    )
    once = Topic(type="order.created", shape=shape, once=True)
    assert event({"number": "1"}, once).other_keys == ()


# Times.


@pytest.mark.parametrize(
    ("body", "headers", "at", "omitted"),
    [
        ({"paid": "2026-11-01T10:00:00-05:00"}, {}, datetime(2026, 11, 1, 15, tzinfo=UTC), {}),
        ({"paid": "n/a"}, {}, datetime(2026, 11, 2, 15, tzinfo=UTC), {}),
        ({"made": None}, {"x-at": "1793628000"}, datetime(2026, 11, 2, 14, tzinfo=UTC), {}),
        ({"made": None}, {}, senders.NOW, {"occurred_at": "absent"}),
        ({"made": "n/a"}, {}, senders.NOW, {"occurred_at": "not_a_time"}),
        ({"made": []}, {}, senders.NOW, {"made": "not_a_time", "occurred_at": "absent"}),
    ],
)
def test_time_is_the_first_that_is_one_else_the_requests_else_ours(body, headers, at, omitted):
    result = event({**BODY, **body}, headers=headers, sent_at=Header("x-at"))
    assert (result.occurred_at, result.omitted_fields) == (at, omitted)


LOCAL = "2026-11-02 10:00:00"


@pytest.mark.parametrize(
    ("zone", "hour", "text"),
    [
        (None, 15, LOCAL),  # of the source: America/Guayaquil
        (UTC, 10, "2026-11-02T10:00:00+00:00"),
        (timezone(timedelta(hours=-3)), 13, "2026-11-02T13:00:00+00:00"),
    ],
)
def test_time_without_an_offset_is_of_the_platforms_zone_else_of_the_sources(zone, hour, text):
    result = event({**BODY, "made": LOCAL}, zone=zone)
    assert result.occurred_at == datetime(2026, 11, 2, hour, tzinfo=UTC)
    assert result.fields.created_at == text


@pytest.mark.parametrize(
    ("value", "zone", "text"),
    [
        (1793628000, None, "2026-11-02T14:00:00+00:00"),
        ({"date": LOCAL, "timezone": "-05:00"}, None, "2026-11-02T15:00:00+00:00"),
        (5, None, ""),
        ("n/a", None, "n/a"),
        ("n/a", UTC, ""),
        (None, UTC, None),
    ],
)
def test_time_in_a_field_is_a_text(value, zone, text):
    assert event({**BODY, "made": value}, zone=zone).fields.created_at == text


# Values.


def test_fields_are_those_of_the_types_family():
    body = {**BODY, "total": "20.50", "currency": "USD", "lines": [{"name": "Café"}]}
    result = event(body, headers={"x-shop": "norte"}, shop=Header("x-shop"))
    assert result.fields == OrderFields(
        shop="norte", created_at=BODY["made"], order_number="A-7",
        amount=Money(Decimal("20.50"), "USD"), items=["Café"],
    )  # fmt: skip


def test_refine_adds_and_replaces_values_or_skips():
    def refine(topic, values):
        if values["id"] == "8":
            return Skipped("draft")
        return {"order_number": f"{topic}-{values['id']}", "status": "new"}

    topic = Topic(type="order.paid", shape=replace(LOOSE, refine=refine))
    result = event(BODY, topic)
    assert (result.fields.order_number, result.fields.status) == ("a-7", "new")
    assert items({**BODY, "no": 8}, topic) == [Skipped("draft", "a")]


def test_machine_is_marked():
    assert event({**BODY, "robot": "true"}).machine is True
    assert event(BODY).machine is False


ANA = {"name": "Ana Inventada", "phone": "0999000001", "country": "EC"}


def test_contact_is_the_buyer_completed_by_billing_and_account_else_the_recipient():
    result = event({**BODY, "bill": ANA, "ship": {"name": "Luis Otro", "street": "Calle 1"}})
    assert (result.contact.email, result.contact.first_name) == ("ana@example.com", "Ana Inventada")
    assert result.contact.phones == (Phone("0999000001", "EC"),)
    assert result.contact.address.address == "Calle 1"
    recipient = event({**BODY, "mail": None, "ship": ANA})
    assert recipient.contact.phones == (Phone("0999000001", "EC"),)
    account = event({**BODY, "mail": None, "account": ANA, "ship": {**ANA, "phone": "022000000"}})
    assert account.contact.phones[0] == Phone("0999000001", "EC")


@pytest.mark.parametrize("mail", ["ana@example.com", None])
def test_document_is_the_buyers_even_where_it_is_all_that_is_known(mail):
    notes = [{"name": "Cédula", "value": "0102030400"}]
    contact = event({**BODY, "mail": mail, "notes": notes}).contact
    assert (contact.id_type, contact.id_number) == ("cedula", "0102030400")
    assert contact.email == (mail or "")


def test_document_is_not_of_the_recipient():
    notes = [{"name": "Cédula", "value": "0102030400"}]
    contact = event({**BODY, "mail": None, "notes": notes, "ship": ANA}).contact
    assert (contact.id_number, contact.phones) == ("0102030400", ())


# Reports.


def test_event_that_stands_alone_reports_nothing():
    assert event(BODY, Topic(type="order.paid", shape=LOOSE)).report is None
    shape = replace(ORDER, schema=PayloadSchema.of({"id": Id("no")}), shown=())
    assert event({"number": "1"}, Topic(type="order.paid", shape=shape, step="paid")).report is None


def test_update_reports_the_states_of_its_thing():
    steps = [Step("new", ""), Step("paid", "order.paid", 5.0), Step("sent", "")]
    refined = {
        "steps": steps, "refunded": Decimal(5), "refunds": {"r1": Decimal(5)}, "refunded_at": 9.0,
    }  # fmt: skip
    shape = replace(ORDER, refine=lambda *_: refined)
    body = {**BODY, "saved": "2026-11-02T15:00:00Z", "total": 20, "currency": "USD"}
    result = event(
        body, updated("order.updated", shape), headers={"x-shop": "norte"}, shop=Header("x-shop")
    )
    report = result.report
    assert result.type == "order.paid"  # the last step that has a type
    assert report.resource == Resource("order", "7", "norte")
    assert report.steps == tuple(steps)
    assert report.created_at == datetime(2026, 11, 2, 15, tzinfo=UTC).timestamp()
    assert report.updated_at == datetime(2026, 11, 2, 15, tzinfo=UTC).timestamp()
    assert (report.refunded, report.refunds, report.refunded_at) == (5, {"r1": 5}, 9.0)
    assert (report.total, report.order) == (Decimal(20), ("new", "paid"))
    assert report.update_type == "order.updated"


def test_words_of_a_body_tell_the_steps_that_the_shape_says():
    paid, sent = Step("paid", "order.paid"), Step("sent", "order.shipped")
    shape = replace(
        ORDER,
        states={"status": {"PAID": paid, "NEW": Step("new", "")}, "note": {"sent": sent}},
        refine=lambda *_: {"steps": [Step("seen", "")], "refunded": Money(Decimal(5), "USD")},
    )
    topic = updated("order.updated", shape)
    result = event({**BODY, "state": "PAID", "remark": "sent"}, topic)
    assert result.report.steps == (Step("seen", ""), paid, sent)
    assert (result.report.refunded, result.type) == (Decimal(5), "order.shipped")
    assert event({**BODY, "state": "paid"}, topic).report.steps == (Step("seen", ""),)


def test_topic_that_is_a_step_has_its_time_and_comes_first():
    shape = replace(ORDER, refine=lambda *_: {"steps": [Step("sent", "order.fulfilled")]})
    topic = Topic(type="order.paid", shape=shape, step="paid", step_at="paid_at")
    report = event({**BODY, "paid": "2026-11-02T15:00:00Z"}, topic).report
    at = datetime(2026, 11, 2, 15, tzinfo=UTC).timestamp()
    assert report.steps == (Step("paid", "order.paid", at), Step("sent", "order.fulfilled"))
    assert (report.created_at, report.update_type) == (None, "")
    undated = event(BODY, replace(topic, step_at="")).report
    assert undated.steps[0] == Step("paid", "order.paid")


def test_creation_is_a_step_with_the_age_of_the_thing():
    result = event(BODY, created("order.created", ORDER))
    at = datetime(2026, 11, 2, 15, tzinfo=UTC)
    assert result.report.steps == (Step("created", "order.created", at.timestamp()),)
    assert (result.report.created_at, result.occurred_at) == (at.timestamp(), at)


def test_shown_are_the_fields_that_the_body_has_under_the_words_of_notes():
    body = {
        **BODY, "state": "new", "total": "20.50", "currency": "USD", "ship": {"street": "Calle 1"},
        "remark": None,
    }  # fmt: skip
    shown = event(body, updated("order.updated", ORDER)).report.shown
    assert shown.keys() == {"status", "total", "email", "shipping_address", "customer_note"}
    assert (shown["status"], shown["email"]) == ('"new"', '"ana@example.com"')
    assert shown["customer_note"] == "null"
    assert "20.50" in shown["total"]
    assert "Calle 1" in shown["shipping_address"]
    fewer = event({"no": 7}, updated("order.updated", ORDER)).report.shown
    assert fewer == {}


# What waits, ends, or is looked up.

CHECKOUT = created("order.created", ORDER, delayed_type="checkout.abandoned")
WAITS = {"abandoned_after_s": 60.0}


def test_topic_that_waits_is_told_now_and_later():
    now, later = items({**BODY, "cart": "c1"}, CHECKOUT, source=WAITS, body_is_key=True)
    assert (now.type, now.token, now.wait_s) == ("order.created", "", 0.0)
    assert (later.type, later.token, later.wait_s) == ("checkout.abandoned", "c1", 60.0)
    assert later.key == f"{now.key}:waits"
    assert (later.report, later.other_keys) == (None, ())
    assert isinstance(later.fields, CheckoutFields)
    assert later.fields.order_number == "A-7"


@pytest.mark.parametrize(
    ("changes", "source"),
    [({"cart": "c1"}, {"abandoned_after_s": 0.0}), ({}, WAITS), ({"cart": ""}, WAITS)],
)
def test_nothing_waits_without_a_token_or_where_the_source_says_never(changes, source):
    (now,) = items({**BODY, **changes}, CHECKOUT, source=source)
    assert now.type == "order.created"


def test_what_ends_a_token_does_not_wait_for_it():
    (now,) = items({**BODY, "cart": "c1", "done": "c1"}, CHECKOUT, source=WAITS)
    assert now.ends == ("c1",)
    assert event({**BODY, "done": ""}, CHECKOUT).ends == ()


def test_body_that_only_names_a_thing_is_to_be_looked_up():
    topic = Topic(type="order.refunded", shape=ORDER, at=("created_at",), lookup="payment")
    (notice,) = items(
        {**BODY, "event_id": 5}, topic, headers={"x-shop": "norte"}, shop=Header("x-shop"),
        body_is_key=True,
    )  # fmt: skip
    raw = json.dumps({**BODY, "event_id": 5}).encode()
    assert notice == NeedsLookup(
        Resource("payment", "7", "norte"), "a", "5:a", raw, "order.refunded",
        (f"body:{stable_key('a', raw)}",),
    )  # fmt: skip
