"""Waiting for Redis: the one retry loop of every part of the worker."""

import logging
import math
from collections.abc import Callable
from typing import Final

from redis import RedisError
from redis.backoff import ExponentialWithJitterBackoff
from redis.retry import Retry

LONGEST_WAIT_S: Final = 2.0
_FIRST_WAIT_S: Final = 0.1
_FOR_EVER: Final = -1

_LOG: Final = logging.getLogger("rq.worker")


class Abandoned(Exception):
    """Retrying was given up before a step succeeded."""


class _Backoff(ExponentialWithJitterBackoff):
    """redis-py's own loses its jitter at the cap, and overflows after a thousand failures."""

    def __init__(self, cap: float, base: float) -> None:
        super().__init__(cap, base)
        self._doublings_max = max(1, math.ceil(math.log2(cap / base)))

    def compute(self, failures: int) -> float:
        return super().compute(min(failures, self._doublings_max))


def report(error: Exception) -> None:
    """Log an error of work that will be tried again; one of Redis without its traceback."""
    if isinstance(error, RedisError):
        _LOG.warning("Waiting for Redis: %s", type(error).__name__)
    else:
        _LOG.error("Failed, to be tried again", exc_info=error)


def report_bug(error: Exception) -> None:
    """The same for work whose errors of Redis others report already."""
    if not isinstance(error, RedisError):
        report(error)


def retry_while_disconnected(
    step: Callable[[], object],
    *,
    abandon: Callable[[], bool] = lambda: False,
    on_error: Callable[[Exception], object] = report,
    errors: tuple[type[Exception], ...] = (RedisError,),
    longest_wait_s: float = LONGEST_WAIT_S,
) -> bool:
    """Call `step` until it raises none of `errors`; False if `abandon` said so after a failure.

    Waits between calls grow from about 0.1 s to `longest_wait_s`, with jitter. They are not cut
    short: whoever abandons waits for as long as one of them.
    """

    def on_failure(error: Exception) -> None:
        on_error(error)
        if abandon():
            raise Abandoned from error

    backoff = _Backoff(cap=longest_wait_s, base=_FIRST_WAIT_S)
    try:
        Retry(backoff, _FOR_EVER, errors).call_with_retry(step, on_failure)
    except Abandoned:
        return False
    return True
