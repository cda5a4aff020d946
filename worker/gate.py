"""What stands before a destination, shared by all workers: its pace, and whether it is shut.

It is the valve of the destination's queues (`worker/concurrent`): jobs wait behind it in Redis,
where waiting costs no thread and no attempt. Here is written what moves it:

- `rate` falls to half of what was going through when Mercately says 429 or 503, and rises again
  by a tenth a second;
- `shut` for 5 s, then longer, after ten failures in a row, and whoever is let through next tries
  for all;
- `shut` on a refused key, until a probe finds the key good again.

What an attempt itself tells the valve is lost if Redis is away; the attempt is not.
"""

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, cast

from redis import Redis, RedisError

from config.relay_toml import Destination
from relay.model import Outcome, Verdict
from worker.concurrent import Valve
from worker.retry import ABSENCES

CREDENTIALS: Final = "credentials"
UNEASY: Final = "uneasy"  # neither at rest nor on trial
_PROBE_EVERY_S: Final = 30.0
_FAILURES_MAX: Final = 10
_SHUT_FROM_S: Final = 5.0
_SHUT_TO_S: Final = 60.0
_RATE_MIN: Final = 0.5
_RETRY_AFTER_MAX_S: Final = 300.0

_HEAR: Final = """
-- KEYS valve; ARGV good, slow, bad, retry after (s), rate (/s), rate seen (/s),
--      failures to shut after, seconds shut at first, and at most, least rate, void
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1e6
local v = redis.call('HMGET', KEYS[1], 'rate', 'shut', 'trial', 'failures', 'trips', 'slowed',
  'tripped')
local good, slow, bad = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local after, most = tonumber(ARGV[4]), tonumber(ARGV[5])
local rate, shut, trial = tonumber(v[1]), tonumber(v[2]) or 0, v[3]
local since = math.abs(now - (tonumber(v[6]) or 0)) -- a clock may have been put back
if slow > 0 and since >= 1 then
  rate = math.max(tonumber(ARGV[10]), math.min(rate or most, math.max(1, tonumber(ARGV[6]))) / 2)
  redis.call('HSET', KEYS[1], 'rate', rate, 'slowed', now)
elseif good > 0 and slow == 0 and rate and since >= 1 then
  rate = rate * 1.1 + 0.1
  redis.call('HSET', KEYS[1], 'rate', rate, 'slowed', now)
  if rate >= most then redis.call('HDEL', KEYS[1], 'rate', 'slowed') end
end
if good > 0 then
  redis.call('HDEL', KEYS[1], 'failures', 'trips')
  if trial == 'outage' or not trial and shut <= now then
    redis.call('HDEL', KEYS[1], 'trial', 'shut', 'tripped')
  end
elseif bad > 0 then
  local failures = redis.call('HINCRBY', KEYS[1], 'failures', bad)
  -- What was under way as it was shut says nothing new: who then tries for all moves `shut`.
  local tried = trial == 'outage' and v[2] ~= v[7]
  if tried or (not trial and failures >= tonumber(ARGV[7]) and shut <= now) then
    local trips = redis.call('HINCRBY', KEYS[1], 'trips', 1)
    local wait = math.min(tonumber(ARGV[8]) * 2 ^ (trips - 1), tonumber(ARGV[9]))
    local till = now + math.max(wait, after)
    redis.call('HSET', KEYS[1], 'trial', 'outage', 'shut', till, 'tripped', till)
    return 'shut'
  end
elseif slow == 0 and tonumber(ARGV[11]) > 0 and trial and v[2] ~= v[7] then
  -- Who was to try for all had nothing to send, so that the next one may.
  redis.call('HSET', KEYS[1], 'shut', now)
end
if after > 0 and now + after > shut then redis.call('HSET', KEYS[1], 'shut', now + after) end
return ''
"""

# For stock workers, which know of no valves: the same bucket, drawn on in advance.
_TAKE: Final = """
-- KEYS valve; ARGV rate (/s), longest wait (s), trial (s)
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1e6
local v = redis.call('HMGET', KEYS[1], 'tokens', 'at', 'rate', 'shut', 'trial')
local rate = math.min(tonumber(ARGV[1]), tonumber(v[3]) or math.huge)
local burst = math.max(1, rate / 4)
local past = math.max(0, now - (tonumber(v[2]) or 0))
local tokens = math.min(burst, (tonumber(v[1]) or burst) + past * rate)
local wait = math.max((tonumber(v[4]) or 0) - now, tokens < 1 and (1 - tokens) / rate or 0)
if wait <= tonumber(ARGV[2]) then
  redis.call('HSET', KEYS[1], 'tokens', tokens - 1, 'at', now)
  if v[5] then redis.call('HSET', KEYS[1], 'shut', now + tonumber(ARGV[3])) end -- one tries for all
end
return string.format('%.6f', wait)
"""


@dataclass(slots=True)
class Heard:
    """What a batch of attempts says of how a destination is doing; `void` had nothing to send."""

    good: int = 0
    slow: int = 0
    bad: int = 0
    void: int = 0
    retry_after_s: float = 0.0

    def add(self, outcome: Outcome) -> None:
        """A refusal of one event says nothing against the destination: it did answer."""
        if outcome.verdict is Verdict.PAUSED:
            return
        if outcome.status in (429, 503):
            self.slow += 1
            self.retry_after_s = max(self.retry_after_s, outcome.retry_after_s)
        if outcome.status >= 500 or (outcome.verdict is Verdict.RETRY and not outcome.status):
            self.bad += 1
        elif (outcome.status and outcome.status != 429) or outcome.reason in ABSENCES:
            self.good += 1
        elif not outcome.status:
            self.void += 1


class Gate:
    """One destination's gate. `state` is the valve's when jobs were last taken, empty at rest."""

    def __init__(self, redis: Redis, destination: Destination) -> None:
        self._redis = redis
        self.valve = Valve(
            f"relay:valve:{destination.name}", destination.rate_per_s, destination.in_flight
        )
        self.state = ""
        self._seen: list[tuple[float, int]] = []
        self._hear = redis.register_script(_HEAR)
        self._take = redis.register_script(_TAKE)

    def hear(self, heard: Heard) -> bool:
        """Move the valve by what came back; True if that has shut it. At rest it costs nothing."""
        now = time.time()
        self._seen = [entry for entry in self._seen if entry[0] > now - 2]
        self._seen.append((now, heard.good + heard.slow + heard.bad))
        if not (heard.slow or heard.bad or self.state):
            return False
        seen_per_s = sum(count for _, count in self._seen) / max(now - self._seen[0][0], 1.0)
        answer: Any = self._hear(
            keys=[self.valve.key],
            args=[
                heard.good, heard.slow, heard.bad,
                min(heard.retry_after_s, _RETRY_AFTER_MAX_S), self.valve.rate_per_s, seen_per_s,
                _FAILURES_MAX, _SHUT_FROM_S, _SHUT_TO_S, min(_RATE_MIN, self.valve.rate_per_s),
                heard.void,
            ],
        )  # fmt: skip
        return bool(answer == b"shut")

    def charge(self) -> None:
        """A request besides the event's own has its place in the pace too."""
        with suppress(RedisError):  # a little too fast, for once
            self._redis.hincrbyfloat(self.valve.key, "tokens", -1.0)

    def wait_s(self, at_most_s: float) -> float:
        """How long a stock worker has to wait; its place is taken unless that is too long."""
        args = [self.valve.rate_per_s, at_most_s, _PROBE_EVERY_S]
        answer: Any = self._take(keys=[self.valve.key], args=args)
        return float(answer)

    def pause(self) -> None:
        """The key was refused: nothing goes until a probe says that it is good again."""
        self.state = CREDENTIALS
        shut = time.time() + _PROBE_EVERY_S
        with suppress(RedisError):  # then the next one is refused too
            self._redis.hset(self.valve.key, mapping={"trial": CREDENTIALS, "shut": shut})

    def resume(self) -> None:
        self.state = ""
        with suppress(RedisError):  # then the next one asks again
            self._redis.hdel(self.valve.key, "trial", "shut", "failures", "trips")

    def paused(self) -> str:
        """The word of its trial (`credentials`, `outage`), empty when it is open."""
        found = cast("bytes | None", self._redis.hget(self.valve.key, "trial"))
        return found.decode() if found else ""
