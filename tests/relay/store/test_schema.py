"""On data of another version nobody works: not the web, not the worker, not a command."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import redis_dump
from cases import all_of
from redis import Redis, RedisError

from config.settings import Settings
from relay.devtools.embedded_redis import EmbeddedRedis
from relay.errors import TITLES, NotStored
from relay.inbound import samples
from relay.model import Customer
from relay.sources import Relay
from relay.store import keys
from relay.store.keys import COUNTS, IGNORED, OPEN, SCHEMA_KEY, state_key
from relay.store.pseudonyms import Pseudonyms
from relay.store.schema import SCHEMA, SchemaMismatch, read_schema, require_schema
from relay.web.app import create_app
from tests.conftest import SECRETS
from tests.ports import free_port
from tests.readiness import missing
from tests.worker.factories import Harness
from worker.process import run
from worker.service import DeliveryService

DUMP = redis_dump.load("schema_0.json")
NEWER = str(SCHEMA + 1)


@pytest.fixture
def harness(redis, settings, relay):
    with Harness(redis, settings, relay) as opened:
        yield opened


def post(settings: Settings, relay: Relay, redis: Redis):
    source = relay.sources["shopify"]
    body = samples.load("shopify", "orders_create").body
    request = samples.signed(source, "orders/create", "http://localhost", body)
    client = create_app(settings, relay, redis).test_client()
    return client.post("/webhooks/shopify", data=body, headers=dict(request.headers))


PHONE = ("lane", "+593999000001")
KEYED = Pseudonyms(("a-pseudonym-key-of-32-characters", "an-older-key-of-32-characters-xx"))
DERIVED = Pseudonyms((), lambda: {"norte": "api-key-a", "sur": "api-key-b"})


def lane(customer: Customer) -> tuple[str, ...]:
    return keys.lane_digests(KEYED, "principal", customer)


NAMES = {
    "indexes": (
        (keys.CAUSES, keys.WAITING, keys.WAKEUP, SCHEMA_KEY, OPEN, COUNTS, IGNORED),
        ("relay:causes", "relay:waiting", "relay:wakeup", "relay:schema", "relay:open",
         "relay:counts", "relay:ignored"),
    ),
    "record": (keys.record_key("01J"), "relay:record:01J"),
    "state": (state_key("held"), "relay:state:held"),
    "list": (keys.list_key("held", "shop"), "relay:list:held:shop"),
    "list by cause": (keys.list_key("held", "shop", "unmapped"), "relay:list:held:shop:unmapped"),
    "list without a cause": (keys.list_key("dead", "shop", ""), "relay:list:dead:shop:"),
    "lane": (keys.lane_key("abc"), "relay:lane:abc"),
    "waiting": (keys.waiting_key("abc"), "relay:waiting:abc"),
    "find": (keys.find_key("aBcdefgh"), "relay:find:abc"),
    "customer": (keys.customer_key("principal", "abc"), "relay:customer:principal:abc"),
    # printf 'shopify\0event-1' | openssl dgst -sha256 -binary | head -c 12 | basenc --base64url
    "seen": (keys.seen_key("shopify", "event-1"), "relay:seen:peUlj-3YXiitGEfz"),
    "seen by another key": (
        keys.other_seen_key("shopify", "delivery:a:b"), "relay:seen:J7SUFnqLle0wFnlu"
    ),
    "seen, half a character": (keys.seen_key("shopify", "\ud800"), "relay:seen:xAGOT4WXLl_K8RHI"),
    # Of the id, else the phone, the e-mail, the document.
    "lane of an id": (lane(Customer("c1", "+593", "a@example.com")), ("h99-l2wVvmp", "lYOdJNzU8yk")),
    "lane of a phone": (lane(Customer("", "+593", "a@example.com")), ("QeVolw7sttI", "PLhEiUVia3q")),
    "lane of an e-mail": (
        lane(Customer(email="A@Example.com", id_number="09")), ("VRoqXNnSzhE", "XjqV8o8nw2S"),
    ),
    "lane of a document": (lane(Customer(id_number="09")), ("hpo1D5yFIwl", "p8j5l4Kqi0y")),
    "cached customer": (keys.customer_parts("A@Example.com"), ("customer", "a@example.com")),
    # Keyed BLAKE2b of `principal\0lane\0+593999000001` by hashlib alone, its key SHA-512 of ours.
    "digest": (KEYED.digest("principal", *PHONE), "a6kUO2Lcgeu3EYGA"),
    "digests": (KEYED.digests("principal", *PHONE), ("a6kUO2Lcgeu3EYGA", "clIM7MFEWbBTVdPr")),
    "digest for a name of a key": (KEYED.digest("principal", "30"), "PCSm1aXqRsQkmUl6"),
    "digest, half a character": (
        KEYED.digest("principal", "\ud800"), KEYED.digest("principal", "?")
    ),
    "destinations": (DERIVED.destinations, ("norte", "sur")),
    # With the keys of HKDF (RFC 5869) of the API keys; of all of them for a destination that is gone.
    "digest of norte": (DERIVED.digest("norte", *PHONE), "rJ5nzBCf0bPFoB9P"),
    "digest of sur": (DERIVED.digest("sur", *PHONE), "4A5c_eAop64tIevA"),
    "digest of one gone": (DERIVED.digests("este", *PHONE), ("zjmLNmzMMRwiGiJD",)),
}  # fmt: skip


@all_of("name", NAMES)
def test_names_of_this_format_are_those_that_the_last_version_wrote(name):
    """Both read one Redis while one takes over from the other: a new name needs a migration."""
    assert SCHEMA == 2
    actual, expected = NAMES[name]
    assert actual == expected


def test_kind_of_an_other_key_is_what_it_begins_with():
    assert keys.is_body("body:abc")
    assert not keys.is_body("delivery:body:abc")


def test_new_redis_is_fine_and_left_empty(redis):
    require_schema(redis)

    assert read_schema(redis) == ""
    assert redis.keys() == []


def test_first_accept_writes_the_number(redis, harness):
    harness.keep("order-1")

    assert redis.get(SCHEMA_KEY) == str(SCHEMA).encode()
    assert redis.ttl(SCHEMA_KEY) == -1
    require_schema(redis)


def test_redis_flushed_under_a_running_web_does_not_look_old(redis, harness):
    harness.keep("order-1")
    redis.flushall()
    require_schema(redis)

    harness.keep("order-2")

    assert read_schema(redis) == str(SCHEMA)


@pytest.mark.parametrize(
    "key", [OPEN, COUNTS, IGNORED, *map(state_key, ("held", "dead", "delivered", "discarded"))]
)
def test_any_index_without_the_number_is_of_an_earlier_version(key, redis):
    redis.set(key, "")

    assert read_schema(redis) == "0"


def test_what_an_earlier_version_left_is_refused_with_what_to_do(redis, monkeypatch):
    redis_dump.restore(redis, DUMP)
    before = redis_dump.snapshot(redis)

    for language, words in (("es", "detenga web y workers"), ("en", "stop web and workers")):
        monkeypatch.setenv("RELAY_LANGUAGE", language)
        with pytest.raises(SchemaMismatch) as caught:
            require_schema(redis)
        assert words in str(caught.value)
        assert "`mercately-relay migrate`" in str(caught.value)
        assert "\n" not in str(caught.value)
    assert redis_dump.snapshot(redis) == before


@pytest.mark.parametrize("number", [NEWER, "one"])
@pytest.mark.parametrize(("language", "words"), [("es", "más nueva"), ("en", "newer version")])
def test_what_a_newer_version_left_is_refused(number, language, words, redis, monkeypatch):
    monkeypatch.setenv("RELAY_LANGUAGE", language)
    redis.set(SCHEMA_KEY, number)

    with pytest.raises(SchemaMismatch, match=words) as caught:
        require_schema(redis)

    assert "migrate" not in str(caught.value)


@pytest.fixture(params=["older", "newer"])
def other(request: pytest.FixtureRequest, redis: Redis) -> Redis:
    """A Redis with data of another version."""
    if request.param == "older":
        redis_dump.restore(redis, DUMP)
    else:
        redis.set(SCHEMA_KEY, NEWER)
    return redis


def test_accept_refuses_in_the_same_round_trip_and_keeps_nothing(other, harness):
    before = redis_dump.snapshot(other)

    with pytest.raises(NotStored, match="redis_schema"):
        harness.keep("order-1")

    assert redis_dump.snapshot(other) == before


def test_senders_are_told_to_come_back(other, settings, relay):
    answer = post(settings, relay, other)

    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert json.loads(answer.data)["reason"] == "redis_schema"
    assert json.loads(answer.data)["title"] == TITLES["redis_schema"]


def test_web_notices_data_of_another_version_that_come_back_with_redis(
    redis, settings, relay, harness
):
    """Its Redis was put back from a backup while it ran."""
    harness.keep("order-1")
    redis.flushall()
    redis_dump.restore(redis, DUMP)

    with pytest.raises(NotStored, match="redis_schema"):
        harness.keep("order-2")


def test_readiness_names_it(other, harness):
    assert "redis_schema" in missing(other, harness.base)
    other.flushall()
    assert "redis_schema" not in missing(other, harness.base)


def test_worker_refuses_before_it_touches_anything(other, settings, relay, monkeypatch):
    service = DeliveryService.open(other, settings, relay.destinations)
    monkeypatch.setattr("worker.process.delivery_service", lambda: service)
    before = redis_dump.snapshot(other)

    with pytest.raises(SchemaMismatch):
        run(settings, burst=True)

    assert redis_dump.snapshot(other) == before


# Processes, as a host starts them.


def environ(url: str, config_file: Path) -> dict[str, str]:
    return {
        **os.environ,
        **SECRETS,
        "REDIS_URL": url,
        "RELAY_CONFIG": str(config_file),
        "RELAY_LANGUAGE": "en",
        "RELAY_HOST": "127.0.0.1",
        "PORT": str(free_port()),
    }


def assert_refused(process: subprocess.CompletedProcess[str], sentence: str) -> None:
    assert process.returncode == 1, process
    lines = [line for line in process.stderr.splitlines() if "Control server" not in line]
    assert lines == [sentence]
    logged = [json.loads(line) for line in process.stdout.splitlines()]
    mismatches = [line for line in logged if line["event"] == "redis.schema_mismatch"]
    assert [line["level"] for line in mismatches] == ["error"]


@pytest.mark.slow
@pytest.mark.parametrize("command", ["web", "worker"])
def test_process_exits_with_one_sentence(command, other, redis_server, config_file, monkeypatch):
    monkeypatch.setenv("RELAY_LANGUAGE", "en")
    with pytest.raises(SchemaMismatch) as caught:
        require_schema(other)

    process = subprocess.run(
        [sys.executable, "-m", "relay", command],
        env=environ(redis_server.url, config_file),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert_refused(process, str(caught.value))


@pytest.mark.slow
def test_worker_that_waits_for_redis_exits_when_it_can_read_old_data(tmp_path, config_file):
    with EmbeddedRedis(tmp_path / "redis") as server:
        with Redis.from_url(server.url) as redis:
            redis_dump.restore(redis, DUMP)
        server.process.kill()
        server.process.wait()
        worker = subprocess.Popen(
            [sys.executable, "-m", "worker"],
            env=environ(server.url, config_file),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert worker.stdout
            waiting = next(line for line in worker.stdout if "worker.waits_for_redis" in line)
            assert json.loads(waiting)["level"] == "warning"
            server.restart()
            rest, stderr = worker.communicate(timeout=60)
        finally:
            worker.kill()
            worker.wait()

    assert worker.returncode == 1
    assert "redis.schema_mismatch" in rest
    assert "mercately-relay migrate" in stderr
    assert "Traceback" not in stderr


def test_unreachable_redis_is_no_mismatch():
    with (
        Redis.from_url("unix:///nonexistent/redis.sock") as redis,
        pytest.raises(RedisError),
    ):
        require_schema(redis)
