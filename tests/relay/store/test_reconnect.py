"""Redis restarted between two requests: closed connections cost no request its answer."""

from datetime import UTC, datetime

import pytest
import senders
from redis import Redis

from relay.devtools.embedded_redis import EmbeddedRedis
from relay.sources import Relay
from relay.store.connection import connect
from relay.web.app import create_app
from tests.conftest import make_settings


@pytest.fixture
def mortal(tmp_path):
    with EmbeddedRedis(tmp_path / "mortal") as server:
        yield server


@pytest.fixture
def web(mortal, tmp_path):
    """The web half, whose one thread has its own connection once it has accepted something."""
    settings = make_settings(mortal.url, tmp_path / "absent.toml")
    source = senders.source_of("shopify")
    relay = Relay("es", {"crm": source.destination}, {source.name: source}, ())
    with connect(settings) as redis:
        yield create_app(settings, relay, redis).test_client()


def send(client, number):
    headers, _ = senders.request_for("shopify", "orders_create")
    body = b'{"id": %d, "email": "ana@example.com"}' % number
    headers["x-shopify-webhook-id"] = str(number)
    signed = senders.signed("shopify", headers, body, datetime.now(UTC))
    return client.post("/webhooks/shopify", headers=signed, data=body)


def restart(server):
    server.process.kill()
    server.restart()


def test_first_accept_after_a_restart_is_answered_as_any(mortal, web):
    assert send(web, 1).json["status"] == "accepted"

    for number in (2, 3):
        restart(mortal)
        answer = send(web, number)
        assert (answer.status_code, answer.json["status"]) == (200, "accepted")

    with Redis.from_url(mortal.url) as redis:
        assert redis.zcard("relay:open") == 3


def test_connection_closed_by_redis_is_opened_anew(mortal, web):
    """As it does with who has been quiet for long."""
    assert send(web, 1).status_code == 200
    with Redis.from_url(mortal.url) as redis:
        redis.client_kill_filter(_type="normal", skipme=True)

    answer = send(web, 2)

    assert (answer.status_code, answer.json["status"]) == (200, "accepted")


def test_delivery_that_came_again_after_a_restart_is_a_duplicate(mortal, web):
    first = send(web, 1).json
    restart(mortal)

    again = send(web, 1).json
    assert (again["status"], again["ids"]) == ("duplicate", first["ids"])


def test_redis_that_stays_away_is_a_503(mortal, web):
    assert send(web, 1).status_code == 200
    mortal.process.kill()
    mortal.process.wait()
    assert send(web, 2).status_code == 503
    mortal.restart()
