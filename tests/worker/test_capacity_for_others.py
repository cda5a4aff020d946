"""Two destinations and one crowd of threads: what flows now may hang the next moment."""

from contextlib import ExitStack
from dataclasses import replace
from types import SimpleNamespace

import pytest

from relay.devtools.standin import DEMO_KEY
from relay.model import Customer, State
from relay.store.queue import queue_name
from tests.benchmarks.stage import sink_running
from tests.conftest import relay_toml
from tests.waiting import LONG_S, eventually
from tests.worker.concurrent.workers import at_work
from tests.worker.factories import Harness, call
from worker.concurrent.capacity import Capacity
from worker.process import make_worker

THREADS = 32
SPARE = 4
NAMES = ("principal", "segundo")


@pytest.fixture
def two(environment, settings, standin_server):
    """Writes a configuration with a destination elsewhere, and the stand-in as a second one."""

    def write(server):
        second = (
            f'[destinations.segundo]\nserver = "{standin_server.url}"\n'
            f'api_key = "{DEMO_KEY}"\nrate = "1000/s"\n'
        )
        settings.config_file.write_text(relay_toml(server, sources=second))

    return write


@pytest.fixture
def limits(redis, two, settings):
    """How many jobs a worker takes at most of each destination, by how many of each are in hand."""
    two("http://127.0.0.1:1")
    for name in NAMES:
        redis.sadd("rq:queues", f"rq:queue:{queue_name(settings.queue, name, 'shopify')}")
    worker = make_worker(replace(settings, concurrency=THREADS))
    worker._find_queues()

    def asked(*in_flight, ahead):
        worker.capacity = Capacity(THREADS)
        worker.capacity.claimed, worker.capacity._prefetch = sum(in_flight), ahead
        worker.running = [
            SimpleNamespace(queue=SimpleNamespace(name=queue_name(settings.queue, name, "shopify")))
            for name, count in zip(NAMES, in_flight, strict=True)
            for _ in range(count)
        ]
        found = {group.queues: group.limit for group in worker.groups()}
        return [found[(queue_name(settings.queue, name, "shopify"),)] for name in NAMES]

    return asked


@pytest.mark.parametrize("ahead", [0, 16])
@pytest.mark.parametrize("running", range(0, THREADS + 1, 4))
def test_one_destination_never_has_so_many_in_hand_that_no_thread_is_left(limits, running, ahead):
    first, _ = limits(running, 0, ahead=ahead)
    assert running + first <= max(running, THREADS - SPARE)


@pytest.mark.parametrize("ahead", [0, 16])
def test_what_one_may_not_take_is_there_for_the_other(limits, ahead):
    _, second = limits(THREADS - SPARE, 0, ahead=ahead)
    assert second >= SPARE


def test_two_that_share_take_no_more_than_there_is_room_for(limits):
    first, second = limits(16, 14, ahead=0)
    assert (first, second) == (2, 2)


@pytest.mark.slow
def test_fast_destination_that_hangs_all_at_once_leaves_the_other_a_thread(
    redis, two, settings, relay, standin, tmp_path
):
    """As fast as it was, jobs were being taken ahead of the threads that would run them."""
    standin.add_customer(id="ana")
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("RELAY_READ_TIMEOUT_S", str(10 * LONG_S))  # nobody gives up in the meantime
        sink_stack = stack.enter_context(ExitStack())
        sink = sink_stack.enter_context(sink_running(tmp_path))
        two(sink.url)
        sink.reset(delay_ms=5)
        harness = stack.enter_context(Harness(redis, settings, relay))
        calls = [call(f"k{n}", customer=Customer(customer_id=f"c{n}")) for n in range(3000)]
        for start in range(0, len(calls), 500):
            harness.accept(*calls[start : start + 500])
        elsewhere = replace(
            harness.source, destination=replace(harness.source.destination, name="segundo")
        )
        worker = make_worker(replace(settings, concurrency=16, shutdown_grace_s=0.0))
        stack.enter_context(at_work(worker))
        stack.callback(sink_stack.close)  # before the worker ends: lets go of those who wait
        assert eventually(lambda: sink.count() > 100)

        sink.reset(delay_ms=round(10_000 * LONG_S))
        # It hangs in every thread it may have: an eighth of them is kept for others.
        assert eventually(lambda: sink.count() == 14)
        assert harness.waiting()
        one = replace(call("b", customer=Customer(customer_id="ana")), destination="segundo")
        (record_id,) = harness.accept(one, source=elsewhere).ids

        assert eventually(lambda: harness.record(record_id).state is State.DELIVERED)
