"""The probe of a worker: by the heartbeat of this machine's own, never by whether Redis is up."""

import os
import subprocess
import sys
from datetime import timedelta

import pytest
from rq import SimpleWorker
from rq.utils import now, utcformat

from relay.store.queue import open_queue


@pytest.fixture
def registered(redis):
    """Registers a worker of this machine under a process id, last heard of so long ago."""

    def register(age_s: float, pid: int | None = None, host: str = "") -> None:
        queue = open_queue(redis, "mercately")
        worker = SimpleWorker([queue], connection=redis, serializer=queue.serializer)
        worker.register_birth()
        heartbeat = utcformat(now() - timedelta(seconds=age_s))
        redis.hset(worker.key, mapping={"last_heartbeat": heartbeat, "pid": pid or os.getpid()})
        if host:
            redis.hset(worker.key, "hostname", host)

    return register


@pytest.fixture
def other_pid():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process.pid
    process.communicate(b"\n")


@pytest.mark.parametrize(("age_s", "status"), [(0, 0), (50, 0), (70, 1)])
def test_worker_must_have_sent_a_heartbeat_within_a_minute(run, registered, age_s, status):
    registered(age_s)
    result = run("alive")

    assert result.exit_code == status
    assert ("no heartbeat for 7" in result.output) is bool(status)


def test_one_silent_worker_of_several_is_one_too_many(run, registered, other_pid):
    registered(0)
    registered(3600, other_pid)

    assert run("alive").exit_code == 1


def test_earlier_worker_of_the_same_container_does_not_count(run, registered):
    registered(3600)  # had the same process id, as the first process of a container has
    registered(0)

    assert run("alive").exit_code == 0


def test_worker_whose_process_is_gone_or_elsewhere_does_not_count(run, registered):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    registered(3600, gone.pid)
    registered(0, host="another")
    result = run("alive")

    assert (result.exit_code, "no worker on" in result.output) == (1, True)


def test_redis_that_is_away_is_no_reason_to_restart_a_worker(run):
    result = run("alive", REDIS_URL="redis://:hush@127.0.0.1:1/0")

    assert result.exit_code == 0
    assert "away: connection refused" in result.output
    assert "hush" not in result.output
