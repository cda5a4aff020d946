"""Who proves nothing makes the relay work little, whatever is in the body."""

import time

import pytest
import senders
from platform_samples import source_of

from relay.errors import NeedsCertificate, Refused
from relay.pipeline import authenticate
from relay.platforms import discovered

_BYTES = 1024**2
_JSON, _FORM = "application/json", "application/x-www-form-urlencoded"
BODIES = {
    "objects": (_JSON, b"[" + b"{}," * (_BYTES // 3 - 2) + b"1]"),
    "half a character": (_JSON, b'{"a":"\\ud800","b":[' + b"{}," * (_BYTES // 3 - 20) + b"1]}"),
    "numbers": (_JSON, b"[" + b"1e5," * (_BYTES // 4 - 2) + b"1]"),
    "depth": (_JSON, b"[" * _BYTES),
    "fields": (_FORM, b"a[b]=c&" * (_BYTES // 7)),
    "brackets": (_FORM, b"a" + b"[b]" * (_BYTES // 3 - 2) + b"=1"),
    "escapes": (_FORM, b"%61=%41&" * (_BYTES // 8)),
}


@pytest.mark.parametrize("platform", sorted(discovered()))
def test_unsigned_body_of_a_mebibyte_costs_little(platform):
    """The few that sign fields and not bytes have to read the fields first."""
    source = source_of(platform)
    for name, (content_type, body) in BODIES.items():
        request = senders.delivery({"content-type": content_type}, body)
        began_at = time.process_time()
        with pytest.raises((Refused, NeedsCertificate)):
            authenticate(request, source, senders.NOW)
        took_s = time.process_time() - began_at
        assert took_s < 0.3, name
