"""HMAC over prefix + body + suffix: vectors of platforms, and everything else is refused."""

import itertools
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import senders
from hypothesis import given, strategies as st
from proofs import reason, with_headers

from relay.errors import MALFORMED, MISMATCH, MISSING, STALE, Refused
from relay.inbound.signature import ComposedHmac, Message, PairsHeader, SeparateHeaders
from relay.model import WebhookRequest

MAILCHIMP = ComposedHmac(
    PairsHeader("x-mailchimp-signature"), lambda _request, time: Message(f"{time}.")
)
RAPPI = replace(MAILCHIMP, headers=PairsHeader("rappi-signature", signature="sign"))
CALENDLY = replace(MAILCHIMP, headers=PairsHeader("calendly-webhook-signature"), tolerance_s=180)
CUSTOMER_IO = ComposedHmac(
    SeparateHeaders("x-cio-signature", "x-cio-timestamp"),
    lambda _request, time: Message(f"v0:{time}:"),
)
KLAVIYO = ComposedHmac(
    SeparateHeaders("klaviyo-signature", "klaviyo-timestamp"),
    lambda _request, time: Message(suffix=time),
    clock="http_date",
)
KUSHKI = ComposedHmac(
    SeparateHeaders("x-kushki-signature", "x-kushki-id"),
    lambda _request, time: Message(suffix=f".{time}"),
)
HUBSPOT = ComposedHmac(
    SeparateHeaders("x-hubspot-signature-v3", "x-hubspot-request-timestamp"),
    lambda request, time: Message(f"{request.method}{request.url}", time),
    encoding="base64",
    clock="ms",
)


def _mercado_pago_messages(request: WebhookRequest, time: str) -> list[Message]:
    """The id is signed as received or in lower case; what is missing is left out."""
    query = dict(request.query)
    request_id = request.headers.get("x-request-id", "")
    ids = dict.fromkeys((query.get("data.id", ""), query.get("data.id", "").lower()))
    rest = f"request-id:{request_id};ts:{time};" if request_id else f"ts:{time};"
    return [Message(f"id:{one};{rest}" if one else rest) for one in ids]


def _with_id(request: WebhookRequest) -> WebhookRequest:
    return replace(
        request,
        url=f"{request.url}?data.id=123456&type=payment",
        query=(("data.id", "123456"), ("type", "payment")),
        headers={**request.headers, "x-request-id": "2066ca19-c6f1-498a-be75-1923005edd06"},
    )


MERCADO_PAGO = ComposedHmac(
    PairsHeader("x-signature", time="ts"),
    _mercado_pago_messages,
    vouches_for="identity",
    before_signing=_with_id,
)


def _mercado_pago(data_id: str, request_id: str, signature: str, **parts: Any) -> WebhookRequest:
    headers = {"x-signature": signature} | ({"x-request-id": request_id} if request_id else {})
    query = (("type", "payment"), *((("data.id", data_id),) if data_id else ()))
    return _request(headers, b'{"anything":1}', 1742505638, query=query, **parts)


def _request(headers: dict[str, str], body: bytes, at: int, **parts: Any) -> WebhookRequest:
    received_at = datetime.fromtimestamp(at, UTC)
    return senders.delivery(headers, body, received_at=received_at, **parts)


REQUEST_ID = "2066ca19-c6f1-498a-be75-1923005edd06"
# Scheme, secret, request. Where no source is named, the platform publishes none, and the value is
# of `openssl dgst -sha256 -hmac SECRET` over the message.
VECTORS = {
    "mailchimp": (
        MAILCHIMP,
        "mc_secret",
        _request(
            {
                "x-mailchimp-signature": "t=1700000000,v1=1a86c6d0f18fb63d535ec6c5d8ca6b751151f955388906407378dc3e92fd78c3"
            },
            b"type=subscribe&fired_at=2026-01-10+15%3A00%3A00",
            1700000000,
        ),
    ),
    "rappi": (
        RAPPI,
        "rappi_secret",
        _request(
            {
                "rappi-signature": "t=1700000000,sign=5390a6ae67b620c74e57d398497566d12255484f83906318b27db88c2acba90e"
            },
            b'{ "message" : "Este es un ejemplo" }',
            1700000000,
        ),
    ),
    "calendly": (
        CALENDLY,
        "calendly_key",
        _request(
            {
                "calendly-webhook-signature": "t=1700000000,v1=3cb32bf5abcdbad9b8dbd2035eeaaa76b9db4c6d4f8623643808d584270e7256"
            },
            b'{"event":"invitee.created"}',
            1700000000,
        ),
    ),
    "customer_io": (
        CUSTOMER_IO,
        "cio_key",
        _request(
            {
                "x-cio-signature": "517ce5dccb43ced77c5fde5e5fe034924b6a8ae5d5d18438777183a1ce2dbdf2",
                "x-cio-timestamp": "1700000000",
            },
            b'{"metric":"sent"}',
            1700000000,
        ),
    ),
    # Made by the author of a public test, not by Klaviyo.
    "klaviyo": (
        KLAVIYO,
        "klaviyo-test-secret",
        _request(
            {
                "klaviyo-signature": "5aa0e720d80b3a04ca04baf3c65cdfe31da57504af69fee8da29c35d45f0596b",
                "klaviyo-timestamp": "Thu, 04 Jan 2024 18:05:25 GMT",
            },
            b'{"data":[{"external_id":"4L3cwQae2TX","topic":"event:klaviyo.sent_sms"}],"meta":{"klaviyo_webhook_id":"a8b890458b4bbfaa26d961471b83c101d6de23bd826e7e5173a15310985ec3cb"}}',
            1704391525,
        ),
    ),
    "kushki": (
        KUSHKI,
        "kushki_sig",
        _request(
            {
                "x-kushki-signature": "9c509581dd4a765b1228b73e8c2025a9c1833a389658d0c89b1ed9e71944b4ff",
                "x-kushki-id": "1700000000",
            },
            b'{"ticketNumber":"1"}',
            1700000000,
        ),
    ),
    # HubSpot/hubspot-api-python, tests/spec/utils/test_signature.py
    "hubspot": (
        HUBSPOT,
        "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy",
        _request(
            {
                "x-hubspot-signature-v3": "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y=",
                "x-hubspot-request-timestamp": "1693657560000",
            },
            b"{'example_field':'example_value'}",
            1693657560,
            url="https://www.example.com/webhook_uri",
        ),
    ),
    # mercadopago/sdk-go, its test's constants; with milliseconds
    "mercado_pago": (
        MERCADO_PAGO,
        "your_secret_key_here",
        _mercado_pago(
            "ORD01JQ4S4KY8HWQ6NA5PXB65B3D3",
            REQUEST_ID,
            "ts=1742505638683,v1=fb15ae6472eb449173c556793205d77787d58f384d183bb5bc3b724c27bd103c",
        ),
    ),
    # The same with the id in lower case, which the documentation asks for.
    "mercado_pago_lower": (
        MERCADO_PAGO,
        "your_secret_key_here",
        _mercado_pago(
            "ORD01JQ4S4KY8HWQ6NA5PXB65B3D3",
            REQUEST_ID,
            "ts=1742505638683,v1=633f91233312dd391ec75fa0bea539cfc2d6c4918873305b84a96cc1c58db71c",
        ),
    ),
    "mercado_pago_seconds": (
        MERCADO_PAGO,
        "your_secret_key_here",
        _mercado_pago(
            "123456",
            REQUEST_ID,
            "ts=1742505638,v1=7d51eedd98ab67683eeea4a3a00710f2498292e736e2dd8eb107b0d8c6c58448",
        ),
    ),
    "mercado_pago_without_request_id": (
        MERCADO_PAGO,
        "your_secret_key_here",
        _mercado_pago(
            "123456",
            "",
            "ts=1742505638,v1=0174ed271a204ed4531b584fb879631625c51631165cad4f1e1da541d8da75e3",
        ),
    ),
    "mercado_pago_without_id": (
        MERCADO_PAGO,
        "your_secret_key_here",
        _mercado_pago(
            "",
            REQUEST_ID,
            "ts=1742505638,v1=f8e96947f75151dcf46c4bc24001742171da7beea5a32aedff7b2728fb5549a1",
        ),
    ),
}
COVER_THE_BODY = [name for name, case in VECTORS.items() if case[0].vouches_for == "body"]
MC_GOOD = VECTORS["mailchimp"][2].headers["x-mailchimp-signature"]
MC_V1 = MC_GOOD.partition(",")[2]
WRONG = "00" * 32


def _changed(name: str, *secrets: str, late_s: float = 0, **changes: Any) -> str:
    scheme, secret, request = VECTORS[name]
    headers = changes.pop("headers", {})
    changed = replace(with_headers(request, headers), **changes)
    return reason(scheme, changed, *(secrets or (secret,)), late_s=late_s)


@pytest.mark.parametrize("name", VECTORS)
def test_vector_verifies_with_the_new_or_the_old_secret(name):
    secret = VECTORS[name][1]

    assert _changed(name) == ""
    assert _changed(name, "another-secret", secret) == ""
    assert _changed(name, secret, "another-secret") == ""
    assert _changed(name, "another-secret") == MISMATCH


@pytest.mark.parametrize("name", COVER_THE_BODY)
def test_changed_body_does_not_match(name):
    body = VECTORS[name][2].body

    for changed in (body + b" ", body[:-1], b""):
        assert _changed(name, body=changed) == MISMATCH


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("mailchimp", {"headers": {"x-mailchimp-signature": f"t=1700000001,{MC_V1}"}}),
        ("mailchimp", {"headers": {"x-mailchimp-signature": f"t=1700000000,v1={WRONG}"}}),
        ("mailchimp", {"headers": {"x-mailchimp-signature": "t=1700000000,v1=00"}}),
        ("customer_io", {"headers": {"x-cio-timestamp": "1700000001"}}),
        ("klaviyo", {"headers": {"klaviyo-timestamp": "Thu, 04 Jan 2024 18:05:26 GMT"}}),
        # The same moment, but not the text that was signed.
        ("klaviyo", {"headers": {"klaviyo-timestamp": "1704391525"}}),
        ("hubspot", {"url": "https://www.example.com/webhook_uri?x=1"}),
        ("hubspot", {"method": "PUT"}),
        ("mercado_pago", {"query": (("data.id", "ORD2"),)}),
        ("mercado_pago", {"query": ()}),
        ("mercado_pago", {"headers": {"x-request-id": "another"}}),
        ("mercado_pago", {"headers": {"x-request-id": None}}),
        ("kushki", {"headers": {"x-kushki-signature": "7af964a7a1539952dac3119489aebc1607a13eecdb9ca2be3fbe9d4863c8ce72"}}),
    ],
)  # fmt: skip
def test_any_other_signed_part_does_not_match(name, changes):
    assert _changed(name, **changes) == MISMATCH


@pytest.mark.parametrize(
    ("name", "headers", "expected"),
    [
        ("mailchimp", {"x-mailchimp-signature": None}, MISSING),
        ("mailchimp", {"x-mailchimp-signature": " , "}, MISSING),
        ("mailchimp", {"x-mailchimp-signature": MC_V1}, MALFORMED),
        ("mailchimp", {"x-mailchimp-signature": "t=1700000000"}, MALFORMED),
        ("mailchimp", {"x-mailchimp-signature": f"t=soon,{MC_V1}"}, MALFORMED),
        ("mailchimp", {"x-mailchimp-signature": f"t=,{MC_V1}"}, MALFORMED),
        ("mailchimp", {"x-mailchimp-signature": "t=1700000000,v1=xyz"}, MALFORMED),
        ("mailchimp", {"x-mailchimp-signature": "t=1700000000,v2=00"}, MALFORMED),
        ("mailchimp", {"x-mailchimp-signature": f"t=1700000000,t=1700000001,{MC_V1}"}, MALFORMED),
        ("customer_io", {"x-cio-signature": None}, MISSING),
        ("customer_io", {"x-cio-timestamp": None}, MISSING),
        ("customer_io", {"x-cio-timestamp": "1700000000,1700000001"}, MALFORMED),
        ("customer_io", {"x-cio-signature": "ñ"}, MALFORMED),
        ("klaviyo", {"klaviyo-timestamp": "Thu"}, MALFORMED),
        ("mercado_pago", {"x-signature": None}, MISSING),
        ("mercado_pago", {"x-signature": "v1=00"}, MALFORMED),
    ],
)
def test_missing_and_unreadable_proofs_are_told_apart(name, headers, expected):
    assert _changed(name, headers=headers) == expected


@pytest.mark.parametrize(
    ("name", "headers"),
    [
        ("mailchimp", {"x-mailchimp-signature": f"t=1700000000,v1={WRONG},{MC_V1}"}),
        ("mailchimp", {"x-mailchimp-signature": f"t=1700000000,v1=zz,v0=1, {MC_V1}"}),
        ("mailchimp", {"x-mailchimp-signature": f"{MC_GOOD},{MC_GOOD}"}),
        ("mailchimp", {"x-mailchimp-signature": f"t = 1700000000 , {MC_V1.replace('=', ' = ')}"}),
        ("customer_io", {"x-cio-timestamp": "1700000000, 1700000000"}),
    ],
)
def test_several_signatures_and_copies_do_not_spoil_a_good_one(name, headers):
    assert _changed(name, headers=headers) == ""


@pytest.mark.parametrize(
    ("name", "late_s", "expected"),
    [
        ("mailchimp", 300, ""),
        ("mailchimp", 301, STALE),
        ("mailchimp", -300, ""),
        ("mailchimp", -301, STALE),
        ("calendly", 180, ""),
        ("calendly", 181, STALE),
        ("klaviyo", 301, STALE),
        ("hubspot", 301, STALE),
        ("mercado_pago", 300, ""),
        ("mercado_pago", 302, STALE),
        ("mercado_pago_seconds", 301, STALE),
    ],
)
def test_signed_time_has_a_window(name, late_s, expected):
    assert _changed(name, late_s=late_s) == expected


def test_unproven_time_is_a_mismatch_not_stale():
    headers = {"x-mailchimp-signature": f"t=1600000000,{MC_V1}"}

    assert _changed("mailchimp", headers=headers) == MISMATCH


def test_signature_after_a_prefix():
    scheme = replace(CUSTOMER_IO, headers=SeparateHeaders("x-cio-signature", "x-cio-timestamp", "sha256="))  # fmt: skip
    signed = scheme.sign(senders.delivery({}, b"{}"), "a-secret", senders.NOW)
    bare = signed.headers["x-cio-signature"].removeprefix("sha256=")

    assert reason(scheme, signed, "a-secret") == ""
    assert reason(scheme, with_headers(signed, {"x-cio-signature": bare}), "a-secret") == MALFORMED


@pytest.mark.parametrize("name", VECTORS)
@given(body=st.binary(max_size=100))
def test_what_is_signed_verifies(name, body):
    scheme = VECTORS[name][0]
    signed = scheme.sign(senders.delivery({"x-kept": "1"}, body), "a-secret", senders.NOW)

    assert reason(scheme, signed, "a-secret") == ""
    assert reason(scheme, signed, "another") == MISMATCH
    assert (signed.body, signed.headers["x-kept"]) == (body, "1")


def test_signing_writes_the_time_as_the_platform_does():
    plain = senders.delivery({}, b"{}")

    def signed(scheme: ComposedHmac) -> dict[str, str]:
        return dict(scheme.sign(plain, "a-secret", senders.NOW).headers)

    assert signed(HUBSPOT)["x-hubspot-request-timestamp"] == "1793631845000"
    assert signed(KLAVIYO)["klaviyo-timestamp"] == "Mon, 02 Nov 2026 15:04:05 GMT"
    assert signed(MERCADO_PAGO)["x-signature"].startswith("ts=1793631845,v1=")


def test_before_signing_adds_what_the_platform_sends():
    signed = MERCADO_PAGO.sign(senders.delivery({}, b"{}"), "a-secret", senders.NOW)

    assert signed.query == (("data.id", "123456"), ("type", "payment"))
    assert signed.url.endswith("?data.id=123456&type=payment")


@pytest.mark.parametrize("name", COVER_THE_BODY)
@given(data=st.data())
def test_body_may_come_in_parts(name, data):
    scheme, secret, request = VECTORS[name]
    cuts = data.draw(st.lists(st.integers(0, len(request.body)), max_size=4))
    edges = [0, *sorted(cuts), len(request.body)]
    head = replace(request, body=b"never looked at")

    check = scheme.begin(head, ("another", secret), request.received_at)
    for start, end in itertools.pairwise(edges):
        check.update(request.body[start:end])
    assert check.finish() == head
    assert not check.buffers

    changed = scheme.begin(head, ("another", secret), request.received_at)
    changed.update(request.body + b"x")
    with pytest.raises(Refused, match=MISMATCH):
        changed.finish()


def test_proof_that_is_not_about_the_body_is_decided_before_it_is_read():
    scheme, secret, request = VECTORS["mercado_pago"]

    assert _changed("mercado_pago", body=b"anything else") == ""
    assert scheme.begin(request, (secret,), request.received_at).verdict is None
    with pytest.raises(Refused, match=MISMATCH):
        scheme.begin(request, ("another",), request.received_at)


def test_label_and_secret_are_those_of_an_hmac():
    assert MAILCHIMP.label == "HMAC-SHA256, hex, `x-mailchimp-signature`"
    assert MAILCHIMP.examine("a-secret-of-some-length").kind == "HMAC key, 23 characters"
    assert replace(MAILCHIMP, key="hex").examine("xyz").fault == "expected a secret in hex"


HEADER = st.one_of(
    st.text(max_size=40),
    st.from_regex(r"(t=|ts=)?[0-9]{0,14}(,(v1|sign)=[0-9a-f]{0,40}){0,3}", fullmatch=True),
    st.sampled_from([MC_GOOD, "t=", "v1=", "\ud800", "Thu, 04 Jan 2024 18:05:25 GMT"]),
)


@pytest.mark.parametrize("name", VECTORS)
@given(data=st.data())
def test_arbitrary_headers_are_refused_and_nothing_else(name, data):
    headers = {header: data.draw(HEADER, header) for header in VECTORS[name][2].headers}
    url = data.draw(st.text(max_size=20), "url")

    assert _changed(name, headers=headers, url=url) in ("", MISSING, MALFORMED, MISMATCH, STALE)
