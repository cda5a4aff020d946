"""Ports for servers that tests start."""

import itertools
import os
import socket
from typing import Final

# Below those that Linux gives to clients: what connects meanwhile, here or in a test beside this
# one, cannot get one that was found free and is not listened on yet.
_FIRST: Final = 20_000
_COUNT: Final = 12_000
# Processes begin far apart, so that two of them do not find the same one at the same time.
_offsets: Final = itertools.count(os.getpid() * 97)


def free_port() -> int:
    """A port of the loopback interface that nobody listens on.

    Raises:
        RuntimeError: there is none.
    """
    for offset in itertools.islice(_offsets, _COUNT):
        port = _FIRST + offset % _COUNT
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise RuntimeError("no port is free")
