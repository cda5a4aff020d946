"""Renews the lease from a thread of its own, however long a greenlet computes.

What this worker's jobs have sent cannot be called back: if the lease ended because one of them
keeps the only core busy, another worker would send it all again.
"""

import time
from typing import Final

from redis import ConnectionPool, Redis

from worker.concurrent import greenlets
from worker.concurrent.claims import Claims, Heartbeat
from worker.concurrent.greenlets import ThreadEvent
from worker.concurrent.lease import Lease
from worker.concurrent.timings import Timings

_SOCKET_TIMEOUT_S: Final = 3.0
_JOIN_S: Final = 1.0


class LeaseThreadDied(BaseException):
    """What nobody may go on without."""


class LeaseThread:
    """Sends heartbeats. Its fields are for the greenlets to read.

    `sent_at` is when the last one was that Redis has answered (monotonic s), `failed_at` when one
    failed, 0 before. It has a connection of its own, shares no lock that greenlets wait for, and
    logs nothing. It ends with the greenlets: unless they say `alive` for `stuck_s`, it lets the
    lease run out.
    """

    def __init__(self, worker_name: str, redis: Redis, lease: Lease, timings: Timings) -> None:
        self._redis = _connection_of_its_own(redis)
        self._claims = Claims(self._redis, worker_name, "", lease_s=timings.lease_s)
        self._lease = lease
        self._timings = timings
        self._alive_at = time.monotonic()
        self._closing, self._closed = ThreadEvent(), ThreadEvent()
        self._answer: Heartbeat | None = None
        self._error: Exception | None = None
        self._died_of = ""
        self.sent_at = self.failed_at = 0.0
        greenlets.start_thread(self._run)

    def alive(self) -> None:
        """The greenlets still have their turns.

        Raises:
            LeaseThreadDied
        """
        if self._closed.is_set() and not self._closing.is_set():
            raise LeaseThreadDied(self._died_of)
        self._alive_at = time.monotonic()

    def take_answer(self) -> Heartbeat | None:
        """The answer to the last heartbeat, once.

        Raises:
            Exception: what kept the last one from being sent.
        """
        answer, error = self._answer, self._error
        self._answer = self._error = None
        if error:
            raise error
        return answer

    def close(self) -> None:
        """End; waits up to a second for the heartbeat that is on its way."""
        self._closing.set()
        give_up_at = time.monotonic() + _JOIN_S
        while not self._closed.is_set() and time.monotonic() < give_up_at:
            greenlets.sleep(0.005)

    def _run(self) -> None:
        try:
            while not self._closing.is_set():
                if time.monotonic() - self._alive_at < self._timings.stuck_s:
                    self._send()
                self._closing.wait(self._timings.heartbeat_s)
            self._redis.close()
            greenlets.end_thread()
        except BaseException as error:  # noqa: BLE001  told to the greenlets, which end
            self._died_of = repr(error)
        finally:
            self._closed.set()

    def _send(self) -> None:
        requested_at = self._lease.begin_renewal()
        try:
            self._answer = self._claims.heartbeat()
        except Exception as error:  # noqa: BLE001  the thread must go on; raised again for a greenlet
            self._error, self.failed_at = error, time.monotonic()
        else:
            self._lease.renewed(requested_at)
            self.sent_at = requested_at


def _connection_of_its_own(redis: Redis) -> Redis:
    """A client with one connection, to the same server as `redis`."""
    pool = redis.connection_pool
    options = pool.connection_kwargs | {"socket_timeout": _SOCKET_TIMEOUT_S}
    single = ConnectionPool(connection_class=pool.connection_class, max_connections=1, **options)
    return Redis(connection_pool=single)
