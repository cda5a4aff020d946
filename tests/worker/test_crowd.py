"""Many events at once: order, shares and waiting, as workers of ours keep them.

What each part decides is tested beside it; here all of them work together.
"""

from contextlib import ExitStack, contextmanager
from dataclasses import replace

import pytest

from relay.model import Customer, State
from tests.benchmarks.stage import sink_running
from tests.conftest import relay_toml
from tests.waiting import LONG_S, eventually
from tests.worker.concurrent.workers import at_work as working
from tests.worker.factories import Harness, call, signals_kept
from worker import throttle as throttles
from worker.client import Client
from worker.concurrent import claims
from worker.process import make_worker

pytestmark = pytest.mark.slow

FLOOD = 5_000


@contextmanager
def at_work(settings, workers=1):
    """Workers in threads of their own, told to stop at the end."""
    made = [make_worker(settings) for _ in range(workers)]
    with signals_kept(), ExitStack() as stack:
        for worker in made:
            stack.enter_context(working(worker))
        yield made


@pytest.fixture
def configure(environment, settings, standin_server):
    """Writes the worker's configuration: the stand-in, or another server, and more of each."""

    def write(*, server=standin_server.url, rate="1000/s", destination="", more=""):
        text = relay_toml(server, rate=rate, destination=destination, sources=more)
        settings.config_file.write_text(text)

    return write


def second_destination(server):
    return f'[destinations.segundo]\nserver = "{server}"\napi_key = "{"k" * 32}"\nrate = "1000/s"\n'


def numbered(count, *, customers=0, destination="principal"):
    """Calls to customers of their own, or to so many in turn."""
    return [
        replace(
            call(
                f"{destination}-{n}",
                customer=Customer(customer_id=f"c{n % customers if customers else n}"),
                body={"notes": f"{n % customers} {n}" if customers else str(n)},
            ),
            destination=destination,
        )
        for n in range(count)
    ]


def flood(harness, count):
    calls = numbered(count)
    for start in range(0, count, 200):
        harness.accept(*calls[start : start + 200])


def overtaken_by(sink, harness, source, one):
    """How many other events arrive between an event's acceptance and its own arrival.

    Counted in the order in which the sink, which must keep the bodies, received them: no time is
    measured.
    """
    (record_id,) = harness.accept(one, source=source).ids
    arrived_before = sink.count()
    assert eventually(lambda: delivered(harness, record_id))
    bodies = [body for _, body in sink.bodies()]
    (place,) = [n for n, body in enumerate(bodies) if one.body["notes"] in body]
    return place - arrived_before


def begun(worker):
    return sum(run.began_at > 0 for run in list(worker.running))


def delivered(harness, record_id):
    return harness.record(record_id).state is State.DELIVERED


@pytest.mark.timeout(240)
def test_flood_on_one_source_delays_no_other_source_and_no_other_destination(
    redis, configure, settings, relay, tmp_path
):
    with ExitStack() as stack:
        sink = stack.enter_context(sink_running(tmp_path))
        configure(server=sink.url, more=second_destination(sink.url))
        # A destination that takes its time: there is always more waiting than can be done.
        sink.reset(delay_ms=400, keep=True)
        harness = stack.enter_context(Harness(redis, settings, relay))
        flooded, other, *_ = relay.sources.values()
        elsewhere = replace(
            other, destination=replace(other.destination, name="segundo", server=sink.url)
        )
        flood(harness, FLOOD)
        stack.enter_context(at_work(replace(settings, concurrency=32)))
        assert eventually(lambda: sink.count() > 50)

        overtaken = []
        for n in range(3):
            for source, name in ((other, "principal"), (elsewhere, "segundo")):
                key = f"{name}-{n}"
                one = call(key, customer=Customer(customer_id=f"single{n}"), body={"notes": key})
                one = replace(one, destination=name)
                overtaken.append(overtaken_by(sink, harness, source, one))

        waiting = redis.llen(harness.queue_of(flooded).key)
        assert waiting > FLOOD // 4  # all the while, and all would go first in one queue
        assert max(overtaken) < waiting // 4, overtaken


def test_destination_that_hangs_leaves_room_for_the_others(
    redis, configure, settings, relay, standin, tmp_path
):
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        # None of them gives up in the meantime.
        patch.setenv("RELAY_READ_TIMEOUT_S", str(10 * LONG_S))
        sink = stack.enter_context(sink_running(tmp_path))
        configure(more=second_destination(sink.url))
        standin.slow_s = 10 * LONG_S
        standin.fail("slow")
        harness = stack.enter_context(Harness(redis, settings, relay))
        elsewhere = replace(
            harness.source, destination=replace(harness.source.destination, name="segundo")
        )
        harness.accept(*numbered(60))
        (worker,) = stack.enter_context(at_work(settings))
        # Every thread it may have waits for an answer: one is kept for others.
        assert eventually(lambda: begun(worker) == settings.concurrency - 1)

        harness.accept(*numbered(20, destination="segundo"), source=elsewhere)

        assert eventually(lambda: sink.count() == 20)
        assert begun(worker) >= settings.concurrency - 1  # all the while
        standin.clear()
        standin.stopping.set()  # let go of those who wait


def test_events_of_a_customer_keep_their_order_over_workers_and_retries(
    redis, configure, settings, relay, standin
):
    configure(destination='retry_schedule = "1s 1s 1s"')
    for n in range(12):
        standin.add_customer(id=f"c{n}")
    with Harness(redis, settings, relay) as harness:
        for _ in range(6):
            standin.fail("reset_before_recording", times=1)
        ids = [record_id for one in numbered(120, customers=12) for record_id in harness.keep(one)]
        with at_work(settings, workers=2):
            assert eventually(lambda: all(delivered(harness, id_) for id_ in ids))

    told = [event.body["notes"].split() for event in standin.events]
    for customer in range(12):
        own = [int(number) for name, number in told if name == str(customer)]
        assert own == sorted(own)
        assert len(own) == 10


@pytest.mark.parametrize("ordering", ["strict", "relaxed"])
def test_who_waits_for_a_retry_keeps_its_own_followers_or_lets_them_pass(
    redis, configure, settings, relay, standin, ordering
):
    options = f'retry_schedule = "600s 600s"\nordering = "{ordering}"'
    configure(destination=options)
    standin.add_customer(id="c0")
    standin.fail("unavailable_503", times=1)
    with Harness(redis, settings, relay) as harness:
        ids = [record_id for one in numbered(3, customers=1) for record_id in harness.keep(one)]
        first, *others = ids
        with at_work(settings):
            assert eventually(lambda: harness.scheduled() == [first])
            if ordering == "relaxed":
                assert eventually(lambda: all(delivered(harness, id_) for id_ in others))
            else:
                assert harness.deferred() == others
            harness.make_due(first)
            assert eventually(lambda: all(delivered(harness, id_) for id_ in ids))

    told = [event.body["notes"] for event in standin.events]
    assert told == (["0 0", "0 1", "0 2"] if ordering == "strict" else ["0 1", "0 2", "0 0"])


def test_no_more_are_under_way_than_a_destination_allows_and_the_rest_holds_no_thread(
    redis, configure, settings, relay, tmp_path
):
    allowed, lasts_s = 3, 0.3
    with ExitStack() as stack:
        sink = stack.enter_context(sink_running(tmp_path))
        sink.reset(delay_ms=round(1000 * lasts_s))
        configure(server=sink.url, destination=f"in_flight = {allowed}")
        harness = stack.enter_context(Harness(redis, settings, relay))
        harness.accept(*numbered(12))
        (worker, other) = stack.enter_context(at_work(settings, workers=2))
        in_hand = []

        def all_came():
            in_hand.append(len(worker.running) + len(other.running))
            return sink.count() >= 12

        assert eventually(all_came)
        came_at = sink.times()

    assert len(came_at) == 12
    # The sink answers none before its time: a fourth that comes meanwhile would be one too many.
    apart_s = [late - early for early, late in zip(came_at, came_at[allowed:], strict=False)]
    assert min(apart_s) >= lasts_s, came_at
    # What has ended is in hand until it is written down.
    assert max(in_hand) <= 2 * allowed


def test_outage_costs_those_who_wait_no_attempt(
    redis, configure, settings, relay, standin, monkeypatch
):
    monkeypatch.setattr(throttles, "_OPEN_FROM_S", 10.0)
    configure(destination='in_flight = 4\nretry_schedule = "600s 600s"')
    for n in range(40):
        standin.add_customer(id=f"c{n}")
    standin.fail("poison_500")
    with Harness(redis, settings, relay) as harness:
        ids = harness.accept(*numbered(40)).ids
        with at_work(settings) as (worker,):
            assert eventually(lambda: harness.target.throttle.half_open_reason() == "outage")
            assert eventually(lambda: not worker.running)
            tried = sum(harness.record(id_).attempts for id_ in ids)
            assert 10 <= tried <= 10 + 2 * 4 + 1  # those under way when it shut
            assert len(harness.waiting()) == 40 - tried

            standin.clear()
            untried = [id_ for id_ in ids if not harness.record(id_).attempts]
            assert eventually(lambda: all(delivered(harness, id_) for id_ in untried))
        assert {harness.record(id_).attempts for id_ in untried} == {1}
        assert harness.target.throttle.half_open_reason() == ""


def test_refused_key_costs_nobody_an_attempt_and_the_probe_ends_the_pause(
    redis, configure, settings, relay, standin, monkeypatch
):
    monkeypatch.setattr(throttles, "PROBE_INTERVAL_S", 1.0)
    monkeypatch.setattr(claims, "PROBE_INTERVAL_S", 1.0)
    probes = []
    probe = Client.probe
    monkeypatch.setattr(Client, "probe", lambda one: probes.append(1) or probe(one))
    configure()
    for n in range(10):
        standin.add_customer(id=f"c{n}")
    standin.fail("unauthorized_401", on="all")
    with Harness(redis, settings, relay) as harness:
        ids = harness.accept(*numbered(10)).ids
        with at_work(settings):
            assert eventually(lambda: harness.target.throttle.half_open_reason() == "credentials")
            probed = len(probes)
            assert eventually(lambda: len(probes) >= probed + 2)
            assert {harness.record(id_).attempts for id_ in ids} == {0}
            assert standin.events == []

            standin.clear()
            assert eventually(lambda: all(delivered(harness, id_) for id_ in ids))
        assert {harness.record(id_).attempts for id_ in ids} == {1}


@pytest.mark.parametrize("rate", [2, 20])
def test_flood_takes_turns_with_others_at_any_pace(
    rate, redis, configure, settings, relay, tmp_path
):
    with ExitStack() as stack:
        sink = stack.enter_context(sink_running(tmp_path))
        configure(server=sink.url, rate=f"{rate}/s")
        sink.reset(keep=True)
        harness = stack.enter_context(Harness(redis, settings, relay))
        _, other, *_ = relay.sources.values()
        harness.accept(*numbered(200))
        stack.enter_context(at_work(settings))
        assert eventually(lambda: sink.count() > 1)

        for n in range(2):
            name = f"single-{n}"
            one = call(name, customer=Customer(customer_id=name), body={"notes": name})
            # No more than go in two seconds, of the hundreds that wait.
            assert overtaken_by(sink, harness, other, one) <= 2 * rate
