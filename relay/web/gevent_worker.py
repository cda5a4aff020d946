"""gunicorn's gevent worker, with one write for a whole answer.

gunicorn writes head and body apart: two packets, and two times the cost of a write, which is a
tenth of what an accept costs.
"""

from typing import Any, Final

from gunicorn.workers.ggevent import GeventWorker

# Answers are smaller; a larger one goes out in parts, so that it is not in memory twice.
_HELD_BYTES: Final = 64 * 1024


class _AnswerSocket:
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

    def flush(self) -> None:
        if self._written:
            data, self._written = self._written, bytearray()
            self._connection.sendall(data)


class RelayGeventWorker(GeventWorker):  # type: ignore[misc]  # gunicorn ships no types
    """Sends each answer in one write."""

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> None:
        answer = _AnswerSocket(sock)
        try:
            super().handle_request(listener_name, req, answer, addr)
        except StopIteration:  # answered, and the connection is to be closed
            answer.flush()
            raise
        answer.flush()
