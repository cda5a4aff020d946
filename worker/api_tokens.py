"""Access tokens of platforms' APIs that expire, shared by all workers.

One worker at a time asks for a new one, under a lock. Where a refresh token is good for one use
only, the next one is stored before the access token is used, on disk where RELAY_DURABILITY asks
for that: two workers that used the same would disconnect the shop. They are in Redis sealed with a
key that is made of the source's credentials.

One moment is left: who dies between the platform's answer and Redis's takes the only copy of the
next refresh token along. The platform refuses the one before, and the look-ups wait as
`lookup_reconnect` until the merchant has connected the shop again.
"""

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from redis import Redis
from redis.exceptions import LockError

from relay.inbound.contract import Source
from relay.inbound.lookups import Api, Tokens, filled_in
from relay.store.clock import redis_time
from worker.concurrent.reconnect import retry_while_disconnected

_LOCK_S: Final = 60.0
# Before its end, so that it does not end on the way.
_MARGIN_S: Final = 60.0
_INFO: Final = b"mercately-relay tokens"

# Asks the platform for a token with a form: the answer's JSON object.
Ask = Callable[[Source, Api, Tokens, Mapping[str, str]], Mapping[str, Any]]


class NotRefreshed(Exception):
    """Another worker asks for a token, and takes too long."""


class ApiTokens:
    """The access tokens of sources."""

    def __init__(
        self, redis: Redis, ask: Ask, require_on_disk: Callable[[], object] = lambda: None
    ) -> None:
        """`require_on_disk` waits for the disk, and raises where that takes too long."""
        self._redis = redis
        self._ask = ask
        self._require_on_disk = require_on_disk

    def access_token(self, source: Source, api: Api, tokens: Tokens, *, refused: str = "") -> str:
        """A token that is good for a while; another one than `refused`.

        Raises:
            NotRefreshed: another worker is about it for too long.
            NotStored: the new one is not on disk in time; it is used the next time.
            LookupFailed, Busy: the platform gives none, or none now.
        """
        if token := self._usable(self._stored(source), refused):
            return token
        name = f"{_key(source)}:lock"
        try:
            with self._redis.lock(
                name, timeout=_LOCK_S, blocking_timeout=_LOCK_S, thread_local=False
            ):
                return self._refreshed(source, api, tokens, refused)
        except LockError as error:
            raise NotRefreshed from error

    def _refreshed(self, source: Source, api: Api, tokens: Tokens, refused: str) -> str:
        stored = self._stored(source)
        if token := self._usable(stored, refused):  # of whoever had the lock before
            return token
        credentials = {**api.defaults, **source.credentials}
        if tokens.rotates and stored.get("refresh"):
            credentials["refresh_token"] = stored["refresh"]
        form = {name: filled_in(text, credentials) for name, text in tokens.form.items()}
        answer = self._ask(source, api, tokens, form)
        lifetime_s = answer.get("expires_in")
        if not isinstance(lifetime_s, int | float) or isinstance(lifetime_s, bool):
            lifetime_s = tokens.lifetime_s
        new = {
            "access": str(answer.get("access_token") or ""),
            "until": redis_time(self._redis) + max(lifetime_s - _MARGIN_S, _MARGIN_S),
            "refresh": str(answer.get("refresh_token") or credentials.get("refresh_token", "")),
        }
        sealed = _seal(source).encrypt(json.dumps(new).encode())
        # However long Redis is away: the platform gives it once.
        retry_while_disconnected(lambda: self._redis.set(_key(source), sealed))
        self._require_on_disk()
        return str(new["access"])

    def _usable(self, stored: Mapping[str, Any], refused: str) -> str:
        token = str(stored.get("access") or "")
        if not token or token == refused:
            return ""
        return token if stored.get("until", 0.0) > redis_time(self._redis) else ""

    def _stored(self, source: Source) -> dict[str, Any]:
        """What is stored for these credentials; nothing where a person has written new ones."""
        sealed: Any = self._redis.get(_key(source))
        try:
            stored = json.loads(_seal(source).decrypt(sealed)) if sealed else {}
        except (InvalidToken, ValueError):
            return {}
        return stored if isinstance(stored, dict) else {}


def _key(source: Source) -> str:
    return f"relay:token:{source.name}"


def _seal(source: Source) -> Fernet:
    """A key of all credentials, the first refresh token among them: new ones open nothing old."""
    text = "\0".join(f"{name}={value}" for name, value in sorted(source.credentials.items()))
    hkdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=_INFO)
    return Fernet(base64.urlsafe_b64encode(hkdf.derive(text.encode())))
