"""What Redis refuses is one word: the same in the log, `/readyz`, `doctor` and the command line."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import senders
from click.testing import CliRunner
from redis import Redis, RedisError, ResponseError
from structlog.testing import capture_logs

from config.settings import Settings
from relay.cli import main
from relay.devtools.embedded_redis import EmbeddedRedis
from relay.sources import Relay
from relay.store.connection import connect
from relay.store.redis_fault import FaultWord, advice, fault_word
from relay.web.app import create_app
from tests.conftest import DEMO_KEY, make_settings
from tests.waiting import eventually

PASSWORD = "hush-hush"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    with EmbeddedRedis(tmp_path / "redis") as own:
        yield own


@contextmanager
def misconf(redis: Redis, server: EmbeddedRedis) -> Iterator[str]:
    in_the_way = server._folder / "dump.rdb"
    in_the_way.mkdir()  # no snapshot can be renamed to that, not even by root
    redis.config_set("save", "3600 1")
    redis.bgsave()
    try:
        assert eventually(lambda: redis.info("persistence")["rdb_last_bgsave_status"] == "err")
        yield server.url
    finally:
        redis.config_set("save", "")  # with which it would not end


@contextmanager
def readonly(redis: Redis, server: EmbeddedRedis) -> Iterator[str]:
    redis.replicaof("127.0.0.1", 1)
    yield server.url


@contextmanager
def oom(redis: Redis, server: EmbeddedRedis) -> Iterator[str]:
    redis.config_set("maxmemory", 1)
    yield server.url


@contextmanager
def not_allowed(redis: Redis, server: EmbeddedRedis) -> Iterator[str]:
    redis.execute_command(
        "ACL", "SETUSER", "app", "on", f">{PASSWORD}", "~*", "&*", "+@read", "+@connection", "+info"
    )
    yield server.url.replace("unix://", f"unix://app:{PASSWORD}@")


@contextmanager
def authentication(redis: Redis, server: EmbeddedRedis) -> Iterator[str]:
    yield server.url.replace("unix://", f"unix://app:{PASSWORD}@")


@contextmanager
def max_clients(redis: Redis, server: EmbeddedRedis) -> Iterator[str]:
    """As Redis does on TCP: on a socket of the system the client cannot read the answer."""

    def serve() -> None:
        with suppress(OSError):  # when the listener is closed
            while True:
                connection, _ = listener.accept()
                with connection:
                    connection.sendall(b"-ERR max number of clients reached\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}/0"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


@contextmanager
def away(redis: Redis, server: EmbeddedRedis) -> Iterator[str]:
    yield server.url.replace("redis.sock", "nowhere.sock")


TROUBLES = [misconf, readonly, oom, not_allowed, authentication, max_clients, away]
UNREACHED = {"authentication", "max_clients", "away"}
# With these `doctor` ends at its first command; a broken disk refuses even a PING.
ENDED = UNREACHED | {"misconf"}


def app_client(settings: Settings) -> Any:
    source = senders.source_of("shopify")
    relay = Relay("es", {"crm": source.destination}, {"shopify": source}, ())
    return create_app(settings, relay).test_client()


def post(client: Any) -> Any:
    headers, body = senders.request_for("shopify", "orders_create")
    signed = senders.signed("shopify", headers, body)
    return client.post("/webhooks/shopify", headers=signed, data=body)


@pytest.mark.slow
@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda trouble: trouble.__name__)
def test_each_word_is_the_same_wherever_it_is_told(trouble, server, tmp_path):
    word = trouble.__name__
    with Redis.from_url(server.url) as redis, trouble(redis, server) as url:
        # Full by the watermark is a reason of its own; here Redis itself has to refuse.
        settings = make_settings(url, tmp_path / "absent.toml", memory_watermark=1e9)
        settings = replace(settings, log_level="INFO")
        client = app_client(settings)

        ready = client.get("/readyz?for=accept")
        with capture_logs() as lines:
            answer = post(client)
        environ = {"REDIS_URL": url, "RELAY_LANGUAGE": "en", "MERCATELY_API_KEY": DEMO_KEY}
        doctor = CliRunner().invoke(main, ["doctor"], env=environ)

    assert (ready.status_code, ready.json["redis"]) == (503, word)
    assert ready.json["missing"][0] == (
        "redis_reachable" if word in UNREACHED else "redis_writable"
    )
    assert answer.status_code == 503
    assert [line["cause"] for line in lines if line["event"] == "webhook.received"] == [word]
    assert doctor.exit_code == 1
    told = (
        f"(REDIS_URL), {word}: " if word in ENDED else f"Redis, {word}: {advice(FaultWord(word))}"
    )
    assert told in doctor.output
    assert PASSWORD not in f"{ready.json} {lines} {doctor.output}"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("MISCONF Errors writing to the AOF file: No space left on device", "misconf"),
        # As scripts of Redis 6.2 and 7 put it.
        ("Error running script (call to f_0): @user_script:1: -OOM command not allowed", "oom"),
        ("Error running script (call to f_0): @user_script:1: -READONLY You can't", "readonly"),
        ("Error running script (call to f_0): @user_script:1: -MISCONF Redis is", "misconf"),
        ("ACL failure in script: User app has no permissions to run the 'set'", "not_allowed"),
        ("NOREPLICAS Not enough good replicas to write.", "refused"),
        ("DB index is out of range", "refused"),
    ],
)
def test_word_by_what_redis_answers(text, word):
    assert fault_word(ResponseError(text)) == word


def test_every_word_says_what_to_do_in_both_languages(monkeypatch):
    for language in ("es", "en"):
        monkeypatch.setenv("RELAY_LANGUAGE", language)
        assert all(len(advice(word)) > 20 for word in FaultWord)


# A user of a careful host.

FORBIDDEN = ("-info", "-config", "-client", "-@admin")


@pytest.fixture
def careful(redis: Redis, redis_server: EmbeddedRedis) -> Iterator[str]:
    redis.execute_command(
        "ACL", "SETUSER", "app", "on", f">{PASSWORD}", "~*", "&*", "+@all", *FORBIDDEN
    )
    yield redis_server.url.replace("unix://", f"unix://app:{PASSWORD}@")
    redis.execute_command("ACL", "DELUSER", "app")


def test_user_without_info_config_and_client_keeps_events(careful, tmp_path):
    settings = make_settings(careful, tmp_path / "absent.toml")
    with connect(settings) as redis, pytest.raises(RedisError):
        redis.info()
    client = app_client(settings)

    answer = post(client)
    accept = client.get("/readyz?for=accept")
    whole = client.get("/readyz")

    assert answer.json["status"] == "accepted"
    assert (accept.status_code, accept.json) == (200, {"status": "ready", "missing": []})
    assert whole.json["missing"] == ["worker_seen"]
    assert whole.json["durability"] == "unknown"


def test_doctor_states_that_durability_is_unknown(careful):
    environ = {"REDIS_URL": careful, "RELAY_LANGUAGE": "en", "MERCATELY_API_KEY": DEMO_KEY}
    result = CliRunner().invoke(main, ["doctor"], env=environ)

    assert result.output.startswith("Durability unknown: this user of Redis may not run INFO")
    assert "worker_seen" in result.output
