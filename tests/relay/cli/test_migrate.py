"""`mercately-relay migrate`, and what commands say on data of another version."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
import redis_dump
from click.testing import CliRunner, Result
from conftest import SECRETS
from redis import Redis, exceptions

from relay.cli import main
from relay.devtools.embedded_redis import EmbeddedRedis
from relay.store.keys import SCHEMA_KEY, record_key

DUMP = redis_dump.load("schema_0.json")
BROKEN = "01M8APZFDBD92717BPX00KZZZW"
Run = Callable[..., Result]


@pytest.fixture
def run(config_file: Path, redis_server: EmbeddedRedis) -> Run:
    environ = {"REDIS_URL": redis_server.url, "RELAY_CONFIG": str(config_file), **SECRETS}

    def invoke(*arguments: str, language: str = "en") -> Result:
        result = CliRunner().invoke(main, arguments, env={**environ, "RELAY_LANGUAGE": language})
        # An exit is an answer; anything else is a traceback in a person's face.
        assert result.exception is None or isinstance(result.exception, SystemExit), result.output
        return result

    return invoke


@pytest.fixture
def schema_0(redis: Redis) -> Redis:
    redis_dump.restore(redis, DUMP)
    return redis


def test_it_counts_what_it_converted(schema_0, run):
    result = run("migrate")

    assert result.exit_code == 0
    assert result.output.splitlines() == [
        "format 0 -> 2, converted:", "accepted: 18", "customer_ids: 22", "dead: 1",
        "delivered: 8", "discarded: 3", "held: 4", "jobs: 2", "lanes: 25", "retrying: 15",
        "throttles: 5", "wakeup: 1",
    ]  # fmt: skip
    assert schema_0.get(SCHEMA_KEY) == b"2"


def test_dry_run_says_that_nothing_was_written(schema_0, run):
    result = run("migrate", "--dry-run")

    assert result.exit_code == 0
    assert "format 0 -> 2, would be converted:\naccepted: 18\n" in result.output
    assert not schema_0.exists(SCHEMA_KEY)


@pytest.mark.parametrize("again", [False, True])
def test_there_is_nothing_to_do_twice(again, schema_0, run):
    run("migrate")

    result = run("migrate", "--again") if again else run("migrate")

    assert result.exit_code == 0
    assert len(result.output.splitlines()) == 1


def test_new_redis_needs_nothing(redis, run):
    assert run("migrate").output == "Redis is in format 2 already.\n"


def test_what_cannot_be_converted_is_listed_without_what_is_in_it(schema_0, run):
    schema_0.hset(record_key(BROKEN), "event", '["ana@example.com"')

    result = run("migrate")

    assert result.exit_code == 1
    assert f"not converted: {record_key(BROKEN)}: unreadable_event\n" in result.output
    assert "migrate --again" in result.output.splitlines()[-1]
    assert "ana@example.com" not in result.output
    assert run("events").exit_code == 0  # what was broken before is no reason to stand still


@pytest.mark.parametrize(("language", "words"), [("en", "Stop web"), ("es", "Detenga web")])
def test_live_worker_means_no(schema_0, run, language, words):
    schema_0.zadd("rq:leases", {"a" * 32: time.time() + 60})

    result = run("migrate", language=language)

    assert result.exit_code == 1
    assert words in result.output
    assert not schema_0.exists(SCHEMA_KEY)


def test_newer_data_mean_no(redis, run):
    redis.set(SCHEMA_KEY, 3)

    result = run("migrate")

    assert result.exit_code == 1
    assert "newer version" in result.output


def test_redis_that_goes_away_means_again(schema_0, run, monkeypatch):
    def lose(*_: object, **__: object) -> None:
        raise exceptions.ConnectionError

    monkeypatch.setattr(Redis, "scan", lose)

    result = run("migrate")

    assert result.exit_code == 1
    assert "run it again" in result.output


@pytest.mark.parametrize(
    "arguments",
    [("events",), ("show", BROKEN), ("replay", BROKEN, "--yes"), ("discard", BROKEN, "--yes")],
)
def test_commands_refuse_with_what_to_do(arguments, schema_0, run):
    before = redis_dump.snapshot(schema_0)

    result = run(*arguments)

    assert result.exit_code == 1
    assert "run `mercately-relay migrate`" in result.output
    assert redis_dump.snapshot(schema_0) == before


def test_doctor_names_it_and_says_what_to_do(schema_0, run):
    result = run("doctor")

    assert result.exit_code == 1
    assert "missing: redis_schema" in result.output
    assert "run `mercately-relay migrate`" in result.output
    run("migrate")
    assert "redis_schema" not in run("doctor").output
