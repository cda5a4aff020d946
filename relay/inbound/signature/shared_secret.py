"""Schemes that send the secret itself: they prove who sent a request, not that its body is intact.

Use them over TLS only.
"""

import base64
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar
from urllib.parse import urlencode

from relay.errors import MISSING, Refused
from relay.inbound.signature.keys import SecretReport, text_report
from relay.inbound.signature.scheme import (
    BodyCheck,
    Vouches,
    decode_signature,
    require_match,
    single,
    with_headers,
)
from relay.model import WebhookRequest


@dataclass(frozen=True, slots=True)
class Basic:
    """HTTP Basic; the secret is `user:password`."""

    label: str = "Basic"
    vouches_for: ClassVar[Vouches] = "nothing"

    def verify(
        self, request: WebhookRequest, secrets: tuple[str, ...], now: datetime
    ) -> WebhookRequest:
        return self.begin(request, secrets, now).request

    def begin(self, request: WebhookRequest, secrets: tuple[str, ...], _now: datetime) -> BodyCheck:
        authorization = single(request.headers.get("authorization", ""))
        kind, _, value = authorization.partition(" ")
        if kind.lower() != "basic" or not value:
            raise Refused(MISSING)
        expected = [spelling for secret in secrets for spelling in _spellings(secret)]
        require_match([decode_signature(value.strip(), "base64")], expected)
        return BodyCheck(request)

    def sign(self, request: WebhookRequest, secret: str, _now: datetime) -> WebhookRequest:
        value = base64.b64encode(secret.encode()).decode()
        return with_headers(request, {"authorization": f"Basic {value}"})

    def examine(self, secret: str) -> SecretReport:
        user, colon, password = secret.partition(":")
        fault = "" if colon and (user or password) else "expected user:password"
        return text_report("user and password", secret, fault=fault)


def _spellings(secret: str) -> Iterator[bytes]:
    """A user and password in the character sets of senders; RFC 7617 names none."""
    yield secret.encode()
    with suppress(UnicodeEncodeError):
        yield secret.encode("latin-1")


@dataclass(frozen=True, slots=True)
class Bearer:
    """A fixed token in a header, after `prefix`."""

    header: str = "authorization"
    prefix: str = "Bearer "
    vouches_for: ClassVar[Vouches] = "nothing"

    @property
    def label(self) -> str:
        return f"token, `{self.header}`"

    def verify(
        self, request: WebhookRequest, secrets: tuple[str, ...], now: datetime
    ) -> WebhookRequest:
        return self.begin(request, secrets, now).request

    def begin(self, request: WebhookRequest, secrets: tuple[str, ...], _now: datetime) -> BodyCheck:
        value = single(request.headers.get(self.header, ""))
        if not value.lower().startswith(self.prefix.lower()) or value == self.prefix:
            raise Refused(MISSING)
        token = value[len(self.prefix) :].strip()
        expected = [self._token(secret).encode() for secret in secrets]
        require_match([token.encode(errors="surrogatepass")], expected)
        return BodyCheck(request)

    def _token(self, secret: str) -> str:
        """The token in a secret; it has no word before it, unless the whole header was pasted."""
        is_whole = self.prefix.endswith(" ") and secret.lower().startswith(self.prefix.lower())
        return secret[len(self.prefix) :].strip() if is_whole else secret

    def sign(self, request: WebhookRequest, secret: str, _now: datetime) -> WebhookRequest:
        return with_headers(request, {self.header: self.prefix + self._token(secret)})

    def examine(self, secret: str) -> SecretReport:
        return _token_report(self._token(secret))


@dataclass(frozen=True, slots=True)
class PathToken:
    """A secret last segment of the path, for senders that can set nothing but a URL.

    It is compared as it stands, capitals too; slashes around it are not part of it. `suffix` is the
    segment that may follow it, for senders that want the path to end in a word of theirs.
    """

    suffix: str = ""
    vouches_for: ClassVar[Vouches] = "nothing"

    @property
    def label(self) -> str:
        return "secret in the path" + (f", before `{self.suffix}`" if self.suffix else "")

    def verify(
        self, request: WebhookRequest, secrets: tuple[str, ...], now: datetime
    ) -> WebhookRequest:
        return self.begin(request, secrets, now).request

    def begin(self, request: WebhookRequest, secrets: tuple[str, ...], _now: datetime) -> BodyCheck:
        token = self._without_suffix(request.token.strip("/"))
        if not token:
            raise Refused(MISSING)
        expected = [secret.strip("/").encode() for secret in secrets]
        require_match([token.encode(errors="surrogatepass")], expected)
        return BodyCheck(request)

    def _without_suffix(self, token: str) -> str:
        start, _, last = token.rpartition("/")
        is_suffix = self.suffix and last.lower() == self.suffix.lower()
        return start.rstrip("/") if is_suffix else token

    def sign(self, request: WebhookRequest, secret: str, _now: datetime) -> WebhookRequest:
        token = f"{secret}/{self.suffix}" if self.suffix else secret
        return replace(request, token=token, url=f"{request.url}/{token}")

    def examine(self, secret: str) -> SecretReport:
        return _token_report(secret)


@dataclass(frozen=True, slots=True)
class QueryToken:
    """A secret in the query of the address, under `name`.

    The request that comes out has no such query parameter.
    """

    name: str
    vouches_for: ClassVar[Vouches] = "nothing"

    @property
    def label(self) -> str:
        return f"secret in the query, `{self.name}`"

    def verify(
        self, request: WebhookRequest, secrets: tuple[str, ...], now: datetime
    ) -> WebhookRequest:
        return self.begin(request, secrets, now).request

    def begin(self, request: WebhookRequest, secrets: tuple[str, ...], _now: datetime) -> BodyCheck:
        tokens = [value for name, value in request.query if name == self.name and value]
        if not tokens:
            raise Refused(MISSING)
        require_match(
            [token.encode(errors="surrogatepass") for token in tokens],
            [secret.encode() for secret in secrets],
        )
        others = tuple(pair for pair in request.query if pair[0] != self.name)
        address, _, _ = request.url.partition("?")
        url = f"{address}?{urlencode(others)}" if others else address
        return BodyCheck(replace(request, query=others, url=url))

    def sign(self, request: WebhookRequest, secret: str, _now: datetime) -> WebhookRequest:
        pair = (self.name, secret)
        url = f"{request.url}{'&' if '?' in request.url else '?'}{urlencode([pair])}"
        return replace(request, query=(*request.query, pair), url=url)

    def examine(self, secret: str) -> SecretReport:
        return _token_report(secret)


def _token_report(secret: str) -> SecretReport:
    usable = secret.isascii() and len(secret) >= 16
    fault = "" if usable else "expected a token of at least 16 ASCII characters"
    return text_report("token", secret, fault=fault)
