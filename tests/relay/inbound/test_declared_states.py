"""What a declaration says of states, of refunds, of tests and of checks."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import senders

from relay.inbound.composite_fields import Amount, Person
from relay.inbound.contract import Platform
from relay.inbound.payload import json_bytes
from relay.inbound.payload_fields import Id, Text, Time
from relay.inbound.payload_schema import PayloadSchema
from relay.inbound.places import Field
from relay.inbound.results import Handshake, PlatformResponse, Skipped, Unparsable
from relay.inbound.signature import Bearer
from relay.inbound.topics import Shape, Topic, updated
from relay.model import Event, Step
from relay.pipeline import parse

PAID = Step("paid", "order.paid")
SHIPPED = Step("shipped", "order.fulfilled")
CANCELLED = Step("cancelled", "order.cancelled")


class _OrderSchema(PayloadSchema):
    id = Id()
    status = Text()
    _delivery = Text("delivery")
    _cancelled_at = Time("cancelled_at")
    amount = Amount("total", "currency")
    refunded = Amount("given_back", "currency", digits=2)
    buyer = Person(email="email")


ORDER = Shape(
    schema=_OrderSchema(),
    kind="order",
    states={"status": {"PAID": PAID}, "_delivery": {"SENT": SHIPPED, "LOST": Step("lost", "")}},
    dated={"_cancelled_at": CANCELLED},
    skipped={"status": {"DRAFT": "draft"}},
)
PLATFORM = Platform(
    name="declared",
    title="Declared",
    docs="https://example.com",
    scheme=Bearer(),
    topic=Field("event"),
    test=(Field("environment"), Field("test")),
    topics={
        "order": updated("order.updated", ORDER),
        "shipped": Topic(type="order.shipped", shape=ORDER, step="sent"),
    },
)


def _parsed(topic: str = "order", **values: Any) -> Any:
    source = replace(senders.source_of("generic"), platform=PLATFORM, scheme=Bearer())
    body = json_bytes({"event": topic, "id": "7", "email": "ana@example.com", **values})
    (item,) = parse(senders.delivery({}, body), source)
    return item


def _report(topic: str = "order", **values: Any) -> Any:
    event = _parsed(topic, **values)
    assert isinstance(event, Event)
    return event.report


def test_words_of_several_fields_tell_steps_in_their_order():
    assert _report(status="PAID", delivery="SENT").steps == (PAID, SHIPPED)
    assert _report(delivery="SENT").steps == (SHIPPED,)
    assert _report(delivery="LOST").steps == (Step("lost", ""),)


@pytest.mark.parametrize("word", ["paid", "OPEN", "", None, [], 1])
def test_other_words_tell_nothing(word):
    assert _report(status=word).steps == ()


def test_time_that_is_there_is_the_date_of_a_step_after_the_others():
    at = datetime(2026, 11, 2, 15, tzinfo=UTC)
    cancelled = replace(CANCELLED, at=at.timestamp())
    assert _report(status="PAID", cancelled_at=at.isoformat()).steps == (PAID, cancelled)
    for nothing in (None, "", "soon", []):
        assert _report(status="PAID", cancelled_at=nothing).steps == (PAID,)


def test_value_that_is_no_news_is_skipped_with_its_reason():
    assert _parsed(status="DRAFT") == Skipped("draft", "order")
    assert isinstance(_parsed(status="draft"), Event)
    assert isinstance(_parsed(), Event)


def test_step_of_the_topic_comes_first():
    assert _report("shipped", status="PAID").steps == (Step("sent", "order.shipped"), PAID)


def test_event_is_of_the_last_step_with_a_type():
    assert _parsed(status="PAID", delivery="SENT").type == "order.fulfilled"
    assert _parsed(status="PAID", delivery="LOST").type == "order.paid"
    assert _parsed(status="OPEN").type == "order.updated"


def test_refunded_may_be_an_amount_of_the_body():
    assert _report(given_back=1050, currency="USD").refunded == Decimal("10.50")
    assert _report(given_back=0, currency="USD").refunded == 0
    assert _report(given_back="n/a").refunded is None
    assert _report().refunded is None


@pytest.mark.parametrize("word", ["test", "Sandbox", "true", "yes", 1, True])
def test_test_is_skipped_however_it_is_marked(word):
    for name in ("environment", "test"):
        assert _parsed(**{name: word}) == Skipped("test", "order")


@pytest.mark.parametrize("word", ["prod", "live", "false", "no", 0, False, None, ["test"]])
def test_anything_else_is_no_test(word):
    assert isinstance(_parsed(environment=word), Event)


def _checked(body: Any) -> Any:
    def check(value: Any) -> Handshake | None:
        challenge = value.get("challenge", "")
        return Handshake(PlatformResponse(body=challenge.encode())) if challenge else None

    platform = replace(PLATFORM, signed_handshake=check)
    source = replace(senders.source_of("generic"), platform=platform, scheme=Bearer())
    return parse(senders.delivery({}, json_bytes(body)), source)


def test_check_answers_what_the_body_asks():
    assert _checked({"challenge": "x"}) == Handshake(PlatformResponse(body=b"x"))
    (event,) = _checked({"event": "order", "id": "7", "email": "ana@example.com"})
    assert isinstance(event, Event)


@pytest.mark.parametrize("body", [[], ["challenge"], "challenge", 7, True, None])
def test_check_sees_objects_only(body):
    (item,) = _checked(body)
    assert isinstance(item, Unparsable)
    assert item.reasons == {"event": ["expected the name of an event"]}
