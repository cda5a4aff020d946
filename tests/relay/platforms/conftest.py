"""The app of the web tests, for the answers that platforms get, and the certificates of senders."""

from collections.abc import Iterator

import pytest
import senders
from platform_samples import sender_of

from relay.inbound.signature import CERTIFICATES
from relay.platforms import discovered
from tests.relay.web.conftest import web

__all__ = ["web"]


@pytest.fixture(autouse=True)
def fetched() -> Iterator[None]:
    """The certificates that platforms sign with, as the web layer remembers them."""
    for name in discovered():
        for url, pem in sender_of(name).certificates.items():
            CERTIFICATES.put(url, pem, senders.NOW)
    yield
    CERTIFICATES.clear()
