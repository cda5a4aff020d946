"""Children that die at one of their Redis commands or HTTP requests, and what follows a death."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from relay.devtools.embedded_redis import EmbeddedRedis
from relay.model import State
from relay.store.keys import LOOKUPS, OPEN, WAKEUP
from relay.store.ledger import Ledger
from relay.store.record import Record
from tests.waiting import LONG_S, eventually
from worker.concurrent.claims import Claims

RunChild = Callable[[str, str, str], str]
# Kills nobody; a worker does not listen for commands either, which takes RQ a second to end.
NEVER = "0"
NOWHERE = "-"
_COMMANDS_MAX = 300


def child_environ(redis_server: EmbeddedRedis, config_file: Path) -> dict[str, str]:
    """What every child sees: it says nothing but what it dies of, and sweeps at once."""
    return {
        **os.environ,
        "REDIS_URL": redis_server.url,
        "RELAY_CONFIG": str(config_file),
        "RELAY_LOG_LEVEL": "CRITICAL",
        "RELAY_SWEEP_S": "0",
    }


@contextmanager
def children(environ: Mapping[str, str]) -> Iterator[RunChild]:
    """Runs a role in a child that dies at one of its Redis commands or HTTP requests."""
    with subprocess.Popen(
        [sys.executable, "-P", str(Path(__file__).with_name("crash_child.py"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environ,
        text=True,
    ) as process:
        assert process.stdin
        assert process.stdout

        def run(role: str, kill_at: str, when: str) -> str:
            process.stdin.write(f"{role} {kill_at} {when}\n")
            process.stdin.flush()
            return process.stdout.readline().strip()

        yield run
        process.stdin.close()
        process.wait(timeout=LONG_S)


def time_passes(redis: Redis, queue: str) -> None:
    """Leases and locks end, what was taken is due again, and somebody looks for lost jobs."""
    for key in (OPEN, LOOKUPS):
        for record_id in redis.zrange(key, 0, -1):
            redis.zadd(key, {record_id: 1})
    for lock in redis.keys("relay:token:*:lock"):
        redis.delete(lock)
    for name in redis.zrange("rq:leases", 0, -1):
        redis.zadd("rq:leases", {name: 1})
        Claims(redis, "worker-2", WAKEUP).reclaim(name.decode(), 1)
    for job_id in redis.zrange(f"rq:scheduled:{queue}", 0, -1):
        redis.zadd(f"rq:scheduled:{queue}", {job_id: 1})


@contextmanager
def dust_settles(redis: Redis, *servers: Any) -> Iterator[None]:
    """Waits until what a killed process had sent has been read: nothing changes after that."""
    before = {client["id"] for client in redis.client_list()}
    yield
    assert eventually(lambda: {client["id"] for client in redis.client_list()} <= before)
    for server in servers:
        assert eventually(lambda server=server: not server._open)


def only_record(ledger: Ledger) -> Record:
    (record_id,) = ledger.ids(list(State))
    record = ledger.get(record_id)
    assert record is not None
    return record


def every_command() -> Iterator[str]:
    """Every point at which to die, until the role outlives them all."""
    yield from map(str, range(1, _COMMANDS_MAX))
    pytest.fail(f"more than {_COMMANDS_MAX} commands")


def each_kind_of_command(answer: str) -> Iterator[str]:
    """The first command of each name that a child has sent, and one point that it outlives."""
    done, *names = answer.split()
    assert done == "done"
    yield from dict.fromkeys(names)
    yield NOWHERE
