"""The durability that Redis reports, in reason codes and in sentences for a merchant."""

from collections.abc import Iterator

import pytest
from click.testing import CliRunner
from redis import Redis

from relay.cli import main
from relay.devtools.embedded_redis import EmbeddedRedis
from relay.store.durability import Durability


@pytest.fixture
def server(tmp_path) -> Iterator[EmbeddedRedis]:
    with EmbeddedRedis(tmp_path / "own") as own:
        yield own


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "faults", "statement"),
    [
        ({}, [], "is on Redis's disk already"),
        ({"appendfsync": "no"}, ["redis_fsync"], "half a minute"),
        ({"no-appendfsync-on-rewrite": "yes"}, ["redis_fsync"], "does not sync the disk"),
        ({"appendonly": "no"}, ["redis_append_only"], "keeps nothing on disk"),
        ({"maxmemory-policy": "allkeys-lru"}, ["redis_no_eviction"], "disk already"),
    ],
)
def test_settings_of_redis_become_faults_and_a_sentence(
    server, change, faults, statement, monkeypatch
):
    monkeypatch.setenv("RELAY_LANGUAGE", "en")
    with Redis.from_url(server.url) as redis:
        for name, value in change.items():
            redis.config_set(name, value)
        durability = Durability.of(redis)

    assert durability.faults("fsync") == faults
    assert statement in durability.statement("fsync")


def test_disk_that_lags_a_second_is_waited_for_where_redis_can(server, monkeypatch):
    monkeypatch.setenv("RELAY_LANGUAGE", "en")
    with Redis.from_url(server.url) as redis:
        redis.config_set("appendfsync", "everysec")
        found = Durability.of(redis)
    waits = found.version >= (7, 2)  # WAITAOF

    assert found.faults("fsync") == ([] if waits else ["redis_fsync"])
    assert ("waits until" if waits else "the last second") in found.statement("fsync")
    assert "the last second" in found.statement("relaxed")


def test_replica_is_no_place_to_keep_anything(server):
    with Redis.from_url(server.url) as redis:
        redis.replicaof("127.0.0.1", "1")
        assert Durability.of(redis).faults("fsync") == ["redis_primary"]


def test_host_that_forbids_config_has_a_sentence(server, monkeypatch):
    monkeypatch.setenv("RELAY_LANGUAGE", "es")
    with Redis.from_url(server.url) as redis:
        redis.execute_command("ACL", "SETUSER", "default", "-config")
        assert "no deja ver" in Durability.of(redis).statement("relaxed")


@pytest.mark.parametrize(
    ("version", "setting", "statement"),
    [
        ((7, 2), "fsync", "waits until the event is on Redis's disk"),
        ((7, 2), "relaxed", "the last second"),
        ((7, 0), "fsync", "the last second"),
    ],
)
def test_sentence_mentions_the_wait_for_the_disk(version, setting, statement, monkeypatch):
    monkeypatch.setenv("RELAY_LANGUAGE", "en")
    durability = Durability(version, True, "everysec", "noeviction", is_replica=False)

    assert statement in durability.statement(setting)


def test_old_redis_is_refused():
    durability = Durability(
        (5, 0), append_only=True, fsync="", eviction="noeviction", is_replica=False
    )

    assert durability.faults("fsync") == ["redis_version"]


def test_doctor_names_what_is_missing_and_exits_so(server):
    result = CliRunner().invoke(
        main, ["doctor"], env={"REDIS_URL": server.url, "RELAY_LANGUAGE": "en"}
    )

    assert result.exit_code == 1
    assert "A 200 means the event is on Redis's disk already." in result.output
    assert "worker_seen" in result.output
