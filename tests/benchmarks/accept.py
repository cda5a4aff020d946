"""How many signed orders of 10 kB a second are accepted for good, beside the least and the naive."""

import contextlib
import itertools
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from redis import Redis

from relay.devtools.embedded_redis import EmbeddedRedis
from tests.benchmarks import before, load, microseconds, orders
from tests.benchmarks.figures import (
    Bar,
    Line,
    Section,
    compared,
    middle,
    percentile,
    rounded,
    under,
)
from tests.benchmarks.load import Load, Sent
from tests.benchmarks.plan import Plan
from tests.benchmarks.sink import Sink
from tests.benchmarks.stage import (
    SHOPIFY_SECRET,
    environment,
    sink_running,
    web_running,
)
from tests.ports import free_port

_APPS: Final = {
    "ours": "",
    "floor": "tests.benchmarks.floor:app",
    "naive": "tests.benchmarks.naive:create_app",
}
_BARS: Final = {
    "everysec": {"floor": Bar(0.6), "naive": Bar(1.4), "before": Bar(1.5)},
    "always": {"floor": Bar(0.6), "naive": Bar(1.4), "before": Bar(1.7)},
}
# With `everysec` nobody waits for the disk, on a Redis where ours could either.
_DURABILITY: Final = {"everysec": {"RELAY_DURABILITY": "relaxed"}, "always": {}}
_CONNECTIONS: Final = 24
# Many senders at once while each answer waits for a disk that is synced once a second.
_CROWD: Final = 400
_CROWD_DURABILITY: Final = {"RELAY_DURABILITY": "fsync", "RELAY_REDIS_CONNECTIONS": "3"}
_WARM_S: Final = 0.3


class _Gate:
    """One app that serves, and the orders for it: each is sent once only."""

    def __init__(self, environ: dict[str, str], order: Path, numbers: Iterator[int]) -> None:
        self._environ = environ
        self._order = str(order)
        self._numbers = numbers

    def send(self, **changes: Any) -> Sent:
        return load.send(
            Load(
                port=int(self._environ["PORT"]),
                order=self._order,
                secret=SHOPIFY_SECRET,
                first=next(self._numbers),
                **changes,
            ),
            self._environ,
        )


def run(plan: Plan, folder: Path) -> list[Section]:
    lines: list[Line] = []
    results: dict[str, Any] = {}
    parts: list[Section] = []
    order = folder / "order.json"
    orders.write(order)
    for fsync in _DURABILITY:
        with (
            before.worktree(folder) as earlier,
            EmbeddedRedis(folder / fsync, appendfsync=fsync) as server,
            Redis.from_url(server.url) as redis,
            sink_running(folder) as sink,
            _gates(folder, server.url, sink, order, _DURABILITY[fsync], earlier) as gates,
        ):
            rates = _rates(plan, redis, gates)
            ours = rates.pop("ours")
            rows, found = compared(f"AOF {fsync}", ours, "/s", rates, _BARS[fsync])
            lines += rows
            results |= under(fsync, found)
            rows, found = _at_half_load(plan, redis, gates, fsync, ours)
            lines += rows
            results |= under(fsync, found)
            if fsync == "everysec":
                parts.append(microseconds.measure(environment(folder, server.url, sink), order))
    rows, found = _crowd(plan, folder, order)
    lines += rows
    results |= under("crowd", found)
    remarks = (
        f"{_CONNECTIONS} connections; ours, floor and naive in the same server",
        "floor: HMAC, json.loads and one RPUSH of the body",
        "naive: our verification and translation, then Queue.enqueue",
        f"before: this relay at {before.COMMIT}, which remembered nothing of orders",
    )
    return [Section("accept", "orders a second over HTTP", lines, results, remarks), *parts]


@contextlib.contextmanager
def _gates(
    folder: Path,
    redis_url: str,
    sink: Sink,
    order: Path,
    durability: dict[str, str],
    earlier: Path | None,
) -> Iterator[dict[str, _Gate]]:
    numbers = itertools.count(0, 100_000)
    with contextlib.ExitStack() as stack:
        gates = {}
        for name, app in _APPS.items():
            environ = environment(folder, redis_url, sink, free_port()) | durability
            stack.enter_context(web_running(folder / f"{name}.log", environ, app))
            gates[name] = _Gate(environ, order, numbers)
        if earlier:
            own, types = folder / "before.d", before.EVENT_TYPES
            environ = environment(own, redis_url, sink, free_port(), types) | durability
            app = "relay.web:create_app()"
            stack.enter_context(web_running(folder / "before.log", environ, app, earlier))
            gates["before"] = _Gate(environ, order, numbers)
        for gate in gates.values():
            gate.send(connections=_CONNECTIONS, seconds=0.5)  # both processes have been asked
        yield gates


def _crowd(plan: Plan, folder: Path, order: Path) -> tuple[list[Line], dict[str, Any]]:
    """What two processes with six connections to Redis take of many senders."""
    with (
        EmbeddedRedis(folder / "crowd", appendfsync="everysec") as server,
        sink_running(folder) as sink,
    ):
        environ = environment(folder, server.url, sink, free_port()) | _CROWD_DURABILITY
        with web_running(folder / "crowd.log", environ):
            gate = _Gate(environ, order, itertools.count(0, 100_000))
            gate.send(connections=_CONNECTIONS, seconds=0.5)
            sent = gate.send(connections=_CROWD, seconds=plan.accept_s, warm_s=_WARM_S)
    p50_ms = percentile(sent.took_ms, 50)
    what = f"everysec + fsync, {_CROWD} senders"
    lines = [
        Line(what, sent.rate or math.nan, "/s", bar=Bar(600), absolute=True),
        Line(f"{what}: refused", sent.refused, bar=Bar(0, at_least=False), absolute=True),
        Line(f"{what}: p50", p50_ms, "ms", bar=Bar(700, at_least=False), absolute=True),
    ]
    results = {"rate": rounded(sent.rate), "refused": sent.refused, "p50_ms": rounded(p50_ms)}
    return lines, results


def _rates(plan: Plan, redis: Redis, gates: dict[str, _Gate]) -> dict[str, float | None]:
    found: dict[str, list[float | None]] = {name: [] for name in gates}
    for _ in range(plan.rounds):
        for name, gate in gates.items():
            redis.flushall()
            sent = gate.send(connections=_CONNECTIONS, seconds=plan.accept_s, warm_s=_WARM_S)
            found[name].append(sent.rate)
    return {name: middle(rates) for name, rates in found.items()}


def _at_half_load(
    plan: Plan, redis: Redis, gates: dict[str, _Gate], fsync: str, ours: float | None
) -> tuple[list[Line], dict[str, Any]]:
    """What an order takes when half as many come as ours can take, the same for all."""
    lines, results = [], {}
    rate = (ours or 0) / 2
    took: dict[str, list[float]] = {}
    for name, gate in gates.items():
        redis.flushall()
        took[name] = gate.send(
            connections=_CONNECTIONS, seconds=plan.half_load_s, warm_s=_WARM_S, rate=rate
        ).took_ms
    for percent in (50, 99):
        each = {name: percentile(ms, percent) for name, ms in took.items()}
        own = each.pop("ours")
        rows, found = compared(f"{fsync}, p{percent} at {rate:,.0f}/s", own, "ms", each, {})
        lines += rows
        results[f"p{percent}_ms"] = rounded(own)
        results |= {
            f"p{percent}_ms_{name}": value
            for name, value in found.items()
            if name != "ours" and not name.startswith("ratio_")
        }
    return lines, results
