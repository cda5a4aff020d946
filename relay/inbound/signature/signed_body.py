"""Schemes that sign the raw body: HMAC, Standard Webhooks and ECDSA."""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from relay.errors import MALFORMED, MISMATCH, MISSING, Refused
from relay.inbound.signature.scheme import (
    Encoding,
    KeyEncoding,
    decode_base64,
    decode_key,
    decode_signature,
    key_fault,
    require_match,
    require_recent,
    unix_seconds,
    with_headers,
)
from relay.model import WebhookRequest


@dataclass(frozen=True, slots=True)
class Hmac:
    """HMAC over the raw body, sent in any one of `headers`; nothing signed says when."""

    headers: tuple[str, ...]
    encoding: Encoding = "base64"
    digest: str = "sha256"
    prefix: str = ""
    key: KeyEncoding = "utf8"

    @property
    def label(self) -> str:
        return f"HMAC-{self.digest.upper()}, {self.encoding}, `{self.headers[0]}`"

    def verify(self, request: WebhookRequest, secrets: tuple[str, ...], _now: datetime) -> None:
        texts = [request.headers[name] for name in self.headers if name in request.headers]
        if not any(texts):
            raise Refused(MISSING)
        signatures = [decode_signature(text, self.encoding, self.prefix) for text in texts]
        expected = [self._digest(secret, request.body) for secret in secrets]
        require_match(signatures, expected)

    def sign(self, request: WebhookRequest, secret: str, _now: datetime) -> WebhookRequest:
        digest = self._digest(secret, request.body)
        text = digest.hex() if self.encoding == "hex" else base64.b64encode(digest).decode()
        return with_headers(request, {self.headers[0]: self.prefix + text})

    def fault(self, secret: str) -> str:
        return key_fault(secret, self.key)

    def _digest(self, secret: str, body: bytes) -> bytes:
        return hmac.digest(decode_key(secret, self.key), body, self.digest)


@dataclass(frozen=True, slots=True)
class StandardWebhooks:
    """Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`, a list of `v1,<base64>`.

    `key="utf8"` is for senders that use the secret as plain text, although the specification says
    base64 after `whsec_`. Asymmetric `v1a` signatures are ignored. The signed time may differ from
    ours by `tolerance_s`.
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
        message_id, timestamp, entries = (request.headers.get(name, "") for name in names)
        if not (message_id and timestamp and entries):
            raise Refused(MISSING)
        sent_at_s = unix_seconds(timestamp)
        versions = [entry.partition(",") for entry in entries.split()]
        texts = [text for version, _, text in versions if version == "v1" and text]
        signatures = [decode_signature(text, "base64") for text in texts]
        if not signatures:
            raise Refused(MALFORMED)
        message = f"{message_id}.{timestamp}.".encode(errors="surrogatepass") + request.body
        expected = [self._digest(secret, message) for secret in secrets]
        require_match(signatures, expected)
        require_recent(sent_at_s, now, past_s=self.tolerance_s)

    def sign(self, request: WebhookRequest, secret: str, now: datetime) -> WebhookRequest:
        timestamp = str(int(now.timestamp()))
        message_id = (
            request.headers.get(f"{self.prefix}-id")
            or "msg_" + hashlib.sha256(timestamp.encode() + request.body).hexdigest()[:24]
        )
        digest = self._digest(secret, f"{message_id}.{timestamp}.".encode() + request.body)
        signature = "v1," + base64.b64encode(digest).decode()
        values = {"id": message_id, "timestamp": timestamp, "signature": signature}
        return with_headers(request, {f"{self.prefix}-{k}": v for k, v in values.items()})

    def fault(self, secret: str) -> str:
        return key_fault(secret.removeprefix("whsec_"), self.key)

    def _digest(self, secret: str, message: bytes) -> bytes:
        text = secret.removeprefix("whsec_") if self.key != "utf8" else secret
        return hmac.digest(decode_key(text, self.key), message, "sha256")


@dataclass(frozen=True, slots=True)
class Ecdsa:
    """ECDSA P-256 with SHA-256 over timestamp header + raw body; the secret is a public key.

    The public key is base64 SubjectPublicKeyInfo, as the vendor shows it, or PEM. `sign` takes the
    private key in PEM instead.
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
        sent_at_s = unix_seconds(timestamp)
        signature_bytes = decode_signature(signature, "base64")
        message = timestamp.encode() + request.body
        matches = [self._matches(secret, signature_bytes, message) for secret in secrets]
        if not any(matches):
            raise Refused(MISMATCH)
        require_recent(sent_at_s, now, past_s=self.tolerance_s)

    def sign(self, request: WebhookRequest, secret: str, now: datetime) -> WebhookRequest:
        private = serialization.load_pem_private_key(secret.encode(), password=None)
        if not isinstance(private, ec.EllipticCurvePrivateKey):
            raise TypeError("an EC private key in PEM is needed to sign")
        timestamp = str(int(now.timestamp()))
        signature = private.sign(timestamp.encode() + request.body, ec.ECDSA(hashes.SHA256()))
        return with_headers(
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
    def _matches(secret: str, signature: bytes, message: bytes) -> bool:
        try:
            _public_key(secret).verify(signature, message, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return False
        return True


@lru_cache(maxsize=256)
def _public_key(text: str) -> ec.EllipticCurvePublicKey:
    key = (
        serialization.load_pem_public_key(text.encode())
        if text.lstrip().startswith("-----")
        else serialization.load_der_public_key(decode_base64("".join(text.split()).encode()))
    )
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise TypeError("not a P-256 key")
    return key
