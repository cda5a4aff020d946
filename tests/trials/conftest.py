"""The app of the web tests, for the answers that platforms get, and the certificates of senders."""

from collections.abc import Iterator

import pytest
import senders
from trial_senders import SENDERS

from relay.inbound.signature import CERTIFICATES
from tests.relay.web.conftest import web

__all__ = ["web"]


@pytest.fixture(autouse=True)
def fetched() -> Iterator[None]:
    """The certificates that platforms sign with, as the web layer remembers them."""
    for sender in SENDERS.values():
        for url, pem in sender.certificates.items():
            CERTIFICATES.put(url, pem, senders.NOW)
    yield
    CERTIFICATES.clear()
