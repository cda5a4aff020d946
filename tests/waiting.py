"""Waiting in tests: for an event, never for a length of time."""

import time
from collections.abc import Callable
from typing import Any

# So long that only a test that would never pass gets there, whatever else the machine is doing.
LONG_S = 60.0


def eventually(condition: Callable[[], Any], within_s: float = LONG_S) -> Any:
    """The condition's value as soon as it is true, else its last."""
    give_up_at = time.monotonic() + within_s
    while not (value := condition()) and time.monotonic() < give_up_at:
        time.sleep(0.01)
    return value
