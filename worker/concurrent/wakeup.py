"""Tells an idle worker that its queues have jobs."""

from collections.abc import Sequence
from typing import Final

from redis import Redis

from worker.concurrent import greenlets
from worker.concurrent.greenlets import Event, Wakeup
from worker.concurrent.reconnect import retry_while_disconnected
from worker.concurrent.timings import Timings

_UNACKNOWLEDGED_S: Final = 0.5
# One listens for commands, one blocks here, and all the rest needs one.
_CONNECTIONS_TO_BLOCK: Final = 3


class QueueNotifier:
    """Watches lists in Redis without taking from them, and sets a wake-up when one is not empty.

    One-shot: `arm` starts it, the next non-empty list sets the wake-up. One key blocks with BLMOVE
    for `block_s`; several, or one where connections are few, are polled with EXISTS every `poll_s`.
    `wakeup_key` is watched alone, instead of `queue_keys`, where there is one.
    """

    def __init__(
        self,
        redis: Redis,
        *,
        wakeup_key: str,
        queue_keys: Sequence[str],
        wakeup: Wakeup,
        timings: Timings,
    ) -> None:
        self._redis = redis
        self.watches_queues = not wakeup_key
        self._keys = [wakeup_key] if wakeup_key else queue_keys
        self._wakeup = wakeup
        self._timings = timings
        self._blocks = (
            len(self._keys) == 1 and redis.connection_pool.max_connections >= _CONNECTIONS_TO_BLOCK
        )
        self._armed = Event()
        self._acknowledged = Event()
        self._acknowledged.set()
        self._closed = False
        greenlets.start("queue-notifier", self._serve)

    def arm(self) -> None:
        self._armed.set()

    def acknowledge(self) -> None:
        """A job could be claimed. Without that the next wake-up comes half a second later."""
        self._acknowledged.set()

    def close(self) -> None:
        self._closed = True
        self._armed.set()

    def _serve(self) -> None:
        while True:
            self._armed.wait()
            self._acknowledged.wait(_UNACKNOWLEDGED_S)
            if self._closed:
                return
            retry_while_disconnected(
                self._poll, abandon=lambda: self._closed, on_error=lambda _error: None
            )

    def _poll(self) -> None:
        if self._blocks:
            (key,) = self._keys
            # From the head to the head: a blocking read that changes nothing.
            block_s = self._timings.block_s
            jobs = self._redis.blmove(key, key, block_s, "LEFT", "LEFT")  # type: ignore[arg-type]  # the server takes fractions
            not_empty = jobs is not None
        else:
            not_empty = bool(self._redis.exists(*self._keys))
            if not not_empty:
                greenlets.sleep(self._timings.poll_s)
        if not_empty:
            self._acknowledged.clear()
            self._armed.clear()
            self._wakeup.set()
