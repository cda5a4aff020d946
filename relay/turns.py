"""Turns on the one core of a process: a batch of thousands must not keep other requests waiting."""

import time
from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

_TURN_S: Final = 0.02
_PAUSE_S: Final = 1e-6

_T = TypeVar("_T")


class Turns:
    """Lets other greenlets run, once 20 ms are used up; a read that need not wait lets none run."""

    def __init__(self) -> None:
        self._ends_at = time.monotonic() + _TURN_S

    def give(self) -> None:
        if time.monotonic() > self._ends_at:
            # gevent's in web and worker. For no time at all, its loop would not look at sockets.
            time.sleep(_PAUSE_S)
            self._ends_at = time.monotonic() + _TURN_S


def in_turns(items: Iterable[_T]) -> Iterator[_T]:
    """The items; between two of them other greenlets run, see `Turns`."""
    turns = Turns()
    for item in items:
        turns.give()
        yield item
