"""gunicorn's gevent worker: connections shared out evenly, and one write for a whole answer."""

import re
import time
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from typing import Any, Final

from gevent.server import StreamServer
from gunicorn.workers.ggevent import GeventWorker

from relay.turns import Turns, in_turns
from relay.web.body_deadline import BODY_WITHIN_S, body_read_deadline
from relay.web.problems import problem

# After a connection, until the next one: long enough for an idle process to take it, and short
# beside what a request costs.
_PAUSE_S: Final = 0.0005
_STATUS_LINE: Final = re.compile(rb"HTTP/1\.1 (\d{3}) ")
# Answers are smaller; a larger one goes out in parts, so that it is not in memory twice.
_HELD_BYTES: Final = 64 * 1024
_DISCARDED_BYTES: Final = 4 * 1024


class EvenServer(StreamServer):
    """Leaves the next connection to the other processes for a moment.

    All wait at one listener, and a sender keeps its connections: the process that was awake when
    they came would have them all, and the other cores nothing to do.
    """

    max_accept = 1

    def do_handle(self, *args: Any) -> None:
        super().do_handle(*args)
        self.stop_accepting()
        self._timer = self.loop.timer(_PAUSE_S)
        self._timer.start(self._start_accepting_if_started)  # type: ignore[attr-defined,call-arg]  # absent from the stubs


class AnswerSocket:
    """A connection that keeps what is written until `flush`; all else is the connection's own."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._written = bytearray()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def sendall(self, data: bytes) -> None:
        self._written += data
        if len(self._written) > _HELD_BYTES:
            self.flush()

    def take(self) -> bytes:
        """What was written and is not to be sent."""
        data, self._written = bytes(self._written), bytearray()
        return data

    def flush(self) -> None:
        if self._written:
            data, self._written = self._written, bytearray()
            self._connection.sendall(data)


class RelayGeventWorker(GeventWorker):  # type: ignore[misc]  # gunicorn ships no types
    """One process of the web server."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._turns = Turns()

    def init_process(self) -> None:
        # gunicorn looks each setting up in two steps, thirty times a request.
        self.cfg.__dict__.update({name: each.get() for name, each in self.cfg.settings.items()})
        super().init_process()

    def server_class(self, listener: Any, *, spawn: Any, **_options: Any) -> EvenServer:
        """What accepts connections; called as the class that gunicorn lets a subclass name."""
        return EvenServer(listener, handle=partial(self.handle, listener), spawn=spawn)

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> None:
        """Answer in one write: gunicorn writes head and body apart, at twice the cost."""
        answer = AnswerSocket(sock)
        try:
            super().handle_request(listener_name, req, answer, addr)
        except StopIteration:  # answered, and the connection is to be closed
            answer.flush()
            raise
        answer.flush()
        if not _discard_rest(req.body):
            raise StopIteration
        self._turns.give()  # the next request may be there already, and the one behind it

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer a request that is no HTTP with gunicorn's status, and without its words: they are
        HTML and may quote a secret path.
        """
        answer = AnswerSocket(client)
        super().handle_error(req, answer, addr, exc)
        if status := _STATUS_LINE.match(answer.take()):
            with suppress(OSError):  # it is gone
                client.sendall(_problem(HTTPStatus(int(status[1]))))


def _discard_rest(body: Any) -> bool:
    """Read what nobody has read of a body, behind which the next request is.

    False when it is too slow or broken, so that the connection has to be closed.
    """
    if body.failed:
        return False
    if getattr(body.reader, "length", None) == 0:  # nearly always
        return True
    give_up_at = time.monotonic() + BODY_WITHIN_S
    try:
        with body_read_deadline():
            for _part in in_turns(iter(lambda: body.read(_DISCARDED_BYTES), b"")):
                if time.monotonic() > give_up_at:
                    return False
    except Exception:  # noqa: BLE001  gone, too slow, or no HTTP: gunicorn has many for that
        return False
    return True


def _problem(status: HTTPStatus) -> bytes:
    """A whole response, after which the connection is closed."""
    reason = status.phrase.lower().replace(" ", "_")
    body: bytes = problem(reason, status.value, title=status.phrase).get_data()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nConnection: close\r\n"
        "Content-Type: application/problem+json\r\nCache-Control: no-store\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
