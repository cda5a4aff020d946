"""Signature schemes: how a platform proves that a request is its own.

`verify` raises `Refused` (`missing`, `malformed`, `mismatch`, `stale`). `sign` does what the
platform does, for `send`, the demo and tests. `fault` checks a configured secret. Secrets are a
tuple, newest first, and a match with any is enough, so that one can be rotated without losing a
request. Comparisons take constant time. A scheme sees the whole request (method, public URL,
query, headers, raw body), because some platforms sign more than the body.
"""

from relay.inbound.signature.scheme import Scheme, first_fault
from relay.inbound.signature.shared_secret import Basic, Bearer, PathToken
from relay.inbound.signature.signed_body import Ecdsa, Hmac, StandardWebhooks

__all__ = [
    "Basic",
    "Bearer",
    "Ecdsa",
    "Hmac",
    "PathToken",
    "Scheme",
    "StandardWebhooks",
    "first_fault",
]
