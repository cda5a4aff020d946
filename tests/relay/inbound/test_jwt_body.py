"""A body that is a JWT: RS256 only, whatever the token says of itself."""

import base64
import json
from dataclasses import replace
from typing import Any

import jwt
import pytest
import senders
from hypothesis import given, strategies as st
from key_pairs import (
    OTHER_RSA_PUBLIC_KEY,
    RSA_PRIVATE_KEY,
    RSA_PUBLIC_KEY,
    SHORT_RSA_PUBLIC_KEY,
)
from proofs import reason

from relay.errors import MALFORMED, MISMATCH, MISSING, STALE, Unreadable
from relay.inbound.signature import IncrementalScheme, JwtBody, jwt_claims
from relay.model import WebhookRequest

SCHEME = JwtBody()
# printf '%s' "$header.$payload" | openssl dgst -sha256 -sign key.pem | basenc --base64url
TOKEN = b"eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJkYXRhIjoie1wiZXZlbnRUeXBlXCI6XCJ3aXguZWNvbS52MS5vcmRlcl9hcHByb3ZlZFwifSIsImlhdCI6MTc5MzYzMTg0NSwiZXhwIjoxNzkzNjM1NDQ1fQ.ihYb5QCzIkmrwm55Ax7rUkTHXQP4nTnzVReMZZYAM2XPhsYgtwR0AzFBVMOou1SpFGRJTJO1P8s6FG8lcgnhlrHWK73Px9KF6seFLQTt7Er-2SdgcGIkBHSYiNxC9Ed7MlCxla1d3s_5MBy1lbpKh6A1ey8HsoHMV4Qxy41owbiY9cIoCoFxQo3eepojbQ-bizAosjZ-9rT6Ci8Ld7aE9qyfWCevQrpOhqfJH3ySlcKiLhuwfkoH7ulml-Dn8Pp_zuJ26B3yoQN8avr5ZcyR0qPFWjPpnRQSNNXRQLb2zTkk6pGoeBzD9roJejFp91z-WDqhyaDcf0Yji0u5vzSYDA"
# The same payload with {"alg":"HS256"}, and the public key's PEM as the key of the HMAC.
HS256_WITH_THE_PUBLIC_KEY = b"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJkYXRhIjoie1wiZXZlbnRUeXBlXCI6XCJ3aXguZWNvbS52MS5vcmRlcl9hcHByb3ZlZFwifSIsImlhdCI6MTc5MzYzMTg0NSwiZXhwIjoxNzkzNjM1NDQ1fQ.I0Hurr7w-I79h-Ayaep6JNRxvHKSJmQDB_ugU3cyjfM"
# And with {"alg":"RS512"}, signed as it says.
RS512 = b"eyJhbGciOiJSUzUxMiIsInR5cCI6IkpXVCJ9.eyJkYXRhIjoie1wiZXZlbnRUeXBlXCI6XCJ3aXguZWNvbS52MS5vcmRlcl9hcHByb3ZlZFwifSIsImlhdCI6MTc5MzYzMTg0NSwiZXhwIjoxNzkzNjM1NDQ1fQ.WmuqCc-5F9a3Zsq-nflfirW_xUCvQYhkDyL6nNBPl70kKjYbD1XYuJNNbHHOMoGOBkjtG99CsyyKBEUVtNFSx0Se_IbIi4ZV6pmMit_FRpUjBgNbVZnVQkCYfN8CWDN_QXC3Au_qB5ljV_8r0AzNpfnOXFlEhXdV7JJToRMwY7DGAEKAbPj0eiE6cEyjnVX4b1uIj9O-L_gelVJalEmAN72ql-CIgZvkvyHDWT2yvEySBaV0bFg_SZyPEbHW75EwbftDLnbz8f260IrkVeqznNa9xR0f9KJRQ99SGQYM55G1Stu5L4XW1_vwJY9uaY3avTYdM66ZiMYWBs0rKeLzxg"
CLAIMS = {
    "data": '{"eventType":"wix.ecom.v1.order_approved"}',
    "iat": 1793631845,
    "exp": 1793635445,
}
HEADER, PAYLOAD, SIGNATURE = TOKEN.split(b".")


def _request(body: bytes) -> WebhookRequest:
    return senders.delivery({"content-type": "text/plain"}, body)


def _part(value: Any) -> bytes:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")


def _reason(body: bytes, *keys: str, late_s: float = 0) -> str:
    return reason(SCHEME, _request(body), *(keys or (RSA_PUBLIC_KEY,)), late_s=late_s)


def _issued(**claims: Any) -> WebhookRequest:
    """A token with just these claims."""
    token = jwt.PyJWS().encode(json.dumps(claims).encode(), RSA_PRIVATE_KEY, "RS256")
    return _request(token.encode())


def test_token_verifies_with_the_new_or_the_old_key():
    assert _reason(TOKEN) == ""
    assert _reason(b" " + TOKEN + b"\r\n") == ""
    assert _reason(TOKEN, OTHER_RSA_PUBLIC_KEY, RSA_PUBLIC_KEY) == ""
    assert _reason(TOKEN, RSA_PUBLIC_KEY, OTHER_RSA_PUBLIC_KEY) == ""
    assert _reason(TOKEN, OTHER_RSA_PUBLIC_KEY) == MISMATCH


def test_header_and_payload_are_signed():
    other = {**CLAIMS, "data": "{}"}

    assert _reason(b".".join([HEADER, _part(other), SIGNATURE])) == MISMATCH
    assert _reason(b".".join([_part({"alg": "RS256"}), PAYLOAD, SIGNATURE])) == MISMATCH
    assert _reason(b".".join([HEADER, PAYLOAD, b"AAAA"])) == MISMATCH
    assert _reason(b".".join([HEADER, PAYLOAD, b""])) == MISMATCH


@pytest.mark.parametrize(
    "token",
    [
        HS256_WITH_THE_PUBLIC_KEY,
        RS512,
        b".".join([_part({"alg": "none"}), PAYLOAD, b""]),
        b".".join([_part({"alg": "None"}), PAYLOAD, SIGNATURE]),
        b".".join([_part({"alg": "rs256"}), PAYLOAD, SIGNATURE]),
        b".".join([_part({}), PAYLOAD, SIGNATURE]),
        b".".join([_part([]), PAYLOAD, SIGNATURE]),
        b".".join([_part({"alg": "RS256", "b64": False}), PAYLOAD, SIGNATURE]),
        b".".join([b"", PAYLOAD, SIGNATURE]),
        b".".join([HEADER, PAYLOAD]),
        b".".join([HEADER, PAYLOAD, SIGNATURE, SIGNATURE]),
        b".".join([HEADER, b"%%%", SIGNATURE]),
        b"{}",
        b"no token",
        b"\xff\xfe",
    ],
)
def test_another_algorithm_is_no_proof(token):
    assert _reason(token) == MALFORMED


@pytest.mark.parametrize("body", [b"", b" \n"])
def test_empty_body_has_no_proof(body):
    assert _reason(body) == MISSING


@pytest.mark.parametrize(
    ("claims", "late_s", "expected"),
    [
        ({}, 0, ""),
        ({"exp": 1793631845}, 300, ""),
        ({"exp": 1793631845}, 301, STALE),
        ({"iat": 1793631845.5}, -299, ""),
        ({"iat": 1793631845}, -301, STALE),
        ({"nbf": 1793631845}, -300, ""),
        ({"nbf": 1793631845}, -301, STALE),
        ({"iat": 1793631845}, 1e6, ""),
        ({"exp": None}, 0, ""),
        ({"exp": "1793631845"}, 0, MALFORMED),
        ({"iat": True}, 0, MALFORMED),
    ],
)
def test_times_count_where_they_are_present(claims, late_s, expected):
    assert reason(SCHEME, _issued(**claims), RSA_PUBLIC_KEY, late_s=late_s) == expected


def test_token_may_be_so_old_and_no_older():
    scheme = replace(SCHEME, tolerance_s=3600)
    token = _issued(iat=1793631845)

    assert reason(scheme, token, RSA_PUBLIC_KEY, late_s=3600) == ""
    assert reason(scheme, token, RSA_PUBLIC_KEY, late_s=3601) == STALE
    assert reason(scheme, _issued(), RSA_PUBLIC_KEY, late_s=1e6) == ""


def test_signed_text_that_is_no_object_is_malformed():
    token = jwt.PyJWS().encode(b"[1]", RSA_PRIVATE_KEY, "RS256")

    assert _reason(token.encode()) == MALFORMED


def test_claims_of_a_verified_body():
    assert jwt_claims(TOKEN) == CLAIMS
    assert jwt_claims(TOKEN + b"\n") == CLAIMS


@pytest.mark.parametrize(
    "body", [b"", b"a.b", b"a.b.c", b"a.%%.c", b"a.W10.c", b"a.A.c", b"\xff.\xff.\xff", b"1.2.3.4"]
)
def test_body_that_is_no_token_has_no_claims(body):
    with pytest.raises(Unreadable):
        jwt_claims(body)


def test_what_is_signed_verifies():
    first = SCHEME.sign(_request(b'{"amount": 129.90, "name": "Luc\xc3\xada"}'), RSA_PRIVATE_KEY, senders.NOW)  # fmt: skip
    again = SCHEME.sign(first, RSA_PRIVATE_KEY, senders.NOW)

    for signed in (first, again):
        assert reason(SCHEME, signed, RSA_PUBLIC_KEY) == ""
        claims = jwt_claims(signed.body)
        assert str(claims.pop("amount")) == "129.90"
        assert claims == {"name": "Lucía", "iat": 1793631845, "exp": 1793632445}


def test_only_an_rsa_private_key_signs():
    for secret in (RSA_PUBLIC_KEY, senders.SENDGRID_PRIVATE_KEY):
        with pytest.raises(ValueError, match=r".+"):
            SCHEME.sign(_request(b"{}"), secret, senders.NOW)


@pytest.mark.parametrize(
    ("secret", "usable"),
    [
        (RSA_PUBLIC_KEY, True),
        (RSA_PUBLIC_KEY.replace("\n", "\\n"), True),
        (f'"{RSA_PUBLIC_KEY}"', True),
        (RSA_PRIVATE_KEY, False),
        (senders.SECRETS["sendgrid"], False),
        ("a-secret", False),
        ("", False),
    ],
)
def test_secret_is_an_rsa_public_key(secret, usable):
    report = SCHEME.examine(secret)

    assert report.kind == ("RSA public key, 2048 bits" if usable else "")
    assert report.fault == ("" if usable else "expected an RSA public key, base64 or PEM")
    assert not report.weakness
    if usable:
        assert _reason(TOKEN, secret) == ""


def test_short_key_is_weak():
    report = SCHEME.examine(SHORT_RSA_PUBLIC_KEY)

    assert report.weakness == "1024 bits can be broken, expected 2048 or more"


def test_whole_body_is_needed_and_vouched_for():
    assert not isinstance(SCHEME, IncrementalScheme)
    assert (SCHEME.vouches_for, SCHEME.label) == ("body", "JWT body, RS256")


@given(
    body=st.one_of(
        st.binary(max_size=60),
        st.from_regex(rb"[A-Za-z0-9_-]{0,20}\.[A-Za-z0-9_-]{0,20}\.[A-Za-z0-9_-]{0,20}"),
    )
)
def test_arbitrary_bodies_are_refused_and_nothing_else(body):
    assert _reason(body) in (MISSING, MALFORMED, MISMATCH)
