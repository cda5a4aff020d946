"""Writes down how jobs ended, in batches: what ends during one write goes into the next."""

import logging
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from redis import ConnectionError as AwayError, RedisError, TimeoutError as SlowError

from worker.concurrent.bell import Alarm
from worker.concurrent.run import ExcInfo, Run

_LOG: Final = logging.getLogger("rq.worker")
_BATCH_MAX: Final = 200
_GATHER_S: Final = 0.003
_FIRST_WAIT_S: Final = 0.05
_LONGEST_WAIT_S: Final = 2.0


class Books:
    """A thread that calls `write` with runs that have ended, until it has worked.

    While the worker is `busy` it lets a few more end before it writes.

    Redis may be away for as long as it likes: nothing that has ended is forgotten meanwhile. A run
    that cannot be written for another reason is `spoiled`.
    """

    def __init__(
        self,
        write: Callable[[Sequence[Run]], None],
        spoiled: Callable[[Run, ExcInfo], None],
        alarm: Alarm,
        busy: Callable[[], bool],
    ) -> None:
        self._write = write
        self._spoiled = spoiled
        self._alarm = alarm
        self._busy = busy
        self._ended: deque[Run] = deque()
        self._changed = threading.Condition()
        self._over = False
        threading.Thread(target=self._serve, name="books", daemon=True).start()

    def add(self, run: Run) -> None:
        with self._changed:
            self._ended.append(run)
            self._changed.notify()

    def close(self) -> None:
        """End, written or not."""
        with self._changed:
            self._over = True
            self._changed.notify()

    def _serve(self) -> None:
        while batch := self._next():
            wait_s = _FIRST_WAIT_S
            while (batch := self._left_of(batch)) and not self._over:
                time.sleep(wait_s)
                wait_s = min(wait_s * 2, _LONGEST_WAIT_S)
            self._alarm.ring()

    def _next(self) -> Sequence[Run]:
        with self._changed:
            while not self._ended:
                if self._over:
                    return []
                self._changed.wait()
        if self._busy():
            time.sleep(_GATHER_S)  # more will end in a moment
        with self._changed:
            return [self._ended.popleft() for _ in range(min(len(self._ended), _BATCH_MAX))]

    def _left_of(self, batch: Sequence[Run]) -> Sequence[Run]:
        """Write; what is to be tried again."""
        left: Sequence[Run] = []
        try:
            self._write(batch)
        except (AwayError, SlowError):
            left = batch
        except Exception:  # noqa: BLE001  Redis is full and refuses all, or one of them is odd
            left = [run for run in batch if not self._alone(run)]
        if left:
            _LOG.warning("%d ends not written yet", len(left))
        return left

    def _alone(self, run: Run) -> bool:
        """Whether a run of a refused batch is dealt with by itself."""
        try:
            self._write([run])
        except RedisError:
            return False
        except Exception:  # noqa: BLE001  told as the failure of the job
            self._spoiled(run, sys.exc_info())
        return True
