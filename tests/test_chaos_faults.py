"""The faults of a chaos run are what they are called: a full disk, a clock that steps, slow heads."""

import contextlib
import socket
import subprocess
import sys
import threading
import time

import pytest
from redis import Redis, RedisError

from tests.chaos import disk, slow_senders
from tests.chaos.clocks import Clocks
from tests.chaos.plan import HOLDS_S
from tests.chaos.processes import RedisServer
from tests.chaos.run import Form, Outcome, possible_faults, starved
from tests.chaos.slow_senders import HALF, SILENT, SlowSenders
from tests.chaos.verdict import ceiling, in_flight
from tests.test_chaos_verdict import accepted, request, struck, verdict
from tests.waiting import eventually

HOUR_S = 3600


@pytest.fixture
def clocks(tmp_path):
    made = Clocks(tmp_path)
    if made.why_not:
        pytest.skip(made.why_not)
    return made


@pytest.fixture
def server(tmp_path):
    if why_not := disk.why_not():
        pytest.skip(why_not)
    with RedisServer(tmp_path / "redis", {}) as made:
        yield made


def writes(redis: Redis) -> bool:
    try:
        return bool(redis.set("written", "x" * 1000))
    except RedisError:
        return False


def test_redis_with_a_full_disk_refuses_what_it_cannot_keep(server):
    with Redis.from_url(server.url) as redis:
        redis.config_set("appendfsync", "everysec")
        redis.set("before", 1)

        server.fill_disk()
        assert eventually(lambda: not writes(redis))
        with pytest.raises(RedisError, match="MISCONF"):
            redis.set("meanwhile", 1)
        assert server.process.poll() is None

        server.free_disk()
        assert eventually(lambda: writes(redis))
        assert redis.get("before") == b"1"


def test_redis_that_may_not_answer_without_its_disk_ends_until_there_is_room(server):
    with Redis.from_url(server.url) as redis:
        redis.set("before", 1)
        server.fill_disk()
        assert not writes(redis)
        assert server.process.wait(10) == 1

        server.restart()
        assert redis.get("before") == b"1"
        assert not writes(redis)
        server.process.wait(10)

        server.free_disk()
        server.restart()
        assert redis.get("before") == b"1"
        assert writes(redis)


@pytest.mark.slow
def test_clock_steps_in_a_process_that_runs(clocks):
    """And one that measures how long something takes does not."""
    line = (
        "import time, datetime\n"
        "while input() == 'go':\n"
        "    print(time.time(), datetime.datetime.now().timestamp(), time.monotonic(), flush=True)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", line],
        env={**clocks.environment("asked")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as asked:

        def told() -> list[float]:
            asked.stdin.write("go\n")
            asked.stdin.flush()
            return [float(part) for part in asked.stdout.readline().split()]

        for ahead_s in (0, HOUR_S, -HOUR_S):
            clocks.step("asked", ahead_s)
            before, before_up = time.time(), time.monotonic()
            day, dated, up = told()
            after, after_up = time.time(), time.monotonic()
            assert before + ahead_s <= day <= after + ahead_s
            assert before + ahead_s <= dated + 0.001 <= after + ahead_s + 0.001
            assert before_up <= up <= after_up
        asked.stdin.write("end\n")


def test_where_there_is_no_compiler_clocks_stay_and_the_run_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))

    clocks = Clocks(tmp_path)
    possible, skipped = possible_faults(Form(1, 1, 1), clocks)

    assert clocks.environment("web") == {}
    assert "step_clock: there is no C compiler" in skipped
    assert not [action for action, _ in possible if action == "step_clock"]
    assert {("kill", "web"), ("pause", "redis")} <= set(possible)


def test_only_what_is_asked_for_strikes(clocks):
    possible, skipped = possible_faults(Form(1, 1, 1, only=["step_clock"]), clocks)

    assert possible == [kind for kind in HOLDS_S if kind[0] == "step_clock"]
    assert skipped == []


def test_clock_that_steps_explains_no_duplicate():
    fault = struck("step_clock", "redis", 10, 11)

    assert in_flight(fault, [request(1, 9.9, answered_at=10.5)]) == set()
    assert ceiling(fault) == 0


def test_only_a_fault_of_web_or_redis_explains_that_nobody_answered():
    web, worker = struck("stop", "web", 10, 12), struck("stop", "worker-1", 30, 32)

    assert starved([(9, 14), (16.9, 21.9)], [web]) == 0
    assert starved([(3, 8), (17.1, 22.1), (30, 35)], [web, worker]) == 3


def test_slow_senders_are_there_again_when_they_are_thrown_out(monkeypatch):
    monkeypatch.setattr(slow_senders, "_AGAIN_AFTER_S", 0.0)
    heads: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0), backlog=300) as listening:

        def serve() -> None:
            connections = []
            with contextlib.suppress(OSError):
                while True:
                    connections.append(listening.accept()[0])
                    if len(connections) == HALF + SILENT:  # all at once are thrown out
                        for connection in connections:
                            connection.setblocking(False)
                            with contextlib.suppress(OSError):
                                heads.append(connection.recv(1_000))
                            connection.close()
                        connections.clear()
            for connection in connections:
                connection.close()

        serving = threading.Thread(target=serve, daemon=True)
        serving.start()
        with SlowSenders(listening.getsockname()[1]) as slow:
            assert eventually(lambda: slow.opened >= 2 * (HALF + SILENT))

        assert slow.held
        assert f"{slow.opened} in all" in str(slow)
        assert heads.count(b"POST /webhooks/chaos HTTP/1.1\r\nHost: relay\r\nContent-Len") >= HALF
        listening.shutdown(socket.SHUT_RDWR)
        serving.join()


def test_run_whose_slow_senders_were_not_there_fails():
    fine = verdict(accepted(1), [request(1, 1)])
    outcome = Outcome(Form(1, 0, 0), fine, [], 0.0, {"200": 1}, [], starved=2)

    assert outcome.failures == (
        "2 senders had no answer in time, beside slow ones",
        "slow senders were not there all at a time",
    )
