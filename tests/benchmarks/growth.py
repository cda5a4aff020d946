"""What a long queue costs: the rate, the bytes of each event that waits, and memory over time."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

from redis import Redis

from relay.devtools.embedded_redis import EmbeddedRedis
from tests.benchmarks import backlog, load, orders, usage
from tests.benchmarks.deliver import wait_for_arrivals
from tests.benchmarks.figures import Bar, Line, Section, compared, middle, rounded
from tests.benchmarks.load import Load
from tests.benchmarks.plan import Plan
from tests.benchmarks.sink import Sink
from tests.benchmarks.stage import (
    SHOPIFY_SECRET,
    child,
    environment,
    sink_running,
    web_running,
)
from tests.ports import free_port

# The rate is that of these arrivals of each round: of 2,250 events about 1,000 still wait then.
_FEW: Final = 2_250
_FROM: Final = 500
_TO: Final = 2_000
_FILLERS: Final = 2
_BAR_RATE: Final = Bar(0.9)
_BAR_BYTES: Final = Bar(1500, at_least=False)
_BAR_MEMORY: Final = Bar(1.1, at_least=False)


def run(plan: Plan, folder: Path) -> list[Section]:
    with (
        EmbeddedRedis(folder / "few") as few,
        EmbeddedRedis(folder / "many") as many,
        sink_running(folder) as sink,
    ):
        for server in (few, many):
            _keep_in_memory(server.url)
        environ_few = environment(folder, few.url, sink, free_port())
        environ_many = environ_few | {"REDIS_URL": many.url}
        lines, results = _bytes(plan, folder, environ_many)
        remarks = [
            f"waiting: {plan.waiting:,} events of as many customers; no AOF here, on neither side",
            "bytes: growth of used_memory an event, without its body and the body it came as",
        ]
        rows, found = _rates(plan, folder, environ_few, environ_many, sink)
        lines += rows
        results |= found
        rows, found = _memory(plan, folder, environ_few, sink)
        lines += rows
        results |= found
        remarks.append(
            f"memory: resident, after {plan.memory_warm:,} and after {plan.memory_events:,} orders"
            " over HTTP through web and worker"
            + ("" if plan.memory_events >= 200_000 else "; 200,000 of them with --full")
        )
    return [Section("growth", "what a long queue costs", lines, results, remarks)]


def _keep_in_memory(redis_url: str) -> None:
    """Without AOF: rewriting a gigabyte of it would be what is measured."""
    with Redis.from_url(redis_url) as redis:
        redis.config_set("appendonly", "no")


def _bytes(plan: Plan, folder: Path, environ: dict[str, str]) -> tuple[list[Line], dict[str, Any]]:
    """Fill the long queue, and see what it weighs."""
    with Redis.from_url(environ["REDIS_URL"]) as redis:
        before = redis.info("memory")["used_memory"]
        _fill(plan.waiting, folder, environ)
        each = (redis.info("memory")["used_memory"] - before) / plan.waiting
    some = range(0, plan.waiting, max(1, plan.waiting // 1000))
    body = sum(len(backlog.raw(number)) for number in some) / len(some)
    beyond = each - 2 * body  # what came in, and what goes out
    line = Line("Redis, each waiting event", beyond, "bytes", bar=_BAR_BYTES, absolute=True)
    results = {
        "waiting": plan.waiting,
        "bytes_per_event": rounded(beyond),
        "bytes_per_event_with_bodies": rounded(each),
    }
    return [line], results


def _fill(count: int, folder: Path, environ: dict[str, str]) -> None:
    """From as many processes as there are cores here: it is much to accept.

    Raises:
        RuntimeError: a process failed.
    """
    part = count // _FILLERS
    log = folder / "backlog.log"
    arguments = [
        ("tests.benchmarks.backlog", str(part), str(number * part)) for number in range(_FILLERS)
    ]
    with child(log, environ, *arguments[0]) as one, child(log, environ, *arguments[1]) as other:
        for process in (one, other):
            if process.wait(timeout=600):
                raise RuntimeError("the queue could not be filled")


def _rates(
    plan: Plan,
    folder: Path,
    few: dict[str, str],
    many: dict[str, str],
    sink: Sink,
) -> tuple[list[Line], dict[str, Any]]:
    rates_few, rates_many = [], []
    for _ in range(plan.rounds):
        with Redis.from_url(few["REDIS_URL"]) as redis, patch.dict(os.environ, few, clear=True):
            redis.flushall()
            backlog.fill(_FEW)
        rates_few.append(_rate(folder, few, sink))
        rates_many.append(_rate(folder, many, sink))
    what = f"delivered with {plan.waiting:,} waiting"
    lines, found = compared(
        what, middle(rates_many), "/s", {"1,000 waiting": middle(rates_few)},
        {"1,000 waiting": _BAR_RATE},
    )  # fmt: skip
    results = {
        "rate": found["ours"],
        "rate_1000_waiting": found["1,000 waiting"],
        "ratio_rate": found["ratio_1,000 waiting"],
    }
    return lines, results


def _rate(folder: Path, environ: dict[str, str], sink: Sink) -> float | None:
    sink.reset()
    with child(folder / "worker.log", environ, "worker") as process:
        wait_for_arrivals(sink, _TO, process, within_s=20)
        times = sink.times()[_FROM:_TO]
    return (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 else None


def _memory(
    plan: Plan, folder: Path, environ: dict[str, str], sink: Sink
) -> tuple[list[Line], dict[str, Any]]:
    order = folder / "order.json"
    orders.write(order)
    sink.reset()
    with Redis.from_url(environ["REDIS_URL"]) as redis:
        redis.flushall()
    with _serving(folder, environ) as (web, worker):
        measured = []
        for first, last in ((0, plan.memory_warm), (plan.memory_warm, plan.memory_events)):
            ordered = Load(
                port=int(environ["PORT"]), order=str(order), secret=SHOPIFY_SECRET, first=first,
                limit=last - first, connections=8, people=1_000,
            )  # fmt: skip
            load.send(ordered, environ)
            wait_for_arrivals(sink, last, worker, within_s=60 + last / 20)
            measured.append((usage.resident_mb(web.pid), usage.resident_mb(worker.pid)))
    lines: list[Line] = []
    results: dict[str, Any] = {"events_through": plan.memory_events}
    for name, before, after in zip(("web", "worker"), *measured, strict=True):
        what = f"memory of the {name}, {plan.memory_events:,} events"
        peer = f"after {plan.memory_warm:,}"
        rows, found = compared(what, after, "MB", {peer: before}, {peer: _BAR_MEMORY})
        lines += rows
        results[f"rss_{name}_mb"] = found["ours"]
        results[f"ratio_rss_{name}"] = found[f"ratio_{peer}"]
    return lines, results


@contextmanager
def _serving(
    folder: Path, environ: dict[str, str]
) -> Iterator[tuple[subprocess.Popen[bytes], subprocess.Popen[bytes]]]:
    with (
        web_running(folder / "web.log", environ) as web,
        child(folder / "memory-worker.log", environ, "worker") as worker,
    ):
        yield web, worker
