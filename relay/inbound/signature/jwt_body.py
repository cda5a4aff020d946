"""A body that is a JWT as a whole, as Wix sends it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, Final

import jwt

from relay.errors import MALFORMED, MISMATCH, MISSING, STALE, Refused, Unreadable
from relay.inbound.payload import json_bytes, json_object
from relay.inbound.signature.keys import (
    SecretReport,
    decode_base64,
    rsa_private_key,
    rsa_public_key,
    rsa_report,
)
from relay.inbound.signature.scheme import FUTURE_S, Vouches, require_recent
from relay.model import WebhookRequest

# Pinned: the header of a token must not choose how it is verified.
_ALGORITHM: Final = "RS256"
_LIFETIME_S: Final = 600
_URL_SAFE: Final = bytes.maketrans(b"-_", b"+/")


@dataclass(frozen=True, slots=True)
class JwtBody:
    """A JWT signed with RS256; the secret is the RSA public key in PEM.

    `exp`, `nbf` and `iat` count where they are present, and `iat` may be `tolerance_s` old (None:
    of any age). `sign` takes the private key in PEM, and a body of claims in JSON or in a JWT.
    """

    tolerance_s: int | None = None
    label: str = "JWT body, RS256"
    vouches_for: ClassVar[Vouches] = "body"

    def verify(
        self, request: WebhookRequest, secrets: tuple[str, ...], now: datetime
    ) -> WebhookRequest:
        token = request.body.strip()
        if not token:
            raise Refused(MISSING)
        if not any(_is_signed(token, secret) for secret in secrets):
            raise Refused(MISMATCH)
        try:
            claims = jwt_claims(token)
        except Unreadable as error:
            raise Refused(MALFORMED) from error
        self._require_current(claims, now)
        return request

    def _require_current(self, claims: Mapping[str, Any], now: datetime) -> None:
        now_s = now.timestamp()
        expires_s, begins_s, issued_s = (_seconds(claims, name) for name in ("exp", "nbf", "iat"))
        is_late = expires_s is not None and now_s > expires_s + FUTURE_S
        is_early = any(at is not None and now_s < at - FUTURE_S for at in (begins_s, issued_s))
        if is_late or is_early:
            raise Refused(STALE)
        if self.tolerance_s is not None and issued_s is not None:
            require_recent(issued_s, now, past_s=self.tolerance_s)

    def sign(self, request: WebhookRequest, secret: str, now: datetime) -> WebhookRequest:
        """The request with its claims, issued now, as a JWT.

        Raises:
            ValueError: the secret is no private key.
        """
        key = rsa_private_key(secret)
        body = request.body.strip()
        claims = json_object(body) if body.startswith(b"{") else jwt_claims(body)
        issued_s = int(now.timestamp())
        claims = {**claims, "iat": issued_s, "exp": issued_s + _LIFETIME_S}
        token = jwt.PyJWS().encode(json_bytes(claims), key, _ALGORITHM, headers={"typ": "JWT"})
        return request.with_body(token.encode())

    def examine(self, secret: str) -> SecretReport:
        return rsa_report(secret)


def jwt_claims(body: bytes) -> dict[str, Any]:
    """The claims of a body that has been verified.

    Raises:
        Unreadable: it is no JWT of a JSON object.
    """
    parts = body.strip().split(b".")
    try:
        content = decode_base64(parts[1].translate(_URL_SAFE)) if len(parts) == 3 else b""
    except ValueError as error:
        raise Unreadable({"body": "expected a JWT"}) from error
    return json_object(content)


def _is_signed(token: bytes, secret: str) -> bool:
    """Whether the key's owner signed the token.

    Raises:
        Refused: `malformed`, when it is no JWS, or of another algorithm.
    """
    try:
        jwt.PyJWS().decode(token, rsa_public_key(secret), algorithms=[_ALGORITHM])
    except jwt.InvalidSignatureError:
        return False
    except (jwt.PyJWTError, ValueError) as error:
        raise Refused(MALFORMED) from error
    return True


def _seconds(claims: Mapping[str, Any], name: str) -> float | None:
    """A time among the claims, None when it is absent.

    Raises:
        Refused: `malformed`, when it is no number.
    """
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise Refused(MALFORMED)
    return float(value)
