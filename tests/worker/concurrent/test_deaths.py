"""A part of a worker that ends by an error ends the worker, and says so."""

import threading

import pytest
from redis.client import PubSub
from rq import Worker

from tests.worker.concurrent import jobs
from tests.worker.concurrent.workers import QUIET, said
from tests.worker.factories import signals_kept
from worker.concurrent.lease_thread import LeaseThread
from worker.concurrent.result_writer import ResultWriter
from worker.concurrent.timeouts import TimeoutWatch
from worker.concurrent.wakeup import QueueNotifier


class Broken(BaseException):
    """What nothing is prepared for."""


def breaks(*_args, **_options):
    raise Broken("by a bug")


PARTS = {
    "result-writer": (ResultWriter, "_write_all"),
    "queue-notifier": (QueueNotifier, "_poll"),
    "lease-keeper": (TimeoutWatch, "interrupt_overdue"),
}


def work(worker):
    with signals_kept():
        worker.work(**QUIET)


@pytest.mark.parametrize(("name", "place"), PARTS.items(), ids=PARTS)
def test_a_greenlet_that_dies_ends_the_worker(redis, queue, start_worker, monkeypatch, name, place):
    monkeypatch.setattr(*place, breaks)
    monkeypatch.setattr("worker.concurrent.shutdown._WRITE_WITHIN_S", 0.2)
    queue.enqueue(jobs.nothing)

    with pytest.raises(RuntimeError, match=f"its {name} did") as raised:
        work(start_worker(queue))

    assert isinstance(raised.value.__cause__, Broken)
    assert Worker.all(connection=redis) == []


def test_the_lease_thread_that_dies_ends_the_worker(redis, queue, start_worker, monkeypatch):
    monkeypatch.setattr(LeaseThread, "_send", breaks)

    with pytest.raises(RuntimeError, match="its lease-keeper did") as raised:
        work(start_worker(queue))

    assert "by a bug" in str(raised.value.__cause__)
    assert Worker.all(connection=redis) == []


@pytest.mark.usefixtures("listening")
def test_the_listener_for_commands_that_dies_ends_the_worker(
    redis, queue, start_worker, monkeypatch
):
    monkeypatch.setattr(PubSub, "get_message", breaks)

    with pytest.raises(RuntimeError, match="its command-listener did") as raised:
        work(start_worker(queue))

    assert isinstance(raised.value.__cause__, Broken)
    assert Worker.all(connection=redis) == []


def test_a_thread_that_has_ended_without_a_word_ends_the_worker(redis, queue, start_worker):
    worker = start_worker(queue)
    gone = threading.Thread(target=lambda: None, name="beside")
    gone.start()
    gone.join()
    worker.depend_on(gone)

    with pytest.raises(RuntimeError, match="its beside did"):
        work(worker)

    assert Worker.all(connection=redis) == []


@pytest.mark.usefixtures("listening")
@pytest.mark.parametrize("broken", [KeyError("by a bug"), Broken("by a bug")])
def test_a_command_that_breaks_its_listener_ends_the_worker(
    queue, start_worker, monkeypatch, broken
):
    worker = start_worker(queue)

    def handle(_message):
        raise broken

    monkeypatch.setattr(worker, "handle_payload", handle)
    queue.enqueue(jobs.publish, worker.pubsub_channel_name)

    with pytest.raises(RuntimeError, match="its command-listener did") as raised:
        work(worker)

    assert raised.value.__cause__ is broken


def test_a_job_may_raise_what_it_likes(redis, queue, start_worker):
    job = queue.enqueue(jobs.leave)
    queue.enqueue(jobs.say, "next")

    with signals_kept():
        start_worker(queue).work(burst=True, **QUIET)

    assert job.is_failed
    assert said(redis) == ["next"]


def test_an_error_of_a_step_that_is_taken_again_ends_nothing(queue, start_worker, monkeypatch):
    times = []
    monkeypatch.setattr(
        TimeoutWatch, "interrupt_overdue", lambda _self: times.append(1) or {}["absent"]
    )
    job = queue.enqueue(jobs.nothing)

    with signals_kept():
        start_worker(queue).work(burst=True, **QUIET)

    assert times
    assert job.is_finished
