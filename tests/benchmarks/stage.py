"""What a benchmark stands on: Redis, sink, configuration and processes, all ended with it."""

import contextlib
import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from unittest.mock import patch

from config.settings import Settings, load as load_settings
from relay.children import die_with_parent
from relay.mapping.event_types import EVENT_TYPES
from tests.benchmarks.sink import Sink
from tests.ports import free_port

ROOT = Path(__file__).parents[2]
SHOPIFY_SECRET = "throw-away-secret-of-a-benchmark"
# As many as the other peers' threads, and as the ceiling's.
THREADS = 64
_READY_WITHIN_S = 30.0
# The marker by which an arrival is told from another: templates may say an order's id.
_RELAY_TOML = """
[destinations.principal]
server = "{server}"
api_key = "0123456789abcdef0123456789abcdef"
rate = "100000/s"
in_flight = {in_flight}

[sources.shopify]
platform = "shopify"
secrets = "${{SHOPIFY_SECRET}}"

[events]
"""


def relay_toml(server: str, event_types: Iterable[str] = EVENT_TYPES) -> str:
    """At any pace; the note of every event type.

    As many at once as the others have threads: `in_flight`, of two processes together, leaves room
    for what is claimed and does not run yet, or no longer, since it counts all that is in hand.
    """
    rules = (
        f'"{name}" = {{ notes = true, custom_fields = {{ pedido = "{{{{ order_id }}}}" }},'
        ' creation_date = "occurred_at" }'
        for name in event_types
    )
    return _RELAY_TOML.format(server=server, in_flight=4 * THREADS) + "\n".join(rules) + "\n"


def environment(
    folder: Path,
    redis_url: str,
    sink: Sink,
    port: int = 8000,
    event_types: Iterable[str] = EVENT_TYPES,
) -> dict[str, str]:
    """What every process of a benchmark sees: nothing of the developer's own settings."""
    folder.mkdir(exist_ok=True)
    file = folder / "relay.toml"
    file.write_text(relay_toml(sink.url, event_types), "utf-8")
    ours = ("RELAY_", "MERCATELY_", "WEB_CONCURRENCY", "PORT", "GUNICORN_CMD_ARGS")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return kept | {
        "REDIS_URL": redis_url,
        "RQ_REDIS_URL": redis_url,
        "RELAY_CONFIG": str(file),
        "RELAY_HOST": "127.0.0.1",
        "RELAY_CONCURRENCY": str(THREADS),
        "PORT": str(port),
        "SHOPIFY_SECRET": SHOPIFY_SECRET,
        "BENCH_SINK_URL": sink.url,
    }


def settings_in(environ: Mapping[str, str]) -> Settings:
    """The settings a process with this environment reads."""
    with patch.dict(os.environ, environ, clear=True):
        return load_settings()


@contextlib.contextmanager
def child(
    log: Path,
    environ: Mapping[str, str],
    *arguments: str,
    end_within_s: float = 3.0,
    root: Path = ROOT,
) -> Iterator[subprocess.Popen[bytes]]:
    """`python -m …` from the root of a checkout, its output in a file, ended with the block."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=root,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            preexec_fn=die_with_parent,  # noqa: PLW1509  one prctl call, no locks
            start_new_session=True,  # its own children are in its group, and end with it
        )
    try:
        yield process
    finally:
        _end(process, end_within_s)


def _end(process: subprocess.Popen[bytes], within_s: float) -> None:
    """Ask it to end; what is left of its group after a while is ended without asking."""
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(within_s)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextlib.contextmanager
def sink_running(folder: Path) -> Iterator[Sink]:
    port = free_port()
    with child(folder / "sink.log", os.environ, "tests.benchmarks.sink", str(port)) as process:
        wait_for_http(port, process)
        with contextlib.closing(Sink(port)) as sink:
            yield sink


@contextlib.contextmanager
def web_running(
    log: Path, environ: Mapping[str, str], app: str = "", root: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """The relay as the Procfile runs it, another app in the same server, or the one before.

    `root` is the checkout of an earlier relay, which gunicorn itself ran.
    """
    if root:
        arguments = ["gunicorn", "-c", str(root / "config" / "gunicorn.conf.py"), app]
    else:
        arguments = ["tests.benchmarks.server", app] if app else ["relay", "web"]
    with child(log, environ, *arguments, root=root or ROOT) as process:
        wait_for_http(int(environ["PORT"]), process)
        yield process


def wait_for_http(port: int, process: subprocess.Popen[bytes]) -> None:
    """Until something answers there, whatever it says.

    Raises:
        RuntimeError: the process ended, or took too long.
    """
    give_up_at = time.monotonic() + _READY_WITHIN_S
    while process.poll() is None and time.monotonic() < give_up_at:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        with (
            contextlib.suppress(OSError, http.client.HTTPException),
            contextlib.closing(connection),
        ):
            connection.request("GET", "/healthz")
            connection.getresponse().read()
            return
        time.sleep(0.01)
    raise RuntimeError(f"{process.args} did not start")
