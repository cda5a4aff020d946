"""Worker processes as hosts start them: how many connections they take, and several at once."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis import Redis, RedisError
from rq import Worker

from relay.devtools.embedded_redis import EmbeddedRedis
from relay.model import State
from tests.conftest import make_settings
from tests.waiting import LONG_S, eventually
from tests.worker.factories import Harness, apart

pytestmark = pytest.mark.slow


@contextmanager
def command(settings, *arguments, **environ):
    """`mercately-relay …`, killed in the end with whatever it has started."""
    process = subprocess.Popen(
        [sys.executable, "-m", "relay", *arguments],
        stdout=subprocess.DEVNULL,
        start_new_session=True,
        env=os.environ
        | {
            "REDIS_URL": settings.redis_url,
            "RELAY_CONFIG": str(settings.config_file),
            "RELAY_LOG_LEVEL": "ERROR",
            "RELAY_CONCURRENCY": "32",
        }
        | environ,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def delivered(harness):
    return len(list(harness.ledger.ids([State.DELIVERED])))


def clients(redis):
    return [one for one in redis.client_list() if one["id"] != str(redis.client_id())]


@pytest.mark.parametrize("connections", [3, 4])
def test_a_worker_stays_within_its_connections(
    connections, redis, settings, relay, standin, standin_server
):
    standin.slow_s = 0.1
    standin.fail("slow")
    with Harness(redis, settings, relay) as harness:
        harness.accept(*apart(*(f"order-{n}" for n in range(100)), standin=standin))
        before = len(clients(redis))
        most = 0

        def all_delivered():
            nonlocal most
            most = max(most, len(clients(redis)) - before)
            return delivered(harness) == 100

        with command(settings, "worker", RELAY_REDIS_CONNECTIONS=str(connections)):
            assert eventually(all_delivered)
            one = harness.accept(*apart("later", standin=standin)).ids
            began_at = time.monotonic()
            assert eventually(lambda: harness.record(one[0]).state is State.DELIVERED)
            assert time.monotonic() - began_at < 5
        assert 2 <= most <= connections
    assert len(standin.events) == 101


def test_a_redis_that_refuses_connections_at_times_stops_nobody_for_good(
    tmp_path, config_file, relay, standin
):
    with EmbeddedRedis(tmp_path / "small") as server, Redis.from_url(server.url) as redis:
        settings = make_settings(server.url, config_file)
        with Harness(redis, settings, relay) as harness:
            harness.accept(*apart(*(f"order-{n}" for n in range(60)), standin=standin))
            redis.config_set("maxclients", 12)
            taken = [Redis.from_url(server.url) for _ in range(11 - len(clients(redis)))]
            for one in taken:
                one.ping()
            with command(settings, "worker"):
                time.sleep(2)
                for one in taken:
                    one.close()
                assert eventually(lambda: delivered(harness) == 60)
                # Taken again, and what the worker has closed with it.
                for one in clients(redis):
                    redis.client_kill_filter(_id=one["id"])
                taken = []
                for _ in range(12):
                    other = Redis.from_url(server.url)
                    try:
                        other.ping()
                    except RedisError:
                        break
                    taken.append(other)
                harness.accept(*apart("later", standin=standin))
                time.sleep(1)
                for one in taken:
                    one.close()
                assert eventually(lambda: delivered(harness) == 61)
    assert len(standin.events) == 61


def at_work(redis):
    """Process ids of the workers that have begun: before, a signal just ends them."""
    return {each.pid for each in Worker.all(connection=redis) if each.get_state() != "starting"}


def is_running(pid):
    """Not for what has ended and waits, maybe for ever, for a process 1 that reads its status."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_several_processes_are_seen_replaced_and_drained(redis, settings, relay, standin):
    with (
        Harness(redis, settings, relay) as harness,
        command(settings, "worker", "--processes", "2") as supervisor,
    ):
        workers = eventually(lambda: len(found := Worker.all(connection=redis)) == 2 and found)
        pids = {worker.pid for worker in workers}
        assert supervisor.pid not in pids
        harness.accept(*apart(*(f"order-{n}" for n in range(20)), standin=standin))
        assert eventually(lambda: delivered(harness) == 20)
        assert eventually(lambda: not redis.keys("rq:claims:*"))  # all is written down

        killed = min(pids)
        os.kill(killed, signal.SIGKILL)
        alive = eventually(lambda: len(now := at_work(redis) - {killed}) == 2 and now)

        supervisor.terminate()
        assert supervisor.wait(timeout=LONG_S) == 0
        assert not any(map(is_running, alive))
        assert redis.keys("rq:claims:*") == []


def test_processes_end_with_their_supervisor(redis, settings):
    with command(settings, "worker", "--processes", "2") as supervisor:
        assert eventually(lambda: len(at_work(redis)) == 2)
        workers = Worker.all(connection=redis)
        supervisor.kill()
        supervisor.wait()
        assert eventually(lambda: not Worker.all(connection=redis))
        assert eventually(lambda: not any(is_running(one.pid) for one in workers))
