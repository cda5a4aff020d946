"""HMAC over URL and form: Mandrill's published sample, and everything else is refused."""

from dataclasses import replace
from pathlib import Path

import pytest
import senders
from hypothesis import given, strategies as st
from proofs import reason, with_headers

from relay.errors import MALFORMED, MISMATCH, MISSING
from relay.inbound.bodies import FORM, parse_body
from relay.inbound.signature import IncrementalScheme, UrlFormHmac

SCHEME = UrlFormHmac("x-mandrill-signature")
FOLDER = Path(__file__).parents[2] / "fixtures"
# evendis/mandrill-rails, spec/fixtures/webhook_examples/click_with_signature.json
SECRET = "ntynTMaFpM_octE5R1DKAw"
SIGNATURE = "7rUa4lNJitlb178MgGOcHO6T4Bg="
CLICKS = senders.delivery(
    {"x-mandrill-signature": SIGNATURE},
    (FOLDER / "mandrill_click_signed.form").read_bytes(),
    url="http://requestb.in/q9a918q9",
)
# printf 'https://relay.example/x?a=1aééb1b2' | openssl dgst -sha1 -hmac throw-away -binary | base64
SORTED = senders.delivery(
    {"x-mandrill-signature": "LWWchj92XT4E011SaIeafL+0A7g="},
    b"b=1&a=%C3%A9%c3%a9&b=2",
    url="https://relay.example/x?a=1",
)


def test_published_sample_verifies_with_the_new_or_the_old_secret():
    assert reason(SCHEME, CLICKS, SECRET) == ""
    assert reason(SCHEME, CLICKS, "another-secret", SECRET) == ""
    assert reason(SCHEME, CLICKS, "another-secret") == MISMATCH


def test_fields_are_sorted_by_name_and_decoded():
    assert reason(SCHEME, SORTED, "throw-away") == ""
    assert reason(SCHEME, replace(SORTED, body=b"a=%C3%A9\xc3\xa9&b=1&b=2"), "throw-away") == ""
    assert reason(SCHEME, replace(SORTED, body=b"a=%C3%A9%c3%a9&b=2&b=1"), "throw-away") == MISMATCH


def test_what_was_verified_is_parsed_as_a_form_whatever_its_type_says():
    """The type is not signed, and names and values are signed without what is between them."""
    request = with_headers(CLICKS, {"content-type": "text/plain; charset=utf-16-be"})
    verified = SCHEME.verify(request, (SECRET,), senders.NOW)

    assert list(parse_body(verified).value) == ["mandrill_events"]
    assert (
        parse_body(verified).value == parse_body(with_headers(CLICKS, {"content-type": FORM})).value
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"url": "http://requestb.in/q9a918q9/"},
        {"url": "https://requestb.in/q9a918q9"},
        {"url": "http://requestb.in/q9a918q9?x=1"},
        {"body": CLICKS.body + b"&x=1"},
        {"body": CLICKS.body.replace(b"click", b"clack", 1)},
        {"body": CLICKS.body.replace(b"mandrill_events", b"mandrill_event", 1)},
        {"body": b""},
    ],
)
def test_url_and_every_field_are_signed(changes):
    assert reason(SCHEME, replace(CLICKS, **changes), SECRET) == MISMATCH


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, MISSING),
        ("", MISSING),
        ("%%%", MALFORMED),
        ("ñ", MALFORMED),
        ("AAAA", MISMATCH),
        (f"AAAA,%%,{SIGNATURE}", ""),
        (f"{SIGNATURE}, {SIGNATURE}", ""),
    ],
)
def test_header(value, expected):
    changed = with_headers(CLICKS, {"x-mandrill-signature": value})

    assert reason(SCHEME, changed, SECRET) == expected


def test_too_many_fields_are_refused():
    assert reason(SCHEME, replace(CLICKS, body=b"a=1&" * 2_001), SECRET) == MALFORMED


@given(body=st.binary(max_size=60), url=st.text(max_size=20))
def test_what_is_signed_verifies(body, url):
    signed = SCHEME.sign(senders.delivery({}, body, url=url), "a-secret", senders.NOW)

    assert reason(SCHEME, signed, "a-secret") == ""


def test_whole_body_is_needed_and_vouched_for():
    assert not isinstance(SCHEME, IncrementalScheme)
    assert SCHEME.vouches_for == "body"
    assert SCHEME.label == "HMAC-SHA1 of URL and form, base64, `x-mandrill-signature`"
    assert SCHEME.examine("").fault
