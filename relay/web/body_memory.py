"""How much of the bodies of requests is in memory at a time.

A body is read before it is known who sent it, so a crowd of large ones must not fill the memory.
"""

import threading
from collections.abc import Callable
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

    def share(self) -> "_Share":
        """What takes bytes for one request, which has them until the block ends."""
        return _Share(self)

    def take(self, count: int) -> None:
        """
        Raises:
            NotStored: `large_bodies`, when there are not as many left.
        """
        with self._lock:
            if count > self._left:
                raise NotStored("large_bodies")
            self._left -= count

    def give_back(self, count: int) -> None:
        with self._lock:
            self._left += count


class _Share:
    """The bytes that one request has taken."""

    __slots__ = ("_memory", "_taken")

    def __init__(self, memory: BodyMemory) -> None:
        self._memory = memory
        self._taken = 0

    def __enter__(self) -> Callable[[int], None]:
        return self._take

    def __exit__(self, *_: object) -> None:
        if self._taken:
            self._memory.give_back(self._taken)

    def _take(self, count: int) -> None:
        self._memory.take(count)
        self._taken += count
