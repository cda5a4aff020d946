"""PayPal: ids, a time and the CRC-32 of the body, signed with a key whose certificate has a URL."""

import base64
import re
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar, Final
from uuid import uuid4

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from relay.errors import MALFORMED, MISMATCH, MISSING, Refused
from relay.inbound.signature.certificates import certificate_at
from relay.inbound.signature.keys import SecretReport, rsa_private_key
from relay.inbound.signature.scheme import (
    BodyCheck,
    Vouches,
    decode_signature,
    is_signed,
    require_recent,
    signed_time,
    single,
    with_headers,
)
from relay.model import WebhookRequest

_HOST: Final = r"(?:[a-z0-9-]+\.){1,3}paypal\.com"
_CERTIFICATE_URL: Final = re.compile(rf"https://{_HOST}/v1/notifications/certs/[A-Za-z0-9_-]+")
_SAMPLE_CERTIFICATE_URL: Final = (
    "https://api.paypal.com/v1/notifications/certs/CERT-00000000-00000000-00000000"
)
_ALGORITHM: Final = "SHA256withRSA"
_ID, _TIME, _SIGNATURE, _URL, _NAME = (
    f"paypal-{name}"
    for name in (
        "transmission-id",
        "transmission-time",
        "transmission-sig",
        "cert-url",
        "auth-algo",
    )
)
_WEBHOOK_ID: Final = re.compile(r"[A-Za-z0-9]{1,50}")


class _Crc32:
    """The CRC-32 of what comes in parts."""

    def __init__(self) -> None:
        self.value = 0

    def update(self, part: bytes) -> None:
        self.value = zlib.crc32(part, self.value)


@dataclass(frozen=True, slots=True)
class PayPalSignature:
    """RSA-SHA256 over `id|time|webhook id|CRC-32 of the body`; the secrets are ids of webhooks.

    The certificate proves that PayPal sent it, to anybody's webhook: hence the ids. `verify` raises
    `NeedsCertificate` for one that is not in `CERTIFICATES`. The signed time may be `tolerance_s`
    old. `sign` takes the id of a webhook, a space, and a private key in PEM; the certificate is for
    the caller to put there.

    A CRC-32 is no hash: who has seen a request of PayPal's can make another body for it. So what
    a body says of money is better looked up.

    Source: paypal/PayPal-Python-SDK, notifications.py, and
    https://developer.paypal.com/api/rest/webhooks/rest (read 2026-11).
    """

    tolerance_s: int = 4 * 24 * 3600
    label: str = "RSA-SHA256 of PayPal, `paypal-transmission-sig`"
    vouches_for: ClassVar[Vouches] = "body"

    def verify(
        self, request: WebhookRequest, secrets: tuple[str, ...], now: datetime
    ) -> WebhookRequest:
        return self.begin(request, secrets, now).whole(request.body)

    def begin(self, request: WebhookRequest, secrets: tuple[str, ...], now: datetime) -> BodyCheck:
        names = (_ID, _TIME, _SIGNATURE, _URL, _NAME)
        values = [single(request.headers.get(name, "")) for name in names]
        if not all(values):
            raise Refused(MISSING)
        transmission_id, time, signature_text, url, algorithm = values
        if algorithm != _ALGORITHM:
            raise Refused(MALFORMED)
        signature = decode_signature(signature_text, "base64")
        sent_at_s = signed_time(time)
        key = certificate_at(url, _CERTIFICATE_URL, _HOST, now).key
        crc32 = _Crc32()

        def verdict() -> None:
            messages = [
                _message(transmission_id, time, secret.strip(), crc32.value) for secret in secrets
            ]
            if not any(
                is_signed(key.verify, signature, one, padding.PKCS1v15(), hashes.SHA256())
                for one in messages
            ):
                raise Refused(MISMATCH)
            require_recent(sent_at_s, now, past_s=self.tolerance_s)

        return BodyCheck(request, (crc32,), verdict)

    def sign(self, request: WebhookRequest, secret: str, now: datetime) -> WebhookRequest:
        """The request with its five headers.

        Raises:
            ValueError: the secret is no id and private key.
        """
        webhook_id, _, pem = secret.strip().partition(" ")
        key = rsa_private_key(pem)
        transmission_id = str(uuid4())
        time = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        message = _message(transmission_id, time, webhook_id, zlib.crc32(request.body))
        signature = key.sign(message, padding.PKCS1v15(), hashes.SHA256())
        return with_headers(
            request,
            {
                _ID: transmission_id,
                _TIME: time,
                _SIGNATURE: base64.b64encode(signature).decode(),
                _URL: _SAMPLE_CERTIFICATE_URL,
                _NAME: _ALGORITHM,
            },
        )

    def examine(self, secret: str) -> SecretReport:
        if not _WEBHOOK_ID.fullmatch(secret.strip()):
            return SecretReport("", "expected the id of a webhook: letters and digits")
        return SecretReport("PayPal webhook id; messages to others are refused")


def _message(transmission_id: str, time: str, webhook_id: str, crc32: int) -> bytes:
    """What is signed."""
    return f"{transmission_id}|{time}|{webhook_id}|{crc32}".encode(errors="surrogatepass")
