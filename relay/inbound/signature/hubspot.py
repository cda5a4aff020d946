"""HubSpot's signatures: a hash of secret and body, one of method and address too, or an HMAC."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Final

from relay.errors import MALFORMED, MISSING, Refused
from relay.inbound.signature.composed_hmac import ComposedHmac, Message, SeparateHeaders
from relay.inbound.signature.keys import SecretReport, text_report
from relay.inbound.signature.scheme import (
    BodyCheck,
    Vouches,
    copies,
    decode_signatures,
    require_match,
    single,
)
from relay.model import WebhookRequest

_HEADER: Final = "x-hubspot-signature"
_VERSION: Final = "x-hubspot-signature-version"
_V3: Final = "x-hubspot-signature-v3"
# What the vendor's guide wants decoded in an address before v3 is computed.
_DECODED: Final = {f"%{ord(sign):02X}": sign for sign in ":/?@!$'()*,;"}


def _messages(request: WebhookRequest, time: str) -> list[Message]:
    """With the address as it came, or as the vendor's guide writes it."""
    urls = dict.fromkeys((request.url, _decoded(request.url)))
    return [Message(f"{request.method}{url}", time) for url in urls]


def _decoded(url: str) -> str:
    for escape, sign in _DECODED.items():
        url = url.replace(escape, sign).replace(escape.lower(), sign)
    return url


@dataclass(frozen=True, slots=True)
class HubSpotSignature:
    """v3 where the request has it, else v2 or v1, as `X-HubSpot-Signature-Version` says.

    - v3: base64 HMAC-SHA256 over method + URL + body + milliseconds, which are signed.
    - v2: hex SHA-256 of secret + method + URL + body; v1: of secret + body. Neither says when.

    The URL is the one that the vendor was given: a source's `public_url` where it differs from the
    relay's own.
    """

    v3: ComposedHmac = field(
        default=ComposedHmac(
            SeparateHeaders(_V3, "x-hubspot-request-timestamp"),
            _messages,
            encoding="base64",
            clock="ms",
        )
    )
    vouches_for: ClassVar[Vouches] = "body"

    @property
    def label(self) -> str:
        return f"HubSpot v1 to v3, `{_V3}`"

    def verify(
        self, request: WebhookRequest, secrets: tuple[str, ...], now: datetime
    ) -> WebhookRequest:
        return self.begin(request, secrets, now).whole(request.body)

    def begin(self, request: WebhookRequest, secrets: tuple[str, ...], now: datetime) -> BodyCheck:
        if request.headers.get(_V3):
            return self.v3.begin(request, secrets, now)
        texts = copies(request.headers.get(_HEADER, ""))
        if not texts:
            raise Refused(MISSING)
        version = single(request.headers.get(_VERSION, "")).lower() or "v1"
        if version not in ("v1", "v2"):
            raise Refused(MALFORMED)
        signatures = decode_signatures(texts, "hex")
        signed = f"{request.method}{request.url}" if version == "v2" else ""
        start = signed.encode(errors="surrogatepass")
        digests = tuple(hashlib.sha256(secret.encode() + start) for secret in secrets)

        def verdict() -> None:
            require_match(signatures, [digest.digest() for digest in digests])

        return BodyCheck(request, digests, verdict)

    def sign(self, request: WebhookRequest, secret: str, now: datetime) -> WebhookRequest:
        return self.v3.sign(request, secret, now)

    def examine(self, secret: str) -> SecretReport:
        return text_report("client secret", secret)
