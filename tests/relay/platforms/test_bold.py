"""Bold: what is signed is the base64 of the body."""

import hashlib
import hmac
from base64 import b64encode

import pytest
import senders
from platform_samples import source_of, source_with

from relay.errors import MISMATCH, Refused
from relay.inbound.signature import Hmac
from relay.platforms.bold import platform

# Of a public receiver's test.
SECRET = "test-secret"
BODY = b'{"id":"abc","type":"SALE_APPROVED"}'
SIGNATURE = "5a016b6a1e0025d981be2e03ace60f236401402a72b11d256a8e1f39349f56fc"


def verify(body: bytes, signature: str, secret: str = SECRET) -> None:
    source = source_with(platform, secret)
    request = senders.delivery({"x-bold-signature": signature}, body)
    source.scheme.verify(request, source.secrets, senders.NOW)


def test_vector_of_a_receiver_is_verified():
    verify(BODY, SIGNATURE)
    with pytest.raises(Refused, match=MISMATCH):
        verify(BODY + b" ", SIGNATURE)


def test_body_signed_as_it_stands_is_refused():
    with pytest.raises(Refused, match=MISMATCH):
        verify(BODY, hmac.new(SECRET.encode(), BODY, "sha256").hexdigest())


def test_test_mode_whose_key_is_empty_is_refused():
    signature = hmac.new(b"", b64encode(BODY), hashlib.sha256).hexdigest()
    with pytest.raises(Refused, match=MISMATCH):
        verify(BODY, signature)


@pytest.mark.parametrize("sizes", [(1, 1, 1), (2, 5, 7), (3, 3, 30), (35,)])
def test_body_may_come_in_parts(sizes):
    scheme = source_of("bold").scheme
    assert isinstance(scheme, Hmac)
    request = senders.delivery({"x-bold-signature": SIGNATURE}, b"")
    check = scheme.begin(request, (SECRET,), senders.NOW)
    rest = BODY
    for size in sizes:
        check.update(rest[:size])
        rest = rest[size:]
    check.update(rest)
    check.finish()
