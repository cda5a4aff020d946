"""A worker as RQ's own look-ups find it, and what it refuses to begin with."""

import os
import subprocess
import sys
from datetime import timedelta
from signal import SIGINT, SIGTERM

import pytest
from rq import Queue
from rq.job import Job

from tests.waiting import LONG_S, eventually
from tests.worker.concurrent.workers import at_work
from worker.concurrent import ConcurrentWorker
from worker.relay_worker import RelayWorker


@pytest.mark.parametrize("kind", [ConcurrentWorker, RelayWorker])
def test_rq_finds_it_by_its_own_class(redis, queue, start_worker, kind):
    worker = start_worker(queue, name="worker-1")
    with at_work(worker):
        assert eventually(lambda: worker.get_state() == "idle")
        (found,) = kind.all(connection=redis)
        again = kind.find_by_key(worker.key, connection=redis)
        (of_queue,) = kind.all(queue=queue)

    for one in (found, again, of_queue):
        assert (one.name, one.pid, one.queue_names()) == ("worker-1", os.getpid(), ["work"])
    assert kind.all(connection=redis) == []


def test_of_two_signals_within_a_second_the_second_is_the_same_request(queue, start_worker):
    """Ctrl+C goes to a worker and to its supervisor, which asks it too."""
    worker = start_worker(queue)
    worker.request_stop(SIGTERM, None)
    worker.request_stop(SIGINT, None)
    assert worker.stopping
    assert not worker.forced

    worker._shutdown_requested_date -= timedelta(seconds=1)
    worker.request_stop(SIGINT, None)
    assert worker.forced


class OtherJob(Job):
    redis_job_namespace_prefix = "other:job:"


class OtherQueue(Queue):
    redis_queue_namespace_prefix = "other:queue:"


def test_a_class_with_a_prefix_of_its_own_is_refused(redis, queue):
    text = "expected RQ's keys to begin with 'rq', found 'other'"
    with pytest.raises(ValueError, match=text):
        ConcurrentWorker([queue], connection=redis, job_class=OtherJob)
    with pytest.raises(ValueError, match=text):
        ConcurrentWorker([OtherQueue("work", connection=redis)], connection=redis)


def test_a_prefix_of_rq_is_refused_at_start():
    code = "import relay.patched; from config.settings import load; load()"
    environ = {**os.environ, "RQ_KEY_PREFIX": "mine"}
    ended = subprocess.run(
        [sys.executable, "-c", code], env=environ, timeout=LONG_S, check=False,
        capture_output=True, text=True,
    )  # fmt: skip
    assert ended.returncode != 0
    assert "RQ_KEY_PREFIX: expected it not to be set" in ended.stderr
