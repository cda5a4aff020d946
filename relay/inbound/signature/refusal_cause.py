"""Why a proof was refused, as far as headers alone tell: for the log, at almost no cost.

The codes are those of `relay/operations/signature_doctor.py`, which finds out more by trying. What
is said is safe to show: names of headers and notations, never a value.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from relay.errors import MALFORMED, MISMATCH, MISSING, STALE, Refused
from relay.inbound.signature.scheme import has_prefix

_TEXT_MAX: Final = 1_000
_NAMED_MAX: Final = 3
# Headers that senders prove themselves by.
_PROOF_NAME: Final = re.compile(
    r"(?=[a-z0-9-]{1,60}$).*(?:signature|hmac|digest|checksum|token|hottok|authorization)"
)
# The name of a header in a label, where the scheme has it under no name of its own.
_LABELLED: Final = re.compile(r"`([a-z0-9_-]+)`")
# A SHA-1, SHA-256 or SHA-512 in each notation.
_HEX: Final = re.compile(
    r"(?<![\w+/-])(?:[0-9a-fA-F]{40}|[0-9a-fA-F]{64}|[0-9a-fA-F]{128})(?![\w+/=-])"
)
_BASE64: Final = re.compile(
    r"(?<![\w+/-])(?:[\w+/-]{27}=?|[\w+/-]{43}=?|[\w+/-]{86}(?:==)?)(?![\w+/=-])"
)


def proof_header(scheme: Any) -> str:
    """The header that a scheme has its proof in, empty where there is none."""
    many = getattr(scheme, "headers", ())
    names = [getattr(scheme, name, "") for name in ("header", "signature_header")]
    names += many if isinstance(many, tuple) else [getattr(many, "header", "")]
    names += _LABELLED.findall(scheme.label)
    return next(filter(None, names), "")


def refusal_cause(refusal: Refused, scheme: Any, headers: Mapping[str, str]) -> tuple[str, str]:
    """(code, detail) of a refused proof; both empty where it was no proof that was refused."""
    if refusal.reason == STALE:
        return "stale_clock", refusal.detail
    own = proof_header(scheme)
    if refusal.reason == MISSING:
        if headers.get(own):  # what is missing is its time, or its id
            return "missing", ""
        others = [name for name in headers if name != own and _PROOF_NAME.match(name)]
        if others:
            return "other_scheme", ", ".join(sorted(others)[:_NAMED_MAX])
        return "missing", own
    if refusal.reason not in (MALFORMED, MISMATCH):
        return "", ""
    if notation := _other_notation(scheme, headers.get(own, "")[:_TEXT_MAX]):
        return "other_notation", notation
    return ("unreadable_proof" if refusal.reason == MALFORMED else "secret_or_body"), ""


def _other_notation(scheme: Any, text: str) -> str:
    """How a signature is written, where that is another way than the scheme's."""
    expected = getattr(scheme, "encoding", "")
    if not text or expected not in ("hex", "base64"):
        return ""
    is_hex = _HEX.search(text) is not None
    if expected == "base64" and is_hex:
        return "signature in hex, expected base64"
    if expected == "hex" and not is_hex and _BASE64.search(text):
        return "signature in base64, expected hex"
    prefix = getattr(scheme, "prefix", "")
    return "" if has_prefix(text, prefix) else f"expected {prefix} before the signature"
