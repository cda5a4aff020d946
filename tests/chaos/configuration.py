"""The relay's surroundings in a run: its environment and its relay.toml."""

import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.chaos.model import CONCURRENCY, READ_TIMEOUT_S, WORKERS
from tests.chaos.sending import SECRET
from tests.ports import free_port

ROOT: Final = Path(__file__).parents[2]

_RELAY_TOML: Final = """
[destinations.sink]
server = "{server}"
api_key = "a-key-of-a-run"
rate = "100000/s"
in_flight = {in_flight}
retry_schedule = "1s 1s 2s 2s 3s 3s 5s 5s 5s 5s 5s 5s"
[sources.chaos]
platform = "generic"
secrets = "{secret}"
[sources.chaos.options]
auth = {{ kind = "hmac", encoding = "hex" }}
type = "type"
id = "id"
contact = {{ customer_id = "customer" }}
fields = {{ number = "number" }}
[events]
"order.created" = {{ notes = "{{{{ number }}}}" }}
"""
# More than all workers together can have under way: nothing waits but for a worker.
_IN_FLIGHT: Final = 2 * len(WORKERS) * CONCURRENCY


def environment(folder: Path, redis_url: str, sink_url: str) -> dict[str, str]:
    """What web and workers see; nothing of the person who starts the run gets in."""
    file = folder / "relay.toml"
    file.write_text(_RELAY_TOML.format(server=sink_url, secret=SECRET, in_flight=_IN_FLIGHT))
    inherited = {
        name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ
    }
    return {
        **inherited,
        "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}",
        "PYTHONPATH": str(ROOT),
        "REDIS_URL": redis_url,
        "PORT": str(free_port()),
        "RELAY_HOST": "127.0.0.1",
        "RELAY_CONFIG": str(file),
        "RELAY_LANGUAGE": "en",
        "RELAY_CONCURRENCY": str(CONCURRENCY),
        "RELAY_CONNECT_TIMEOUT_S": "1",
        "RELAY_READ_TIMEOUT_S": str(READ_TIMEOUT_S),
    }


def commands() -> Mapping[str, list[str]]:
    """How each process is started: web as the Procfile says, workers as modules."""
    lines = (ROOT / "Procfile").read_text("utf-8").splitlines()
    procfile = dict(line.split(": ", 1) for line in lines if line)
    worker = [sys.executable, "-m", "worker"]
    return {"web": shlex.split(procfile["web"]), **dict.fromkeys(WORKERS, worker)}
