"""Keyed digests for keys in Redis that stand for a person or a thing of theirs.

A plain hash of a phone number is found by hashing all numbers, in two minutes. A keyed one takes
the key, which is not in Redis.
"""

import hashlib
from binascii import b2a_base64
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from config import relay_toml
from config.relay_toml import Destination
from config.settings import Settings

_INFO: Final = b"mercately-relay pseudonyms"
_DIGEST_BYTES: Final = 12
_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")


class Pseudonyms:
    """The digests of one installation. Safe to share between threads.

    `keys` are those of RELAY_PSEUDONYM_KEY, newest first: the first writes, all are read. Without
    any, each destination has a key of its own, derived from its `api_key`.
    """

    def __init__(
        self, keys: Sequence[str] = (), api_keys: Callable[[], Mapping[str, str]] = dict
    ) -> None:
        self._keyed = tuple(_keyed_hash(key.encode()) for key in keys)
        self._api_keys = api_keys
        self._begun: dict[tuple[str, ...], tuple[hashlib.blake2b, ...]] = {}

    @classmethod
    def open(
        cls, settings: Settings, destinations: Mapping[str, Destination] | None = None
    ) -> "Pseudonyms":
        """Of the environment, or of the destinations; without them relay.toml is read when needed.

        Raises (later):
            ConfigError: there is no such file.
        """

        def api_keys() -> Mapping[str, str]:
            known = destinations
            if known is None:
                known = relay_toml.load(settings.config_file, settings.environ).destinations
            return {name: each.api_key for name, each in known.items()}

        return cls(settings.pseudonym_keys, api_keys)

    @cached_property
    def _derived(self) -> Mapping[str, hashlib.blake2b]:
        return {name: _derived_hash(api_key) for name, api_key in self._api_keys().items()}

    @cached_property
    def _of_none(self) -> hashlib.blake2b:
        """For a destination that relay.toml does not name any more."""
        return _derived_hash("\0".join(self._api_keys().values()))

    def _hashes_of(self, destination: str) -> tuple[hashlib.blake2b, ...]:
        return self._keyed or (self._derived.get(destination) or self._of_none,)

    def digest(self, destination: str, *parts: str) -> str:
        """The digest to write: 96 bits, so that collisions are negligible and keys are short."""
        return _digest(self._hashes_of(destination)[0], (destination, *parts))

    def digests(self, destination: str, *parts: str) -> tuple[str, ...]:
        """The digests to look for, the one to write first."""
        texts = (destination, *parts)
        return tuple([_digest(keyed, texts) for keyed in self._hashes_of(destination)])

    def digesters(
        self, destination: str, *parts: str, length: int
    ) -> tuple[Callable[[str], str], ...]:
        """Functions that digest these parts and one more, where many begin in the same way.

        The parts are kept: they are of the configuration, not of an event.

        They return `length` characters, of 6 bits each.
        """
        texts = (destination, *parts)
        begun = self._begun.get(texts)
        if begun is None:
            begun = self._begun[texts] = tuple(
                map(hashlib.blake2b.copy, self._hashes_of(destination))
            )
            for state in begun:
                state.update("\0".join((*texts, "")).encode(errors="replace"))
        return tuple([partial(_digest_after, state, length) for state in begun])

    @cached_property
    def destinations(self) -> tuple[str, ...]:
        """The names of all that there are."""
        return tuple(self._api_keys())


def _derived_hash(api_key: str) -> hashlib.blake2b:
    """Of a key that is HKDF of a destination's API key: who has only Redis has neither."""
    hkdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=_INFO)
    return _keyed_hash(hkdf.derive(api_key.encode()))


def _keyed_hash(key: bytes) -> hashlib.blake2b:
    """BLAKE2b with a key, to be copied for each text: a quarter of the time of an HMAC.

    It takes 64 bytes of key, so that longer ones are hashed, as an HMAC does with them.
    """
    return hashlib.blake2b(key=hashlib.sha512(key).digest(), digest_size=_DIGEST_BYTES)


def _digest(keyed: hashlib.blake2b, parts: Sequence[str]) -> str:
    return _digest_after(keyed, None, "\0".join(parts))


def _digest_after(begun: hashlib.blake2b, length: int | None, text: str) -> str:
    state = begun.copy()
    state.update(text.encode(errors="replace"))
    return b2a_base64(state.digest(), newline=False).translate(_URL_SAFE)[:length].decode()
