"""One destination's throttle, shared by all workers: a token bucket and a circuit breaker.

Jobs wait behind it in their queues, so waiting costs no thread and no attempt: the claim script of
`worker/concurrent` takes no more of a destination's jobs than its rate limit allows. This module
moves that rate limit by what Mercately answers:

- `rate` falls to half of the observed rate on 429 or 503, and rises again by a tenth a second;
- the breaker opens for 5 s, doubling up to 60 s, after ten failures in a row; then it is half
  open: one job goes out as a probe, and its result closes or opens the breaker;
- a refused API key, or a server that sends elsewhere, opens it until a probe is answered well; a
  person opens it until they close it.

Feedback is best effort: an attempt is recorded even where Redis then refuses its feedback.
"""

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, cast

from redis import Redis, RedisError

from config.relay_toml import Destination
from relay.model import Outcome, Verdict
from relay.store.lua import script
from worker.concurrent import PROBE_INTERVAL_S, RateLimit
from worker.retry import BLOCKED, CREDENTIALS, CUSTOMER_REASONS

_LUA: Final = "worker.lua"
# The token bucket is the one that claims use.
_SHARED_LUA: Final = "worker.concurrent.lua"
# A person paused it, and nobody probes.
PAUSED_BY_HAND: Final = "paused"
_BY_HAND_S: Final = 10 * 365 * 24 * 3600
_TRY_EVERY_S: Final = 300
DEGRADED: Final = "degraded"  # slowed, or with recent failures, but not half open
_FAILURES_MAX: Final = 10
_OPEN_FROM_S: Final = 5.0
_OPEN_TO_S: Final = 60.0
_RATE_MIN: Final = 0.5
_RETRY_AFTER_MAX_S: Final = 300.0


@dataclass(slots=True)
class FeedbackBatch:
    """What a batch of attempts says about a destination's health: numbers of attempts.

    `no_request` counts attempts that ended without a request. `retry_after_s` is the longest
    Retry-After among the throttled ones, in seconds.
    """

    successes: int = 0
    throttled: int = 0
    failures: int = 0
    no_request: int = 0
    retry_after_s: float = 0.0

    def add(self, outcome: Outcome) -> None:
        """Count one outcome. A refused event is a success here: the destination did answer."""
        if outcome.verdict is Verdict.PAUSED:
            return
        if outcome.status in (429, 503):
            self.throttled += 1
            self.retry_after_s = max(self.retry_after_s, outcome.retry_after_s)
        is_unanswered = outcome.verdict is Verdict.RETRY and not outcome.status
        if outcome.status >= 500 or is_unanswered or outcome.reason == BLOCKED:
            self.failures += 1
        elif (outcome.status and outcome.status != 429) or outcome.reason in CUSTOMER_REASONS:
            self.successes += 1
        elif not outcome.status:
            self.no_request += 1


class DestinationThrottle:
    """One destination's rate limit and circuit breaker.

    `state` is the rate limit's state at this worker's last claim: empty when nothing is wrong,
    `DEGRADED`, or the reason why it is half open.
    """

    def __init__(self, redis: Redis, destination: Destination) -> None:
        self._redis = redis
        self.rate_limit = RateLimit(
            f"relay:throttle:{destination.name}", destination.rate_per_s, destination.in_flight
        )
        self.state = ""
        self._observations: list[tuple[float, int]] = []
        clock = script("clock", package=_SHARED_LUA)
        bucket = script("token_bucket", package=_SHARED_LUA)
        observe = script("observe_feedback", package=_LUA)
        reserve = script("reserve_token", package=_LUA)
        self._observe = redis.register_script(f"{clock}\n{observe}")
        self._reserve = redis.register_script(f"{clock}\n{bucket}\n{reserve}")
        self._pause = redis.register_script(f"{clock}\n{script('pause', package=_LUA)}")

    def observe(self, feedback: FeedbackBatch) -> bool:
        """Adjust rate and breaker; True if this opened the breaker.

        Makes no request of Redis while the destination is healthy.
        """
        now = time.time()
        self._observations = [entry for entry in self._observations if entry[0] > now - 2]
        attempts = feedback.successes + feedback.throttled + feedback.failures
        self._observations.append((now, attempts))
        if not (feedback.throttled or feedback.failures or self.state):
            return False
        elapsed_s = max(now - self._observations[0][0], 1.0)
        observed_per_s = sum(count for _, count in self._observations) / elapsed_s
        rate_per_s = self.rate_limit.rate_per_s
        answer: Any = self._observe(
            keys=[self.rate_limit.key],
            args=[
                feedback.successes,
                feedback.throttled,
                feedback.failures,
                min(feedback.retry_after_s, _RETRY_AFTER_MAX_S),
                rate_per_s,
                observed_per_s,
                _FAILURES_MAX,
                _OPEN_FROM_S,
                _OPEN_TO_S,
                min(_RATE_MIN, rate_per_s),
                feedback.no_request,
            ],
        )
        return bool(answer == b"opened")

    def consume_token(self) -> None:
        """Count a request besides the event's own, so that it is part of the rate too."""
        with suppress(RedisError):  # one request too fast does no harm
            self._redis.hincrbyfloat(self.rate_limit.key, "tokens", -1.0)

    def reserve(self, longest_wait_s: float) -> float:
        """Seconds a stock worker has to wait; its token is taken unless they are too many."""
        args = [self.rate_limit.rate_per_s, longest_wait_s, PROBE_INTERVAL_S]
        answer: Any = self._reserve(keys=[self.rate_limit.key], args=args)
        return float(answer)

    def pause(self, reason: str = CREDENTIALS) -> None:
        """Send nothing until a probe finds the destination good again, or a person resumes it."""
        self.state = reason
        until_probe_s = _BY_HAND_S if reason == PAUSED_BY_HAND else PROBE_INTERVAL_S
        with suppress(RedisError):  # then the next answer pauses it
            self._pause(keys=[self.rate_limit.key], args=[reason, until_probe_s])

    def may_try(self) -> bool:
        """Whether an event may go out though no probe tells if the key works: one in 5 minutes."""
        key = f"{self.rate_limit.key}:tried"
        with suppress(RedisError):
            return bool(self._redis.set(key, "", nx=True, ex=_TRY_EVERY_S))
        return False

    def resume(self) -> None:
        """Close the breaker, whatever opened it."""
        self.state = ""
        fields = ("half_open", "open_until", "failures", "open_count")
        with suppress(RedisError):  # then the next job probes again
            self._redis.hdel(self.rate_limit.key, *fields)

    def half_open_reason(self) -> str:
        """Why the breaker is open or half open (`credentials`, `outage`); empty if closed."""
        reason = cast("bytes | None", self._redis.hget(self.rate_limit.key, "half_open"))
        return reason.decode() if reason else ""
