"""Records that await a look-up which somebody makes: a queue with a visibility time-out.

`relay:lookups` is a sorted set of record ids by when their look-up is due. Who takes one puts it
off for as long as a look-up may take; once what was found is stored (`JobStore.accept`), or it was
given up, it is in the set no more.
"""

import json
import time
from collections.abc import Iterable
from typing import Any, Final, cast

from redis import Redis

from relay.model import State
from relay.store import lua
from relay.store.clock import redis_time
from relay.store.keys import LOOKUPS, list_key, record_key
from relay.store.record import Record

# Longer than a look-up can take.
VISIBLE_AFTER_S: Final = 180.0
_LOG_MAX_BYTES: Final = 16_384
_PAGE: Final = 500
# How long a busy source's look-ups are put off, and how many of them in one step.
BUSY_S: Final = 5.0
_SEEN_MAX: Final = 500


class LookupQueue:
    """The look-ups that are due. Safe to share between threads and greenlets."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._claim = redis.register_script(lua.script("clock", "claim_lookups"))
        self._failed = redis.register_script(lua.script("clock", "lists", "lookup_failed"))
        self._slot = redis.register_script(lua.script("clock", "api_slot"))

    def claim(self, limit: int, busy: Iterable[str] = ()) -> list[str]:
        """Ids of records whose look-up is due; others get them when they are not done in time.

        Those of the sources in `busy` are not among them, and due again a little later.
        """
        args: list[str | float] = [limit, VISIBLE_AFTER_S, BUSY_S, _SEEN_MAX, *busy]
        ids: Any = self._claim(keys=[LOOKUPS], args=args)
        return [record_id.decode() for record_id in ids]

    def postpone(self, record_id: str, delay_s: float) -> None:
        """Make a look-up due in `delay_s`; that is no attempt."""
        self._redis.zadd(LOOKUPS, {record_id: redis_time(self._redis) + delay_s}, xx=True)

    def drop(self, record_id: str) -> None:
        """Forget the look-up of a record that awaits none."""
        self._redis.zrem(LOOKUPS, record_id)

    def make_waiting_due(self, source: str, reason: str) -> int:
        """Have those of a source looked up that wait for somebody who does; how many there are."""
        key, start, added = list_key(State.AWAITING_LOOKUP, source, reason), 0, 0
        while ids := cast("list[bytes]", self._redis.zrange(key, start, start + _PAGE - 1)):
            due = dict.fromkeys(ids, redis_time(self._redis))
            added += cast("int", self._redis.zadd(LOOKUPS, due, nx=True))
            start += _PAGE
        return added

    def failed(
        self, record: Record, reason: str, *, retry_in_s: float | None, status: int, took_s: float
    ) -> None:
        """Write down a failed attempt; without `retry_in_s` a person has to see to it."""
        entry = {
            "attempt": record.attempts + 1,
            "at": round(time.time(), 6),
            "outcome": "lookup_failed",
            "reason": reason,
            "status": status,
            "ms": round(took_s * 1000),
            "retry_in_s": round(retry_in_s or 0.0, 1),
            "ambiguous": False,
        }
        self._failed(
            keys=[record_key(record.id), LOOKUPS],
            args=[
                record.id,
                record.source,
                json.dumps(entry, separators=(",", ":")),
                _LOG_MAX_BYTES,
                "" if retry_in_s is None else retry_in_s,
                record.reason if retry_in_s is not None else reason,
            ],
        )

    def reserve(self, source: str, every_s: float, wait_max_s: float) -> float:
        """Seconds until a request to the API of a source; over `wait_max_s` none is reserved."""
        return float(self._slot(keys=[_api_key(source)], args=[every_s, wait_max_s, ""]))

    def block(self, source: str, seconds: float) -> None:
        """Let nobody ask the API of a source for so long."""
        self._slot(keys=[_api_key(source)], args=[0, 0, seconds])


def _api_key(source: str) -> str:
    return f"relay:api:{source}"
