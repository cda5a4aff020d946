"""Configured secrets and keys, in the notations that vendors show and people paste."""

import base64
import binascii
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

KeyEncoding = Literal["utf8", "base64", "hex"]
PublicKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey

RSA_BITS_MIN: Final = 2048

_LENGTH_MIN: Final = 16
# Below this many different characters, nobody's random secret.
_VARIETY_MIN: Final = 5
_PLACEHOLDER: Final = re.compile(
    r"change.?me|c[aá]mbi[ae].?me|your.{0,12}(secret|key|token)|placeholder|replace.?(me|this)",
    re.IGNORECASE,
)
_PEM_MARKER: Final = re.compile(r"-{4,5}\s*(?:BEGIN|END) ([A-Z0-9 ]*?KEY)\s*-{4,5}")
# Line breaks as a backslash and a letter, as .env files and dashboards of hosts keep them.
_WRITTEN_BREAKS: Final = re.compile(r"(?:\\+[rn])+")

# Those of keyboards, of word processors and of chats.
_QUOTES: Final = frozenset(('""', "''", "``", "\u201c\u201d", "\u2018\u2019", "«»"))


@dataclass(frozen=True, slots=True)
class SecretReport:
    """How a configured secret is understood; no part of the secret is in it.

    `kind` says what it is and how long. `fault` says why it cannot be used, `weakness` why it
    should not be; both are empty when all is well.
    """

    kind: str
    fault: str = ""
    weakness: str = ""


def unquoted(text: str) -> str:
    """The text without white space and one pair of quotation marks around it."""
    stripped = text.strip()
    return stripped[1:-1].strip() if _is_quoted(stripped) else stripped


def _is_quoted(text: str) -> bool:
    return len(text) > 1 and text[0] + text[-1] in _QUOTES


def decode_base64(value: bytes) -> bytes:
    """Strict base64, except that the padding may be missing.

    Raises:
        ValueError: a character is not of the alphabet, or the length is impossible.
    """
    return base64.b64decode(value + b"=" * (-len(value) % 4), validate=True)


@lru_cache(maxsize=256)
def decode_key(secret: str, encoding: KeyEncoding) -> bytes:
    """The HMAC key in a configured secret.

    Raises:
        ValueError: it is not in this encoding.
    """
    if encoding == "utf8":
        return secret.encode()
    text = _WRITTEN_BREAKS.sub("\n", unquoted(secret))
    if encoding == "hex":
        return bytes.fromhex(re.sub(r"^0[xX]|:", "", text))
    # base64url differs from base64 in two characters.
    return decode_base64("".join(text.split()).translate(str.maketrans("-_", "+/")).encode())


def pem_text(text: str) -> str:
    """A PEM without quotation marks around it, and with real line breaks."""
    return _WRITTEN_BREAKS.sub("\n", unquoted(text))


@lru_cache(maxsize=256)
def public_key(text: str) -> PublicKey:
    r"""The public key in a PEM, or in base64 of its DER form (SubjectPublicKeyInfo).

    The PEM may be quoted, in one line, and have its line breaks as `\n` or CRLF; or in base64 as
    a whole, as people bring it into one line for their host.

    Raises:
        ValueError: it is not such a key; of a private key too.
        TypeError: it is a key of another kind than P-256, Ed25519 and RSA.
    """
    pem = pem_text(text)
    if any("PRIVATE" in marker[1] for marker in _PEM_MARKER.finditer(pem)):
        raise ValueError("a private key")
    der = decode_key(_PEM_MARKER.sub("", pem), "base64")
    if der.startswith(b"-----BEGIN "):
        return public_key(der.decode(errors="replace"))
    try:
        key = serialization.load_der_public_key(der)
    except UnsupportedAlgorithm as error:
        raise ValueError("an unknown kind of key") from error
    if isinstance(key, ed25519.Ed25519PublicKey | rsa.RSAPublicKey):
        return key
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise TypeError("neither P-256 nor Ed25519 nor RSA")


def rsa_public_key(text: str) -> rsa.RSAPublicKey:
    """
    Raises:
        TypeError: it is a key of another kind.
        ValueError: as `public_key`.
    """
    key = public_key(text)
    if not isinstance(key, rsa.RSAPublicKey):
        raise TypeError("not an RSA key")
    return key


def rsa_report(secret: str) -> SecretReport:
    """What is to be said of the RSA public key of a sender."""
    try:
        key = rsa_public_key(secret)
    except (ValueError, TypeError):
        return SecretReport("", "expected an RSA public key, base64 or PEM")
    is_short = key.key_size < RSA_BITS_MIN
    weakness = f"{key.key_size} bits can be broken, expected {RSA_BITS_MIN} or more"
    kind = f"RSA public key, {key.key_size} bits"
    return SecretReport(kind, weakness=weakness if is_short else "")


def rsa_private_key(text: str) -> rsa.RSAPrivateKey:
    """The RSA private key in a PEM, to sign with.

    Raises:
        ValueError: it is no such key.
    """
    key = serialization.load_pem_private_key(pem_text(text).encode(), password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError("an RSA private key in PEM is needed to sign")  # noqa: TRY004  a value, not a type
    return key


def hmac_report(secret: str, encoding: KeyEncoding) -> SecretReport:
    """How an HMAC key is understood."""
    try:
        key = decode_key(secret, encoding)
    except (ValueError, binascii.Error):
        return SecretReport("", f"expected a secret in {encoding}")
    if not key:
        return SecretReport("", "expected a secret that is not empty")
    if encoding == "utf8":
        return text_report("HMAC key", secret)
    weakness = _weakness(len(key), "bytes", len(set(key)))
    return SecretReport(f"HMAC key, {len(key)} bytes", weakness=weakness)


def text_report(kind: str, secret: str, *, fault: str = "") -> SecretReport:
    """How a secret that is used as text is understood."""
    comma = ", with a comma" if "," in secret else ""
    described = f"{kind}, {len(secret)} characters{comma}"
    weakness = _weakness(len(secret), "characters", len(set(secret)))
    if not weakness and _PLACEHOLDER.search(secret):
        weakness = "looks like a placeholder, expected a random secret"
    if not weakness and _is_quoted(secret):
        weakness = "begins and ends with a quotation mark, which is taken for a part of it"
    return SecretReport(described, fault, weakness)


def _weakness(length: int, unit: str, variety: int) -> str:
    if length < _LENGTH_MIN:
        return f"{length} {unit} can be guessed, expected {_LENGTH_MIN} or more"
    if variety < _VARIETY_MIN:
        return "looks like a placeholder, expected a random secret"
    return ""
