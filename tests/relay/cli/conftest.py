"""Commands as a person runs them, and events for them to show."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from redis import Redis

from relay.cli import main
from relay.devtools.embedded_redis import EmbeddedRedis
from relay.inbound import samples
from relay.web.app import create_app
from tests.conftest import SECRETS

Run = Callable[..., Result]


@pytest.fixture
def run(config_file: Path, redis: Redis, redis_server: EmbeddedRedis) -> Run:
    environ = {
        "REDIS_URL": redis_server.url,
        "RELAY_CONFIG": str(config_file),
        "RELAY_LANGUAGE": "en",
        "COLUMNS": "200",
        **SECRETS,
    }

    def invoke(*arguments: str, **more: str) -> Result:
        result = CliRunner().invoke(main, arguments, env={**environ, **more})
        # An exit is an answer; anything else is a traceback in a person's face.
        assert result.exception is None or isinstance(result.exception, SystemExit), result.output
        return result

    return invoke


@pytest.fixture
def accept(settings, relay, redis) -> Callable[..., str]:
    """Put an event into the ledger through the web, one without a customer held."""
    sources = {name: replace(source, on_nobody="hold") for name, source in relay.sources.items()}
    client = create_app(settings, replace(relay, sources=sources), redis).test_client()

    def post(number: int = 1, **body: object) -> str:
        content = json.dumps({"id": number, "email": "ana@example.com", **body}).encode()
        source = relay.sources["shopify"]
        delivery = samples.signed(source, "orders/create", "http://localhost", content)
        answer = client.post("/webhooks/shopify", data=content, headers=dict(delivery.headers))
        return answer.json["ids"][0]

    return post
