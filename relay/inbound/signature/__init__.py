"""Signature schemes: how a platform proves that a request is its own.

`verify` raises `Refused` (`missing`, `malformed`, `mismatch`, `stale`), or `NeedsCertificate` when
it wants one from the web layer first. `begin` does the same for a body that comes in parts. `sign`
does what the platform does, for `send`, the demo and tests. `examine` says how a configured secret
is understood. Secrets are a tuple, newest first, and a match with any is enough, so that one can be
rotated without losing a request. Of several signatures in a request one good one is enough, and one
that cannot be read does not spoil the others. Comparisons take constant time. A scheme sees the
whole request (method, public URL, query, headers, raw body), because some platforms sign more than
the body.
"""

from relay.inbound.signature.amazon_sns import SNS_HOST, AmazonSns
from relay.inbound.signature.body_fields import Fields
from relay.inbound.signature.certificates import CERTIFICATES
from relay.inbound.signature.composed_hmac import (
    ComposedHmac,
    Message,
    PairsHeader,
    SeparateHeaders,
)
from relay.inbound.signature.field_digest import FieldDigest
from relay.inbound.signature.hubspot import HubSpotSignature
from relay.inbound.signature.jwt_body import JwtBody, jwt_claims
from relay.inbound.signature.keys import SecretReport
from relay.inbound.signature.paypal import PayPalSignature
from relay.inbound.signature.rsa_body import RsaBody
from relay.inbound.signature.scheme import (
    FUTURE_S,
    BodyCheck,
    IncrementalScheme,
    Scheme,
    Vouches,
    first_fault,
)
from relay.inbound.signature.shared_secret import Basic, Bearer, PathToken, QueryToken
from relay.inbound.signature.signed_body import Ecdsa, Hmac
from relay.inbound.signature.signed_form import UrlFormHmac
from relay.inbound.signature.standard_webhooks import StandardWebhooks

# Schemes whose `tolerance_s` may be set; of some it is None, when no time is signed.
TimedScheme = (
    AmazonSns | ComposedHmac | Ecdsa | FieldDigest | JwtBody | PayPalSignature | StandardWebhooks
)

__all__ = [
    "CERTIFICATES",
    "FUTURE_S",
    "SNS_HOST",
    "AmazonSns",
    "Basic",
    "Bearer",
    "BodyCheck",
    "ComposedHmac",
    "Ecdsa",
    "FieldDigest",
    "Fields",
    "Hmac",
    "HubSpotSignature",
    "IncrementalScheme",
    "JwtBody",
    "Message",
    "PairsHeader",
    "PathToken",
    "PayPalSignature",
    "QueryToken",
    "RsaBody",
    "Scheme",
    "SecretReport",
    "SeparateHeaders",
    "StandardWebhooks",
    "TimedScheme",
    "UrlFormHmac",
    "Vouches",
    "first_fault",
    "jwt_claims",
]
