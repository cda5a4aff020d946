"""RSA over the raw body, as Conekta signs it."""

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, utils

from relay.errors import MISMATCH, MISSING, Refused
from relay.inbound.signature.keys import (
    SecretReport,
    rsa_private_key,
    rsa_public_key,
    rsa_report,
)
from relay.inbound.signature.scheme import (
    BodyCheck,
    Vouches,
    copies,
    decode_signatures,
    is_signed,
    with_headers,
)
from relay.model import WebhookRequest

_PADDING: Final = padding.PKCS1v15()


@dataclass(frozen=True, slots=True)
class RsaBody:
    """RSA with SHA-256 (PKCS #1 v1.5) over the raw body, base64 in `header`; nothing says when.

    The secret is the public key, in PEM or base64. `sign` takes the private key in PEM.
    """

    header: str
    vouches_for: ClassVar[Vouches] = "body"

    @property
    def label(self) -> str:
        return f"RSA-SHA256, base64, `{self.header}`"

    def verify(
        self, request: WebhookRequest, secrets: tuple[str, ...], now: datetime
    ) -> WebhookRequest:
        return self.begin(request, secrets, now).whole(request.body)

    def begin(self, request: WebhookRequest, secrets: tuple[str, ...], _now: datetime) -> BodyCheck:
        texts = copies(request.headers.get(self.header, ""))
        if not texts:
            raise Refused(MISSING)
        signatures = decode_signatures(texts, "base64")
        digest = hashlib.sha256()

        def verdict() -> None:
            signed, prehashed = digest.digest(), utils.Prehashed(hashes.SHA256())
            pairs = [(rsa_public_key(secret), text) for secret in secrets for text in signatures]
            if not any(
                is_signed(key.verify, text, signed, _PADDING, prehashed) for key, text in pairs
            ):
                raise Refused(MISMATCH)

        return BodyCheck(request, (digest,), verdict)

    def sign(self, request: WebhookRequest, secret: str, _now: datetime) -> WebhookRequest:
        signature = rsa_private_key(secret).sign(request.body, _PADDING, hashes.SHA256())
        return with_headers(request, {self.header: base64.b64encode(signature).decode()})

    def examine(self, secret: str) -> SecretReport:
        return rsa_report(secret)
