"""Commands of many requests at a time over few connections, and one wait for the disk for all.

While a round trip is under way, the commands of other requests gather, and the next one takes all
of them. A request that finds a line free makes the round trip itself, for everybody who waits; no
background thread is needed.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import hiredis
from redis import ConnectionError, Redis, ResponseError  # noqa: A004  the names people search for
from redis.commands.core import Script
from redis.exceptions import NoScriptError

from relay.store.keys import FSYNC_MARKER

_BATCH_MAX: Final = 64
# Of connections of a process, how many are left to what is not a request of a sender.
_OTHERS: Final = 2
# Below the client's socket time-out, so that Redis answers before it.
_ON_DISK_WITHIN_MS: Final = 2500

Command = tuple[Any, ...]
_T = TypeVar("_T")


def _held_lock() -> threading.Lock:
    lock = threading.Lock()
    lock.acquire()
    return lock


@dataclass(slots=True, eq=False)
class _Call(Generic[_T]):
    """What one caller asks for. `turn` is released when it is answered, or has to run a batch.

    Who runs the batch at once has none.
    """

    item: _T
    runs: bool = False
    answer: Any = None
    turn: "threading.Lock | None" = None

    def wait(self) -> None:
        if self.turn:
            self.turn.acquire()

    def end_wait(self) -> None:
        if self.turn:
            self.turn.release()


class Batches(Generic[_T]):
    """Has callers share batches: one of them runs the batch of all who wait.

    `run` gets the items of a batch and returns an answer for each, at most `at_once` batches at a
    time; what it raises all of them get. Items that are `is_large` are in a batch of their own.
    """

    def __init__(
        self,
        run: Callable[[Sequence[_T]], Sequence[Any]],
        *,
        at_once: int,
        is_large: Callable[[_T], bool] = lambda _item: False,
    ) -> None:
        self._run = run
        self._is_large = is_large
        self._free = at_once
        self._waiting: deque[_Call[_T]] = deque()
        self._lock = threading.Lock()

    def answer(self, item: _T) -> Any:
        """The answer to an item; an exception in its place is raised."""
        call = _Call(item)
        with self._lock:
            if self._free:  # then nobody else waits
                self._free -= 1
                call.runs = True
            else:
                call.turn = _held_lock()
                self._waiting.append(call)
        call.wait()
        if call.runs:
            self._run_batch(call)
        if isinstance(call.answer, BaseException):
            raise call.answer
        return call.answer

    def _run_batch(self, first: _Call[_T]) -> None:
        batch = [first, *self._others(first)]
        answers: Sequence[Any] = [ConnectionError("interrupted")] * len(batch)
        try:
            answers = self._run([call.item for call in batch])
        except Exception as error:  # noqa: BLE001  each caller raises it
            answers = [error] * len(batch)
        finally:
            for call, answer in zip(batch, answers, strict=True):
                call.answer = answer
            self._hand_over()
            for call in batch[1:]:
                call.end_wait()

    def _others(self, first: _Call[_T]) -> list[_Call[_T]]:
        """Those who wait and share the batch of the first."""
        others: list[_Call[_T]] = []
        # To see that nobody waits takes no lock: who begins to only now is in a later batch.
        if not self._waiting or self._is_large(first.item):
            return others
        with self._lock:
            while (
                self._waiting
                and len(others) < _BATCH_MAX - 1
                and not self._is_large(self._waiting[0].item)
            ):
                others.append(self._waiting.popleft())
        return others

    def _hand_over(self) -> None:
        """Let the next caller run a batch."""
        with self._lock:
            if not self._waiting:
                self._free += 1
                return
            call = self._waiting.popleft()
        call.runs = True
        call.end_wait()


@dataclass(slots=True, eq=False)  # not frozen, which takes three times as long to make
class _Commands:
    commands: Sequence[Command]
    is_large: bool = False


class GroupCommit:
    """Runs commands for all requests of a process. Safe to share between threads and greenlets.

    A command whose answer was lost with its connection is sent once more: only such may be run
    here as do no harm the second time.
    """

    def __init__(self, redis: Redis, connections: int) -> None:
        self._pool = redis.connection_pool
        self._redis = redis
        lines = max(1, connections - _OTHERS)
        self._lines = Batches(self._round_trip, at_once=lines, is_large=lambda item: item.is_large)
        self._disk = Batches(self._wait_for_disk, at_once=1)

    def run(self, commands: Sequence[Command], *, is_large: bool = False) -> list[Any]:
        """The raw reply to each command, in one round trip.

        Raises:
            RedisError: Redis does not answer, or with an error to one of them.
        """
        replies: list[Any] = self._lines.answer(_Commands(commands, is_large))
        for reply in replies:
            if isinstance(reply, ResponseError):
                raise reply
        return replies

    def run_script(
        self, script: Script, keys: Sequence[str], args: Sequence[Any], *, is_large: bool = False
    ) -> Any:
        """What a script returns; it is loaded where Redis does not have it.

        Raises:
            RedisError: as `run`.
        """
        command = ("EVALSHA", script.sha, len(keys), *keys, *args)
        try:
            return self.run([command], is_large=is_large)[0]
        except NoScriptError:
            self._redis.script_load(script.script)
            return self.run([command], is_large=is_large)[0]

    def is_on_disk(self) -> bool:
        """Wait until all that was answered before is on Redis's disk; False if that takes too long.

        Raises:
            RedisError: Redis does not answer.
        """
        return bool(self._disk.answer(None))

    def _round_trip(self, calls: Sequence[_Commands]) -> list[Any]:
        commands = [command for call in calls for command in call.commands]
        try:
            replies = self._replies(commands)
        except ConnectionError:  # idle for long, and closed by Redis: on a new one
            replies = self._replies(commands)
        if len(calls) == 1:
            return [replies]
        remaining = iter(replies)
        return [[next(remaining) for _ in call.commands] for call in calls]

    def _replies(self, commands: Sequence[Command]) -> list[Any]:
        connection = self._pool.get_connection()
        replies: list[Any] = []
        try:
            packed = b"".join(map(hiredis.pack_command, commands))
            connection.send_packed_command([packed])  # type: ignore[no-untyped-call]  # redis-py's; one write
            for _ in commands:
                try:
                    replies.append(connection.read_response())
                except ResponseError as error:
                    replies.append(error)
        finally:
            if len(replies) < len(commands):  # the rest would be taken for the answer to others
                connection.disconnect()  # type: ignore[no-untyped-call]  # same
            self._pool.release(connection)
        return replies

    def _wait_for_disk(self, calls: Sequence[None]) -> list[bool]:
        """A write of this connection is on disk only after all that Redis has answered before it.

        In two round trips: a marker that came in one with the wait is written to the file too late
        for the next fsync.
        """
        with self._redis.client() as redis:  # type: ignore[no-untyped-call]  # same
            redis.set(FSYNC_MARKER, "")
            fsynced_count, _ = redis.waitaof(1, 0, _ON_DISK_WITHIN_MS)
        return [bool(fsynced_count)] * len(calls)
