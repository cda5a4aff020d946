"""Platforms whose bodies only name a thing: what of a request is stored, and what tells two apart."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
import senders

from relay.inbound.contract import Platform, Source, stored_request
from relay.inbound.payload_fields import Id, Time
from relay.inbound.payload_schema import PayloadSchema
from relay.inbound.places import Field
from relay.inbound.signature import Hmac
from relay.inbound.topics import NO_SHAPE, Topic
from relay.model import AwaitingLookup, Ignored, WebhookRequest
from relay.pipeline import parse, translate


class _NoticeSchema(PayloadSchema):
    id = Id(required=True)
    at = Time("sent_at")


NOTICE = replace(NO_SHAPE, schema=_NoticeSchema())


def _with_query(request: WebhookRequest, _source: Source) -> dict[str, object]:
    """The id is in the query."""
    return {**json.loads(request.body), "id": dict(request.query).get("id")}


PLATFORM = Platform(
    name="thin",
    title="Thin",
    docs="https://thin.example",
    scheme=Hmac(headers=("x-signature",)),
    topic=Field("event"),
    body=_with_query,
    stored_query=("id",),
    topics={"payment": Topic(type="payment.approved", shape=NOTICE, lookup="payment")},
)


def source_of(topic: Topic, **parts: object) -> Source:
    platform = replace(PLATFORM, topics={"payment": topic})
    return replace(senders.source_of("generic"), platform=platform, **parts)


def notice(body: bytes = b'{"event": "payment"}', **parts: object) -> WebhookRequest:
    query = (("id", "42"), ("token", "not-for-the-record"))
    return senders.delivery({}, body, query=query, **parts)


def key_of(source: Source, *arguments: bytes, **parts: object) -> str:
    (item,) = parse(notice(*arguments, **parts), source)
    key: str = item.key
    return key


def test_query_that_a_record_needs_is_stored_and_nothing_else_of_it():
    source = source_of(PLATFORM.topics["payment"])
    request = notice()
    headers = source.headers_to_store(request)

    assert headers == {":query": "id=42"}
    again = stored_request(headers, request.body, request.received_at)
    assert parse(again, source) == parse(request, source)
    assert parse(again, source)[0].resource.id == "42"


def test_equal_bodies_are_one_event_unless_the_topic_repeats():
    moment_later = senders.NOW + timedelta(milliseconds=1)
    timed = b'{"event": "payment", "sent_at": "2026-11-02T15:04:05Z"}'
    one = source_of(PLATFORM.topics["payment"])
    several = source_of(replace(PLATFORM.topics["payment"], repeats=True))

    assert key_of(one) == key_of(one, received_at=moment_later)
    assert key_of(several) != key_of(several, received_at=moment_later)
    assert key_of(several) == key_of(several)
    assert key_of(several, timed) == key_of(several, timed, received_at=moment_later)


@pytest.mark.parametrize(
    ("other_types", "wanted", "is_kept"),
    [
        ((), (), True),
        ((), ("payment.approved",), True),
        ((), ("payment.declined",), False),
        (("payment.declined",), ("payment.declined",), True),
        (("payment.declined",), ("payment.*",), True),
        (("payment.declined",), ("order.paid",), False),
        (("payment.declined",), ("payment",), True),
    ],
)
def test_notice_is_kept_if_any_type_that_it_may_be_is_wanted(other_types, wanted, is_kept):
    source = source_of(replace(PLATFORM.topics["payment"], other_types=other_types), topics=wanted)
    (item,) = translate(notice(), source)
    expected = AwaitingLookup if is_kept else Ignored

    assert isinstance(item, expected)
    assert item.reason == ("needs_payment" if is_kept else "topic_not_wanted")


def test_notice_without_a_rule_for_any_type_is_ignored():
    topic = replace(PLATFORM.topics["payment"], other_types=("payment.declined",))
    source = source_of(topic)
    one_rule = replace(source, rules={"payment.declined": source.rules["payment.declined"]})

    assert isinstance(translate(notice(), one_rule)[0], AwaitingLookup)
    assert translate(notice(), replace(source, rules={})) == [
        Ignored("payment", "no_rule", "payment.approved")
    ]
