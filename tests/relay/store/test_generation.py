"""Data that Redis lost are noticed by whoever has seen them, and said."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from redis import Redis
from structlog.testing import capture_logs

from relay.cli import main
from relay.devtools.embedded_redis import EmbeddedRedis
from relay.store.generation import GENERATION, GenerationWatch, latest_notice
from relay.web.app import create_app
from tests.worker.factories import Harness, deployed, signals_kept
from worker import process as entry


@pytest.fixture
def watch(redis) -> GenerationWatch:
    return GenerationWatch(redis, check_every_s=0.0)


def test_nothing_is_said_while_the_data_grow(harness, watch, redis):
    for number in range(3):
        harness.accept(f"order-{number}")
        assert watch.check(mark=number == 1) is None
    assert latest_notice(redis) is None


@pytest.mark.parametrize("marks", [True, False], ids=["worker", "web"])
def test_flushed_data_are_noticed_once(harness, watch, redis, marks):
    harness.accept("order-1", "order-2")
    watch.check(mark=marks)
    redis.flushall()

    with capture_logs() as lines:
        lost = watch.check(mark=marks)

    assert (lost.how, lost.items_before, lost.items_now) == ("vanished", 2, 0)
    assert [line["event"] for line in lines] == ["redis.data_lost"]
    assert lines[0]["log_level"] == "error"
    assert latest_notice(redis) == lost
    assert watch.check(mark=marks) is None


def test_flush_is_noticed_even_when_as_much_has_come_since(harness, watch, redis):
    harness.accept("order-1")
    watch.check(mark=True)  # a worker's, which makes the generation
    watch.check()
    redis.flushall()
    harness.accept("order-2", "order-3", "order-4")

    assert watch.check().how == "vanished"


def test_older_file_is_noticed(tmp_path, settings, relay):
    kept = tmp_path / "kept"
    with EmbeddedRedis(tmp_path / "redis") as server:
        own = replace(settings, redis_url=server.url)
        with Redis.from_url(server.url) as redis, Harness(redis, own, relay) as harness:
            watch = GenerationWatch(redis, check_every_s=0.0)
            harness.accept("order-1")
            watch.check(mark=True)
            _restored(server, tmp_path / "redis", kept)
            assert watch.check() is None  # a restart alone loses nothing
            harness.accept("order-2", "order-3")
            watch.check()
            _restored(server, kept, tmp_path / "redis")

            lost = watch.check()

    assert (lost.how, lost.items_before, lost.items_now) == ("went_back", 3, 1)


def _restored(server: EmbeddedRedis, source: Path, target: Path) -> None:
    """Copies one folder of data over another while Redis is down."""
    server.process.kill()
    server.process.wait()
    for old in target.glob("append*") if target.exists() else ():
        shutil.rmtree(old) if old.is_dir() else old.unlink()
    ignored = shutil.ignore_patterns("*.sock", "*.log")
    shutil.copytree(source, target, dirs_exist_ok=True, ignore=ignored)
    server.restart()


def test_full_redis_keeps_nobody_from_working(harness, watch, redis):
    harness.accept("order-1")
    watch.check(mark=True)
    redis.config_set("maxmemory", 1)
    try:
        assert watch.check(mark=True) is None
    finally:
        redis.config_set("maxmemory", 0)


def test_web_says_so_at_the_next_event_and_readyz_for_a_week(harness, redis, settings, relay):
    harness.accept("order-1")
    harness.intake.generation._check_every_s = 0.0
    harness.accept("order-2")
    redis.flushall()
    with capture_logs() as lines:
        harness.accept("order-3")
    found = create_app(settings, relay, redis).test_client().get("/readyz").json

    assert [line["how"] for line in lines if line["event"] == "redis.data_lost"] == ["vanished"]
    assert found["warnings"] == ["data_lost"]
    assert 0 < redis.ttl("relay:data_lost") <= 7 * 86400


def test_idle_web_says_so_when_its_readiness_is_asked(redis, settings, relay, harness):
    harness.accept("order-1")
    client = create_app(settings, relay, redis).test_client()
    client.get("/readyz")
    redis.flushall()
    checks = client.application.view_functions["health.readyz"].__self__
    checks._answers[None]._found_at = float("-inf")  # as after some seconds
    checks._generation._check_every_s = 0.0

    assert client.get("/readyz").json["warnings"] == ["data_lost"]


def test_doctor_says_what_was_lost_and_what_may_come_of_it(
    harness, watch, redis, settings, monkeypatch
):
    harness.accept("order-1")
    watch.check()
    redis.flushall()
    watch.check()
    environ = {"REDIS_URL": settings.redis_url, "RELAY_LANGUAGE": "en", "MERCATELY_API_KEY": "k"}

    result = CliRunner().invoke(main, ["doctor"], env=environ)

    assert result.exit_code == 1
    assert "missing: data_lost" in result.output
    assert "The data in Redis vanished between 20" in result.output
    assert "1 events had been counted, 0 were left." in result.output


def test_worker_marks_the_data(harness, redis, settings, monkeypatch):
    with deployed(monkeypatch, settings), signals_kept():
        worker = entry.make_worker(settings)
        worker.maintain()

    generation = redis.hgetall(GENERATION)
    assert generation[b"marks"] == b"1"
    assert len(generation[b"id"]) == 32
