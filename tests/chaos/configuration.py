"""The relay's surroundings in a run: its environment and its relay.toml."""

import os
import shlex
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from config import relay_toml
from tests.chaos.model import CONCURRENCY, WORKERS
from tests.chaos.sending import SECRET

ROOT: Final = Path(__file__).parents[2]

_RELAY_TOML: Final = """
[destinations.sink]
server = "{server}"
api_key = "a-key-of-a-run"
rate = "100000/s"
retry_schedule = "1s 1s 2s 2s 3s 3s 5s 5s 5s 5s 5s 5s"
{more}
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
# As many requests at once as both workers can make.
_WIDE: Final = "in_flight = 64"


def environment(folder: Path, redis_url: str, sink_url: str) -> dict[str, str]:
    """What web and workers see; nothing of the person who starts the run gets in."""
    file = folder / "relay.toml"
    for more in ("", _WIDE):
        text = _RELAY_TOML.format(server=sink_url, secret=SECRET, more=more)
        if not more or _is_understood(folder / "probe.toml", text):
            file.write_text(text)
    inherited = {
        name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ
    }
    return {
        **inherited,
        "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}",
        "PYTHONPATH": str(ROOT),
        "REDIS_URL": redis_url,
        "PORT": str(_free_port()),
        "RELAY_HOST": "127.0.0.1",
        "RELAY_CONFIG": str(file),
        "RELAY_LANGUAGE": "en",
        "RELAY_CONCURRENCY": str(CONCURRENCY),
        "RELAY_CONNECT_TIMEOUT_S": "1",
        "RELAY_READ_TIMEOUT_S": "2",
    }


def commands() -> Mapping[str, list[str]]:
    """How each process is started: web as the Procfile says, workers as modules."""
    lines = (ROOT / "Procfile").read_text("utf-8").splitlines()
    procfile = dict(line.split(": ", 1) for line in lines if line)
    worker = [sys.executable, "-m", "worker"]
    return {"web": shlex.split(procfile["web"]), **dict.fromkeys(WORKERS, worker)}


def _is_understood(file: Path, text: str) -> bool:
    file.write_text(text)
    return not relay_toml.load(file, {}).faults


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
