"""Tiendanube: thin notices, and which of two equal ones is a retry."""

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import senders
from platform_samples import request_of, source_of, source_with

from relay.errors import MISMATCH, MISSING, Refused
from relay.model import AwaitingLookup, Held, Ignored, Resource, WebhookRequest
from relay.pipeline import parse, process
from relay.platforms.tiendanube import platform

SOURCE = source_of("tiendanube")
(SECRET,) = SOURCE.secrets
TOPICS = sorted(platform.topics)
ONCE = ("order/created", "order/paid", "order/cancelled", "customer/created")
LATER = senders.NOW + timedelta(minutes=5)


def sample(topic: str, **parts: Any) -> WebhookRequest:
    return request_of("tiendanube", topic, **parts)


def sent(**fields: Any) -> WebhookRequest:
    """A notice with these fields, signed; one that is `...` is left out."""
    body = {"store_id": 1234567, "event": "order/updated", "id": 871254203, **fields}
    content = json.dumps({name: value for name, value in body.items() if value is not ...}).encode()
    proof = hmac.new(SECRET.encode(), content, hashlib.sha256).hexdigest()
    return senders.delivery({"x-linkedstore-hmac-sha256": proof}, content)


def item_of(request: WebhookRequest, **parts: Any) -> Any:
    (item,) = process(request, replace(SOURCE, **parts), senders.NOW)
    return item


def keys(request: WebhookRequest) -> set[str]:
    (item,) = parse(request, SOURCE)
    return {item.key, *item.other_keys}


def test_published_body_with_a_signature_of_openssl():
    source = source_with(platform, "app_secret")
    proof = "672fef1bdc83e584d78c546703dfb6738eb44ff7a301b1ab9bf623018471868e"
    body = b'{"store_id":123,"event":"order/paid","id":456}'
    request = senders.delivery({"x-linkedstore-hmac-sha256": proof}, body)
    (item,) = process(request, source, senders.NOW)

    assert item.resource == Resource("order", "456", "123")
    with pytest.raises(Refused, match=MISMATCH):
        process(replace(request, body=body.replace(b"456", b"457")), source, senders.NOW)
    with pytest.raises(Refused, match=MISSING):
        process(replace(request, headers={}), source, senders.NOW)
    in_base64 = base64.b64encode(bytes.fromhex(proof)).decode()
    other = replace(request, headers={"x-linkedstore-hmac-sha256": in_base64})
    with pytest.raises(Refused):
        process(other, source, senders.NOW)


@pytest.mark.parametrize(
    ("topic", "event_type", "kind"),
    [
        ("order/created", "order.created", "order"),
        ("order/updated", "order.updated", "order"),
        ("order/edited", "order.updated", "order"),
        ("order/custom_fields_updated", "order.updated", "order"),
        ("order/pending", "order.on_hold", "order"),
        ("order/paid", "order.paid", "order"),
        ("order/voided", "order.failed", "order"),
        ("order/packed", "order.updated", "order"),
        ("order/unpacked", "order.updated", "order"),
        ("order/fulfilled", "order.shipped", "order"),
        ("order/cancelled", "order.cancelled", "order"),
        ("customer/created", "customer.created", "customer"),
        ("customer/updated", "customer.updated", "customer"),
        ("fulfillment_order/status_updated", "order.shipped", "order"),
    ],
)
def test_notice_awaits_its_lookup(topic, event_type, kind):
    request = sample(topic)
    item = item_of(request)
    thing_id = "101330448" if kind == "customer" else "871254203"

    assert isinstance(item, AwaitingLookup)
    assert (item.topic, item.event_type, item.raw) == (topic, event_type, request.body)
    assert item.resource == Resource(kind, thing_id, "1234567")
    assert item.reason == f"needs_{kind}"


@pytest.mark.parametrize("topic", [*ONCE, "customer/updated"])
def test_retry_of_what_happens_once_or_has_a_time_is_the_same_event(topic):
    assert keys(sample(topic)) == keys(sample(topic, received_at=LATER))


@pytest.mark.parametrize("topic", sorted({*TOPICS} - {*ONCE, "customer/updated"}))
def test_change_is_never_taken_for_a_retry(topic):
    moment_later = senders.NOW + timedelta(milliseconds=1)
    assert keys(sample(topic)).isdisjoint(keys(sample(topic, received_at=moment_later)))


def test_two_events_have_no_key_in_common():
    result = [keys(sample(topic)) for topic in TOPICS]
    result += [keys(sent(event="order/paid", id=1)), keys(sent(event="order/paid", store_id=2))]
    result += [keys(sent(event="customer/updated", event_launch_ts=at)) for at in (1, 1793631844)]

    assert len(set().union(*result)) == sum(map(len, result))


def test_what_happens_once_is_known_by_its_thing_whatever_else_is_said():
    first, second = (sent(event="order/paid", tried=count) for count in (1, 2))
    assert keys(first) & keys(second)


@pytest.mark.parametrize("odd", [[], False, {"a": 1}, None, ...])
def test_without_a_time_a_change_of_a_customer_counts_by_its_receipt(odd):
    request = sent(event="customer/updated", event_launch_ts=odd, store_id=odd)

    assert isinstance(item_of(request), AwaitingLookup)
    assert keys(request).isdisjoint(keys(replace(request, received_at=LATER)))


@pytest.mark.parametrize("odd", [..., None, [], {}, True, ""])
def test_notice_that_names_nothing_is_held(odd):
    item = item_of(sent(id=odd))
    assert isinstance(item, Held)
    assert item.reasons.keys() == {"id"}


ANA = {"id": 1, "email": "ana@example.com", "phone": "+593999000001", "identification": "1"}
WHO = {"email": "ana@example.com", "phone": "+593999000001"}


@pytest.mark.parametrize(
    ("fields", "topic", "reason", "whom"),
    [
        ({}, "store/redact", "privacy_forgetting", {"shop": "123", "shop_field": "store_id"}),
        (
            {"customer": ANA, "orders_to_redact": [213]},
            "customers/redact",
            "privacy_forgetting",
            WHO,
        ),
        (
            {"customer": ANA, "data_request": {"id": 4}},
            "customers/data_request",
            "privacy_request",
            WHO,
        ),
        (
            {"customer": {"id": 1}, "orders_to_redact": [213]},
            "customers/redact",
            "privacy_redaction",
            {},
        ),
        ({"odd": 1}, "store/redact", "privacy_redaction", {}),
    ],
)
def test_privacy_request_is_known_by_its_fields(fields, topic, reason, whom):
    held = item_of(sent(event=..., id=..., store_id=123, **fields))
    assert isinstance(held, Held)
    assert (held.topic, held.reason) == (topic, reason)
    assert held.reasons == ({"whom": whom} if whom else {})


@pytest.mark.parametrize(
    ("topic", "reason"),
    [
        ("customer/deleted", "names_nobody"),
        ("product/updated", "unknown_topic"),
        ("app/uninstalled", "unknown_topic"),
    ],
)
def test_topic_without_a_use_is_ignored(topic, reason):
    assert item_of(sent(event=topic)) == Ignored(topic, reason)


@pytest.mark.parametrize("body", [b"[]", b"{}", b"null", b"x", b'{"event": 1, "id": 2}'])
def test_body_of_no_notice_is_held_or_ignored(body):
    (item,) = parse(senders.delivery({}, body), SOURCE)
    assert "relay" not in getattr(item, "reasons", {})


def test_only_what_the_source_wants_is_kept():
    wanted = {"topics": ("shipment.delivered", "order/paid")}
    kept = [
        topic for topic in TOPICS if isinstance(item_of(sample(topic), **wanted), AwaitingLookup)
    ]
    assert kept == ["fulfillment_order/status_updated", "order/paid"]


def test_answers_to_a_retry_and_to_a_second_change(web):
    client = web(SOURCE)

    def status(topic: str) -> str:
        request = sample(topic)
        answer = client.post(
            "/webhooks/tiendanube", data=request.body, headers=dict(request.headers)
        )
        assert answer.status_code == 200
        text: str = answer.json["status"]
        return text

    assert [status("order/paid"), status("order/paid")] == ["accepted", "duplicate"]
    assert [status("order/updated"), status("order/updated")] == ["accepted", "accepted"]
