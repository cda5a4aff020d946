"""Readiness by the state of Redis; without it webhooks are answered 503 and not stored."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import senders
from flask.testing import FlaskClient
from redis import Redis
from rq import Queue, SimpleWorker
from rq.utils import now, utcformat

from config.settings import Settings
from relay.devtools.embedded_redis import EmbeddedRedis
from relay.sources import Relay
from relay.store.connection import connect
from relay.store.queue import open_queue
from relay.web.app import create_app
from tests.conftest import make_settings
from tests.readiness import missing
from tests.waiting import eventually

ABSENT = "unix:///nonexistent/redis.sock?db=0"
# How Redis may refuse to write, and how it is talked out of it.
REFUSALS: dict[str, tuple[list[Any], list[Any]]] = {
    "read-only": (["REPLICAOF", "127.0.0.1", 1], ["REPLICAOF", "NO", "ONE"]),
    "out-of-memory": (["CONFIG", "SET", "maxmemory", 1], ["CONFIG", "SET", "maxmemory", 0]),
    "too-few-replicas": (
        ["CONFIG", "SET", "min-replicas-to-write", 1],
        ["CONFIG", "SET", "min-replicas-to-write", 0],
    ),
}


@pytest.fixture(scope="module")
def spare_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    """A Redis to do harm to."""
    with EmbeddedRedis(tmp_path_factory.mktemp("spare")) as server:
        yield server


@pytest.fixture
def spare(spare_server: EmbeddedRedis) -> Iterator[Redis]:
    with Redis.from_url(spare_server.url) as client:
        client.flushall()
        yield client
        for _, mend in REFUSALS.values():
            client.execute_command(*mend)
        client.config_set("appendonly", "yes")
        assert eventually(lambda: is_written(client))


def is_written(client: Redis) -> bool:
    """Whether no append-only file is being written anew, which changes its size later."""
    found = client.info("persistence")
    return not (found["aof_rewrite_in_progress"] or found["aof_rewrite_scheduled"])


@pytest.fixture
def settings(spare_server: EmbeddedRedis, tmp_path: Path) -> Settings:
    return make_settings(spare_server.url, tmp_path / "absent.toml")


@pytest.fixture
def queue(spare: Redis) -> Queue:
    return open_queue(spare, "mercately")


def client_of(settings: Settings, redis: Redis | None = None) -> FlaskClient:
    bound = map(senders.source_of, senders.SECRETS)
    sources = {source.name: source for source in bound}
    relay = Relay("es", {"crm": sources["shopify"].destination}, sources, ())
    return create_app(settings, relay, redis).test_client()


def registered(queue: Queue) -> SimpleWorker:
    worker = SimpleWorker([queue], connection=queue.connection, serializer=queue.serializer)
    worker.register_birth()
    return worker


def send(client: FlaskClient, body: bytes | None = None) -> Any:
    headers, found = senders.request_for("shopify", "orders_create")
    body = found if body is None else body
    signed = senders.signed("shopify", headers, body)
    return client.post("/webhooks/shopify", headers=signed, data=body)


def assert_told_later(response: Any, reason: str) -> None:
    assert response.status_code == 503
    assert response.content_type == "application/problem+json"
    assert response.json["reason"] == reason
    assert int(response.headers["Retry-After"]) > 0


def test_ready_with_a_live_worker_and_a_durable_redis(spare, queue, settings):
    registered(queue)
    response = client_of(settings, spare).get("/readyz")
    assert (response.status_code, response.json) == (200, {"status": "ready", "missing": []})


def test_everything_missing_is_named_at_once(spare, queue, settings):
    spare.config_set("appendonly", "no")
    spare.execute_command(*REFUSALS["read-only"][0])
    response = client_of(settings, spare).get("/readyz")
    named = ["redis_writable", "redis_append_only", "redis_primary", "worker_seen"]
    assert (response.status_code, response.json) == (
        503,
        {"status": "not_ready", "missing": named, "redis": "readonly"},
    )


def test_unreachable_redis_is_named_and_nothing_else(settings):
    client = client_of(replace(settings, redis_url=ABSENT))
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json["missing"] == ["redis_reachable"]
    assert client.get("/healthz").json == {"status": "alive"}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_redis_that_does_not_write_is_named(refusal, spare, queue):
    registered(queue)
    assert missing(spare, queue) == []
    spare.execute_command(*REFUSALS[refusal][0])
    also = ["redis_primary"] if refusal == "read-only" else []  # it is read-only by following
    assert missing(spare, queue) == ["redis_writable", *also]


def test_append_only_file_that_is_off_is_named(spare, queue):
    registered(queue)
    spare.config_set("appendonly", "no")
    assert missing(spare, queue) == ["redis_append_only"]


@pytest.mark.parametrize("age_s", [0, 50, 70, 3600])
def test_worker_must_have_been_seen_within_a_minute(age_s, spare, queue):
    worker = registered(queue)
    spare.hset(worker.key, "last_heartbeat", utcformat(now() - timedelta(seconds=age_s)))
    assert missing(spare, queue) == ([] if age_s < 60 else ["worker_seen"])


def test_one_live_worker_of_several_is_enough(spare, queue):
    dead, live = registered(queue), registered(queue)
    spare.hdel(dead.key, "last_heartbeat")
    assert missing(spare, queue) == []
    live.register_death()
    assert missing(spare, queue) == ["worker_seen"]


def test_worker_of_another_queue_does_not_count(spare, queue):
    registered(open_queue(spare, "other"))
    assert missing(spare, queue) == ["worker_seen"]


def test_health_of_the_process_asks_nobody(settings):
    response = client_of(replace(settings, redis_url=ABSENT)).get("/healthz")
    assert (response.status_code, response.json) == (200, {"status": "alive"})
    assert response.headers["Cache-Control"] == "no-store"


def test_unreachable_redis_means_later(settings):
    assert_told_later(send(client_of(replace(settings, redis_url=ABSENT))), "not_stored")


def test_delivery_that_proves_nothing_is_refused_even_without_redis(settings):
    response = client_of(replace(settings, redis_url=ABSENT)).post("/webhooks/shopify", data=b"{}")
    assert response.status_code == 401


@pytest.mark.slow
@pytest.mark.parametrize("body", [None, b"{}"], ids=["call", "held"])
@pytest.mark.parametrize("refusal", REFUSALS)
def test_redis_that_does_not_write_means_later_and_nothing_is_kept(refusal, body, spare, settings):
    client = client_of(settings, spare)
    spare.execute_command(*REFUSALS[refusal][0])
    reason = "redis_full" if refusal == "out-of-memory" else "not_stored"
    assert_told_later(send(client, body), reason)
    assert spare.keys() == []
    spare.execute_command(*REFUSALS[refusal][1])
    # For a fifth of a second a full one is believed to be full.
    assert eventually(lambda: send(client, body).json["status"] in ("accepted", "held"))


def test_full_backlog_means_later_and_nothing_of_the_batch_is_kept(spare, settings):
    client = client_of(replace(settings, backlog_max=2), spare)
    headers, body = senders.request_for("generic", "leads__batch")
    signed = senders.signed("generic", headers, body)
    assert_told_later(client.post("/webhooks/generic", headers=signed, data=body), "backlog_full")
    assert spare.keys() == []


def test_last_place_in_the_backlog_is_given_away_once(spare, settings):
    client = client_of(replace(settings, backlog_max=1), spare)
    assert send(client).json["status"] == "accepted"
    body = b'{"id": 2, "email": "ana@example.com"}'
    headers, _ = senders.request_for("shopify", "orders_create")
    second = senders.signed("shopify", {**headers, "x-shopify-webhook-id": "2"}, body)
    response = client.post("/webhooks/shopify", headers=second, data=body)
    assert_told_later(response, "backlog_full")
    assert spare.zcard("relay:open") == 1


# What to ask of a process before it gets requests.


def test_accept_needs_neither_a_worker_nor_durability(spare, settings):
    spare.config_set("appendonly", "no")
    client = client_of(settings, spare)

    response = client.get("/readyz?for=accept")

    assert (response.status_code, response.json) == (200, {"status": "ready", "missing": []})
    assert client.get("/readyz").json["missing"] == ["redis_append_only", "worker_seen"]


def test_accept_needs_room(spare, settings):
    send(client_of(settings, spare))
    backlog = client_of(replace(settings, backlog_max=1), spare).get("/readyz?for=accept")
    full = client_of(replace(settings, memory_watermark=0.1), spare)
    spare.config_set("maxmemory", spare.info("memory")["used_memory"] * 2)

    assert (backlog.status_code, backlog.json["missing"]) == (503, ["backlog_full"])
    assert full.get("/readyz?for=accept").json["missing"] == ["redis_full"]


def test_unknown_check_is_refused(settings, spare):
    response = client_of(settings, spare).get("/readyz?for=acept")
    assert (response.status_code, response.json["reason"]) == (400, "unknown_check")


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/readyz", "/readyz?for=accept"])
def test_readiness_writes_nothing_and_is_asked_once_a_second(path, spare, settings):
    client = client_of(settings, spare)
    before = spare.info("persistence")["aof_current_size"]

    client.get(path)
    spare.execute_command(*REFUSALS["read-only"][0])
    again = [client.get(path).json["missing"] for _ in range(20)]

    assert spare.keys() == []
    assert spare.info("persistence")["aof_current_size"] == before
    assert "redis_writable" not in again[0]
    assert all(answer == again[0] for answer in again)
    assert eventually(lambda: "redis_writable" in client.get(path).json["missing"], 5.0)


def test_app_outlives_its_redis(tmp_path):
    with EmbeddedRedis(tmp_path / "redis") as server:
        settings = make_settings(server.url, tmp_path / "absent.toml")
        with connect(settings) as redis:
            client = client_of(settings, redis)
            first = send(client)
            server.process.kill()
            server.process.wait()
            assert_told_later(send(client), "not_stored")
            server.restart()
            again = send(client)
    assert (again.json["status"], again.json["ids"]) == ("duplicate", first.json["ids"])
