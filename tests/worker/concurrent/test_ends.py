"""How a worker ends, wished or not, and who goes on with what it had in hand."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis import Redis
from rq import Queue, Worker
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer

from relay.devtools.embedded_redis import EmbeddedRedis
from tests.waiting import LONG_S, eventually
from tests.worker.concurrent import jobs
from tests.worker.concurrent.conftest import StartWorker
from tests.worker.concurrent.intervals import SHORT_LEASE
from tests.worker.concurrent.workers import QUIET, at_work, let_go, said
from tests.worker.factories import signals_kept

pytestmark = pytest.mark.slow

Start = Callable[..., subprocess.Popen[bytes]]
_ROOT = Path(__file__).parents[3]
_THREADS = 4  # of the process
LEASE_S, HEARTBEAT_S = SHORT_LEASE.lease_s, SHORT_LEASE.heartbeat_s


@contextmanager
def processes(url: str) -> Iterator[Start]:
    """Starts workers; those that are still there in the end are killed."""
    started: list[subprocess.Popen[bytes]] = []

    def start(name: str = "worker-1", grace_s: float = 20.0) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.worker.concurrent.process", url, name, str(grace_s)]
        started.append(subprocess.Popen(command, cwd=_ROOT))
        return started[-1]

    try:
        yield start
    finally:
        for process in started:
            process.kill()
            process.wait()


def work(redis: Redis) -> Queue:
    """The processes' queue; its serializer is said, since others may have changed the default."""
    return Queue("work", connection=redis, serializer=JSONSerializer)


@pytest.fixture
def queue(redis: Redis) -> Queue:
    return work(redis)


@pytest.fixture
def start(redis_server: EmbeddedRedis) -> Iterator[Start]:
    with processes(redis_server.url) as begin:
        yield begin


def begun(redis: Redis) -> int:
    return sum(word.startswith("begun") for word in said(redis))


def held(queue: Queue, count: int) -> list[Job]:
    """Jobs that last until they are let go."""
    return [queue.enqueue(jobs.hold, str(n), 10 * LONG_S) for n in range(count)]


@pytest.mark.parametrize("death", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "frozen"])
def test_jobs_of_a_dead_worker_are_run_by_another_once_its_lease_has_expired(
    redis: Redis, queue: Queue, start_worker: StartWorker, start: Start, death: signal.Signals
) -> None:
    owner = start()
    mine = held(queue, _THREADS)
    assert eventually(lambda: begun(redis) == _THREADS)
    with at_work(start_worker(queue, name="worker-2", timings=SHORT_LEASE)):
        time.sleep(LEASE_S + 2 * HEARTBEAT_S)  # who has just come does not judge yet
        assert begun(redis) == _THREADS  # it lived, and nobody took anything

        owner.send_signal(death)
        assert eventually(lambda: begun(redis) == 2 * _THREADS)

        let_go(redis, *(str(n) for n in range(_THREADS)))
        assert eventually(lambda: all(job.is_finished for job in mine))
        owner.send_signal(signal.SIGCONT)
        if death is signal.SIGSTOP:  # who comes back finds that it is over, and has nothing left
            assert eventually(lambda: redis.hget("rq:worker:worker-1", "state") == b"idle")
            assert owner.poll() is None
    assert begun(redis) == 2 * _THREADS
    assert [redis.hget(job.key, "number_of_retries") for job in mine] == [None] * _THREADS
    assert [redis.hget(job.key, "redelivery_count") for job in mine] == [b"1"] * _THREADS
    assert [len(job.results()) for job in mine] == [1] * _THREADS
    assert {job.latest_result().worker_name for job in mine} == {"worker-2"}


def test_on_sigterm_it_finishes_what_it_can_and_requeues_the_rest(
    redis: Redis, queue: Queue, start: Start
) -> None:
    worker = start(grace_s=2.0)
    mine = held(queue, _THREADS)
    assert eventually(lambda: begun(redis) == _THREADS)
    later = queue.enqueue(jobs.say, "later")

    asked_at = time.monotonic()
    worker.terminate()
    let_go(redis, "0", "2")
    assert worker.wait(timeout=LONG_S) == 0
    assert time.monotonic() - asked_at >= 2.0  # it gave the others their time

    assert [mine[n].get_status() for n in (0, 2)] == [JobStatus.FINISHED] * 2
    assert queue.job_ids == [mine[1].id, mine[3].id, later.id]
    assert [redis.hget(mine[n].key, "redelivery_count") for n in (1, 3)] == [b"1"] * 2
    assert redis.keys("rq:claims:*") == redis.zrange("rq:leases", 0, -1) == []


def test_on_one_sigint_it_finishes_and_on_two_it_ends_at_once(
    redis: Redis, queue: Queue, start: Start
) -> None:
    worker = start(grace_s=10 * LONG_S)
    mine = held(queue, 2)
    assert eventually(lambda: begun(redis) == 2)

    worker.send_signal(signal.SIGINT)
    time.sleep(1.2)
    assert worker.poll() is None
    worker.send_signal(signal.SIGINT)
    assert worker.wait(timeout=LONG_S) == 0  # and not the time that jobs are given
    assert queue.job_ids == [job.id for job in mine]


def test_nobody_reclaims_from_the_living_after_a_redis_outage(tmp_path: Path) -> None:
    """All leases are over when Redis comes back; everybody's next beat is on its way."""
    with (
        EmbeddedRedis(tmp_path) as server,
        Redis.from_url(server.url) as redis,
        processes(server.url) as start,
    ):
        for name in ("worker-1", "worker-2"):
            start(name)
        assert eventually(lambda: redis.zcard("rq:leases") == 2)
        queue = work(redis)
        mine = held(queue, 2 * _THREADS)
        assert eventually(lambda: begun(redis) == 2 * _THREADS)
        time.sleep(LEASE_S + 2 * HEARTBEAT_S)  # both are in a position to judge

        server.process.send_signal(signal.SIGSTOP)
        time.sleep(1.5 * LEASE_S)
        server.process.send_signal(signal.SIGCONT)
        time.sleep(LEASE_S + 4 * HEARTBEAT_S)

        assert begun(redis) == 2 * _THREADS
        let_go(redis, *(str(n) for n in range(2 * _THREADS)))
        assert eventually(lambda: all(job.is_finished for job in mine))
        assert [len(job.results()) for job in mine] == [1] * len(mine)


def test_a_signal_while_it_is_registered_leaves_no_entry(queue, start_worker, monkeypatch):
    worker = start_worker(queue)
    register = worker.register_birth

    def registered_and_told_to_stop() -> None:
        register()
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(worker, "register_birth", registered_and_told_to_stop)
    with signals_kept():
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # what a process that starts does
        worker.work(**QUIET)
    assert Worker.all(connection=queue.connection) == []
