"""What Redis goes through on a bad day: accepted events survive it, and are delivered."""

import resource
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from redis import Redis

from relay.devtools.embedded_redis import EmbeddedRedis, server_binary
from relay.devtools.standin import Standin
from relay.errors import NotStored
from relay.store.connection import connect
from tests.ports import free_port
from tests.waiting import eventually
from tests.worker.factories import Harness, apart, deployed, signals_kept
from worker import process as entry

pytestmark = pytest.mark.slow
EVENTS = 200
Disturb = Callable[[Redis, EmbeddedRedis], None]


@pytest.fixture
def binary(tmp_path: Path) -> str:
    """A server for which a file that may not grow is an error, as a full disk is, and not the end."""
    script = tmp_path / "server"
    script.write_text(f'#!/bin/sh\ntrap "" XFSZ\nexec {server_binary()} "$@"\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return str(script)


@contextmanager
def full_disk(server: EmbeddedRedis) -> Iterator[None]:
    """The files of this server may not grow any more."""
    pid = server.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, before[1]))
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


def accepted(harness: Harness, numbers: range, standin: Standin | None = None) -> set[str]:
    """The events that were answered 200, each sent until it is, as a platform would."""
    kept = set()
    for call in apart(*(f"order-{number}" for number in numbers), standin=standin):
        for _ in range(20):
            with suppress(NotStored):
                kept.update(harness.accept(call).ids)
                break
            time.sleep(0.05)
    return kept


def script_flush(redis: Redis, _server: EmbeddedRedis) -> None:
    redis.script_flush()


def client_pause(redis: Redis, _server: EmbeddedRedis) -> None:
    redis.client_pause(100)


def write_pause(redis: Redis, _server: EmbeddedRedis) -> None:
    redis.client_pause(100, all=False)


def client_kill(redis: Redis, _server: EmbeddedRedis) -> None:
    """A claim whose answer is lost is not the end of what was claimed."""
    redis.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")


@pytest.mark.parametrize(
    "disturb", [script_flush, client_pause, write_pause, client_kill], ids=lambda one: one.__name__
)
def test_events_survive_while_they_are_accepted_and_delivered(
    disturb: Disturb, tmp_path, settings, relay, standin, monkeypatch
):
    with EmbeddedRedis(tmp_path / "own") as server, Redis.from_url(server.url) as admin:
        own = replace(settings, redis_url=server.url)
        over = threading.Event()
        times: list[float] = []

        def disturb_again_and_again() -> None:
            while len(times) < 12 and not over.wait(0.06):
                disturb(admin, server)
                times.append(time.monotonic())

        thread = threading.Thread(target=disturb_again_and_again)
        thread.start()
        try:
            with connect(own) as redis, Harness(redis, own, relay) as harness:
                kept = accepted(harness, range(EVENTS), standin)
                with deployed(monkeypatch, own), signals_kept():
                    deliver_all(own, admin, kept)
        finally:
            over.set()
            thread.join()
        left = admin.zcard("relay:open")

    assert len(times) >= 3
    assert len(kept) == EVENTS
    assert left == 0
    assert len(standin.events) == EVENTS


def deliver_all(settings, admin: Redis, kept: set[str]) -> None:
    """Workers until nothing is open, each until there is nothing to do."""

    def step() -> bool:
        entry.run(settings, burst=True)
        return admin.zcard("relay:open") == 0

    assert eventually(step), len(kept)


def test_full_disk_is_answered_later_and_loses_nothing(tmp_path, settings, relay, binary):
    """`everysec`: Redis goes on, refuses writes, and writes what it has when there is room."""
    own = EmbeddedRedis(tmp_path / "own", appendfsync="everysec", binary=binary)
    with own as server, Redis.from_url(server.url) as admin:
        values = replace(settings, redis_url=server.url, durability="relaxed")
        with Harness(admin, values, relay) as harness:
            before = accepted(harness, range(5))
            refusals = []
            with full_disk(server):

                def refused() -> bool:
                    try:
                        before.update(harness.accept(f"during-{len(before)}").ids)
                    except NotStored as error:
                        refusals.append(str(error.__cause__))
                    return bool(refusals)

                assert eventually(refused)
            assert "MISCONF" in refusals[0]
            assert eventually(lambda: accepted(harness, range(100, 101)))
            assert eventually(lambda: admin.info("persistence")["aof_last_write_status"] == "ok")
            time.sleep(1.2)  # the second of `everysec`
            server.process.kill()
            server.restart()
            lost = {one for one in before if not admin.exists(f"relay:record:{one}")}

    assert lost == set()


def test_full_disk_with_always_ends_redis_and_loses_nothing(tmp_path, settings, relay, binary):
    """`always`: Redis cannot keep its word and ends; what was answered 200 is on disk."""
    with EmbeddedRedis(tmp_path / "own", binary=binary) as server:
        values = replace(settings, redis_url=server.url)
        with Redis.from_url(server.url) as admin, Harness(admin, values, relay) as harness:
            before = accepted(harness, range(5))
            with full_disk(server):
                with suppress(NotStored):
                    for number in range(100):
                        before.update(harness.accept(f"during-{number}").ids)
                server.process.wait(10)
            server.restart()
            lost = {one for one in before if not admin.exists(f"relay:record:{one}")}
            again = harness.accept("during-0")

    assert lost == set()
    assert again.statuses[0] in ("accepted", "duplicate")


def test_fail_over_in_mid_script_leaves_all_of_it_or_nothing(tmp_path, settings, relay):
    """The replica takes over while requests come in: each is there whole, or was refused."""
    with (
        EmbeddedRedis(tmp_path / "primary") as primary,
        EmbeddedRedis(tmp_path / "replica") as replica,
        connect(replace(settings, redis_url=primary.url)) as old,
        Redis.from_url(replica.url) as new,
    ):
        port = free_port()
        old.config_set("port", port)
        new.replicaof("127.0.0.1", port)
        assert eventually(lambda: new.info("replication").get("master_link_status") == "up")
        values = replace(settings, redis_url=primary.url)
        with Harness(old, values, relay) as harness:
            accepted(harness, range(20))
            assert old.wait(1, 2000) == 1
            # The script is under way on the primary for as long as that takes for 200 events.
            batch = apart(*(f"batch-{number}" for number in range(200)))
            thread = threading.Thread(target=lambda: _ignoring(lambda: harness.accept(*batch)))
            thread.start()
            primary.process.kill()
            thread.join()
        new.replicaof("NO", "ONE")
        records = {key.decode() for key in new.scan_iter("relay:record:*")}
        jobs = {key.decode() for key in new.scan_iter("rq:job:*")}
        count = sum(int(value) for value in new.hvals("relay:counts"))
        replica.process.kill()  # asked to end while it writes its first file, it would not

    assert count == len(records) == len(jobs)
    assert count in (20, 220)


def _ignoring(work: Callable[[], object]) -> None:
    with suppress(NotStored):
        work()
