"""What stands before a destination, shared by all workers: its pace, and whether it is paused."""

import json
import time
from typing import Any, Final, cast

from redis import Redis

_PROBE_EVERY_S: Final = 30

# Generic cell rate algorithm: one time stamp a destination says when the next call may go.
_TAKE: Final = """
local now, gap = tonumber(ARGV[1]), tonumber(ARGV[2])
local at = tonumber(redis.call('GET', KEYS[1]) or '0')
if at < now then at = now end
local next, wait = at + gap, at - now
redis.call('SET', KEYS[1], string.format('%.6f', next), 'EX', math.ceil(next - now) + 1)
return string.format('%.6f', wait)
"""


class Gate:
    """One destination's gate."""

    def __init__(self, redis: Redis, destination: str, rate_per_s: float) -> None:
        self._redis = redis
        self._gap_s = 1.0 / rate_per_s
        self._pace_key = f"relay:pace:{destination}"
        self._paused_key = f"relay:paused:{destination}"
        self._probe_key = f"relay:probe:{destination}"
        self._take = redis.register_script(_TAKE)

    def wait_turn(self) -> None:
        """Take the next place in the pace, and wait for it."""
        answer: Any = self._take(keys=[self._pace_key], args=[time.time(), self._gap_s])
        time.sleep(float(answer))

    def wait_s(self) -> float:
        """How long the next place in the pace is away; nothing is taken."""
        at = cast("bytes | None", self._redis.get(self._pace_key))
        return float(at) - time.time() if at else 0.0

    def pause(self, reason: str) -> None:
        """Stop all calls until a probe says the key is good again."""
        value = json.dumps({"reason": reason, "since": round(time.time())})
        self._redis.set(self._paused_key, value, nx=True)

    def resume(self) -> None:
        self._redis.delete(self._paused_key, self._probe_key)

    def paused(self) -> str:
        """Why the destination is paused, empty when it is not."""
        value = cast("bytes | None", self._redis.get(self._paused_key))
        return str(json.loads(value)["reason"]) if value else ""

    def may_probe(self) -> bool:
        """True for one caller now and then: that one asks whether the key is good again."""
        return bool(self._redis.set(self._probe_key, "1", nx=True, ex=_PROBE_EVERY_S))
