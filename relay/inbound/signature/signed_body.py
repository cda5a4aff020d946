"""Schemes that sign the raw body: HMAC and ECDSA."""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

from relay.errors import MISMATCH, MISSING, Refused
from relay.inbound.signature.keys import (
    KeyEncoding,
    SecretReport,
    decode_key,
    hmac_report,
    pem_text,
    public_key,
)
from relay.inbound.signature.scheme import (
    BodyCheck,
    Encoding,
    Vouches,
    copies,
    decode_signatures,
    encode_signature,
    is_signed,
    require_match,
    require_recent,
    single,
    unix_seconds,
    with_headers,
)
from relay.model import WebhookRequest

_PREHASHED: Final = ec.ECDSA(utils.Prehashed(hashes.SHA256()))


class _Base64Hmac:
    """An HMAC of the base64 of what it gets."""

    def __init__(self, mac: hmac.HMAC) -> None:
        self._mac = mac
        self._rest = b""  # base64 takes three bytes at a time

    def update(self, part: bytes) -> None:
        data = self._rest + part
        whole = len(data) - len(data) % 3
        self._rest = data[whole:]
        self._mac.update(base64.b64encode(data[:whole]))

    def digest(self) -> bytes:
        mac = self._mac.copy()
        mac.update(base64.b64encode(self._rest))
        return mac.digest()


@dataclass(frozen=True, slots=True)
class Hmac:
    """HMAC over the raw body, sent in any one of `headers`; nothing signed says when.

    With `of_base64` it is over the base64 of the body.
    """

    headers: tuple[str, ...]
    encoding: Encoding = "base64"
    digest: str = "sha256"
    prefix: str = ""
    key: KeyEncoding = "utf8"
    of_base64: bool = False
    vouches_for: ClassVar[Vouches] = "body"

    @property
    def label(self) -> str:
        return f"HMAC-{self.digest.upper()}, {self.encoding}, `{self.headers[0]}`"

    def verify(
        self, request: WebhookRequest, secrets: tuple[str, ...], now: datetime
    ) -> WebhookRequest:
        return self.begin(request, secrets, now).whole(request.body)

    def begin(self, request: WebhookRequest, secrets: tuple[str, ...], _now: datetime) -> BodyCheck:
        values = [request.headers.get(name, "") for name in self.headers]
        if not any(values):
            raise Refused(MISSING)
        texts = values if "," in self.prefix else [text for v in values for text in copies(v)]
        signatures = decode_signatures(filter(None, texts), self.encoding, self.prefix)
        macs = tuple(self._mac(secret) for secret in secrets)

        def verdict() -> None:
            require_match(signatures, [mac.digest() for mac in macs])

        return BodyCheck(request, macs, verdict)

    def sign(self, request: WebhookRequest, secret: str, _now: datetime) -> WebhookRequest:
        mac = self._mac(secret)
        mac.update(request.body)
        text = encode_signature(mac.digest(), self.encoding)
        return with_headers(request, {self.headers[0]: self.prefix + text})

    def _mac(self, secret: str) -> hmac.HMAC | _Base64Hmac:
        mac = hmac.new(decode_key(secret, self.key), None, self.digest)
        return _Base64Hmac(mac) if self.of_base64 else mac

    def examine(self, secret: str) -> SecretReport:
        return hmac_report(secret, self.key)


@dataclass(frozen=True, slots=True)
class Ecdsa:
    """ECDSA P-256 with SHA-256 over timestamp header + raw body; the secret is a public key.

    The public key is base64 SubjectPublicKeyInfo, as the vendor shows it, or PEM. `sign` takes the
    private key in PEM instead.
    """

    signature_header: str
    timestamp_header: str
    tolerance_s: int
    vouches_for: ClassVar[Vouches] = "body"

    @property
    def label(self) -> str:
        return f"ECDSA P-256, `{self.signature_header}`"

    def verify(
        self, request: WebhookRequest, secrets: tuple[str, ...], now: datetime
    ) -> WebhookRequest:
        return self.begin(request, secrets, now).whole(request.body)

    def begin(self, request: WebhookRequest, secrets: tuple[str, ...], now: datetime) -> BodyCheck:
        texts = copies(request.headers.get(self.signature_header, ""))
        timestamp = single(request.headers.get(self.timestamp_header, ""))
        if not (texts and timestamp):
            raise Refused(MISSING)
        sent_at_s = unix_seconds(timestamp)
        signatures = decode_signatures(texts, "base64")
        digest = hashlib.sha256(timestamp.encode())

        def verdict() -> None:
            signed = digest.digest()
            pairs = [(_p256_key(secret), text) for secret in secrets for text in signatures]
            if not any(is_signed(key.verify, text, signed, _PREHASHED) for key, text in pairs):
                raise Refused(MISMATCH)
            require_recent(sent_at_s, now, past_s=self.tolerance_s)

        return BodyCheck(request, (digest,), verdict)

    def sign(self, request: WebhookRequest, secret: str, now: datetime) -> WebhookRequest:
        private = serialization.load_pem_private_key(pem_text(secret).encode(), password=None)
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

    def examine(self, secret: str) -> SecretReport:
        try:
            _p256_key(secret)
        except (ValueError, TypeError):
            return SecretReport("", "expected a public key of curve P-256, base64 or PEM")
        return SecretReport("P-256 public key")


def _p256_key(text: str) -> ec.EllipticCurvePublicKey:
    key = public_key(text)
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise TypeError("not a P-256 key")
    return key
