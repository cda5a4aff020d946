"""The protocol of a signature scheme, and the decoding and comparing that schemes share."""

import base64
import binascii
import hmac
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, Final, Literal, Protocol, runtime_checkable

from cryptography.exceptions import InvalidSignature

from relay.errors import MALFORMED, MISMATCH, STALE, Refused
from relay.inbound.signature.keys import SecretReport, decode_base64
from relay.inbound.timestamps import parse_timestamp
from relay.model import WebhookRequest

Encoding = Literal["base64", "hex"]
Vouches = Literal["body", "identity", "nothing"]
Clock = Literal["s", "ms", "http_date"]

# How far a signed time may be ahead of ours.
FUTURE_S: Final = 300


class Scheme(Protocol):
    """One way of signing. `label` is its cell in the README's table of platforms.

    `vouches_for` is what a verified request proves: its whole `body`; the `identity` of what it
    is about, so that the rest has to be looked up; or `nothing` but who sent it.
    """

    @property
    def label(self) -> str: ...

    @property
    def vouches_for(self) -> Vouches: ...

    def verify(
        self, request: WebhookRequest, secrets: tuple[str, ...], now: datetime, /
    ) -> WebhookRequest:
        """The request, with what was verified under its usual header names.

        Raises:
            Refused: it does not prove who sent it.
            NeedsCertificate: a certificate has to be fetched first, and this called again.
        """
        ...

    def sign(self, request: WebhookRequest, secret: str, now: datetime, /) -> WebhookRequest: ...

    def examine(self, secret: str, /) -> SecretReport: ...


class Digest(Protocol):
    """What takes a body in parts: a hash or MAC of `hashlib` and `hmac`, or a buffer."""

    def update(self, part: bytes, /) -> None: ...


@dataclass(frozen=True, slots=True)
class BodyCheck:
    """A proof whose headers are read: it takes the body in parts, and then decides.

    `request` is as `verify` returns it, unless the verdict says another. `buffers` says that the
    parts are kept in memory, since the signature can only be verified over the whole.
    """

    request: WebhookRequest
    digests: tuple[Digest, ...] = ()
    verdict: Callable[[], WebhookRequest | None] | None = None
    buffers: bool = False

    def update(self, part: bytes) -> None:
        for digest in self.digests:
            digest.update(part)

    def finish(self) -> WebhookRequest:
        """The request.

        Raises:
            Refused: the body is not the one that was signed, or the signed time is too far away.
        """
        proved = self.verdict() if self.verdict is not None else None
        return proved or self.request

    def whole(self, body: bytes) -> WebhookRequest:
        """`update` and `finish`, for a body that is in memory."""
        self.update(body)
        return self.finish()


def first_proof(checks: Sequence[BodyCheck]) -> BodyCheck:
    """The check by several proofs of a request, each by itself; the first that is right counts."""
    if len(checks) == 1:
        return checks[0]

    def verdict() -> WebhookRequest:
        faults = []
        for check in checks:
            try:
                return check.finish()
            except Refused as refused:
                faults.append(refused)
        raise faults[0]

    digests = tuple(digest for check in checks for digest in check.digests)
    buffers = any(check.buffers for check in checks)
    return BodyCheck(checks[0].request, digests, verdict, buffers)


@runtime_checkable
class IncrementalScheme(Scheme, Protocol):
    """A scheme that can verify a body while it is read."""

    def begin(
        self, request: WebhookRequest, secrets: tuple[str, ...], now: datetime, /
    ) -> BodyCheck:
        """Read the proof in the headers; `request.body` is not used.

        Raises:
            Refused: there is no readable proof, or one that no body can mend.
        """
        ...


def first_fault(scheme: Scheme, secrets: Iterable[str]) -> str:
    """The first fault among configured secrets, empty when all are usable."""
    return next((fault for secret in secrets if (fault := scheme.examine(secret).fault)), "")


def copies(value: str) -> list[str]:
    """The values of a header that came several times, which WSGI joins with commas."""
    parts = value.split(",") if "," in value else (value,)
    return [part for part in map(str.strip, parts) if part]


def single(value: str) -> str:
    """The value of a header; if it came several times with one value, that value."""
    values = copies(value)
    return values[0] if len(set(values)) == 1 else value


def readable(texts: Iterable[str], encoding: Encoding, prefix: str = "") -> list[bytes]:
    """The signatures among the texts, without those that cannot be decoded."""
    signatures = []
    for text in texts:
        try:
            signatures.append(decode_signature(text, encoding, prefix))
        except Refused:
            continue
    return signatures


def decode_signatures(texts: Iterable[str], encoding: Encoding, prefix: str = "") -> list[bytes]:
    """The signatures among the texts that can be decoded.

    Raises:
        Refused: `malformed`, when there is none.
    """
    signatures = readable(texts, encoding, prefix)
    if not signatures:
        raise Refused(MALFORMED)
    return signatures


def is_signed(verify: Callable[..., None], *arguments: Any) -> bool:
    """Whether a public key's `verify` accepts the signature among its arguments."""
    try:
        verify(*arguments)
    except InvalidSignature:
        return False
    return True


def require_match(signatures: list[bytes], expected: list[bytes]) -> None:
    """Compare all pairs, so that the time taken does not reveal which secret is in use.

    Raises:
        Refused: `mismatch`, when no signature equals an expected one.
    """
    matches = [hmac.compare_digest(actual, value) for actual in signatures for value in expected]
    if not any(matches):
        raise Refused(MISMATCH)


def require_recent(sent_at_s: float, now: datetime, *, past_s: int) -> None:
    """Check a signed unix time.

    Raises:
        Refused: `stale`, when it is over `past_s` old or too far in the future.
    """
    age_s = now.timestamp() - sent_at_s
    if age_s > past_s or age_s < -min(FUTURE_S, past_s):
        raise Refused(STALE, detail=f"{age_s:.0f} s")


def unix_seconds(text: str) -> int:
    """Parse a signed unix time.

    Raises:
        Refused: `malformed`.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise Refused(MALFORMED)
    return int(text)


def signed_time(text: str) -> float:
    """The unix time in a signed text: seconds, milliseconds, ISO 8601 or an HTTP date.

    Raises:
        Refused: `malformed`.
    """
    moment = parse_timestamp(text)
    if moment is None:
        raise Refused(MALFORMED)
    return moment.timestamp()


def time_text(moment: datetime, clock: Clock) -> str:
    """A time as a platform writes it."""
    if clock == "http_date":
        return format_datetime(moment.astimezone(UTC), usegmt=True)
    return str(int(moment.timestamp() * (1000 if clock == "ms" else 1)))


def encode_signature(signature: bytes, encoding: Encoding) -> str:
    return signature.hex() if encoding == "hex" else base64.b64encode(signature).decode()


def has_prefix(text: str, prefix: str) -> bool:
    """Whether a signature stands behind its prefix, which some senders write in capitals."""
    return text.startswith(prefix) or text[: len(prefix)].lower() == prefix.lower()


def decode_signature(text: str, encoding: Encoding, prefix: str = "") -> bytes:
    """The bytes of a signature as sent in a header.

    Raises:
        Refused: `malformed`.
    """
    if not has_prefix(text, prefix):
        raise Refused(MALFORMED)
    try:
        value = text[len(prefix) :].strip().encode("ascii")
        return bytes.fromhex(value.decode()) if encoding == "hex" else decode_base64(value)
    except (ValueError, binascii.Error) as error:
        raise Refused(MALFORMED) from error


def with_headers(request: WebhookRequest, headers: Mapping[str, str]) -> WebhookRequest:
    return replace(request, headers={**request.headers, **headers})
