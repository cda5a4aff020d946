"""How senders prove who they are: one small frozen class per scheme.

A scheme sees the whole delivery (method, public URL, query, headers, raw bytes), because some
platforms sign more than the body. `verify` raises `Refused` with `missing`, `malformed`,
`mismatch` or `stale`; `sign` does what the platform does, for `send`, the demo and nobody else;
`fault` says what is wrong with a configured secret, empty when nothing is. Secrets are a tuple,
newest first, so that one can be rotated without losing a delivery. Comparisons take constant
time.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Literal, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from relay.errors import MALFORMED, MISMATCH, MISSING, STALE, Refused
from relay.model import WebhookRequest

Encoding = Literal["base64", "hex"]
KeyEncoding = Literal["utf8", "base64", "hex"]


class Scheme(Protocol):
    """What every way of signing offers. `label` is what the README's table says of it."""

    @property
    def label(self) -> str: ...

    def verify(self, request: WebhookRequest, secrets: tuple[str, ...], now: datetime) -> None: ...

    def sign(self, request: WebhookRequest, secret: str, now: datetime) -> WebhookRequest: ...

    def fault(self, secret: str) -> str: ...


@dataclass(frozen=True, slots=True)
class Hmac:
    """HMAC over the raw body in one header; any one of `headers` may carry it."""

    headers: tuple[str, ...]
    encoding: Encoding = "base64"
    digest: str = "sha256"
    prefix: str = ""
    key: KeyEncoding = "utf8"

    @property
    def label(self) -> str:
        return f"HMAC-{self.digest.upper()}, {self.encoding}, `{self.headers[0]}`"

    def verify(self, request: WebhookRequest, secrets: tuple[str, ...], now: datetime) -> None:  # noqa: ARG002  no signed time
        sent = [request.headers[name] for name in self.headers if name in request.headers]
        if not any(sent):
            raise Refused(MISSING)
        claims = [_decoded(text, self.encoding, self.prefix) for text in sent]
        expected = [self._digest(secret, request.body) for secret in secrets]
        _require_match(claims, expected)

    def sign(self, request: WebhookRequest, secret: str, now: datetime) -> WebhookRequest:  # noqa: ARG002  no signed time
        digest = self._digest(secret, request.body)
        text = digest.hex() if self.encoding == "hex" else base64.b64encode(digest).decode()
        return _with_headers(request, {self.headers[0]: self.prefix + text})

    def fault(self, secret: str) -> str:
        return _key_fault(secret, self.key)

    def _digest(self, secret: str, body: bytes) -> bytes:
        return hmac.digest(_key(secret, self.key), body, self.digest)


@dataclass(frozen=True, slots=True)
class StandardWebhooks:
    """Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`, a list of `v1,<base64>`.

    Some senders use the secret as plain text although the specification says base64 after
    `whsec_`; `key="utf8"` reads those. Asymmetric `v1a` entries are passed over.
    Source: standard-webhooks/standard-webhooks, spec, read 2026-08.
    """

    tolerance_s: int = 300
    key: KeyEncoding = "base64"
    prefix: str = "webhook"

    @property
    def label(self) -> str:
        return f"Standard Webhooks, `{self.prefix}-signature`"

    def verify(self, request: WebhookRequest, secrets: tuple[str, ...], now: datetime) -> None:
        names = [f"{self.prefix}-{part}" for part in ("id", "timestamp", "signature")]
        message_id, timestamp, signatures = (request.headers.get(name, "") for name in names)
        if not (message_id and timestamp and signatures):
            raise Refused(MISSING)
        sent_at_s = _unix_seconds(timestamp)
        versions = [entry.partition(",") for entry in signatures.split()]
        claims = [_decoded(text, "base64") for name, _, text in versions if name == "v1" and text]
        if not claims:
            raise Refused(MALFORMED)
        signed = f"{message_id}.{timestamp}.".encode(errors="surrogatepass") + request.body
        expected = [self._digest(secret, signed) for secret in secrets]
        _require_match(claims, expected)
        _require_recent(sent_at_s, now, past_s=self.tolerance_s)

    def sign(self, request: WebhookRequest, secret: str, now: datetime) -> WebhookRequest:
        timestamp = str(int(now.timestamp()))
        message_id = (
            request.headers.get(f"{self.prefix}-id")
            or "msg_" + hashlib.sha256(timestamp.encode() + request.body).hexdigest()[:24]
        )
        digest = self._digest(secret, f"{message_id}.{timestamp}.".encode() + request.body)
        signature = "v1," + base64.b64encode(digest).decode()
        values = {"id": message_id, "timestamp": timestamp, "signature": signature}
        return _with_headers(request, {f"{self.prefix}-{k}": v for k, v in values.items()})

    def fault(self, secret: str) -> str:
        return _key_fault(secret.removeprefix("whsec_"), self.key)

    def _digest(self, secret: str, signed: bytes) -> bytes:
        text = secret.removeprefix("whsec_") if self.key != "utf8" else secret
        return hmac.digest(_key(text, self.key), signed, "sha256")


@dataclass(frozen=True, slots=True)
class Ecdsa:
    """ECDSA P-256 with SHA-256 over timestamp header + raw body; the secret is a public key.

    The key is base64 SubjectPublicKeyInfo (or PEM) as the vendor shows it. To sign, the secret
    is the PEM private key.
    """

    signature_header: str
    timestamp_header: str
    tolerance_s: int

    @property
    def label(self) -> str:
        return f"ECDSA P-256, `{self.signature_header}`"

    def verify(self, request: WebhookRequest, secrets: tuple[str, ...], now: datetime) -> None:
        signature = request.headers.get(self.signature_header, "")
        timestamp = request.headers.get(self.timestamp_header, "")
        if not (signature and timestamp):
            raise Refused(MISSING)
        sent_at_s = _unix_seconds(timestamp)
        claim = _decoded(signature, "base64")
        signed = timestamp.encode() + request.body
        matches = [self._matches(secret, claim, signed) for secret in secrets]
        if not any(matches):
            raise Refused(MISMATCH)
        _require_recent(sent_at_s, now, past_s=self.tolerance_s)

    def sign(self, request: WebhookRequest, secret: str, now: datetime) -> WebhookRequest:
        private = serialization.load_pem_private_key(secret.encode(), password=None)
        if not isinstance(private, ec.EllipticCurvePrivateKey):
            raise TypeError("an EC private key in PEM is needed to sign")
        timestamp = str(int(now.timestamp()))
        signature = private.sign(timestamp.encode() + request.body, ec.ECDSA(hashes.SHA256()))
        return _with_headers(
            request,
            {
                self.signature_header: base64.b64encode(signature).decode(),
                self.timestamp_header: timestamp,
            },
        )

    def fault(self, secret: str) -> str:
        try:
            _public_key(secret)
        except (ValueError, TypeError):
            return "expected a public key of curve P-256, base64 or PEM"
        return ""

    @staticmethod
    def _matches(secret: str, claim: bytes, signed: bytes) -> bool:
        try:
            _public_key(secret).verify(claim, signed, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Basic:
    """HTTP Basic; the secret is `user:password`. It proves the sender, not the body."""

    label: str = "Basic"

    def verify(self, request: WebhookRequest, secrets: tuple[str, ...], now: datetime) -> None:  # noqa: ARG002  no signed time
        kind, _, value = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "basic" or not value:
            raise Refused(MISSING)
        _require_match([_decoded(value.strip(), "base64")], [s.encode() for s in secrets])

    def sign(self, request: WebhookRequest, secret: str, now: datetime) -> WebhookRequest:  # noqa: ARG002  no signed time
        value = base64.b64encode(secret.encode()).decode()
        return _with_headers(request, {"authorization": f"Basic {value}"})

    def fault(self, secret: str) -> str:
        return "" if ":" in secret else "expected user:password"


@dataclass(frozen=True, slots=True)
class Bearer:
    """A fixed token in a header, after `prefix`. It proves the sender, not the body."""

    header: str = "authorization"
    prefix: str = "Bearer "

    @property
    def label(self) -> str:
        return f"token, `{self.header}`"

    def verify(self, request: WebhookRequest, secrets: tuple[str, ...], now: datetime) -> None:  # noqa: ARG002  no signed time
        value = request.headers.get(self.header, "")
        if not value.lower().startswith(self.prefix.lower()) or value == self.prefix:
            raise Refused(MISSING)
        claim = value[len(self.prefix) :].strip()
        _require_match([claim.encode(errors="surrogatepass")], [s.encode() for s in secrets])

    def sign(self, request: WebhookRequest, secret: str, now: datetime) -> WebhookRequest:  # noqa: ARG002  no signed time
        return _with_headers(request, {self.header: self.prefix + secret})

    def fault(self, secret: str) -> str:
        return _token_fault(secret)


@dataclass(frozen=True, slots=True)
class PathToken:
    """A secret last part of the path, for senders that can do nothing else.

    It proves that the sender was given the address, not the body.
    """

    label: str = "secret in the path"

    def verify(self, request: WebhookRequest, secrets: tuple[str, ...], now: datetime) -> None:  # noqa: ARG002  no signed time
        if not request.token:
            raise Refused(MISSING)
        _require_match(
            [request.token.encode(errors="surrogatepass")], [s.encode() for s in secrets]
        )

    def sign(self, request: WebhookRequest, secret: str, now: datetime) -> WebhookRequest:  # noqa: ARG002  no signed time
        return replace(request, token=secret, url=f"{request.url}/{secret}")

    def fault(self, secret: str) -> str:
        return _token_fault(secret)


def _require_match(claims: list[bytes], expected: list[bytes]) -> None:
    """Every pair is compared, so the time taken does not tell which secret is in use."""
    matches = [hmac.compare_digest(claim, known) for claim in claims for known in expected]
    if not any(matches):
        raise Refused(MISMATCH)


def _require_recent(sent_at_s: int, now: datetime, *, past_s: int, future_s: int = 300) -> None:
    age_s = now.timestamp() - sent_at_s
    if age_s > past_s or age_s < -min(future_s, past_s):
        raise Refused(STALE)


def _unix_seconds(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise Refused(MALFORMED)
    return int(text)


def _decoded(text: str, encoding: Encoding, prefix: str = "") -> bytes:
    if not text.startswith(prefix):
        raise Refused(MALFORMED)
    try:
        value = text[len(prefix) :].strip().encode("ascii")
        return bytes.fromhex(value.decode()) if encoding == "hex" else _base64(value)
    except (ValueError, binascii.Error) as error:
        raise Refused(MALFORMED) from error


def _base64(value: bytes) -> bytes:
    """Strict base64, but the padding may be missing."""
    return base64.b64decode(value + b"=" * (-len(value) % 4), validate=True)


@lru_cache(maxsize=256)
def _key(secret: str, encoding: KeyEncoding) -> bytes:
    if encoding == "hex":
        return bytes.fromhex(secret)
    return _base64(secret.encode()) if encoding == "base64" else secret.encode()


def _key_fault(secret: str, encoding: KeyEncoding) -> str:
    try:
        empty = not _key(secret, encoding)
    except (ValueError, binascii.Error):
        return f"expected a secret in {encoding}"
    return "expected a secret that is not empty" if empty else ""


def _token_fault(secret: str) -> str:
    usable = secret.isascii() and len(secret) >= 16
    return "" if usable else "expected a token of at least 16 ASCII characters"


@lru_cache(maxsize=256)
def _public_key(text: str) -> ec.EllipticCurvePublicKey:
    key = (
        serialization.load_pem_public_key(text.encode())
        if text.lstrip().startswith("-----")
        else serialization.load_der_public_key(_base64("".join(text.split()).encode()))
    )
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise TypeError("not a P-256 key")
    return key


def _with_headers(request: WebhookRequest, more: dict[str, str]) -> WebhookRequest:
    return replace(request, headers={**request.headers, **more})


def first_fault(scheme: Scheme, secrets: Iterable[str]) -> str:
    """The first fault among configured secrets, empty when all are usable."""
    return next((fault for fault in map(scheme.fault, secrets) if fault), "")
