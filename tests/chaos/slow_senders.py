"""Senders beside that never come to the point: half a head, or nothing at all, all through a run.

Each connection that web closes is opened again. They run in a thread of their own, and stop nobody:
what they hold is neither a process of web's nor a thread.
"""

import selectors
import socket
import threading
import time
from typing import Final, Self

_HALF_A_HEAD: Final = b"POST /webhooks/chaos HTTP/1.1\r\nHost: relay\r\nContent-Len"
HALF: Final = 100
SILENT: Final = 100
_AGAIN_AFTER_S: Final = 0.1
_LOOK_EVERY_S: Final = 0.05


class SlowSenders:
    """`most_open` is how many were open at a time, `opened` how many in all."""

    def __init__(self, port: int) -> None:
        self.most_open = self.opened = 0
        self._address = ("127.0.0.1", port)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def held(self) -> bool:
        """Whether all of them were there at a time."""
        return self.most_open == HALF + SILENT

    def __str__(self) -> str:
        return (
            f"beside: {HALF} half-sent heads and {SILENT} silent connections all the time, "
            f"{self.opened} in all"
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        waiting = [(0.0, _HALF_A_HEAD)] * HALF + [(0.0, b"")] * SILENT
        with selectors.DefaultSelector() as selector:
            while not self._stopping.is_set():
                now = time.monotonic()
                due = [one for one in waiting if one[0] <= now]
                waiting = [one for one in waiting if one[0] > now]
                for _, said in due:
                    if connection := self._open(said):
                        selector.register(connection, selectors.EVENT_READ, said)
                    else:
                        waiting.append((now + _AGAIN_AFTER_S, said))
                self.most_open = max(self.most_open, len(selector.get_map()))
                for key, _ in selector.select(_LOOK_EVERY_S):
                    if _is_closed(key.fileobj):  # type: ignore[arg-type]  # sockets alone are registered
                        selector.unregister(key.fileobj)
                        waiting.append((time.monotonic() + _AGAIN_AFTER_S, key.data))
            for key in list(selector.get_map().values()):
                key.fileobj.close()  # type: ignore[union-attr]

    def _open(self, said: bytes) -> socket.socket | None:
        """A connection that has said so much; None while web is away."""
        connection = socket.socket()
        connection.settimeout(1.0)
        try:
            connection.connect(self._address)
            connection.sendall(said)
        except OSError:
            connection.close()
            return None
        connection.setblocking(False)
        self.opened += 1
        return connection


def _is_closed(connection: socket.socket) -> bool:
    """Whether the other side has ended it; what it says is thrown away."""
    try:
        if connection.recv(65_536):
            return False
    except BlockingIOError:
        return False
    except OSError:
        pass
    connection.close()
    return True
