"""Redis away: how long to wait for it, and to try again until it is back."""

import logging
import time
from collections.abc import Callable
from typing import Final

from redis import RedisError

FIRST_WAIT_S: Final = 0.1
LONGEST_WAIT_S: Final = 2.0

_LOG: Final = logging.getLogger("rq.worker")


def retry_while_disconnected(
    step: Callable[[], None],
    *,
    given_up: Callable[[], bool],
    wait: Callable[[float], object] = time.sleep,
) -> bool:
    """Take a step as often as Redis fails it; False if given up first."""
    wait_s = FIRST_WAIT_S
    while True:
        try:
            step()
        except RedisError as error:
            if given_up():
                return False
            _LOG.warning("Redis is away: %s", type(error).__name__)
            wait(wait_s)
            wait_s = min(wait_s * 2, LONGEST_WAIT_S)
        else:
            return True
