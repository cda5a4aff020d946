"""Sends signed orders over kept connections: `python -m tests.benchmarks.load SPEC`.

Standard library only, in a process of its own: on two cores what measures must cost little.
Either each connection sends again as soon as it is answered, or orders go out at a fixed rate.
"""

import asyncio
import base64
import hmac
import itertools
import json
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

_ANSWERED_WITHIN_S = 20.0
_SLOWEST_PER_S = 20.0
_MADE_BEFOREHAND_PER_S = 1500
_MADE_BEFOREHAND_MAX = 12_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What to send. It stops after `seconds` or `limit` orders; the first `warm_s` do not count.

    `rate` is orders a second, 0 as many as are answered. `first` is the number of the first one.
    `people` is how many customers they are of, in turn.
    """

    port: int
    order: str
    secret: str
    first: int
    path: str = "/webhooks/shopify"
    connections: int = 16
    seconds: float = 0.0
    limit: int = 0
    warm_s: float = 0.0
    rate: float = 0.0
    people: int = 1_000_000
    expect: str = '"accepted"'


@dataclass(slots=True)
class Sent:
    """What came of it. Times are those of `time.monotonic`; `refused` counts other answers."""

    seconds: float = 0.0
    answered: int = 0
    refused: int = 0
    took_ms: list[float] = field(default_factory=list)
    sent_at: dict[int, float] = field(default_factory=dict)

    @property
    def rate(self) -> float | None:
        return self.answered / self.seconds if self.answered and self.seconds else None


def send(load: Load, environ: Mapping[str, str]) -> Sent:
    """Run a load in a process of its own.

    Raises:
        RuntimeError: it could not be sent, or not one order was accepted.
    """
    ran = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.load", json.dumps(asdict(load))],
        cwd=Path(__file__).parents[2],
        env=dict(environ),
        capture_output=True,
        check=False,
    )
    if ran.returncode:
        raise RuntimeError(ran.stderr.decode().strip().rpartition("\n")[2])
    told = json.loads(ran.stdout)
    sent = Sent(**told | {"sent_at": {int(n): at for n, at in told["sent_at"].items()}})
    if not sent.answered:
        raise RuntimeError(f"none of {sent.refused} orders was accepted")
    return sent


class _Connection(asyncio.Protocol):
    def __init__(self, sender: "_Sender") -> None:
        self._sender = sender
        self._buffer = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def send(self, number: int, due: float, request: bytes) -> None:
        self.number, self.due = number, due
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head_end = self._buffer.find(b"\r\n\r\n")
        if head_end < 0:
            return
        at = self._buffer.lower().find(b"\r\ncontent-length:", 0, head_end)
        length = int(self._buffer[at + 17 : self._buffer.find(b"\r\n", at + 17)]) if at >= 0 else 0
        if len(self._buffer) >= head_end + 4 + length:
            answer, self._buffer = self._buffer, b""
            self._sender.answered(self, answer)

    def connection_lost(self, exc: Exception | None) -> None:
        self._sender.lost(exc)


class _Sender:
    def __init__(self, load: Load) -> None:
        self._load = load
        self._expect = load.expect.encode()
        self._requests = requests_of(load)
        self._idle: deque[_Connection] = deque()
        self._due: deque[float] = deque()
        self._begun = self._out = 0
        self._counts_from = self._ends_at = 0.0
        self._last_at = 0.0
        self.sent = Sent()

    async def run(self) -> Sent:
        loop = asyncio.get_running_loop()
        self._done = loop.create_future()
        for _ in range(self._load.connections):
            _, connection = await loop.create_connection(
                lambda: _Connection(self), "127.0.0.1", self._load.port
            )
            self._idle.append(connection)
        started = time.monotonic()
        self._counts_from = started + self._load.warm_s
        self._ends_at = self._counts_from + self._load.seconds if self._load.seconds else 1e18
        if self._load.rate:
            self._tick(loop, started)
        else:
            while self._idle and self._more():
                self._send(self._idle.popleft(), time.monotonic())
        give_up_s = self._load.seconds + self._load.limit / _SLOWEST_PER_S + _ANSWERED_WITHIN_S
        await asyncio.wait_for(self._done, give_up_s)
        self.sent.seconds = min(self._last_at, self._ends_at) - self._counts_from
        return self.sent

    def _tick(self, loop: asyncio.AbstractEventLoop, next_at: float) -> None:
        """Send what is due. Timers are up to 1 ms late: an order is due when its timer fires."""
        now = time.monotonic()
        while next_at <= now and self._more():
            next_at += 1 / self._load.rate
            self._due.append(now)
        while self._due and self._idle and self._more():
            self._send(self._idle.popleft(), self._due.popleft())
        if self._more():
            loop.call_later(max(next_at - now, 0), self._tick, loop, next_at)
        else:
            self._end_if_answered()

    def _more(self) -> bool:
        if self._load.limit and self._begun >= self._load.limit:
            return False
        return time.monotonic() < self._ends_at

    def _send(self, connection: _Connection, due: float) -> None:
        number, request = next(self._requests)
        self._begun += 1
        self._out += 1
        if self._load.rate:
            self.sent.sent_at[number] = due
        connection.send(number, due, request)

    def answered(self, connection: _Connection, answer: bytes) -> None:
        now = time.monotonic()
        self._out -= 1
        self._last_at = now
        if self._expect not in answer:
            self.sent.refused += 1
        elif self._counts_from <= now <= self._ends_at:
            self.sent.answered += 1
            self.sent.took_ms.append(round((now - connection.due) * 1000, 3))
        if self._more() and (self._due or not self._load.rate):
            self._send(connection, self._due.popleft() if self._due else now)
        else:
            self._idle.append(connection)
            self._end_if_answered()

    def _end_if_answered(self) -> None:
        if not self._out and not self._more() and not self._done.done():
            self._done.set_result(None)

    def lost(self, error: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(error or ConnectionError("the server hung up"))


def requests_of(load: Load) -> Iterator[tuple[int, bytes]]:
    """Signed requests by number, as many as a run needs made before it begins."""
    order = json.loads(Path(load.order).read_text("utf-8"))
    head = "".join(f"{name}: {value}\r\n" for name, value in order["headers"].items())
    body = order["body"]

    def made(number: int) -> tuple[int, bytes]:
        person = f"{number % load.people:06d}"
        text = body.replace("@ORDER@", f"{number:09d}").replace("@PERSON@", person)
        data = text.encode()
        signature = base64.b64encode(hmac.digest(load.secret.encode(), data, "sha256")).decode()
        request = (
            f"POST {load.path} HTTP/1.1\r\nHost: 127.0.0.1:{load.port}\r\n{head}"
            f"X-Shopify-Webhook-Id: benchmark-{number:09d}\r\n"
            f"X-Shopify-Hmac-Sha256: {signature}\r\nContent-Length: {len(data)}\r\n\r\n"
        )
        return number, request.encode() + data

    needed = (load.rate or _MADE_BEFOREHAND_PER_S) * (load.seconds + load.warm_s)
    count = min(int(needed), load.limit or _MADE_BEFOREHAND_MAX, _MADE_BEFOREHAND_MAX)
    beforehand = [made(number) for number in range(load.first, load.first + count)]
    return itertools.chain(beforehand, map(made, itertools.count(load.first + count)))


if __name__ == "__main__":
    result = asyncio.run(_Sender(Load(**json.loads(sys.argv[1]))).run())
    json.dump(asdict(result), sys.stdout)
