"""Readiness depends on the durability that was configured, and on a live worker."""

from datetime import timedelta

import pytest
from click.testing import CliRunner
from redis import Redis
from rq import SimpleWorker
from rq.utils import now, utcformat

from relay.cli import main
from relay.devtools.embedded_redis import EmbeddedRedis
from relay.sources import load
from relay.store.durability import Durability
from relay.store.queue import open_queue
from relay.web.app import create_app
from tests.conftest import make_settings, relay_toml
from tests.readiness import missing

TOO_OLD = "needs a Redis that cannot be waited for"


@pytest.fixture(scope="module")
def spare_server(tmp_path_factory):
    """A Redis whose settings are changed."""
    with EmbeddedRedis(tmp_path_factory.mktemp("spare")) as server:
        yield server


@pytest.fixture
def spare(spare_server):
    with Redis.from_url(spare_server.url) as client:
        client.flushall()
        yield client
        client.config_set("appendfsync", "always")
        client.config_set("no-appendfsync-on-rewrite", "no")


@pytest.fixture
def queue(spare):
    return open_queue(spare, "mercately")


@pytest.fixture
def worker(spare, queue):
    made = SimpleWorker([queue], connection=spare, serializer=queue.serializer)
    made.register_birth()
    return made


@pytest.fixture
def cannot_wait(spare):
    if Durability.of(spare).version >= (7, 2):
        pytest.skip(TOO_OLD)


# Who is there.


@pytest.mark.parametrize("state", ["busy", "idle", "suspended", "started"])
@pytest.mark.parametrize(("age_s", "seen"), [(5, True), (50, True), (70, False), (480, False)])
def test_worker_is_seen_by_its_last_sign_of_life_whatever_it_was_at(
    spare, queue, worker, state, age_s, seen
):
    """Who was killed at work stays `busy` for as long as RQ keeps what it knows of it."""
    worker.set_state(state)
    spare.hset(worker.key, "last_heartbeat", utcformat(now() - timedelta(seconds=age_s)))
    assert missing(spare, queue) == ([] if seen else ["worker_seen"])


def test_worker_without_any_sign_of_life_is_not_seen(spare, queue, worker):
    worker.set_state("busy")
    spare.hdel(worker.key, "last_heartbeat")
    assert missing(spare, queue) == ["worker_seen"]


# What was promised.


@pytest.mark.usefixtures("worker", "cannot_wait")
@pytest.mark.parametrize("fsync", ["everysec", "no"])
def test_disk_that_lags_is_a_fault_where_every_event_is_to_be_on_it(spare, queue, fsync):
    spare.config_set("appendfsync", fsync)
    assert missing(spare, queue, "fsync") == ["redis_fsync"]
    assert missing(spare, queue, "relaxed") == []


@pytest.mark.usefixtures("worker")
def test_disk_that_rests_while_it_is_rewritten_is_a_fault_too(spare, queue):
    spare.config_set("no-appendfsync-on-rewrite", "yes")
    assert missing(spare, queue, "fsync") == ["redis_fsync"]
    assert missing(spare, queue, "relaxed") == []
    statement = Durability.of(spare).statement("fsync")
    assert "no-appendfsync-on-rewrite" in statement


@pytest.mark.usefixtures("worker")
def test_disk_that_is_synced_each_time_keeps_every_promise(spare, queue):
    assert missing(spare, queue, "fsync") == missing(spare, queue, "relaxed") == []


@pytest.mark.usefixtures("worker", "cannot_wait")
@pytest.mark.parametrize(("durability", "faults"), [("fsync", ["redis_fsync"]), ("relaxed", [])])
def test_web_and_doctor_tell_it_by_what_is_set(spare, spare_server, tmp_path, durability, faults):
    spare.config_set("appendfsync", "everysec")
    file = tmp_path / "relay.toml"
    file.write_text(relay_toml("http://127.0.0.1:1"))
    settings = make_settings(spare_server.url, file, durability=durability)
    relay = load(file, settings.environ)

    answer = create_app(settings, relay, spare).test_client().get("/readyz")
    doctor = CliRunner().invoke(
        main,
        ["doctor"],
        env={
            "REDIS_URL": spare_server.url,
            "RELAY_CONFIG": str(file),
            "RELAY_DURABILITY": durability,
            "RELAY_LANGUAGE": "en",
        },
    )

    assert (answer.status_code, answer.json["missing"]) == (503 if faults else 200, faults)
    assert doctor.exit_code == (1 if faults else 0)
    assert ("missing: redis_fsync" in doctor.output) is bool(faults)


# What may be waited for.


@pytest.mark.parametrize(
    ("fsync", "version", "satisfies"),
    [
        ("always", (6, 2), True),
        ("everysec", (6, 2), False),
        ("everysec", (7, 0), False),
        ("everysec", (7, 2), True),  # there each write is waited for
        ("no", (6, 2), False),
        ("no", (7, 2), False),  # no wait would end
        ("", (6, 2), True),  # a host that does not say is believed
    ],
)
def test_promise_is_kept_by_the_disk_or_by_waiting_for_it(fsync, version, satisfies):
    durability = Durability(version, True, fsync, "noeviction", is_replica=False)
    assert durability.satisfies("fsync") is satisfies
    assert durability.satisfies("relaxed")
