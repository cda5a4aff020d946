"""Schemes that send the secret itself: they prove who sent a request, not that its body is intact.

Use them over TLS only.
"""

import base64
from dataclasses import dataclass, replace
from datetime import datetime

from relay.errors import MISSING, Refused
from relay.inbound.signature.scheme import decode_signature, require_match, with_headers
from relay.model import WebhookRequest


@dataclass(frozen=True, slots=True)
class Basic:
    """HTTP Basic; the secret is `user:password`."""

    label: str = "Basic"

    def verify(self, request: WebhookRequest, secrets: tuple[str, ...], _now: datetime) -> None:
        kind, _, value = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "basic" or not value:
            raise Refused(MISSING)
        require_match([decode_signature(value.strip(), "base64")], [s.encode() for s in secrets])

    def sign(self, request: WebhookRequest, secret: str, _now: datetime) -> WebhookRequest:
        value = base64.b64encode(secret.encode()).decode()
        return with_headers(request, {"authorization": f"Basic {value}"})

    def fault(self, secret: str) -> str:
        return "" if ":" in secret else "expected user:password"


@dataclass(frozen=True, slots=True)
class Bearer:
    """A fixed token in a header, after `prefix`."""

    header: str = "authorization"
    prefix: str = "Bearer "

    @property
    def label(self) -> str:
        return f"token, `{self.header}`"

    def verify(self, request: WebhookRequest, secrets: tuple[str, ...], _now: datetime) -> None:
        value = request.headers.get(self.header, "")
        if not value.lower().startswith(self.prefix.lower()) or value == self.prefix:
            raise Refused(MISSING)
        token = value[len(self.prefix) :].strip()
        require_match([token.encode(errors="surrogatepass")], [s.encode() for s in secrets])

    def sign(self, request: WebhookRequest, secret: str, _now: datetime) -> WebhookRequest:
        return with_headers(request, {self.header: self.prefix + secret})

    def fault(self, secret: str) -> str:
        return _token_fault(secret)


@dataclass(frozen=True, slots=True)
class PathToken:
    """A secret last segment of the path, for senders that can set nothing but a URL."""

    label: str = "secret in the path"

    def verify(self, request: WebhookRequest, secrets: tuple[str, ...], _now: datetime) -> None:
        if not request.token:
            raise Refused(MISSING)
        token = request.token.encode(errors="surrogatepass")
        require_match([token], [s.encode() for s in secrets])

    def sign(self, request: WebhookRequest, secret: str, _now: datetime) -> WebhookRequest:
        return replace(request, token=secret, url=f"{request.url}/{secret}")

    def fault(self, secret: str) -> str:
        return _token_fault(secret)


def _token_fault(secret: str) -> str:
    usable = secret.isascii() and len(secret) >= 16
    return "" if usable else "expected a token of at least 16 ASCII characters"
