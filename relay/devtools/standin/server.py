"""The stand-in on a socket: `StandinServer` beside a test, `serve` as a process of its own."""

import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from typing import Any, Self

from flask import Response
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from relay.devtools.standin.state import Standin
from relay.devtools.standin.web import create_app


class _Handler(WSGIRequestHandler):
    """Keeps connections open between requests, which werkzeug's own never does, and logs nothing.

    Paths hold phone numbers and e-mail addresses.
    """

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two writes; the second must not wait

    def run_wsgi(self) -> None:
        environ = self.make_environ()
        # The whole body is read here: what is left over would be taken for the next request.
        if "wsgi.input_terminated" in environ:
            sent = environ["wsgi.input"].read()
        else:
            length = environ.get("CONTENT_LENGTH", "0")
            sent = self.rfile.read(int(length) if length.isdecimal() else 0)
        environ |= {"wsgi.input": BytesIO(sent), "CONTENT_LENGTH": str(len(sent))}
        response = Response.from_app(self.server.app, environ, buffered=True)
        self.send_response(response.status_code)
        for name, value in response.headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(response.get_data())

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 the base's name
        pass


class _Server(ThreadedWSGIServer):
    """Closes the connections it has open when it closes, so that nothing waits for a client."""

    block_on_close = False

    def __init__(self, host: str, port: int, standin: Standin) -> None:
        self._standin = standin
        self._open: set[Any] = set()
        super().__init__(host, port, create_app(standin), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        # No shutdown before the close: it would turn a reset into a polite end.
        self._open.discard(request)
        self.close_request(request)

    def server_close(self) -> None:
        super().server_close()
        self._standin.stopping.set()
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class StandinServer:
    """Serves a stand-in on loopback from a background thread until `close`, or as a context.

    `port` 0 takes any free one; `url` is the server root, without a trailing slash.
    """

    def __init__(self, standin: Standin | None = None, *, port: int = 0) -> None:
        self.standin = standin or Standin()
        self.standin.stopping.clear()
        self._server = _Server("127.0.0.1", port, self.standin)
        self.url = f"http://127.0.0.1:{self._server.port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.005}, daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop listening and end every open connection; may be called again."""
        self._server.shutdown()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def serve(host: str, port: int, standin: Standin) -> None:
    """Serve a stand-in until SIGINT or, in the main thread, SIGTERM."""
    standin.stopping.clear()
    server = _Server(host, port, standin)
    with _ended_by_sigterm(server):
        server.serve_forever()


@contextmanager
def _ended_by_sigterm(server: _Server) -> Iterator[None]:
    """Left alone, SIGTERM would kill at once or, for process 1, do nothing."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set a handler
        return

    def stop(*_: object) -> None:
        # Not from here: shutdown waits for the loop that this interrupts.
        threading.Thread(target=server.shutdown, daemon=True).start()

    previous = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
