"""The protocol of a signature scheme, and the decoding and comparing that schemes share."""

import base64
import binascii
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Literal, Protocol

from relay.errors import MALFORMED, MISMATCH, STALE, Refused
from relay.model import WebhookRequest

Encoding = Literal["base64", "hex"]
KeyEncoding = Literal["utf8", "base64", "hex"]


class Scheme(Protocol):
    """One way of signing. `label` is its cell in the README's table of platforms."""

    @property
    def label(self) -> str: ...

    def verify(
        self, request: WebhookRequest, secrets: tuple[str, ...], now: datetime, /
    ) -> None: ...

    def sign(self, request: WebhookRequest, secret: str, now: datetime, /) -> WebhookRequest: ...

    def fault(self, secret: str, /) -> str:
        """A message for an unusable secret, empty when it is usable."""
        ...


def first_fault(scheme: Scheme, secrets: Iterable[str]) -> str:
    """The first fault among configured secrets, empty when all are usable."""
    return next((fault for fault in map(scheme.fault, secrets) if fault), "")


def require_match(signatures: list[bytes], expected: list[bytes]) -> None:
    """Compare all pairs, so that the time taken does not reveal which secret is in use.

    Raises:
        Refused: `mismatch`, when no signature equals an expected one.
    """
    matches = [hmac.compare_digest(actual, value) for actual in signatures for value in expected]
    if not any(matches):
        raise Refused(MISMATCH)


def require_recent(sent_at_s: int, now: datetime, *, past_s: int, future_s: int = 300) -> None:
    """Check a signed unix time.

    Raises:
        Refused: `stale`, when it is over `past_s` old or too far in the future.
    """
    age_s = now.timestamp() - sent_at_s
    if age_s > past_s or age_s < -min(future_s, past_s):
        raise Refused(STALE)


def unix_seconds(text: str) -> int:
    """Parse a signed unix time.

    Raises:
        Refused: `malformed`.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise Refused(MALFORMED)
    return int(text)


def decode_signature(text: str, encoding: Encoding, prefix: str = "") -> bytes:
    """The bytes of a signature as sent in a header.

    Raises:
        Refused: `malformed`.
    """
    if not text.startswith(prefix):
        raise Refused(MALFORMED)
    try:
        value = text[len(prefix) :].strip().encode("ascii")
        return bytes.fromhex(value.decode()) if encoding == "hex" else decode_base64(value)
    except (ValueError, binascii.Error) as error:
        raise Refused(MALFORMED) from error


def decode_base64(value: bytes) -> bytes:
    """Strict base64, except that the padding may be missing.

    Raises:
        ValueError: a character is not of the alphabet, or the length is impossible.
    """
    return base64.b64decode(value + b"=" * (-len(value) % 4), validate=True)


@lru_cache(maxsize=256)
def decode_key(secret: str, encoding: KeyEncoding) -> bytes:
    """The HMAC key in a configured secret.

    Raises:
        ValueError: it is not in this encoding.
    """
    if encoding == "hex":
        return bytes.fromhex(secret)
    return decode_base64(secret.encode()) if encoding == "base64" else secret.encode()


def key_fault(secret: str, encoding: KeyEncoding) -> str:
    try:
        empty = not decode_key(secret, encoding)
    except (ValueError, binascii.Error):
        return f"expected a secret in {encoding}"
    return "expected a secret that is not empty" if empty else ""


def with_headers(request: WebhookRequest, headers: Mapping[str, str]) -> WebhookRequest:
    return replace(request, headers={**request.headers, **headers})
