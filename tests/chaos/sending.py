"""The platform: sends numbered events, signed, and sends again what was not answered 200."""

import hashlib
import hmac
import json
import threading
import time
from collections import Counter
from collections.abc import Sequence
from typing import Final, Self

import requests

from tests.chaos.model import Accepted, Event

SECRET: Final = "throw-away-secret-of-a-run"
_THREADS: Final = 8
_TIMEOUTS_S: Final = (2.0, 5.0)
_AGAIN_AFTER_S: Final = 0.3


class Pace:
    """The moments at which the next new event is due, shared by all threads.

    What was held up by an outage is due at once after it, as it is with a real platform.
    """

    def __init__(self, per_s: float) -> None:
        self.per_s = per_s
        self._next_at = time.monotonic()
        self._lock = threading.Lock()

    def take(self) -> float:
        """Seconds until the turn that is taken."""
        with self._lock:
            at = self._next_at
            self._next_at += 1 / self.per_s
        return max(at - time.monotonic(), 0.0)


class Platform:
    """A customer's events are all sent by one thread, each after the 200 of the one before.

    `timeouts` says from and until when a sender has waited for an answer and had none.
    """

    def __init__(self, url: str, events: Sequence[Event], pace: Pace) -> None:
        self._url = url
        self._pace = pace
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._count = len(events)
        self.accepted: list[Accepted] = []
        self.answers: Counter[str] = Counter()
        self.timeouts: list[tuple[float, float]] = []
        lanes: list[list[Event]] = [[] for _ in range(_THREADS)]
        lane_of = {name: n for n, name in enumerate(dict.fromkeys(e.customer for e in events))}
        for event in events:
            lanes[lane_of[event.customer] % _THREADS].append(event)
        self._threads = [
            threading.Thread(target=self._send_all, args=(lane,), daemon=True) for lane in lanes
        ]

    @property
    def left(self) -> int:
        """How many events have not been accepted yet."""
        return self._count - len(self.accepted)

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _send_all(self, lane: Sequence[Event]) -> None:
        with requests.Session() as session:
            session.trust_env = False
            for event in lane:
                if self._stopping.wait(self._pace.take()):
                    return
                self._send(session, event)

    def _send(self, session: requests.Session, event: Event) -> None:
        """The same bytes again until there is a 200."""
        body = json.dumps(
            {
                "type": "order.created",
                "id": str(event.number),
                "customer": event.customer,
                "number": event.number,
            }
        ).encode()
        signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        headers = {"Content-Type": "application/json", "X-Signature": signature}
        while not self._stopping.is_set():
            began_at = time.monotonic()
            try:
                response = session.post(self._url, data=body, headers=headers, timeout=_TIMEOUTS_S)
                answer = str(response.status_code)
            except requests.RequestException as error:
                answer = type(error).__name__
                if isinstance(error, requests.Timeout):
                    self.timeouts.append((began_at, time.monotonic()))
            at = time.monotonic()
            with self._lock:
                self.answers[answer] += 1
                if answer == "200":
                    self.accepted.append(Accepted(event.number, event.customer, at))
                    return
            self._stopping.wait(_AGAIN_AFTER_S)
