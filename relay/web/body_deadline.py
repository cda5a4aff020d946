"""A deadline for request bodies, so that slow senders cannot occupy all threads.

gunicorn does not limit the time that a body takes: one that arrives byte by byte occupies a thread
until its end. One watcher thread per process shuts down the receiving side of a socket past its
deadline; the read then ends like that of a body cut short. Slow request heads are not covered: they
need a buffering proxy in front.
"""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

# Shopify allows five seconds for the whole request, Mercado Libre half a second.
BODY_WITHIN_S: Final = 5.0
_CHECK_EVERY_S: Final = 0.5

_deadlines: Final[dict[socket.socket, float]] = {}
_start_lock: Final = threading.Lock()
_watcher: threading.Thread | None = None


@contextlib.contextmanager
def body_read_deadline(
    environ: Mapping[str, Any], within_s: float = BODY_WITHIN_S
) -> Iterator[None]:
    """Limit the time of the reads inside the block to `within_s`.

    No limit applies where the server does not pass its socket (only gunicorn does).
    """
    connection = environ.get("gunicorn.socket")
    if connection is None:
        yield
        return
    _start()
    _deadlines[connection] = time.monotonic() + within_s
    try:
        yield
    finally:
        _deadlines.pop(connection, None)


def _start() -> None:
    """Start the watcher on first use: threads do not survive gunicorn's fork."""
    global _watcher  # noqa: PLW0603  one per process
    with _start_lock:
        if _watcher is None or not _watcher.is_alive():
            _watcher = threading.Thread(target=_watch, name="body-deadline", daemon=True)
            _watcher.start()


def _watch() -> None:
    while True:
        time.sleep(_CHECK_EVERY_S)
        now = time.monotonic()
        for connection, deadline in list(_deadlines.items()):
            if deadline < now:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RD)
