"""SIGKILL of web or worker between any two of their Redis commands loses nothing."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis

from config.settings import Settings
from relay.embedded_redis import EmbeddedRedis
from relay.ledger import OPEN, Ledger
from relay.model import State
from relay.queue import BELL
from relay.standin import Standin
from worker.concurrent.claims import Claims

pytestmark = pytest.mark.slow

Stage = Callable[[str, int, str], str]
_NEVER = 0
_MOST_COMMANDS = 300


@pytest.fixture
def stage(redis_server: EmbeddedRedis, config_file: Path) -> Iterator[Stage]:
    """Run a role in a child that dies at its n-th Redis command."""
    environ = {
        **os.environ,
        "REDIS_URL": redis_server.url,
        "RELAY_CONFIG": str(config_file),
        "SHOPIFY_SECRET": "kill-test-secret",
        "RELAY_LOG_LEVEL": "CRITICAL",
        "RELAY_SWEEP_S": "0",
    }
    with subprocess.Popen(
        [sys.executable, "-P", str(Path(__file__).with_name("kill_stage.py"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environ,
        text=True,
    ) as process:
        assert process.stdin
        assert process.stdout

        def play(role: str, kill_at: int, when: str) -> str:
            process.stdin.write(f"{role} {kill_at} {when}\n")
            process.stdin.flush()
            return process.stdout.readline().strip()

        yield play
        process.stdin.close()
        process.wait(timeout=10)


QUEUE = "mercately.principal.shopify"


def time_passes(redis: Redis) -> None:
    """Leases end and are taken over, retries fall due, and somebody looks for lost jobs."""
    for record_id in redis.zrange(OPEN, 0, -1):
        redis.zadd(OPEN, {record_id: 1})
    for name in redis.zrange("rq:leases", 0, -1):
        redis.zadd("rq:leases", {name: 1})
        Claims(redis, "heir", BELL).take_back(name.decode())
    for job_id in redis.zrange(f"rq:scheduled:{QUEUE}", 0, -1):
        redis.zadd(f"rq:scheduled:{QUEUE}", {job_id: 1})


def kills(when: str) -> Iterator[tuple[int, str]]:
    """Every point at which to die, until the role outlives them all."""
    yield from ((n, when) for n in range(1, _MOST_COMMANDS))
    pytest.fail(f"more than {_MOST_COMMANDS} commands")


@pytest.mark.parametrize("when", ["before", "after"])
def test_web_killed_during_accept_leaves_everything_or_nothing(
    when: str, stage: Stage, redis: Redis, standin: Standin
) -> None:
    outcomes = set()
    for kill_at, _ in kills(when):
        redis.flushall()
        redis.script_flush()  # so that there is more than one command to die between
        standin.events.clear()
        answer = stage("accept", kill_at, when)
        kept = {key.decode().split(":")[1] for key in redis.keys("relay:*")}
        kept -= {"counts"}
        queued = redis.llen(f"rq:queue:{QUEUE}")
        whole = {"seen", "record", "open", "lane", "bell"}
        assert (kept, queued) in ((set(), 0), (whole, 1)), kill_at
        outcomes.add(queued)
        if answer.startswith("done"):
            break
        assert answer == "killed"
        # No 200 came, so the platform sends again.
        assert stage("accept", _NEVER, when).startswith("done")
        assert stage("deliver", _NEVER, when).startswith("done")
        assert len(standin.events) == 1, kill_at
    assert outcomes == {0, 1}
    assert kill_at > 1


@pytest.mark.parametrize(
    ("when", "fault"),
    [
        ("before", ""),
        ("after", ""),
        ("after", "unavailable_503"),
        ("after", "reset_after_recording"),
    ],
)
def test_worker_killed_during_delivery_loses_nothing(
    when: str, fault: str, stage: Stage, redis: Redis, standin: Standin, settings: Settings
) -> None:
    ledger = Ledger(redis, keep_delivered_s=settings.keep_delivered_s)
    for kill_at, _ in kills(when):
        redis.flushall()
        standin.reset()
        if fault:
            standin.fail(fault, times=1)
        assert stage("accept", _NEVER, when).startswith("done")
        answer = stage("deliver", kill_at, when)
        standin.clear()
        for _ in range(2):  # a retry falls due only after the sweep has given it a job
            time_passes(redis)
            assert stage("deliver", _NEVER, when).startswith("done")
        (record_id,) = ledger.ids(list(State))
        record = ledger.get(record_id)
        assert record is not None
        assert record.state is State.DELIVERED, (kill_at, when, record)
        # Once more if the answer was not yet written down, once more if it never came.
        assert 1 <= len(standin.events) <= 2 + (fault == "reset_after_recording"), kill_at
        assert redis.zcard(OPEN) == 0
        if answer.startswith("done"):
            break
        assert answer == "killed"
    assert kill_at > 10
