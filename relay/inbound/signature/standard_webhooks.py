"""Standard Webhooks: a signed id and time, symmetric (`v1`) and asymmetric (`v1a`)."""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import ClassVar, Final

from cryptography.hazmat.primitives.asymmetric import ed25519

from relay.errors import MALFORMED, MISMATCH, MISSING, Refused
from relay.inbound.signature.keys import (
    KeyEncoding,
    SecretReport,
    decode_key,
    hmac_report,
    public_key,
    unquoted,
)
from relay.inbound.signature.scheme import (
    BodyCheck,
    Digest,
    Vouches,
    first_proof,
    is_signed,
    readable,
    require_match,
    require_recent,
    single,
    unix_seconds,
    with_headers,
)
from relay.model import WebhookRequest

_PREFIXES: Final = ("webhook", "svix")
_PARTS: Final = ("id", "timestamp", "signature")
# An entry is `version,signature`; entries are separated by spaces, copies of the header by commas.
_ENTRY: Final = re.compile(r"(?:^|(?<=[\s,]))(v1a?),([^\s,]+)")
# Some vendors show a secret with the version of its signatures before it: `v1,whsec_…`.
_VERSION: Final = re.compile(r"^v1a?,\s*(?=wh(?:sec|pk|sk)_)")
# SubjectPublicKeyInfo of Ed25519, up to the key (RFC 8410).
_ED25519_DER: Final = bytes.fromhex("302a300506032b6570032100")
_ED25519_FAULT: Final = "expected an Ed25519 public key, whpk_, base64 or PEM"


@dataclass(frozen=True, slots=True)
class StandardWebhooks:
    """Standard Webhooks: `id.timestamp.body` signed with HMAC-SHA256 (`v1`) or Ed25519 (`v1a`).

    A secret is an HMAC key (`whsec_` and base64) or an Ed25519 public key (`whpk_` and base64, or
    PEM); each signature is verified with the keys of its kind. `key="utf8"` is for senders that use
    the secret as plain text, although the specification says base64 after `whsec_`. The signed time
    may differ from ours by `tolerance_s`.

    The three headers begin with `prefix`, `webhook` or `svix`. Of several complete sets each is
    verified by itself; the request that comes out has the first that is right, and no other.
    `sign` takes a `whsk_` key for `v1a`.
    Source: standard-webhooks/standard-webhooks, spec, read 2026-11.
    """

    tolerance_s: int = 300
    key: KeyEncoding = "base64"
    prefix: str = "webhook"
    vouches_for: ClassVar[Vouches] = "body"

    @property
    def label(self) -> str:
        return f"Standard Webhooks, `{self.prefix}-signature`"

    def verify(
        self, request: WebhookRequest, secrets: tuple[str, ...], now: datetime
    ) -> WebhookRequest:
        return self.begin(request, secrets, now).whole(request.body)

    def begin(self, request: WebhookRequest, secrets: tuple[str, ...], now: datetime) -> BodyCheck:
        checks, faults = [], []
        for one in self._with_one_set(request):
            try:
                checks.append(self._begin(one, secrets, now))
            except Refused as refused:
                faults.append(refused)
        if not checks:
            raise faults[0]
        return first_proof(checks)

    def _begin(self, request: WebhookRequest, secrets: tuple[str, ...], now: datetime) -> BodyCheck:
        message_id, timestamp, signatures = (
            request.headers[f"{self.prefix}-{part}"] for part in _PARTS
        )
        sent_at_s = unix_seconds(timestamp)
        entries: dict[str, list[str]] = {"v1": [], "v1a": []}
        for version, text in _ENTRY.findall(signatures):
            entries[version].append(text)
        start = f"{message_id}.{timestamp}.".encode(errors="surrogatepass")
        keys = [_key(secret, self.key) for secret in secrets]
        checks = [
            *_hmac_checks(entries["v1"], [key for key in keys if isinstance(key, bytes)], start),
            *_ed25519_checks(
                entries["v1a"], [key for key in keys if not isinstance(key, bytes)], start
            ),
        ]
        if not checks:
            raise Refused(MALFORMED)

        def verdict() -> None:
            results = [matches() for _, matches in checks]
            if not any(results):
                raise Refused(MISMATCH)
            require_recent(sent_at_s, now, past_s=self.tolerance_s)

        digests = tuple(digest for digests, _ in checks for digest in digests)
        buffers = any(isinstance(digest, _Buffer) for digest in digests)
        return BodyCheck(request, digests, verdict, buffers)

    def _with_one_set(self, request: WebhookRequest) -> list[WebhookRequest]:
        """The request with each complete set of headers alone, under `prefix`.

        Raises:
            Refused: `missing`, when no set is complete.
        """
        headers = request.headers
        prefixes = dict.fromkeys((self.prefix, *_PREFIXES))
        sets = [[headers.get(f"{prefix}-{part}", "") for part in _PARTS] for prefix in prefixes]
        others = {f"{other}-{part}" for other in prefixes for part in _PARTS}
        kept = {name: value for name, value in headers.items() if name not in others}
        requests = []
        for message_id, timestamp, signature in filter(all, sets):
            values = [single(message_id), single(timestamp), signature]
            named = {f"{self.prefix}-{part}": v for part, v in zip(_PARTS, values, strict=True)}
            requests.append(replace(request, headers=kept | named))
        if not requests:
            raise Refused(MISSING)
        return requests

    def sign(self, request: WebhookRequest, secret: str, now: datetime) -> WebhookRequest:
        timestamp = str(int(now.timestamp()))
        message_id = (
            request.headers.get(f"{self.prefix}-id")
            or "msg_" + hashlib.sha256(timestamp.encode() + request.body).hexdigest()[:24]
        )
        message = f"{message_id}.{timestamp}.".encode() + request.body
        signature = self._signature(_bare(secret), message)
        values = {"id": message_id, "timestamp": timestamp, "signature": signature}
        return with_headers(request, {f"{self.prefix}-{k}": v for k, v in values.items()})

    def _signature(self, secret: str, message: bytes) -> str:
        """The signature header.

        Raises:
            ValueError: the secret is a public key.
        """
        if secret.startswith("whsk_"):  # a seed, maybe with the public key behind it
            seed = decode_key(secret.removeprefix("whsk_"), "base64")[:32]
            signature = ed25519.Ed25519PrivateKey.from_private_bytes(seed).sign(message)
            return "v1a," + base64.b64encode(signature).decode()
        key = _key(secret, self.key)
        if not isinstance(key, bytes):
            raise ValueError("a public key cannot sign; signing_key takes whsk_…")  # noqa: TRY004  a value, not a type
        return "v1," + base64.b64encode(hmac.digest(key, message, "sha256")).decode()

    def examine(self, secret: str) -> SecretReport:
        text = _bare(secret)
        if text.startswith("whsk_"):
            return SecretReport("", _ED25519_FAULT)
        try:
            key = _key(secret, self.key)
        except (ValueError, TypeError):
            asymmetric = text.startswith("whpk_") or "-BEGIN " in text
            fault = _ED25519_FAULT if asymmetric else f"expected a secret in {self.key}"
            return SecretReport("", fault)
        if not isinstance(key, bytes):
            return SecretReport("Ed25519 public key")
        if self.key == "utf8":
            return hmac_report(secret, "utf8")
        return hmac_report(text.removeprefix("whsec_"), self.key)


class _Buffer:
    """The message, for a signature that can only be verified over the whole of it."""

    def __init__(self, start: bytes) -> None:
        self._parts = [start]

    def update(self, part: bytes, /) -> None:
        self._parts.append(part)

    def content(self) -> bytes:
        return b"".join(self._parts)


# What takes the message, and says afterwards whether one of the signatures is right.
_Check = tuple[tuple[Digest, ...], Callable[[], bool]]


def _hmac_checks(texts: list[str], keys: list[bytes], start: bytes) -> list[_Check]:
    """The check of the `v1` signatures; none where there is nothing readable to check."""
    signatures = readable(texts, "base64")
    if not (signatures and keys):
        return []
    macs = tuple(hmac.new(key, start, "sha256") for key in keys)

    def matches() -> bool:
        try:
            require_match(signatures, [mac.digest() for mac in macs])
        except Refused:
            return False
        return True

    return [(macs, matches)]


def _ed25519_checks(
    texts: list[str], keys: list[ed25519.Ed25519PublicKey], start: bytes
) -> list[_Check]:
    """The same for `v1a`."""
    signatures = readable(texts, "base64")
    if not (signatures and keys):
        return []
    buffer = _Buffer(start)

    def matches() -> bool:
        message = buffer.content()
        return any(is_signed(key.verify, text, message) for key in keys for text in signatures)

    return [((buffer,), matches)]


def _bare(secret: str) -> str:
    return _VERSION.sub("", unquoted(secret))


@lru_cache(maxsize=256)
def _key(secret: str, encoding: KeyEncoding) -> bytes | ed25519.Ed25519PublicKey:
    """The key in a configured secret.

    Raises:
        ValueError: it is in none of the notations, or the key is not of 32 bytes.
        TypeError: it is a public key of another kind.
    """
    text = _bare(secret)
    if text.startswith("whpk_"):
        raw = decode_key(text.removeprefix("whpk_"), "base64")
        return ed25519.Ed25519PublicKey.from_public_bytes(raw)
    if "-BEGIN " in text or _is_ed25519_der(text):
        key = public_key(text)
        if not isinstance(key, ed25519.Ed25519PublicKey):
            raise TypeError("not an Ed25519 key")
        return key
    if encoding == "utf8":
        return decode_key(secret, "utf8")
    return decode_key(text.removeprefix("whsec_"), encoding)


def _is_ed25519_der(text: str) -> bool:
    try:
        return decode_key(text, "base64").startswith(_ED25519_DER)
    except ValueError:
        return False
