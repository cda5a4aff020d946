"""HMAC over prefix + body + suffix: vectors of platforms, and everything else is refused."""

import itertools
from dataclasses import replace
from typing import Any

import pytest
import senders
from composed_hmac_vectors import CUSTOMER_IO, HUBSPOT, KLAVIYO, MAILCHIMP, MERCADO_PAGO, VECTORS
from hypothesis import given, strategies as st
from proofs import reason, with_headers

from relay.errors import MALFORMED, MISMATCH, MISSING, STALE, Refused
from relay.inbound.signature import ComposedHmac, SeparateHeaders

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
