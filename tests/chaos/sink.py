"""What Mercately is in a run: a process that records events and fails some requests on purpose.

`python -m tests.chaos.sink SEED FILE` prints its port. FILE gets a line of JSON when a request
has come whole, which is the moment a recording is made, and another when it has been answered
or its connection is gone.
"""

import asyncio
import json
import re
import socket
import struct
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final, TextIO

from tests.chaos.model import READ_TIMEOUT_S, RESET_AFTER
from tests.chaos.plan import treatment

_ROUTE: Final = re.compile(rb"POST /retailers/api/v1/customers/([^/ ]+)/events ")
_LENGTH: Final = re.compile(rb"(?im)^content-length: *(\d+)")
_AGENT: Final = re.compile(rb"(?im)^user-agent: *(\S+)")
# Longer than the worker waits for an answer.
_HANG_S: Final = 2 * READ_TIMEOUT_S
_CLOSE_WITH_RESET: Final = struct.pack("ii", 1, 0)
_RECORDED: Final = {"messages": "Customer event created successfully"}
_CRASHED: Final = {"message": "undefined method `each' for nil:NilClass", "info": {"data": {}}}
_UNKNOWN: Final = {"message": "Not found"}


class Sink:
    """Answers over connections that stay open."""

    def __init__(self, seed: int, log: TextIO) -> None:
        self._seed = seed
        self._log = log
        self._times: Counter[int] = Counter()
        self._requests = 0

    async def serve(self) -> None:
        """Serve until the process is ended."""
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0, backlog=256)
        print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201  told to the parent
        await server.serve_forever()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = _LENGTH.search(head)
                body = await reader.readexactly(int(length[1]) if length else 0)
                if not await self._answered(head, body, writer):
                    return
        except (asyncio.IncompleteReadError, OSError):
            pass  # the other side has gone
        finally:
            writer.transport.abort()

    async def _answered(self, head: bytes, body: bytes, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection stays open."""
        route = _ROUTE.match(head)
        if route is None:
            return await _answer(writer, 404, _UNKNOWN)
        number = int(json.loads(body)["notes"])
        self._times[number] += 1
        fault, after_s = treatment(self._seed, number, self._times[number])
        agent = _AGENT.search(head)
        self._requests += 1
        request = self._requests
        self._write(
            id=request,
            number=number,
            customer=route[1].decode(),
            worker=agent[1].decode() if agent else "",
            at=time.monotonic(),
            fault=fault,
        )
        try:
            await asyncio.sleep(_HANG_S if fault == "hang_before_recording" else after_s)
            if fault == "answer_500":
                return await _answer(writer, 500, _CRASHED)
            if fault in (RESET_AFTER, "reset_before_recording"):
                _reset(writer)
            if fault:
                return False
            return await _answer(writer, 200, _RECORDED)
        finally:
            self._write(id=request, answered_at=time.monotonic())

    def _write(self, **fields: Any) -> None:
        self._log.write(json.dumps(fields) + "\n")


async def _answer(writer: asyncio.StreamWriter, status: int, body: dict[str, Any]) -> bool:
    content = json.dumps(body).encode()
    head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: "
    writer.write(f"{head}{len(content)}\r\n\r\n".encode() + content)
    await writer.drain()
    return True


def _reset(writer: asyncio.StreamWriter) -> None:
    """Have the connection end with a reset and not politely."""
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _CLOSE_WITH_RESET)


def main() -> None:
    seed, file = sys.argv[1:]
    # By the line: nothing is lost of it when the process is killed.
    with Path(file).open("a", buffering=1) as log:
        asyncio.run(Sink(int(seed), log).serve())


if __name__ == "__main__":
    main()
