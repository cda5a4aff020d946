"""Our worker: RQ's, and the net below it. No scheduler runs in any of these tests."""

import os
import signal
import threading
import time
from contextlib import contextmanager
from dataclasses import replace

import pytest
import rq
from redis import Redis, retry as redis_retry
from structlog.testing import capture_logs

from relay.devtools.embedded_redis import EmbeddedRedis
from relay.model import State
from relay.store.keys import record_key
from tests.waiting import LONG_S, eventually
from tests.worker.concurrent.workers import at_work
from tests.worker.factories import Harness, apart, call, deployed, signals_kept
from worker import process as entry, service as wiring


@pytest.fixture(autouse=True)
def in_place(environment):
    with signals_kept():
        yield


@pytest.fixture
def run(settings):
    """A worker until there is nothing to do."""
    return lambda: entry.run(settings, burst=True)


@contextmanager
def meanwhile(work):
    """Does something beside a worker in this thread, then tells the worker to stop."""
    over = threading.Event()

    def act():
        try:
            work()
        finally:
            if not over.is_set():
                os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=act)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def fail_slowly(standin, monkeypatch):
    """Makes the next event wait until `standin.stopping`; the result is set when it is there."""
    request_came = threading.Event()
    take_fault = standin.take_fault

    def noted(*args):
        fault = take_fault(*args)
        if fault == "slow":
            request_came.set()
        return fault

    monkeypatch.setattr(standin, "take_fault", noted)
    standin.slow_s = LONG_S
    standin.fail("slow", times=1)
    return request_came


def test_worker_delivers_what_waits(harness, standin, run):
    ids = harness.keep(*(f"order-{n}" for n in range(5)))

    run()

    assert len(standin.events) == 5
    assert {harness.record(record_id).state for record_id in ids} == {State.DELIVERED}


@pytest.mark.slow
def test_due_retry_is_promoted_without_a_scheduler(harness, standin, run):
    standin.fail("unavailable_503", times=1)
    record_id = harness.keep_one()
    run()
    assert harness.scheduled() == [record_id]

    run()
    assert harness.record(record_id).state is State.RETRYING
    harness.make_due(record_id)
    run()

    assert harness.record(record_id).state is State.DELIVERED
    assert harness.scheduled() == []


@pytest.mark.slow
def test_idle_worker_promotes_as_the_moment_comes(harness, standin, settings):
    """The one test that waits for a retry in earnest."""
    config = settings.config_file
    config.write_text(
        config.read_text().replace('rate = "1000/s"', 'rate = "1000/s"\nretry_schedule = "1s"')
    )
    standin.fail("unavailable_503", times=1)
    record_id = harness.keep_one()
    started = time.monotonic()

    with at_work(entry.make_worker(settings)):
        assert eventually(lambda: harness.record(record_id).state is State.DELIVERED)
    assert time.monotonic() - started >= 0.8


def test_lost_job_is_found_and_run_in_one_go(harness, standin, redis, run):
    record_id = harness.keep_one()
    redis.delete(f"rq:job:{record_id}", harness.queue.key)
    harness.let_time_pass(record_id)

    run()

    assert harness.record(record_id).state is State.DELIVERED


def test_sweep_keeps_its_pace(harness, redis, settings):
    worker = entry.make_worker(replace(settings, sweep_s=60.0))
    worker.maintain()
    record_id = harness.keep_one()
    redis.delete(f"rq:job:{record_id}", harness.queue.key)
    harness.let_time_pass(record_id)

    worker.maintain()
    assert harness.waiting() == []

    entry.make_worker(replace(settings, sweep_s=60.0)).maintain()
    assert harness.waiting() == [f"{record_id}-r2"]


def test_rq_s_own_cleaning_is_done_too(harness, redis, settings):
    """A job whose worker died is taken out of the registry of started ones."""
    record_id = harness.keep_one()
    redis.zadd(harness.queue.started_job_registry.key, {f"{record_id}:an-execution": 1})

    worker = entry.make_worker(settings)
    worker.maintain()  # and so it knows the queue
    worker.run_maintenance_tasks()

    assert redis.zcard(harness.queue.started_job_registry.key) == 0


@pytest.mark.slow
def test_worker_is_seen_by_rq_while_it_works_and_gone_after(harness, standin, settings, run):
    record_id = harness.keep_one()
    standin.slow_s = LONG_S
    standin.fail("slow", times=1)
    seen = []

    def look():
        with Redis.from_url(settings.redis_url) as redis:
            queue = rq.Queue(settings.queue, connection=redis)

            def at_work():
                found = [one.get_current_job_id() for one in rq.Worker.all(queue=queue)]
                return found if any(found) else None

            seen.append(eventually(at_work))
            seen.extend(one.get_state() for one in rq.Worker.all(connection=redis))
        standin.stopping.set()  # it has been seen: let it go on

    watcher = threading.Thread(target=look)
    watcher.start()
    run()
    watcher.join()

    assert seen == [[record_id], "busy"]
    assert rq.Worker.all(connection=harness.redis) == []


def test_worker_counts_for_rq(harness, standin, settings):
    standin.fail("unavailable_503", times=1, on="events")
    harness.keep(*apart("order-1", "order-2", standin=standin))
    worker = entry.make_worker(settings)

    with signals_kept():
        worker.work(burst=True, logging_level="WARNING")

    worker.refresh()
    assert worker.successful_job_count == 1
    assert worker.failed_job_count == 1  # so does RQ count a retry


@pytest.mark.slow
def test_worker_ends_after_the_job_in_hand_when_told_to(harness, standin, settings, monkeypatch):
    """SIGTERM in the middle of the first of a customer's two jobs."""
    first, second = harness.keep("order-1", "order-2")
    requests = fail_slowly(standin, monkeypatch)
    request_stop = entry.RelayWorker.request_stop

    def stop(worker, *signal_and_frame):
        request_stop(worker, *signal_and_frame)
        standin.stopping.set()  # only now does the request that is under way get its answer

    monkeypatch.setattr(entry.RelayWorker, "request_stop", stop)
    under_way = []
    with meanwhile(lambda: under_way.append(requests.wait(LONG_S))):
        entry.run(settings)

    assert under_way == [True]
    assert harness.record(first).state is State.DELIVERED
    assert harness.record(second).state is State.ACCEPTED
    assert harness.waiting() == [second]


def test_record_nobody_can_read_does_not_end_the_worker(harness, standin, redis, run):
    """A newer version of us may have written it; an older one must go on with the rest."""
    unreadable, strange, good = harness.keep(*apart("1", "2", "3", standin=standin))
    redis.hset(record_key(unreadable), "customer", '{"nickname":"x"}')
    redis.hset(record_key(strange), "state", "of-a-kind-yet-unknown")

    run()

    assert [event.body["notes"] for event in standin.events] == ["3"]
    assert harness.record(good).state is State.DELIVERED
    assert harness.record(unreadable).reason == "internal_error"


@pytest.fixture
def mortal(tmp_path, monkeypatch, settings):
    """A Redis of its own, for a test that ends it, and the settings of a worker there."""
    with EmbeddedRedis(tmp_path / "mortal") as server:
        ours = replace(settings, redis_url=server.url, log_level="WARNING")
        with deployed(monkeypatch, ours):
            wiring.delivery_service()
            yield server, ours


@contextmanager
def away(server):
    server.process.kill()
    server.process.wait()
    yield
    server.restart()


@contextmanager
def read_only(server):
    with Redis.from_url(server.url) as redis:
        redis.replicaof("127.0.0.1", 1)
        yield
        redis.replicaof("NO", "ONE")


@contextmanager
def full(server):
    with Redis.from_url(server.url) as redis:
        redis.config_set("maxmemory", 1)
        yield
        redis.config_set("maxmemory", 0)


@pytest.mark.slow
@pytest.mark.parametrize("trouble", [away, read_only, full])
def test_maintenance_redis_will_not_have_is_postponed(mortal, relay, trouble, caplog):
    server, settings = mortal
    worker = entry.make_worker(settings)
    with Redis.from_url(server.url) as redis, Harness(redis, settings, relay) as harness:
        record_id = harness.keep_one()
        harness.let_time_pass(record_id)  # and so there is something to write

        with trouble(server):
            worker._maintain_once()
        assert "Waiting for Redis" in caplog.text

        redis.delete(f"rq:job:{record_id}", harness.queue.key)
        harness.let_time_pass(record_id)
        worker._maintain_once()
        assert harness.waiting() == [f"{record_id}-r2"]


def test_worker_without_redis_says_so_and_does_not_fall(mortal):
    """It is started anew until Redis is back; in burst mode that is once."""
    server, settings = mortal

    with away(server), capture_logs() as lines:
        entry.run(settings, burst=True)

    assert [line["event"] for line in lines] == ["worker.waits_for_redis"]


def test_worker_asked_to_stop_while_it_waits_for_redis_does_not_begin_anew(
    environment, settings, monkeypatch
):
    workers = []

    def fail(worker, *_):
        workers.append(worker)
        raise ConnectionError("away")

    monkeypatch.setattr(entry.RelayWorker, "bootstrap", fail)
    monkeypatch.setattr(
        "redis.retry.sleep", lambda _seconds: workers[-1].request_stop(signal.SIGTERM, None)
    )
    entry.run(settings)
    assert len(workers) == 1


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["idle", "busy"])
def test_worker_outlives_its_redis(mortal, relay, standin, moment, monkeypatch):
    """Redis is killed under the worker and comes back with what it had."""
    server, settings = mortal
    with Redis.from_url(server.url) as redis, Harness(redis, settings, relay) as harness:
        ids, reached, tries = [], [], []
        retried = threading.Event()
        sleep = redis_retry.sleep

        def noted(seconds):
            retried.set()
            sleep(seconds)

        monkeypatch.setattr(redis_retry, "sleep", noted)

        def delivered(record_id):
            return harness.record(record_id).state is State.DELIVERED

        def is_idle():
            return [one.get_state() for one in rq.Worker.all(connection=redis)] == ["idle"]

        def end_and_restart():
            request_came = fail_slowly(standin, monkeypatch) if moment == "busy" else None
            ids.append(harness.keep_one(call("order-1", body={"notes": "1"})))
            if request_came:
                reached.append(request_came.wait(LONG_S))
            else:
                reached.append(eventually(lambda: delivered(ids[0])))
                reached.append(eventually(is_idle))
            with away(server):
                retried.clear()
                standin.stopping.set()  # what is under way gets its answer now
                reached.append(bool(eventually(lambda: standin.events)))
                reached.append(retried.wait(LONG_S))  # the worker has noticed
            ids.append(harness.keep_one(call("order-2", body={"notes": "2"})))
            reached.append(eventually(lambda: all(map(delivered, ids))))
            # In this thread: the Redis that it has started ends with it.
            tries.extend(
                (harness.record(id_).attempts, len(harness.ledger.attempts(id_))) for id_ in ids
            )

        with meanwhile(end_and_restart):
            entry.run(settings)

    assert reached == [True] * (5 if moment == "idle" else 4)
    # What ended while Redis was away is not forgotten, and so nothing is sent twice.
    assert tries == [(1, 1), (1, 1)]
    assert [event.body["notes"] for event in standin.events] == ["1", "2"]


def test_what_lost_its_lease_before_the_event_was_sent_is_given_up(
    redis, settings, relay, standin, monkeypatch
):
    """Another worker may have it: it is requeued, and nobody has attempted anything."""
    with Harness(redis, settings, relay) as harness:
        record_id = harness.keep_one()
        worker = entry.make_worker(settings)
        asked, held_since = [], worker.lease.held_since

        def lost_once(epoch):
            asked.append(len(standin.events))
            return held_since(epoch) and len(asked) != 2  # it held when the job began

        monkeypatch.setattr(worker.lease, "held_since", lost_once)
        with at_work(worker):
            assert eventually(lambda: harness.record(record_id).state is State.DELIVERED)
        assert len(asked) == 4
        assert asked[:3] == [0, 0, 0]
        assert harness.record(record_id).attempts == 1
    assert len(standin.events) == 1
