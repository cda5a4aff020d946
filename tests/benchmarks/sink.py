"""A stand-in for Mercately that costs next to nothing: `python -m tests.benchmarks.sink PORT`.

One asyncio process, HTTP/1.1 with keep-alive, that answers at once or after a while and notes
when each POST came. What controls it is HTTP too: `/_sink/reset?delay_ms=100&keep=1`,
`/_sink/stats`, `/_sink/times`, `/_sink/bodies`.
"""

import asyncio
import http.client
import json
import sys
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

_EVENT = json.dumps({"messages": "Customer event created successfully"}).encode()
_CUSTOMER = json.dumps({"customer": {"id": "1713anaec1001"}}).encode()


def _response(body: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


_EVENT_ANSWER = _response(_EVENT)
_CUSTOMER_ANSWER = _response(_CUSTOMER)


class _Arrivals:
    """What came since the last reset."""

    def __init__(self) -> None:
        self.reset()

    def reset(self, delay_ms: str = "0", keep: str = "") -> None:
        self.delay_s = float(delay_ms) / 1000
        self.keep = bool(keep)
        self.times: list[float] = []
        self.bodies: list[str] = []

    def note(self, body: bytes) -> None:
        self.times.append(time.monotonic())
        if self.keep:
            self.bodies.append(body.decode())

    def told(self, control: str, query: dict[str, str]) -> Any:
        if control == "reset":
            self.reset(**query)
        elif control == "times":
            return self.times
        elif control == "bodies":
            return list(zip(self.times, self.bodies, strict=False))
        return {
            "arrivals": len(self.times),
            "first": self.times[0] if self.times else None,
            "last": self.times[-1] if self.times else None,
        }


class _Connection(asyncio.Protocol):
    """Reads requests one after another; nobody here pipelines."""

    def __init__(self, arrivals: _Arrivals, later: Callable[..., Any]) -> None:
        self._arrivals = arrivals
        self._later = later
        self._buffer = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        head_end = self._buffer.find(b"\r\n\r\n")
        if head_end < 0:
            return
        at = self._buffer.lower().find(b"\r\ncontent-length:", 0, head_end)
        length = int(self._buffer[at + 17 : self._buffer.find(b"\r\n", at + 17)]) if at >= 0 else 0
        if len(self._buffer) < head_end + 4 + length:
            return
        request, self._buffer = self._buffer, b""
        self._serve(request, request[head_end + 4 :])

    def _serve(self, request: bytes, body: bytes) -> None:
        path = request[: request.find(b"\r\n")].split(b" ")[1]
        if path.startswith(b"/_sink/"):
            control, _, query = path.decode().removeprefix("/_sink/").partition("?")
            told = self._arrivals.told(control, dict(parse_qsl(query)))
            self._write(_response(json.dumps(told).encode()))
        elif request.startswith(b"POST"):
            self._arrivals.note(body)
            self._answer(_EVENT_ANSWER)
        else:  # a look-up: there is a customer of every phone and e-mail
            self._answer(_CUSTOMER_ANSWER)

    def _answer(self, answer: bytes) -> None:
        if self._arrivals.delay_s:
            self._later(self._arrivals.delay_s, self._write, answer)
        else:
            self._transport.write(answer)

    def _write(self, answer: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(answer)


class Sink:
    """The controls of a sink that runs."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def close(self) -> None:
        self._connection.close()

    def reset(self, *, delay_ms: int = 0, keep: bool = False) -> None:
        self._ask(f"reset?delay_ms={delay_ms}{'&keep=1' if keep else ''}")

    def count(self) -> int:
        return int(self._ask("stats")["arrivals"])

    def wait_for(self, count: int, within_s: float) -> int:
        """Until so many have arrived, or for so long; how many have."""
        give_up_at = time.monotonic() + within_s
        while (arrived := self.count()) < count and time.monotonic() < give_up_at:
            time.sleep(0.05)
        return arrived

    def times(self) -> list[float]:
        """When each arrived, by the clock that `time.monotonic` reads in every process here."""
        found: list[float] = self._ask("times")
        return found

    def bodies(self) -> list[tuple[float, str]]:
        """When each arrived, and what; only after a reset with `keep`."""
        return [(at, body) for at, body in self._ask("bodies")]

    def _ask(self, control: str) -> Any:
        self._connection.request("GET", f"/_sink/{control}")
        return json.loads(self._connection.getresponse().read())


async def _serve(port: int) -> None:
    loop = asyncio.get_running_loop()
    arrivals = _Arrivals()
    server = await loop.create_server(
        lambda: _Connection(arrivals, loop.call_later), "127.0.0.1", port, backlog=1024
    )
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
