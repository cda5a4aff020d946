"""An app with some sources, on the tests' Redis."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import senders
from flask.testing import FlaskClient
from redis import Redis

from relay.devtools.embedded_redis import EmbeddedRedis
from relay.inbound.contract import Source
from relay.sources import Relay
from relay.web.app import create_app
from relay.web.fetch import Fetcher
from tests.conftest import make_settings


@pytest.fixture
def web(redis: Redis, redis_server: EmbeddedRedis, tmp_path: Path) -> Callable[..., FlaskClient]:
    """Makes a client of an app with these sources, or one per platform.

    `fetcher` is what it gets certificates with; other keywords are settings.
    """
    settings = make_settings(redis_server.url, tmp_path / "absent.toml")

    def client(*sources: Source, fetcher: Fetcher | None = None, **changes: Any) -> FlaskClient:
        bound = sources or tuple(map(senders.source_of, senders.SECRETS))
        relay = Relay(
            "es", {"crm": bound[0].destination}, {source.name: source for source in bound}, ()
        )
        return create_app(replace(settings, **changes), relay, redis, fetcher).test_client()

    return client
