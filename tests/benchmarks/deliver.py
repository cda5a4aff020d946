"""How many events a second one worker process delivers, beside what else could do it."""

import os
import subprocess
import time
from pathlib import Path
from typing import Final
from unittest.mock import patch

from redis import Redis

from relay.devtools.embedded_redis import EmbeddedRedis
from relay.store.keys import OPEN
from tests.benchmarks.figures import Bar, Line, Section, compared, middle, rate_after_start, under
from tests.benchmarks.peers import PEERS, Peer
from tests.benchmarks.plan import Plan
from tests.benchmarks.sink import Sink
from tests.benchmarks.stage import child, environment, sink_running

_ROUND_MAX_S: Final = 6.0
# All has arrived by then, and the queue is emptied: saying goodbye is not waited for.
_END_WITHIN_S: Final = 0.5
# Without an arrival for so long, nothing will come any more.
_SILENCE_MAX_S: Final = 8.0
_BARS: Final = {
    0: {
        "simple_worker": Bar(3.0),
        "worker": Bar(35.0),
        "celery": Bar(1.5),
        "dramatiq": Bar(1.0),
        "ceiling": Bar(0.6),
    },
    100: {"simple_worker": Bar(45.0), "celery": Bar(1.3), "dramatiq": Bar(1.0)},
}


def run(plan: Plan, folder: Path) -> list[Section]:
    lines: list[Line] = []
    results: dict[str, float | None] = {}
    remarks = [
        "1 kB bodies, AOF everysec for all; ours with ledger, order, pace and attempt log",
        "worker is `rq worker` as it comes: what it forks for each job imports the job's module",
    ]
    with (
        EmbeddedRedis(folder / "redis", appendfsync="everysec") as server,
        sink_running(folder) as sink,
        Redis.from_url(server.url) as redis,
    ):
        environ = environment(folder, server.url, sink)
        with patch.dict(os.environ, environ, clear=True):
            for delay_ms, bars in _BARS.items():
                rates = _rounds(plan, folder, redis, sink, delay_ms, remarks)
                ours = rates.pop("ours")
                rows, found = compared(f"sink answers after {delay_ms} ms", ours, "/s", rates, bars)
                lines += rows
                results |= under(f"{delay_ms}ms", found)
    return [Section("deliver", "events a second, one process", lines, results, remarks)]


def _rounds(
    plan: Plan, folder: Path, redis: Redis, sink: Sink, delay_ms: int, remarks: list[str]
) -> dict[str, float | None]:
    """The median of each peer's rounds; a peer that fails once is absent."""
    taking_part = {peer.name: peer for peer in PEERS if delay_ms in peer.jobs}
    found: dict[str, list[float | None]] = {name: [] for name in taking_part}
    for _ in range(plan.rounds):
        for name, peer in list(taking_part.items()):
            redis.flushall()
            sink.reset(delay_ms=delay_ms)
            try:
                found[name].append(_round(peer, folder, sink, delay_ms))
            except (ImportError, RuntimeError) as error:
                remarks.append(f"{name} is absent: {error}")
                del taking_part[name]
                found[name] = []
                continue
            if name == "ours" and sink.count() >= peer.jobs[delay_ms] and redis.zcard(OPEN):
                remarks.append("ours left events open that had arrived")
    return {name: middle(rates) for name, rates in found.items()}


def _round(peer: Peer, folder: Path, sink: Sink, delay_ms: int) -> float | None:
    count = peer.jobs[delay_ms]
    peer.fill()(count)
    environ = os.environ | {"BENCH_COUNT": str(count)}
    log = folder / f"{peer.name}.log"
    with child(log, environ, *peer.command, end_within_s=_END_WITHIN_S) as process:
        wait_for_arrivals(sink, count, process, within_s=_ROUND_MAX_S)
    return rate_after_start(sink.times())


def wait_for_arrivals(
    sink: Sink, count: int, process: subprocess.Popen[bytes], *, within_s: float
) -> None:
    """Until so many have come, or for so long: a slow peer has a rate all the same.

    Raises:
        RuntimeError: the process ended before, or nothing comes.
    """
    give_up_at = time.monotonic() + within_s
    heard_at, arrived = time.monotonic(), 0
    while (now := time.monotonic()) < give_up_at:
        before, arrived = arrived, sink.count()
        if arrived >= count:
            return
        if arrived > before:
            heard_at = now
        if process.poll() is not None:
            raise RuntimeError(f"it ended with {process.returncode} after {arrived} of {count}")
        if now - heard_at > _SILENCE_MAX_S:
            raise RuntimeError(f"nothing came after {arrived} of {count}")
        time.sleep(0.05)
