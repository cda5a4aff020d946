"""Secrets in the address: before a fixed last segment of the path, and in the query."""

import base64
from dataclasses import replace
from typing import Any

import pytest
import senders
from proofs import reason

from relay.errors import MISMATCH, MISSING
from relay.inbound.signature import (
    Basic,
    Bearer,
    Ecdsa,
    Hmac,
    IncrementalScheme,
    PathToken,
    QueryToken,
    StandardWebhooks,
)

TOKEN = "a-token-of-some-length"
PAYPHONE = PathToken(suffix="NotificacionPago")
QUERY = QueryToken("key")


def _address(**parts: Any) -> Any:
    return senders.delivery({}, b"{}", **parts)


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        (f"{TOKEN}/NotificacionPago", ""),
        (f"{TOKEN}/notificacionpago/", ""),
        (f"/{TOKEN}//NotificacionPago", ""),
        (TOKEN, ""),
        (f"{TOKEN.upper()}/NotificacionPago", MISMATCH),
        (f"{TOKEN}/Another", MISMATCH),
        (f"{TOKEN}/x/NotificacionPago", MISMATCH),
        (f"{TOKEN}NotificacionPago", MISMATCH),
        ("NotificacionPago", MISSING),
        ("", MISSING),
    ],
)
def test_fixed_last_segment_may_follow_the_token(token, expected):
    request = _address(token=token)

    assert reason(PAYPHONE, request, "another-secret", TOKEN) == expected


def test_without_a_suffix_the_last_segment_is_part_of_the_token():
    request = _address(token=f"{TOKEN}/NotificacionPago")

    assert reason(PathToken(), request, TOKEN) == MISMATCH


def test_signing_ends_the_address_with_the_suffix():
    signed = PAYPHONE.sign(_address(), TOKEN, senders.NOW)

    assert signed.url == f"https://relay.example/webhooks/x/{TOKEN}/NotificacionPago"
    assert reason(PAYPHONE, signed, TOKEN) == ""
    assert PAYPHONE.label == "secret in the path, before `NotificacionPago`"
    assert PathToken().label == "secret in the path"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ((("key", TOKEN),), ""),
        ((("a", "1"), ("key", "no"), ("key", TOKEN)), ""),
        ((("key", TOKEN.upper()),), MISMATCH),
        ((("key", "ñ\ud800"),), MISMATCH),
        ((("Key", TOKEN),), MISSING),
        ((("key", ""),), MISSING),
        ((), MISSING),
    ],
)
def test_secret_in_the_query(query, expected):
    request = _address(query=query)

    assert reason(QUERY, request, "another-secret", TOKEN) == expected
    assert reason(QUERY, request, "another-secret") == (expected or MISMATCH)


def test_request_that_comes_out_is_without_the_secret():
    url = f"https://relay.example/webhooks/x?a=1&key={TOKEN}&b=%C3%B1"
    request = _address(url=url, query=(("a", "1"), ("key", TOKEN), ("b", "ñ")))
    verified = QUERY.verify(request, (TOKEN,), senders.NOW)

    assert verified.query == (("a", "1"), ("b", "ñ"))
    assert verified.url == "https://relay.example/webhooks/x?a=1&b=%C3%B1"
    only = _address(url=f"https://relay.example/webhooks/x?key={TOKEN}", query=(("key", TOKEN),))
    assert QUERY.verify(only, (TOKEN,), senders.NOW).url == "https://relay.example/webhooks/x"


def test_signing_adds_the_secret_to_the_query():
    signed = QUERY.sign(_address(), "a b&c", senders.NOW)
    again = QUERY.sign(replace(signed, query=()), TOKEN, senders.NOW)

    assert (signed.url, signed.query) == (
        "https://relay.example/webhooks/x?key=a+b%26c",
        (("key", "a b&c"),),
    )
    assert again.url.endswith(f"?key=a+b%26c&key={TOKEN}")
    assert reason(QUERY, signed, "a b&c") == ""
    assert QUERY.label == "secret in the query, `key`"
    assert QUERY.examine("short").fault


@pytest.mark.parametrize("scheme", [PAYPHONE, QUERY])
def test_secret_is_compared_before_a_large_body_is_read(scheme):
    assert isinstance(scheme, IncrementalScheme)
    assert not scheme.begin(scheme.sign(_address(), TOKEN, senders.NOW), (TOKEN,), senders.NOW).buffers  # fmt: skip


def test_what_each_scheme_vouches_for():
    secrets = (Basic(), Bearer(), PathToken(), QUERY)
    signatures = (Hmac(("x",)), Ecdsa("x", "y", 1), StandardWebhooks())

    assert {scheme.vouches_for for scheme in secrets} == {"nothing"}
    assert {scheme.vouches_for for scheme in signatures} == {"body"}


@pytest.mark.parametrize("charset", ["utf-8", "latin-1"])
def test_password_is_the_same_in_either_character_set(charset):
    secret = "agenda:cañón27b604e58"
    value = base64.b64encode(secret.encode(charset)).decode()
    request = senders.delivery({"authorization": f"Basic {value}"}, b"{}")

    assert reason(Basic(), request, secret) == ""
    assert reason(Basic(), request, "agenda:ca??n27b604e58") == MISMATCH


def test_password_of_other_letters_has_no_likeness():
    value = base64.b64encode(b"agenda:??").decode()
    request = senders.delivery({"authorization": f"Basic {value}"}, b"{}")

    assert reason(Basic(), request, "agenda:密码") == MISMATCH


@pytest.mark.parametrize(
    ("scheme", "secret", "expected"),
    [
        (Bearer(), TOKEN, ""),
        (Bearer(), f"Bearer {TOKEN}", ""),
        (Bearer(), f"bearer  {TOKEN}", ""),
        (Bearer(prefix="Token "), f"Bearer {TOKEN}", MISMATCH),
        (Bearer(prefix="a-"), f"a-{TOKEN}", MISMATCH),
    ],
)
def test_token_may_be_configured_as_the_whole_header(scheme, secret, expected):
    request = senders.delivery({"authorization": scheme.prefix + TOKEN}, b"{}")

    assert reason(scheme, request, secret) == expected
    assert scheme.examine(f"Bearer {TOKEN}").kind
    signed = scheme.sign(request, secret, senders.NOW)
    assert reason(scheme, signed, secret) == ""
