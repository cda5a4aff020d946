"""Every scheme: the vectors of tests/vectors.py verify, anything else is refused."""

import base64
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import senders
from hypothesis import given, strategies as st
from vectors import (
    HEX,
    OTHERS,
    SENDGRID,
    SENDGRID_SINGLE_KEY,
    SHOPIFY,
    STANDARD_SECRET,
    STANDARD_SIGNATURE,
    VECTORS,
)

from relay.errors import MALFORMED, MISMATCH, MISSING, STALE, Refused
from relay.inbound.signature import Basic, Bearer, PathToken, StandardWebhooks, first_fault

COVER_THE_BODY = [name for name, case in VECTORS.items() if case[2].body]


def _reason(name: str, secrets: tuple[str, ...] | None = None, **changes: Any) -> str:
    """Why a changed vector is refused, empty when it is not. `late_s` moves our clock."""
    scheme, secret, delivery = VECTORS[name]
    now = delivery.received_at + timedelta(seconds=changes.pop("late_s", 0))
    headers = {**delivery.headers, **changes.pop("headers", {})}
    present = {header: value for header, value in headers.items() if value is not None}
    try:
        scheme.verify(replace(delivery, headers=present, **changes), secrets or (secret,), now)
    except Refused as refused:
        return refused.reason if refused.status == 401 else f"{refused.reason} {refused.status}"
    return ""


@pytest.mark.parametrize("name", VECTORS)
def test_published_vector_verifies(name):
    assert _reason(name) == ""


@pytest.mark.parametrize("name", VECTORS)
def test_old_secret_in_second_place_verifies(name):
    secret = VECTORS[name][1]
    assert _reason(name, secrets=(OTHERS[name], secret)) == ""
    assert _reason(name, secrets=(secret, OTHERS[name])) == ""
    assert _reason(name, secrets=(OTHERS[name],)) == MISMATCH


@pytest.mark.parametrize("name", COVER_THE_BODY)
def test_changed_body_does_not_match(name):
    body = VECTORS[name][2].body
    for changed in (body + b"\n", body[:-1], body.replace(b'"', b"'", 1) + b" "):
        assert _reason(name, body=changed) == MISMATCH


WRONG = base64.b64encode(bytes(32)).decode()
REFUSALS = [
    ("shopify", {"x-shopify-hmac-sha256": None}, MISSING),
    ("shopify", {"x-shopify-hmac-sha256": ""}, MISSING),
    ("shopify", {"x-shopify-hmac-sha256": "B23tXN681gZ0!!"}, MALFORMED),
    ("shopify", {"x-shopify-hmac-sha256": "firmá"}, MALFORMED),
    ("shopify", {"x-shopify-hmac-sha256": "B23t XN68"}, MALFORMED),
    ("shopify", {"x-shopify-hmac-sha256": "A"}, MALFORMED),
    ("shopify", {"x-shopify-hmac-sha256": WRONG}, MISMATCH),
    ("shopify", {"x-shopify-hmac-sha256": "AAAA"}, MISMATCH),
    ("github", {"x-hub-signature-256": None}, MISSING),
    ("github", {"x-hub-signature-256": "091319196718"}, MALFORMED),
    ("github", {"x-hub-signature-256": "sha1=091319196718"}, MALFORMED),
    ("github", {"x-hub-signature-256": "sha256=zz"}, MALFORMED),
    ("github", {"x-hub-signature-256": "sha256=091"}, MALFORMED),
    ("github", {"x-hub-signature-256": "sha256=ñ"}, MALFORMED),
    ("github", {"x-hub-signature-256": "sha256="}, MISMATCH),
    ("github", {"x-hub-signature-256": "sha256=" + "0" * 64}, MISMATCH),
    ("standard", {"webhook-id": None}, MISSING),
    ("standard", {"webhook-timestamp": None}, MISSING),
    ("standard", {"webhook-signature": None}, MISSING),
    ("standard", {"webhook-signature": ""}, MISSING),
    ("standard", {"webhook-timestamp": "soon"}, MALFORMED),
    ("standard", {"webhook-timestamp": "1614265330.5"}, MALFORMED),
    ("standard", {"webhook-timestamp": "-1614265330"}, MALFORMED),
    ("standard", {"webhook-timestamp": "٣٤٥"}, MALFORMED),
    ("standard", {"webhook-timestamp": "9" * 400}, MALFORMED),
    ("standard", {"webhook-signature": "nocomma"}, MALFORMED),
    ("standard", {"webhook-signature": "v1,"}, MALFORMED),
    ("standard", {"webhook-signature": "v1,a"}, MALFORMED),
    ("standard", {"webhook-signature": "v1,ñandú"}, MALFORMED),
    ("standard", {"webhook-signature": "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw1enGzPCXe5BdqzCInXqYXFy"}, MALFORMED),
    # From the same test file as the vector: one letter differs.
    ("standard", {"webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OA="}, MISMATCH),
    ("standard", {"webhook-id": "msg_another"}, MISMATCH),
    ("standard", {"webhook-timestamp": "1614265331"}, MISMATCH),
    ("sendgrid", {SENDGRID.signature_header: None}, MISSING),
    ("sendgrid", {SENDGRID.timestamp_header: None}, MISSING),
    ("sendgrid", {SENDGRID.timestamp_header: "16001l2502"}, MALFORMED),
    ("sendgrid", {SENDGRID.timestamp_header: "²"}, MALFORMED),
    ("sendgrid", {SENDGRID.signature_header: "%%%"}, MALFORMED),
    ("sendgrid", {SENDGRID.signature_header: "Ñ"}, MALFORMED),
    ("sendgrid", {SENDGRID.signature_header: WRONG}, MISMATCH),
    ("sendgrid", {SENDGRID.timestamp_header: "1600112503"}, MISMATCH),
    ("basic", {"authorization": None}, MISSING),
    ("basic", {"authorization": "Basic"}, MISSING),
    ("basic", {"authorization": "Bearer QWxhZGRpbjpvcGVuIHNlc2FtZQ=="}, MISSING),
    ("basic", {"authorization": "Basic no:base64"}, MALFORMED),
    ("basic", {"authorization": "Basic ñ"}, MALFORMED),
    ("basic", {"authorization": "Basic QWxhZGRpbjo="}, MISMATCH),
    ("bearer", {"authorization": None}, MISSING),
    ("bearer", {"authorization": "Bearer "}, MISSING),
    ("bearer", {"authorization": "Basic mF_9.B5f-4.1JqM"}, MISSING),
    ("bearer", {"authorization": "Bearer mF_9.B5f-4.1JqN"}, MISMATCH),
    ("bearer", {"authorization": "Bearer ñandú"}, MISMATCH),
    ("token_header", {"x-api-key": None}, MISSING),
    ("token_header", {"x-api-key": "a-token"}, MISMATCH),
]  # fmt: skip


@pytest.mark.parametrize(("name", "headers", "reason"), REFUSALS)
def test_bad_proof_is_refused_with_its_reason(name, headers, reason):
    assert _reason(name, headers=headers) == reason


@pytest.mark.parametrize(("token", "reason"), [("", MISSING), ("no", MISMATCH), ("ñ", MISMATCH)])
def test_wrong_path_is_refused(token, reason):
    assert _reason("path", token=token) == reason


@pytest.mark.parametrize(
    ("name", "late_s", "reason"),
    [
        ("standard", 300, ""),
        ("standard", 301, STALE),
        ("standard", -300, ""),
        ("standard", -301, STALE),
        ("sendgrid", 25 * 3600, ""),
        ("sendgrid", 25 * 3600 + 1, STALE),
        ("sendgrid", -300, ""),
        ("sendgrid", -301, STALE),
    ],
)
def test_stale_or_future_timestamp_is_refused(name, late_s, reason):
    assert _reason(name, late_s=late_s) == reason


def test_unproven_time_is_a_mismatch_not_stale():
    """An old time that was not signed says nothing about the sender's clock."""
    assert _reason("standard", headers={"webhook-timestamp": "1514265330"}) == MISMATCH


def test_future_is_no_wider_than_the_past():
    scheme, secret, delivery = VECTORS["sendgrid"]
    strict = replace(SENDGRID, tolerance_s=60)
    strict.verify(delivery, (secret,), delivery.received_at - timedelta(seconds=60))
    with pytest.raises(Refused, match=STALE):
        strict.verify(delivery, (secret,), delivery.received_at - timedelta(seconds=61))
    assert scheme is SENDGRID


def test_one_good_signature_in_a_list_is_enough():
    listed = f"v1a,AAAA v2,BBBB v1,{WRONG} {STANDARD_SIGNATURE}"
    assert _reason("standard", headers={"webhook-signature": listed}) == ""


def test_padding_may_be_missing_and_space_around():
    assert _reason("standard", headers={"webhook-signature": STANDARD_SIGNATURE.rstrip("=")}) == ""
    padded = " B23tXN681gZ0qIWNRrgtzBE9XSDo5yaUu6wfmhu3a7g "
    assert _reason("shopify", headers={"x-shopify-hmac-sha256": padded}) == ""


def test_either_header_form_carries_the_signature():
    good = VECTORS["shopify"][2].headers["x-shopify-hmac-sha256"]
    only_new = {"x-shopify-hmac-sha256": None, "shopify-hmac-sha256": good}
    assert _reason("shopify", headers=only_new) == ""
    assert _reason("shopify", headers={"shopify-hmac-sha256": good}) == ""


# What signs for a scheme, and the secret that verifies it.
PAIRS = {
    **{name: (scheme, secret, secret) for name, (scheme, secret, _) in VECTORS.items()},
    "sendgrid": (SENDGRID, senders.SENDGRID_PRIVATE_KEY, senders.SECRETS["sendgrid"]),
}
del PAIRS["sendgrid_batch"]


@pytest.mark.parametrize("name", PAIRS)
@given(body=st.binary(max_size=200))
def test_what_is_signed_verifies(name, body):
    scheme, signing_secret, secret = PAIRS[name]
    plain = senders.delivery({"content-type": "application/json"}, body)
    signed = scheme.sign(plain, signing_secret, senders.NOW)
    scheme.verify(signed, (secret,), senders.NOW)
    assert signed.body == body
    assert signed.headers["content-type"] == "application/json"
    with pytest.raises(Refused, match=MISSING):
        scheme.verify(plain, (secret,), senders.NOW)


def test_signing_keeps_a_message_id():
    signed = StandardWebhooks().sign(
        senders.delivery({"webhook-id": "msg_kept"}, b"{}"), STANDARD_SECRET, senders.NOW
    )
    assert signed.headers["webhook-id"] == "msg_kept"
    assert StandardWebhooks().sign(senders.delivery({}, b"{}"), STANDARD_SECRET, senders.NOW)


def test_path_token_ends_the_address():
    signed = PathToken().sign(senders.delivery({}, b""), "a-token", senders.NOW)
    assert (signed.token, signed.url) == ("a-token", "https://relay.example/webhooks/x/a-token")


def test_another_kind_of_key_does_not_sign():
    ed25519 = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n"
    with pytest.raises(TypeError):
        SENDGRID.sign(senders.delivery({}, b""), ed25519, senders.NOW)


@pytest.mark.parametrize("name", ["standard", "svix"])
def test_half_a_character_in_an_id_is_one_more_id_that_was_not_signed(name):
    headers = VECTORS[name][2].headers
    (id_header,) = (header for header in headers if header.endswith("-id"))
    assert _reason(name, headers={**headers, id_header: "\ud800"}) == MISMATCH


# As wide as a header may be by the time it is text, with pieces that look right mixed in.
HEADER = st.one_of(
    st.text(max_size=40),
    st.text(st.characters(max_codepoint=255), max_size=40),
    st.from_regex(r"(v1,|sha256=|Basic |Bearer )?[A-Za-z0-9+/=]{0,40}", fullmatch=True),
    st.integers().map(str),
    st.sampled_from([STANDARD_SIGNATURE, "v1,", "sha256=", "Basic ", "Bearer ", " ", "\ud800"]),
)


@pytest.mark.parametrize("name", VECTORS)
@given(data=st.data())
def test_arbitrary_headers_are_refused_and_nothing_else(name, data):
    headers = {header: data.draw(HEADER, header) for header in VECTORS[name][2].headers}
    reason = _reason(name, headers=headers, token=data.draw(HEADER, "token"))
    assert reason in ("", MISSING, MALFORMED, MISMATCH)


P384 = "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEOUPK73is1X59ynGyEJJ/4BbfVTqneIUZMq5oPqqcM5BFnR1gckMzGfqDYbHc4qriQzrCVszNzFyJ1p+IEIoU7PRUrxmUIrJf8Yf0NBpEEnMmZggk4Aco0fPgSRXN200D"
ED25519 = "MCowBQYDK2VwAyEAl97ijTyHz0uLTDsxmJ8qLamHtdloghhRVWhxD2Ce1WI="
PEM = f"-----BEGIN PUBLIC KEY-----\n{SENDGRID_SINGLE_KEY[:64]}\n{SENDGRID_SINGLE_KEY[64:]}\n-----END PUBLIC KEY-----\n"
FAULTS = [
    (SHOPIFY, "anything at all", ""),
    (SHOPIFY, "", "expected a secret that is not empty"),
    (replace(HEX, key="hex"), "0b0b", ""),
    (replace(HEX, key="hex"), "0b0", "expected a secret in hex"),
    (replace(HEX, key="base64"), "Cws=", ""),
    (replace(HEX, key="base64"), "not base64!", "expected a secret in base64"),
    (StandardWebhooks(), STANDARD_SECRET, ""),
    (StandardWebhooks(), STANDARD_SECRET.removeprefix("whsec_"), ""),
    (StandardWebhooks(), "whsec_", "expected a secret that is not empty"),
    (StandardWebhooks(), "whsec_ñ", "expected a secret in base64"),
    (StandardWebhooks(key="utf8"), "any text", ""),
    (SENDGRID, SENDGRID_SINGLE_KEY, ""),
    (SENDGRID, PEM, ""),
    (SENDGRID, f"{SENDGRID_SINGLE_KEY[:60]}\n{SENDGRID_SINGLE_KEY[60:]}", ""),
    (SENDGRID, "", "expected a public key of curve P-256, base64 or PEM"),
    (SENDGRID, "SG.an-api-key", "expected a public key of curve P-256, base64 or PEM"),
    (SENDGRID, P384, "expected a public key of curve P-256, base64 or PEM"),
    (SENDGRID, ED25519, "expected a public key of curve P-256, base64 or PEM"),
    (Basic(), "user:password", ""),
    (Basic(), "password", "expected user:password"),
    (Bearer(), "0123456789abcdef", ""),
    (Bearer(), "0123456789abcde", "expected a token of at least 16 ASCII characters"),
    (PathToken(), "0123456789abcdef", ""),
    (PathToken(), "short", "expected a token of at least 16 ASCII characters"),
]


@pytest.mark.parametrize(("scheme", "secret", "fault"), FAULTS)
def test_unusable_secret_is_a_fault(scheme, secret, fault):
    assert scheme.fault(secret) == fault
    assert first_fault(scheme, (secret, secret)) == fault
