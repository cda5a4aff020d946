"""The app of the web tests, for the answers that platforms get."""

from tests.relay.web.conftest import web

__all__ = ["web"]
