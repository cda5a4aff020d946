"""Notices that Redis has lost data: FLUSHALL, an older file restored, a fail-over that was behind.

Each process remembers which generation of the data it has seen, and how far that had come: the
items counted at accept and the marks of workers only ever grow. Whoever sees less than before says
so in the log, and leaves a notice that `/readyz` and `doctor` show for a week.
"""

import json
import threading
import time
import uuid
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

import structlog
from redis import Redis, ResponseError

from relay.store.keys import COUNTS

_LOG: Final = structlog.get_logger()
# Hash: `id`, made by the first worker, and `marks`, which workers raise.
GENERATION: Final = "relay:generation"
# The latest notice, JSON.
DATA_LOST: Final = "relay:data_lost"
_SHOWN_S: Final = 7 * 24 * 3600
_CHECK_EVERY_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class DataLost:
    """`vanished`: the data are gone or are others; `went_back`: an earlier state of the same.

    What was lost was written before `noticed_at`; at `last_seen` the data were whole. Items are
    what had been counted at accept, of all sources, before and after.
    """

    how: Literal["vanished", "went_back"]
    last_seen: str
    noticed_at: str
    items_before: int
    items_now: int


@dataclass(frozen=True, slots=True)
class _Seen:
    generation: str
    marks: int
    items: int
    at: float


class GenerationWatch:
    """One process's view. Safe to share between threads."""

    def __init__(self, redis: Redis, *, check_every_s: float = _CHECK_EVERY_S) -> None:
        self._redis = redis
        self._check_every_s = check_every_s
        self._checked_at = float("-inf")
        self._seen: _Seen | None = None
        self._lock = threading.Lock()

    def check(self, *, mark: bool = False) -> DataLost | None:
        """Compare with what was seen before, at most every `check_every_s`; two round trips.

        Workers `mark`, which writes; whoever does not only reads, unless data are lost.

        Raises:
            RedisError: Redis does not answer.
        """
        if self._is_recent() or not self._lock.acquire(blocking=False):
            return None
        try:
            if self._is_recent():  # another thread may have compared meanwhile
                return None
            lost = self._compare(self._read())
            if lost:
                _LOG.error("redis.data_lost", **asdict(lost))
                with suppress(ResponseError):  # it is full, say: the log has it
                    self._redis.set(DATA_LOST, json.dumps(asdict(lost)), ex=_SHOWN_S)
            if mark:
                with suppress(ResponseError):  # same: what matters has to go on
                    self._mark()
            self._checked_at = time.monotonic()
            return lost
        finally:
            self._lock.release()

    def _is_recent(self) -> bool:
        return time.monotonic() - self._checked_at < self._check_every_s

    def _read(self) -> _Seen:
        with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.hmget(GENERATION, "id", "marks")
            pipeline.hvals(COUNTS)
            found: Any = pipeline.execute()
        (generation, marks), counts = found
        name = generation.decode() if generation else ""
        return _Seen(name, int(marks or 0), sum(map(int, counts)), time.time())

    def _compare(self, now: _Seen) -> DataLost | None:
        """What was lost since the last look, which this one takes the place of."""
        before, self._seen = self._seen, now
        if before is None:
            return None
        how: Literal["vanished", "went_back"]
        if before.generation != now.generation and before.generation:
            how = "vanished"
        elif now.items < before.items or now.marks < before.marks:
            how = "went_back" if now.items or now.marks else "vanished"
        else:
            return None
        return DataLost(how, _iso(before.at), _iso(now.at), before.items, now.items)

    def _mark(self) -> None:
        with self._redis.pipeline() as pipeline:
            pipeline.hsetnx(GENERATION, "id", uuid.uuid4().hex)
            pipeline.hincrby(GENERATION, "marks", 1)
            pipeline.hget(GENERATION, "id")
            _, marks, generation = pipeline.execute()
        if self._seen:
            self._seen = _Seen(generation.decode(), marks, self._seen.items, self._seen.at)


def latest_notice(redis: Redis) -> DataLost | None:
    """What was noticed last, in the past week, by any process.

    Raises:
        RedisError: it cannot be asked.
    """
    text: Any = redis.get(DATA_LOST)
    return DataLost(**json.loads(text)) if text else None


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
