"""A request that was under way when somebody, or the job's time, put an end to it: who knows."""

import socket
import threading
from contextlib import contextmanager, suppress

import pytest
from rq.timeouts import JobTimeoutException

from relay.model import Customer, State
from relay.store.keys import OPEN
from tests.conftest import relay_toml
from tests.waiting import eventually
from tests.worker.concurrent.workers import at_work
from tests.worker.factories import call, job_key
from worker.attempt import DeliveryFault
from worker.concurrent import JobStopped
from worker.process import make_worker

KNOWN = Customer(customer_id="c1")
ENDS = [JobTimeoutException(), JobStopped()]
ends = pytest.mark.parametrize("end", ENDS, ids=[type(one).__name__ for one in ENDS])
NAMES = ("attempt", "outcome", "reason", "ambiguous")


@pytest.fixture
def cut(open_harness, monkeypatch):
    """A record of a destination, cut short in one of the steps of its delivery."""

    def made(end, step, on_ambiguous="retry"):
        harness = open_harness(on_ambiguous=on_ambiguous)
        record_id = harness.keep_one(call(customer=KNOWN))

        def put_an_end_to_it(*_):
            raise end

        owner = harness.target.client if step == "post_event" else harness.target.customers
        monkeypatch.setattr(owner, step, put_an_end_to_it)
        return harness, record_id

    return made


def logged(harness, record_id):
    return [tuple(row[name] for name in NAMES) for row in harness.ledger.attempts(record_id)]


@ends
def test_in_the_middle_of_the_event_it_is_held_where_nothing_may_go_twice(cut, end):
    harness, record_id = cut(end, "post_event", "hold")

    with pytest.raises(DeliveryFault, match=type(end).__name__):
        harness.deliver(record_id)

    assert harness.record(record_id).state is State.HELD
    assert logged(harness, record_id) == [(1, "held", "internal_error", True)]


@ends
def test_in_the_middle_of_the_event_it_is_tried_again_by_default_and_the_log_says_so(cut, end):
    harness, record_id = cut(end, "post_event")

    with pytest.raises(DeliveryFault, match=type(end).__name__):
        harness.deliver(record_id)

    assert harness.record(record_id).state is State.RETRYING
    assert logged(harness, record_id) == [(1, "retry", "internal_error", True)]


@pytest.mark.parametrize("on_ambiguous", ["hold", "retry"])
def test_stopped_before_anything_was_sent_the_record_is_as_it_was(cut, on_ambiguous):
    harness, record_id = cut(JobStopped, "find", on_ambiguous)

    with pytest.raises(JobStopped):
        harness.deliver(record_id)

    record = harness.record(record_id)
    assert (record.state, record.attempts) == (State.ACCEPTED, 0)
    assert logged(harness, record_id) == []
    assert harness.redis.zscore(OPEN, record_id) is not None  # a sweep will give it a new job


@pytest.mark.parametrize("on_ambiguous", ["hold", "retry"])
def test_time_that_is_up_before_anything_was_sent_costs_an_attempt_and_is_not_ambiguous(
    cut, on_ambiguous
):
    harness, record_id = cut(JobTimeoutException, "find", on_ambiguous)

    with pytest.raises(DeliveryFault):
        harness.deliver(record_id)

    assert harness.record(record_id).state is State.RETRYING
    assert logged(harness, record_id) == [(1, "retry", "internal_error", False)]


def test_crash_after_the_answer_is_not_ambiguous(open_harness, standin, monkeypatch):
    """It was feedback: the event has not been taken."""
    harness = open_harness(on_ambiguous="hold")
    standin.fail("not_found_404")
    record_id = harness.keep_one(call(customer=KNOWN))
    monkeypatch.setattr(harness.target.customers, "forget", lambda _: 1 // 0)

    with pytest.raises(DeliveryFault, match="ZeroDivisionError"):
        harness.deliver(record_id)

    assert logged(harness, record_id) == [(1, "retry", "internal_error", False)]


# In a worker.


@contextmanager
def dripping():
    """A server that takes a request and answers letter by letter, without end."""
    taken, over = [], threading.Event()

    def serve(connection):
        with connection, suppress(OSError):
            taken.append(connection.recv(65536))
            connection.sendall(b"HTTP/1.1 200 OK\r\nX-Patience: ")
            while not over.wait(0.05):
                connection.sendall(b"a")

    def listen(listening):
        with suppress(OSError):
            while True:
                threading.Thread(target=serve, args=[listening.accept()[0]], daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=listen, args=[listening], daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}", taken
        finally:
            over.set()
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


@pytest.mark.parametrize("end", [pytest.param("time_is_up", marks=pytest.mark.slow), "stopped"])
def test_worker_whose_job_ends_in_the_middle_of_an_answer_sends_nothing_twice(
    harness, redis, environment, settings, end
):
    with dripping() as (url, taken):
        settings.config_file.write_text(relay_toml(url, destination='on_ambiguous = "hold"'))
        record_id = harness.keep_one(call(customer=KNOWN))
        if end == "time_is_up":
            redis.hset(job_key(record_id), "timeout", 1)
        worker = make_worker(settings)
        with at_work(worker):
            assert eventually(lambda: taken)
            if end == "stopped":
                (run,) = worker.running
                worker.request_stop_execution(run.rq_execution.id)
            assert eventually(lambda: harness.record(record_id).state is State.HELD)
        assert logged(harness, record_id) == [(1, "held", "internal_error", True)]
        assert len(taken) == 1
        assert harness.scheduled() == harness.waiting() == []


@pytest.mark.parametrize("on_ambiguous", ["hold", "retry"])
def test_stopped_after_mercately_took_it_it_is_not_as_if_nothing_had_been_sent(
    open_harness, standin, monkeypatch, on_ambiguous
):
    harness = open_harness(on_ambiguous=on_ambiguous)
    standin.add_customer(id="c1")
    record_id = harness.keep_one(call(customer=KNOWN))

    def put_an_end_to_it(*_, **__):
        raise JobStopped

    monkeypatch.setattr("worker.retry.after_reply", put_an_end_to_it)
    with pytest.raises((JobStopped, DeliveryFault)):
        harness.deliver(record_id)
    assert len(standin.events) == 1
    assert logged(harness, record_id) != []
