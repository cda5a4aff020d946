"""`python -m tests.benchmarks [NAME …]`: run them, print tables, write `bench.json`.

A benchmark is not a test: a bar that is missed is said, and the exit status stays 0.
"""

import argparse
import json
import os
import platform
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from redis import Redis
from rich.console import Console

from relay.devtools.embedded_redis import EmbeddedRedis
from tests.benchmarks import tables
from tests.benchmarks.figures import Section, nested, under
from tests.benchmarks.plan import Plan
from tests.benchmarks.stage import ROOT

_NAMES: Final = ("accept", "deliver", "end_to_end", "growth", "restart", "requests_cost")


def main() -> None:
    asked = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is ended
    console = Console(width=None if sys.stdout.isatty() else 120)
    plan = Plan.full(asked.rounds) if asked.full else Plan(rounds=asked.rounds)
    started = time.monotonic()
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        results |= under("machine", _machine(Path(folder) / "machine"))
        for name in asked.names or _NAMES:
            begun = time.monotonic()
            for section in _sections(name, plan, Path(folder) / name, console):
                tables.show(console, section)
                results |= under(section.name, section.results)
            results[f"{name}.took_s"] = round(time.monotonic() - begun)
    took_s = round(time.monotonic() - started)
    results |= {"machine.rounds": plan.rounds, "machine.full": asked.full, "machine.took_s": took_s}
    asked.out.write_text(json.dumps(nested(results), indent=2) + "\n", "utf-8")
    console.print(
        f"{asked.out}, after {took_s} s on {results['machine.cores']} cores", highlight=False
    )


def _sections(name: str, plan: Plan, folder: Path, console: Console) -> list[Section]:
    """One benchmark's; a benchmark that cannot run does not keep the others from it."""
    folder.mkdir()
    try:
        run: Callable[[Plan, Path], list[Section]] = import_module(f"tests.benchmarks.{name}").run
        return run(plan, folder)
    except Exception as error:  # noqa: BLE001  told, and the next one has its turn
        if os.environ.get("BENCH_TRACE"):
            console.print_exception()
        console.print(f"{name}: absent, {type(error).__name__}: {error}", highlight=False)
        for log in sorted(folder.glob("*.log")):
            for line in log.read_text("utf-8", "replace").splitlines()[-3:]:
                console.print(f"  {log.name}: {line[:200]}", highlight=False, markup=False)
        return [Section(name, "absent", [], {"absent": f"{type(error).__name__}: {error}"})]


def _machine(folder: Path) -> Mapping[str, Any]:
    """Where the figures are from: without it they say little."""
    with EmbeddedRedis(folder) as server, Redis.from_url(server.url) as redis:
        version = redis.info("server")["redis_version"]
    return {
        "cores": os.cpu_count(),
        "load": [round(load, 2) for load in os.getloadavg()],
        "python": platform.python_version(),
        "redis": version,
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(_NAMES))
    parser.add_argument("--rounds", type=int, default=5, help="of each peer, in turn (5)")
    parser.add_argument(
        "--full",
        action="store_true",
        default=os.environ.get("BENCH_FULL") == "1",
        help="200,000 events through web and worker in `growth`; also BENCH_FULL=1",
    )
    parser.add_argument("--out", type=Path, default=ROOT / "bench.json", help="bench.json")
    asked = parser.parse_args()
    if unknown := sorted(set(asked.names) - set(_NAMES)):
        parser.error(f"{', '.join(unknown)}? There are {', '.join(_NAMES)}")
    return asked


if __name__ == "__main__":
    main()
