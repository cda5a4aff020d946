"""A relay that has taken as much as it may: what waits goes out all the same."""

from contextlib import suppress
from dataclasses import replace

import pytest

from relay import sources
from relay.devtools.embedded_redis import EmbeddedRedis
from relay.errors import NotStored
from relay.model import Customer
from relay.store.connection import connect
from tests.benchmarks.stage import sink_running
from tests.conftest import SECRETS, make_settings, relay_toml
from tests.waiting import eventually
from tests.worker.concurrent.workers import at_work
from tests.worker.factories import Harness, call, deployed
from worker.process import make_worker

pytestmark = pytest.mark.slow

ROOM = 4_000_000
NOTE = "Pedido 1001 por 20.00 USD: 2 articulos. " * 5


@pytest.fixture
def little(tmp_path):
    """A Redis with little room; where it ends differs by what the server itself needs."""
    with EmbeddedRedis(tmp_path / "little", appendfsync="everysec") as server:
        yield server


def filled(harness) -> int:
    """Take events until no more are taken; how many were."""
    taken = 0
    with suppress(NotStored):
        while True:
            numbers = range(taken, taken + 20)
            calls = [call(f"k{n}", customer=Customer(customer_id=f"c{n}")) for n in numbers]
            harness.accept(*(replace(one, body={"notes": NOTE}) for one in calls))
            taken += 20
            harness.intake.pressure._asked_at = None  # each time it looks
    assert harness.intake.pressure.full
    return taken


@pytest.mark.timeout(60)
def test_full_to_the_watermark_all_of_it_goes_out(little, tmp_path, monkeypatch):
    file = tmp_path / "relay.toml"
    settings = make_settings(little.url, file, durability="relaxed", concurrency=16)
    with sink_running(tmp_path) as sink, connect(settings) as redis:
        file.write_text(relay_toml(sink.url))
        redis.config_set("maxmemory", redis.info("memory")["used_memory"] + ROOM)
        relay = sources.load(file, SECRETS)
        with deployed(monkeypatch, settings), Harness(redis, settings, relay) as harness:
            count = filled(harness)
            assert count > 500
            with at_work(make_worker(settings)):
                assert eventually(lambda: redis.zcard("relay:open") == 0)
                assert sink.count() == count
