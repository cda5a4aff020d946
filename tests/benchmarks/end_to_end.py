"""From the moment an order is sent to its arrival at the sink, at 50 orders a second."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from relay.devtools.embedded_redis import EmbeddedRedis
from tests.benchmarks import load, naive, orders
from tests.benchmarks.figures import Bar, Line, Section, compared, percentile, under
from tests.benchmarks.load import Load
from tests.benchmarks.peers import rq_worker
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

_RATE: Final = 50
# Each slice is a third of the time: ours and the naive relay take turns.
_SLICES: Final = 3
# Orders of so many people in turn: the first of each is looked up, as after a merchant's start.
_PEOPLE: Final = 100
_BARS: Final = {50: Bar(10.0, at_least=False), 99: Bar(60.0, at_least=False)}
_APPS: Final = {
    "ours": ("", ("worker",)),
    "naive": (
        "tests.benchmarks.naive:create_app",
        rq_worker("SimpleWorker", naive.QUEUE),
    ),
}


def run(plan: Plan, folder: Path) -> list[Section]:
    order = folder / "order.json"
    orders.write(order)
    waits: dict[str, list[float]] = {name: [] for name in _APPS}
    missing = dict.fromkeys(_APPS, 0)
    with (
        EmbeddedRedis(folder / "redis", appendfsync="always") as server,
        sink_running(folder) as sink,
        _relays(folder, server.url, sink) as environs,
    ):
        orders_of = {
            name: Load(port=int(environ["PORT"]), order=str(order), secret=SHOPIFY_SECRET, first=0)
            for name, environ in environs.items()
        }
        for name, environ in environs.items():  # imports and connections are not what is measured
            warm = replace(orders_of[name], first=900_000, seconds=1.0, rate=_RATE)
            _slice(environ, sink, warm)
        for number in range(_SLICES):
            for name, environ in environs.items():
                slice_of = replace(
                    orders_of[name],
                    first=number * 10_000,
                    seconds=plan.end_to_end_s / _SLICES,
                    rate=_RATE,
                    people=_PEOPLE,
                )
                found, lost = _slice(environ, sink, slice_of)
                waits[name] += found
                missing[name] += lost
    return [_section(plan, waits, missing)]


def _section(plan: Plan, waits: Mapping[str, list[float]], missing: Mapping[str, int]) -> Section:
    lines: list[Line] = []
    results: dict[str, Any] = {}
    for percent, bar in _BARS.items():
        each = {name: percentile(ms, percent) for name, ms in waits.items() if ms}
        ours = each.pop("ours", None)
        rows, found = compared(f"p{percent}", ours, "ms", each, {})
        lines += [replace(row, bar=bar, absolute=True) for row in rows]
        results |= under(f"p{percent}_ms", found)
    remarks = [
        f"{_RATE} orders/s for {plan.end_to_end_s} s each, in turns, from the request; AOF always",
        f"{_PEOPLE} customers: ours looks each up once, the naive one takes the phone for an id",
        *(f"{name}: {count} orders did not arrive" for name, count in missing.items() if count),
    ]
    return Section("end_to_end", "from request to arrival", lines, results, remarks)


@contextlib.contextmanager
def _relays(folder: Path, redis_url: str, sink: Sink) -> Iterator[dict[str, dict[str, str]]]:
    """Web and worker of both, on one Redis; the environment of each."""
    environs = {}
    with contextlib.ExitStack() as stack:
        for name, (app, worker) in _APPS.items():
            environ = environment(folder, redis_url, sink, free_port())
            stack.enter_context(web_running(folder / f"{name}-web.log", environ, app))
            stack.enter_context(child(folder / f"{name}-worker.log", environ, *worker))
            environs[name] = environ
        yield environs


def _slice(environ: Mapping[str, str], sink: Sink, orders_sent: Load) -> tuple[list[float], int]:
    """Milliseconds of each that arrived, and how many did not."""
    sink.reset(keep=True)
    sent = load.send(orders_sent, environ)
    sink.wait_for(len(sent.sent_at), within_s=10)
    arrived: dict[int, float] = {}
    for at, body in sink.bodies():
        arrived.setdefault(_number_in(body), at)
    waits = [
        (arrived[number] - at) * 1000 for number, at in sent.sent_at.items() if number in arrived
    ]
    return waits, len(sent.sent_at) - len(waits)


def _number_in(body: str) -> int:
    """The order's number, which the benchmark's configuration puts into a custom field."""
    return int(json.loads(body)["custom_fields"][0]["field_content"].removeprefix("6120"))
