"""Signature schemes: how a platform proves that a request is its own.

`verify` raises `Refused` (`missing`, `malformed`, `mismatch`, `stale`). `begin` does the same for a
body that comes in parts. `sign` does what the platform does, for `send`, the demo and tests.
`examine` says how a configured secret is understood. Secrets are a tuple, newest first, and a match
with any is enough, so that one can be rotated without losing a request. Of several signatures in a
request one good one is enough, and one that cannot be read does not spoil the others. Comparisons
take constant time. A scheme sees the whole request (method, public URL, query, headers, raw body),
because some platforms sign more than the body.
"""

from relay.inbound.signature.keys import SecretReport
from relay.inbound.signature.scheme import (
    FUTURE_S,
    BodyCheck,
    IncrementalScheme,
    Scheme,
    first_fault,
)
from relay.inbound.signature.shared_secret import Basic, Bearer, PathToken
from relay.inbound.signature.signed_body import Ecdsa, Hmac
from relay.inbound.signature.standard_webhooks import StandardWebhooks

__all__ = [
    "FUTURE_S",
    "Basic",
    "Bearer",
    "BodyCheck",
    "Ecdsa",
    "Hmac",
    "IncrementalScheme",
    "PathToken",
    "Scheme",
    "SecretReport",
    "StandardWebhooks",
    "first_fault",
]
