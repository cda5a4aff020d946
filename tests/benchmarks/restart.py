"""How long web is away when all its processes are killed, beside the time that its import takes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from relay.devtools.embedded_redis import EmbeddedRedis
from tests.benchmarks.figures import Bar, Section, compared, middle
from tests.benchmarks.plan import Plan
from tests.benchmarks.stage import ROOT, child, environment, sink_running, wait_for_http
from tests.ports import free_port

_BARS: Final = {"import": Bar(1.4, at_least=False)}


def run(plan: Plan, folder: Path) -> list[Section]:
    away: list[float | None] = []
    imported: list[float | None] = []
    with EmbeddedRedis(folder / "redis") as redis, sink_running(folder) as sink:
        environ = environment(folder, redis.url, sink, free_port())
        for _ in range(plan.rounds):
            away.append(_away_ms(folder / "web.log", environ))
            imported.append(_import_ms(environ))
    lines, results = compared(
        "SIGKILL of all to the first answer",
        middle(away),
        "ms",
        {"import": middle(imported)},
        _BARS,
    )
    return [Section("restart", "web processes killed and started again", lines, results)]


def _away_ms(log: Path, environ: dict[str, str]) -> float:
    port = int(environ["PORT"])
    with child(log, environ, "relay", "web") as killed:
        wait_for_http(port, killed)
        os.killpg(killed.pid, signal.SIGKILL)
        killed.wait()
        killed_at = time.perf_counter()
        with child(log, environ, "relay", "web") as started:
            wait_for_http(port, started)
            return (time.perf_counter() - killed_at) * 1000


def _import_ms(environ: dict[str, str]) -> float:
    started_at = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import relay.web"], cwd=ROOT, env=environ, check=True)
    return (time.perf_counter() - started_at) * 1000
