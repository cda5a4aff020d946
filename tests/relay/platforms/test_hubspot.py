"""HubSpot: three versions of a signature, and two spellings of what happened."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import senders
from contract_checks import keys
from platform_samples import request_of, source_of

from relay.errors import MALFORMED, MISMATCH, MISSING, STALE, Refused
from relay.inbound.lookups import LOOKED_UP, TOPIC
from relay.inbound.signature import HubSpotSignature
from relay.model import AwaitingLookup, Held, WebhookRequest
from relay.pipeline import parse, translate

SECRET = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"
V1 = "69fc6631a867edd4f9e9e627fc5c1148e3fbdd8b21837b6d2b8901c1fa57f750"
V2 = "4fe4e3a7d3cf09db53be39d0a58130e2aaba074ec123a9e355b876a689a1c383"
V3 = "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y="
BODY = b"{'example_field':'example_value'}"
AT = datetime.fromtimestamp(1693657560, UTC)


def request(headers: dict[str, str], body: bytes = BODY) -> WebhookRequest:
    url = "https://www.example.com/webhook_uri"
    return senders.delivery(headers, body, url=url, received_at=AT)


def old(version: str, signature: str) -> WebhookRequest:
    return request({"x-hubspot-signature": signature, "x-hubspot-signature-version": version})


def refusal(delivery: WebhookRequest, secret: str = SECRET, late_s: int = 0) -> str:
    now = datetime.fromtimestamp(AT.timestamp() + late_s, UTC)
    try:
        HubSpotSignature().verify(delivery, (secret,), now)
    except Refused as refused:
        return refused.reason
    return ""


NEW = {"x-hubspot-signature-v3": V3, "x-hubspot-request-timestamp": "1693657560000"}


@pytest.mark.parametrize(
    ("delivery", "reason"),
    [
        (request(NEW), ""),
        (old("v1", V1), ""),
        (old("", V1), ""),
        (old("v2", V2), ""),
        (old("v2", V1), MISMATCH),
        (old("v1", V2), MISMATCH),
        (old("v4", V1), MALFORMED),
        (old("v1", "no hex"), MALFORMED),
        (request({}), MISSING),
        (request({"x-hubspot-signature-v3": V3}), MISSING),
        (replace(request(NEW), url="https://www.example.com/another"), MISMATCH),
        (replace(old("v2", V2), url="https://www.example.com/another"), MISMATCH),
        (replace(old("v1", V1), body=BODY + b" "), MISMATCH),
        # The newest version that a request has counts.
        (request({**old("v1", V1).headers, **NEW, "x-hubspot-signature-v3": "AAAA"}), MISMATCH),
    ],
)
def test_each_version_is_verified_as_itself(delivery, reason):
    assert refusal(delivery) == reason


def test_the_time_of_version_3_is_near():
    assert refusal(request(NEW), late_s=300) == ""
    assert refusal(request(NEW), late_s=301) == STALE


def test_another_secret_is_refused():
    for delivery in (request(NEW), old("v1", V1), old("v2", V2)):
        assert refusal(delivery, "another-secret") == MISMATCH


@pytest.mark.parametrize(
    "signature",
    [
        "oUC4OAtxj6/+HqZ8SxWdpg/OssvOK+2zw41GMhDD4vk=",
        "BoJFtAQzN4/VFhYphak6VjCAzRz3Sn4aMTvRdUt+RjE=",
    ],
    ids=["as it came", "decoded"],
)
def test_escapes_in_the_address_are_signed_as_they_came_or_decoded(signature):
    """`printf 'POSThttps://r.example/h?q=a,b[]1693657560000' | openssl dgst -sha256 -hmac …`"""
    headers = {**NEW, "x-hubspot-signature-v3": signature}
    delivery = replace(request(headers, b"[]"), url="https://r.example/h?q=a%2Cb")
    assert refusal(delivery, "a-secret-of-some-length") == ""


def test_both_spellings_of_a_topic_are_one():
    notice = {"eventId": 1, "subscriptionId": 2, "occurredAt": 1793631840000, "objectId": 512}
    source = source_of("hubspot")
    old_one = {**notice, "subscriptionType": "contact.creation"}
    new_one = {**notice, "subscriptionType": "object.creation", "objectTypeId": "0-1"}
    found = [
        keys(senders.delivery({}, json.dumps([n]).encode()), source) for n in (old_one, new_one)
    ]
    assert found[0] == found[1]


def test_a_retry_has_the_same_key():
    source, first = source_of("hubspot"), request_of("hubspot", "contact_creation")
    body = first.body.replace(b'"attemptNumber":0', b'"attemptNumber":3')
    assert body != first.body
    assert keys(replace(first, body=body), source) == keys(first, source)


def test_each_notice_of_a_batch_is_looked_up():
    items = translate(request_of("hubspot", "contact_creation__object"), source_of("hubspot"))
    assert [(type(item), item.resource.kind, item.resource.id) for item in items] == [
        (AwaitingLookup, "contact", "512"),
        (AwaitingLookup, "deal", "902"),
    ]


def test_a_request_to_forget_a_person_is_held():
    body = b'[{"subscriptionType":"contact.privacyDeletion","objectId":512,"eventId":1}]'
    (item,) = translate(senders.delivery({}, body), source_of("hubspot"))
    assert isinstance(item, Held)
    assert item.reason == "privacy_redaction"


@pytest.mark.parametrize(
    ("stage", "closed", "steps"),
    [
        ("closedwon", "2026-11-02T15:03:00Z", [("won", "order.fulfilled", 1793631780.0)]),
        ("closedlost", None, [("lost", "order.cancelled", None)]),
        ("appointmentscheduled", "2026-12-01T00:00:00Z", []),
    ],
)
def test_a_deal_ends_when_it_was_closed(stage, closed, steps):
    properties = {"dealname": "Café", "dealstage": stage, "closedate": closed, "amount": "49.90"}
    contact = {"properties": {"email": "ana@example.com", "phone": "+593999000001"}}
    body = {"deal": {"id": "901", "properties": properties}, "contact": contact}
    headers = {LOOKED_UP: "deal", TOPIC: "deal.propertyChange"}
    (event,) = parse(senders.delivery(headers, json.dumps(body).encode()), source_of("hubspot"))

    assert [(step.state, step.type, step.at) for step in event.report.steps] == steps
    assert event.contact.email == "ana@example.com"
    assert event.fields.order_number == "Café"
