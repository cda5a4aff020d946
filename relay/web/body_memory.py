"""How much of the bodies of requests is in memory at a time.

A body is read before it is known who sent it, so a crowd of large ones must not fill the memory.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from relay.errors import NotStored

# Of all requests of a process.
BYTES_MAX: Final = 64 * 1024**2
# What of a body is not counted: the webhooks of nearly all platforms are smaller, and go on.
FREE_BYTES: Final = 64 * 1024


class BodyMemory:
    """The bytes that bodies may still take; one per process, shared by its requests."""

    def __init__(self) -> None:
        self._left = BYTES_MAX
        self._lock = threading.Lock()

    @contextmanager
    def share(self) -> Iterator[Callable[[int], None]]:
        """What takes bytes for one request, which has them until the block ends.

        It raises `NotStored` (`large_bodies`) when there are not as many left.
        """
        taken = 0

        def take(count: int) -> None:
            nonlocal taken
            with self._lock:
                if count > self._left:
                    raise NotStored("large_bodies")
                self._left -= count
            taken += count

        try:
            yield take
        finally:
            if taken:
                with self._lock:
                    self._left += taken
