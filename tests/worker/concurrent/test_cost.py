"""What it costs Redis: per job at full load, and per second with nothing to do."""

import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace

import pytest
from redis import Redis
from redis.connection import AbstractConnection
from rq import Queue
from rq.utils import now

from relay.model import Customer
from tests.benchmarks.sink import Sink
from tests.benchmarks.stage import sink_running
from tests.waiting import eventually
from tests.worker.concurrent import jobs
from tests.worker.concurrent.workers import at_work, burst
from tests.worker.factories import Harness, call
from worker.concurrent import ConcurrentWorker, Timings
from worker.process import make_worker

pytestmark = pytest.mark.slow

COMMANDS_MAX = 12
TRIPS_MAX = 3
# 5.4 by design (heartbeat 2.5, wake-up 1, promotion of four queues 1.4, its entry 0.5), and one of
# each more in the window.
IDLE_PER_S = 5.9
FASTER = 20
FASTER_TIMINGS = Timings(**{name: value / FASTER for name, value in asdict(Timings()).items()})
CONCURRENCY = 32


@pytest.fixture
def trips(monkeypatch) -> list[str]:
    """Every question this process asks Redis, a pipeline or a script as one; who asked."""
    asked: list[str] = []
    send = AbstractConnection.send_packed_command

    def counted(*args, **options):
        asked.append(threading.current_thread().name)
        return send(*args, **options)

    monkeypatch.setattr(AbstractConnection, "send_packed_command", counted)
    return asked


@contextmanager
def counted(redis: Redis) -> Iterator[Counter[str]]:
    """How often each command was run meanwhile, those inside scripts too."""
    found: Counter[str] = Counter()
    redis.config_resetstat()
    yield found
    stats = redis.info("commandstats")
    found.update({name.removeprefix("cmdstat_"): one["calls"] for name, one in stats.items()})
    for name in ("info", "config"):
        found.pop(name, None)


def test_a_job_costs_few_commands_and_fewer_round_trips(redis, queue, start_worker, trips):
    count = 1000
    queue.enqueue_many([Queue.prepare_data(jobs.nap, (0.005,)) for _ in range(count)])
    worker = start_worker(queue, concurrency=CONCURRENCY)
    trips.clear()
    with counted(redis) as commands:
        burst(worker)
    asked = len(trips)
    assert queue.finished_job_registry.count == count
    assert commands.total() / count <= COMMANDS_MAX, commands
    assert asked / count <= TRIPS_MAX, Counter(trips)


@pytest.fixture
def sink(tmp_path) -> Iterator[Sink]:
    """A Mercately that answers at once, in a process of its own: the load is then full."""
    with sink_running(tmp_path) as found:
        yield found


def test_a_delivered_event_costs_no_more(redis, environment, settings, relay, sink, trips):
    count = 1000
    file = settings.config_file
    text = file.read_text().replace('rate = "1000/s"', 'rate = "100000/s"\nin_flight = 128')
    file.write_text(re.sub(r'server = ".*"', f'server = "{sink.url}"', text))
    with Harness(redis, settings, relay) as harness:
        for n in range(0, count, 50):
            people = [Customer(customer_id=f"c{m}") for m in range(n, n + 50)]
            harness.accept(*(call(one.customer_id, customer=one) for one in people))
    worker = make_worker(replace(settings, concurrency=64, sweep_s=5.0))
    trips.clear()
    with counted(redis) as commands:
        burst(worker)
    asked = len(trips)
    assert redis.zcard("relay:state:delivered") == count
    assert commands.total() / count <= COMMANDS_MAX, commands
    assert asked / count <= TRIPS_MAX, Counter(trips)


def idle_commands_a_second(
    redis: Redis, worker: ConcurrentWorker, seconds: float = 3.0
) -> tuple[float, float, Counter[str]]:
    """Those between RQ's maintenance, which comes too rarely to be met, and its share in them.

    Of a worker with the usual timings: this one's are that much faster.
    """
    worker.last_cleaned_at = now()
    began = time.monotonic()
    with counted(redis) as commands:
        time.sleep(seconds)
    took_s = time.monotonic() - began
    with counted(redis) as cleaning:
        worker.run_maintenance_tasks()
    between = commands.total() / (took_s * FASTER)
    return between, cleaning.total() / worker.maintenance_interval, commands + cleaning


@pytest.mark.parametrize("queues", [1, 4])
def test_an_idle_worker_is_almost_silent(redis, start_worker, queues, listening):
    own = [Queue(f"q{n}", connection=redis) for n in range(queues)]
    worker = start_worker(*own, timings=FASTER_TIMINGS)
    with at_work(worker):
        assert eventually(lambda: worker.get_state() == "idle")
        between, cleaning, commands = idle_commands_a_second(redis, worker)
    assert between + cleaning < IDLE_PER_S, commands


def test_an_idle_relay_worker_is_almost_silent(
    redis, open_harness, relay, environment, settings, listening
):
    harness = open_harness()
    assert len(relay.sources) >= 3
    for source in list(relay.sources.values())[:3]:
        harness.accept(f"of {source.name}", source=source)
    worker = make_worker(replace(settings, sweep_s=5.0 / FASTER), timings=FASTER_TIMINGS)
    with at_work(worker):
        assert eventually(lambda: harness.redis.zcard("relay:open") == 0 and not worker.running)
        assert len(worker.queues) == 4
        between, cleaning, commands = idle_commands_a_second(redis, worker)
    assert between < IDLE_PER_S, commands
    assert cleaning < 1, commands  # its share, done every minute
