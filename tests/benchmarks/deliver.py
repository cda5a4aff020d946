"""How many events a second one worker process delivers, beside what else could do it."""

import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from unittest.mock import patch

from redis import Redis

from relay.devtools.embedded_redis import EmbeddedRedis
from relay.store.keys import OPEN
from tests.benchmarks import before
from tests.benchmarks.figures import Bar, Line, Section, compared, middle, rate_after_start, under
from tests.benchmarks.peers import PEERS, Peer
from tests.benchmarks.plan import Plan
from tests.benchmarks.sink import Sink
from tests.benchmarks.stage import ROOT, child, environment, sink_running
from tests.benchmarks.usage import cpu_s, resident_mb

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
        "dramatiq": Bar(1.5),
        "ceiling": Bar(0.6),
        "before": Bar(1.35),
        "two": Bar(1 / 1.4, at_least=False),
    },
    100: {
        "simple_worker": Bar(45.0),
        "celery": Bar(1.3),
        "dramatiq": Bar(1.0),
        "before": Bar(1.05),
    },
}


@dataclass(frozen=True, slots=True)
class _Round:
    """Events a second, what each cost of a core, and what the process then held in memory."""

    rate: float | None
    cpu_ms: float | None
    memory_mb: float | None


def run(plan: Plan, folder: Path) -> list[Section]:
    lines: list[Line] = []
    results: dict[str, float | None] = {}
    remarks = [
        "1 kB bodies, AOF everysec for all; ours with ledger, order, pace and attempt log",
        "worker is `rq worker` as it comes: what it forks for each job imports the job's module",
        f"before: this relay at {before.COMMIT}; two: `worker --processes 2`, both of them together",
    ]
    with (
        before.worktree(folder) as earlier,
        EmbeddedRedis(folder / "redis", appendfsync="everysec") as server,
        sink_running(folder) as sink,
        Redis.from_url(server.url) as redis,
    ):
        own = folder / "before.d"
        then = environment(own, server.url, sink, event_types=before.EVENT_TYPES)
        stage = _Stage(folder, redis, sink, earlier, then, remarks)
        environ = environment(folder, server.url, sink)
        with patch.dict(os.environ, environ, clear=True):
            for delay_ms, bars in _BARS.items():
                rounds = stage.rounds(plan, delay_ms)
                for name, unit, bars_of_it in (
                    ("rate", "/s", bars),
                    ("cpu_ms", "ms CPU", {}),
                    ("memory_mb", "MB", {}),
                ):
                    each = {
                        peer: middle(getattr(one, name) for one in done)
                        for peer, done in rounds.items()
                    }
                    ours = each.pop("ours", None)
                    what = f"sink answers after {delay_ms} ms"
                    rows, found = compared(what, ours, unit, each, bars_of_it)
                    lines += rows
                    prefix = f"{delay_ms}ms" if name == "rate" else f"{delay_ms}ms.{name}"
                    results |= under(prefix, found)
    return [Section("deliver", "events a second, one process", lines, results, remarks)]


@dataclass(frozen=True)
class _Stage:
    """What all take turns on; `earlier` is the relay before, with `then` as its environment."""

    folder: Path
    redis: Redis
    sink: Sink
    earlier: Path | None
    then: dict[str, str]
    remarks: list[str]

    def rounds(self, plan: Plan, delay_ms: int) -> dict[str, list[_Round]]:
        """Each peer's rounds; none of one that fails once."""
        taking_part = {peer.name: peer for peer in PEERS if delay_ms in peer.jobs}
        if not self.earlier:
            del taking_part["before"]
        found: dict[str, list[_Round]] = {name: [] for name in taking_part}
        for _ in range((plan.rounds + 1) // 2):  # eight of them take their turns
            for name, peer in list(taking_part.items()):
                self.redis.flushall()
                self.sink.reset(delay_ms=delay_ms)
                try:
                    found[name].append(self._round(peer, delay_ms))
                except (ImportError, RuntimeError, subprocess.CalledProcessError) as error:
                    self.remarks.append(f"{name} is absent: {error}")
                    del taking_part[name]
                    found[name] = []
                    continue
                arrived = self.sink.count() >= peer.jobs[delay_ms]
                if name == "ours" and arrived and self.redis.zcard(OPEN):
                    self.remarks.append("ours left events open that had arrived")
        return found

    def _round(self, peer: Peer, delay_ms: int) -> _Round:
        count = peer.jobs[delay_ms]
        environ = os.environ | {"BENCH_COUNT": str(count)}
        root = ROOT
        if not peer.module and self.earlier:
            root, environ = self.earlier, self.then
            before.fill(root, environ, count)
        else:
            peer.fill()(count)
        log = self.folder / f"{peer.name}.log"
        with child(log, environ, *peer.command, end_within_s=_END_WITHIN_S, root=root) as process:
            wait_for_arrivals(self.sink, count // 10, process, within_s=_ROUND_MAX_S)
            first = self.sink.count()
            began_s = cpu_s(process.pid)
            wait_for_arrivals(self.sink, count, process, within_s=_ROUND_MAX_S)
            ended_s, memory_mb = cpu_s(process.pid), resident_mb(process.pid)
            events = self.sink.count() - first
        took_ms = None
        if began_s is not None and ended_s is not None and events > 0:
            took_ms = (ended_s - began_s) * 1000 / events
        return _Round(rate_after_start(self.sink.times()), took_ms, memory_mb)


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
