"""Keyed digests for keys in Redis that stand for a person or a thing of theirs.

A plain hash of a phone number is found by hashing all numbers, in two minutes. A keyed one takes
the key, which is not in Redis.
"""

import binascii
import hmac
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from config import relay_toml
from config.relay_toml import Destination
from config.settings import Settings

_INFO: Final = b"mercately-relay pseudonyms"
_DIGEST_BYTES: Final = 12


class Pseudonyms:
    """The digests of one installation. Safe to share between threads.

    `keys` are those of RELAY_PSEUDONYM_KEY, newest first: the first writes, all are read. Without
    any, each destination has a key of its own, derived from its `api_key`.
    """

    def __init__(
        self, keys: Sequence[str] = (), api_keys: Callable[[], Mapping[str, str]] = dict
    ) -> None:
        self._keys = tuple(key.encode() for key in keys)
        self._api_keys = api_keys

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
    def _derived(self) -> Mapping[str, bytes]:
        return {name: _derived_key(api_key) for name, api_key in self._api_keys().items()}

    @cached_property
    def _of_none(self) -> bytes:
        """For a destination that relay.toml does not name any more."""
        return _derived_key("".join(key.hex() for key in self._derived.values()))

    def _keys_of(self, destination: str) -> tuple[bytes, ...]:
        if self._keys:
            return self._keys
        return (self._derived.get(destination) or self._of_none,)

    def digest(self, destination: str, *parts: str) -> str:
        """The digest to write: 96 bits, so that collisions are negligible and keys are short."""
        return _digest(self._keys_of(destination)[0], (destination, *parts))

    def digests(self, destination: str, *parts: str) -> tuple[str, ...]:
        """The digests to look for, the one to write first."""
        return tuple(_digest(key, (destination, *parts)) for key in self._keys_of(destination))

    @cached_property
    def destinations(self) -> tuple[str, ...]:
        """The names of all that there are."""
        return tuple(self._api_keys())

    @property
    def derived(self) -> bool:
        """Whether the keys are those of the destinations."""
        return not self._keys


def _derived_key(api_key: str) -> bytes:
    """HKDF of a destination's API key: who has only Redis has neither."""
    hkdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=_INFO)
    return hkdf.derive(api_key.encode())


def _digest(key: bytes, parts: Sequence[str]) -> str:
    text = "\0".join(parts).encode(errors="replace")
    digest = binascii.b2a_base64(hmac.digest(key, text, "sha256")[:_DIGEST_BYTES], newline=False)
    return digest.decode().replace("+", "-").replace("/", "_")
