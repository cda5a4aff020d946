"""What a web process takes for the longest batch: memory that does not grow with each."""

import contextlib
import http.client
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import senders
from redis import Redis

from relay.devtools.embedded_redis import EmbeddedRedis
from relay.inbound.batches import BATCH_MAX
from relay.store.keys import OPEN
from tests.ports import free_port
from tests.waiting import LONG_S, eventually

pytestmark = pytest.mark.slow

# For a body near the cap of 5 MiB, its JSON, its events and what Redis is sent of them.
PEAK_MAX_MB = 100.0
KEPT_MAX_MB = 30.0
CONFIGURATION = """
[destinations.crm]
server = "http://127.0.0.1:9"
api_key = "0123456789abcdef0123456789abcdef"

[sources.sendgrid]
platform = "sendgrid"
secrets = "{secret}"
"""


class Server:
    """A web process with one worker."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self._process = process
        self._port = port

    def is_ready(self) -> bool:
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self._ask("GET", "/healthz", b"", {}) == 200
        return False

    def send(self, body: bytes) -> int:
        """The status of a signed batch."""
        headers = senders.signed("sendgrid", {}, body, datetime.now(UTC))
        headers["content-type"] = "application/json"
        return self._ask("POST", "/webhooks/sendgrid", body, headers)

    def memory_mb(self, name: str) -> float:
        """`VmRSS`, what the worker takes now, or `VmHWM`, the most that it has taken."""
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        (worker,) = children.read_text().split()
        for line in Path(f"/proc/{worker}/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) / 1000
        raise KeyError(name)

    def _ask(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=2 * LONG_S)
        with contextlib.closing(connection):
            connection.request(method, path, body, headers)
            return connection.getresponse().status


@pytest.fixture
def server(redis: Redis, redis_server: EmbeddedRedis, tmp_path: Path) -> Iterator[Server]:
    file, port = tmp_path / "relay.toml", free_port()
    file.write_text(CONFIGURATION.format(secret=senders.SECRETS["sendgrid"]), "utf-8")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RELAY_")}
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "relay", "web"],
        env=kept
        | {"REDIS_URL": redis_server.url, "RELAY_CONFIG": str(file), "RELAY_HOST": "127.0.0.1"}
        | {"PORT": str(port), "WEB_CONCURRENCY": "1", "RELAY_LOG_LEVEL": "CRITICAL"},
    ) as process:
        made = Server(process, port)
        try:
            assert eventually(made.is_ready)
            yield made
        finally:
            process.terminate()
            process.wait(timeout=LONG_S)


def bounce(number: int, size: int) -> dict[str, Any]:
    return {
        "email": f"p{number}@example.com",
        "timestamp": 1_793_631_841 + number,
        "event": "bounce",
        "sg_event_id": f"event-{number}",
        "sg_message_id": f"message-{number}.filter",
        "reason": "550 5.1.1 The email account that you tried to reach does not exist ".ljust(size),
    }


def batch(first: int) -> bytes:
    return json.dumps([bounce(first + number, 300) for number in range(BATCH_MAX)]).encode()


def test_batches_of_ten_thousand_events_take_bounded_memory(server: Server, redis: Redis) -> None:
    assert BATCH_MAX == 10_000
    assert server.send(json.dumps([bounce(0, 300)]).encode()) == 200  # all is loaded by now
    before = server.memory_mb("VmRSS")
    after: list[float] = []
    for number in (1, 2, 3):
        body = batch(number * 100_000)
        assert 4_000_000 < len(body) < 5_242_880
        assert server.send(body) == 200
        assert redis.zcard(OPEN) == number * BATCH_MAX + 1
        after.append(server.memory_mb("VmRSS"))

    assert server.memory_mb("VmHWM") - before < PEAK_MAX_MB
    assert after[2] - after[0] < KEPT_MAX_MB
