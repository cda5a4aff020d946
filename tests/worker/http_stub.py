"""A server that answers what it is told to, byte for byte, and keeps what it was sent."""

import os
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Self

Answer = bytes | Callable[[socket.socket], bool]


def answer(status: int = 200, body: bytes = b"{}", **headers: str) -> bytes:
    """An HTTP answer; header names are written with `_` for `-`."""
    lines = {"Content-Type": "application/json", "Content-Length": str(len(body))}
    lines |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status} Reason\r\n{head}\r\n".encode() + body


def reset(connection: socket.socket) -> bool:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def hang_up(connection: socket.socket) -> bool:
    return False


def say_nothing(connection: socket.socket) -> bool:
    """Wait until the client gives up."""
    with suppress(OSError):
        connection.recv(1)
    return False


def drip(connection: socket.socket) -> bool:
    """A head that takes minutes, each byte of which comes in time."""
    with suppress(OSError):
        for byte in b"HTTP/1.1 200 OK\r\nX: " + b"x" * 10_000:
            connection.sendall(bytes([byte]))
            time.sleep(0.02)
    return False


def break_tls(connection: socket.socket) -> bool:
    """Say what is not TLS on a connection that is."""
    with socket.socket(fileno=os.dup(connection.fileno())) as bare:
        bare.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
    return False


class Request:
    """One request as it came over the wire."""

    def __init__(self, head: str, body: bytes) -> None:
        line, *rows = head.split("\r\n")
        self.method, self.path, _ = line.split(" ")
        pairs = (row.partition(":") for row in rows if row)
        self.headers = {name.lower(): value.strip() for name, _, value in pairs}
        self.body = body


class HttpStub:
    """Listens on loopback; the last of the answers is given to everything that follows.

    `greeting` is said before anything is asked, as no web server does. With `tls` it speaks that.
    """

    def __init__(
        self, *answers: Answer, greeting: bytes = b"", tls: ssl.SSLContext | None = None
    ) -> None:
        self._greeting = greeting
        self._tls = tls
        self._answers = list(answers) or [answer()]
        self.requests: list[Request] = []
        self.connections = 0
        self._open: set[socket.socket] = set()
        self._socket = socket.create_server(("127.0.0.1", 0))
        protocol = "https" if tls else "http"
        self.url = f"{protocol}://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    @property
    def paths(self) -> list[str]:
        """What was asked for, below the root of the API."""
        return [request.path.removeprefix("/retailers/api/v1") for request in self.requests]

    def answers(self, *answers: Answer) -> None:
        """Give these from now on."""
        self._answers = list(answers)

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            self._open.add(connection)
            threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError):
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
        with connection, suppress(OSError):
            connection.sendall(self._greeting)
            while (request := _read(connection)) is not None:
                self.requests.append(request)
                given = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
                if isinstance(given, bytes):
                    connection.sendall(given)
                elif not given(connection):
                    break
        self._open.discard(connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def _read(connection: socket.socket) -> Request | None:
    data = b""
    while b"\r\n\r\n" not in data:
        if not (part := connection.recv(65536)):
            return None
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    request = Request(head.decode("latin-1"), body)
    length = int(request.headers.get("content-length", "0"))
    while len(request.body) < length:
        if not (part := connection.recv(65536)):
            return None
        request.body += part
    return request


@contextmanager
def refusing_port() -> Iterator[str]:
    """A server root at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and never listening: refused, and no one else's
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@contextmanager
def unreachable_port() -> Iterator[str]:
    """A server root that does not even shake hands: its queue of connections is full."""
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        for one in (first, second):
            one.setblocking(False)
            one.connect_ex(address)
        yield f"http://127.0.0.1:{address[1]}"
