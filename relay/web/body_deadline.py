"""An end to slow bodies: a sender that trickles must not keep a thread from the others.

gunicorn's threads wait for a body as long as it trickles. One watcher per process shuts the
reading side of a connection whose time is over; the read then ends as a body cut short.
"""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

# Shopify gives a whole delivery five seconds; Mercado Libre half a one.
BODY_WITHIN_S: Final = 5.0
_LOOK_EVERY_S: Final = 0.5

_ends_at: Final[dict[socket.socket, float]] = {}
_start_once: Final = threading.Lock()
_watcher: threading.Thread | None = None


@contextlib.contextmanager
def body_read_deadline(
    environ: Mapping[str, Any], within_s: float = BODY_WITHIN_S
) -> Iterator[None]:
    """The body of the request is being read; servers that do not show their socket go unwatched."""
    connection = environ.get("gunicorn.socket")
    if connection is None:
        yield
        return
    _start()
    _ends_at[connection] = time.monotonic() + within_s
    try:
        yield
    finally:
        _ends_at.pop(connection, None)


def _start() -> None:
    """After the fork: a thread does not come along."""
    global _watcher  # noqa: PLW0603  one a process
    with _start_once:
        if _watcher is None or not _watcher.is_alive():
            _watcher = threading.Thread(target=_watch, name="body-deadline", daemon=True)
            _watcher.start()


def _watch() -> None:
    while True:
        time.sleep(_LOOK_EVERY_S)
        now = time.monotonic()
        for connection, ends_at in list(_ends_at.items()):
            if ends_at < now:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RD)
