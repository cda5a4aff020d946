"""Everything that starts, waits for or interrupts a thread.

The concurrency model stands in this module alone: another one (gevent, say) replaces this file and
no other. Threads are daemons, so a process that must end does not wait for a job that hangs.
"""

import ctypes
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Final, Generic, TypeVar

ExcInfo = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]
T = TypeVar("T")

Lock: Final = threading.Lock
Event: Final = threading.Event
sleep: Final = time.sleep
_RAISE_IN: Final = ctypes.pythonapi.PyThreadState_SetAsyncExc
_JOIN_S: Final = 1.0


class _PerformedError(BaseException):
    """Ends the time in which an interruption may arrive.

    Raised and caught: taking a pending exception back (with NULL) leaves CPython 3.11 looking for
    it for ever, which hangs every thread that is traced.
    """


def start(name: str, target: Callable[[], object]) -> threading.Thread:
    """Run `target` in a thread of its own."""
    thread = threading.Thread(target=target, name=name, daemon=True)
    thread.start()
    return thread


def in_main_thread() -> bool:
    """Whether this is the thread that signal handlers may be installed in."""
    return threading.current_thread() is threading.main_thread()


class Wakeup:
    """Ends the sleep of one thread. `set` may be called in a signal handler: it takes no lock."""

    def __init__(self) -> None:
        self._signals: SimpleQueue[None] = SimpleQueue()

    def set(self) -> None:
        self._signals.put(None)

    def wait(self, timeout_s: float) -> None:
        """Sleep until `set` is called, or has been since the last wait."""
        with suppress(Empty):
            self._signals.get(timeout=max(timeout_s, 0.001))
            while True:
                self._signals.get_nowait()


class Inbox(Generic[T]):
    """Items that many threads put and one takes in batches."""

    def __init__(self) -> None:
        self._items: deque[T] = deque()
        self._changed = threading.Condition()
        self._closed = False

    def put(self, item: T) -> None:
        with self._changed:
            self._items.append(item)
            self._changed.notify()

    def wait(self) -> bool:
        """Block until there are items; False once it is closed and empty."""
        with self._changed:
            while not self._items and not self._closed:
                self._changed.wait()
            return bool(self._items)

    def take(self, most: int) -> list[T]:
        with self._changed:
            return [self._items.popleft() for _ in range(min(len(self._items), most))]

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify()


class Ticker:
    """Calls `steps` in turn every `interval_s` seconds, in a thread of its own, until `close`.

    What a step raises goes to `on_error`, and the next step has its turn. `delayed` leaves the
    first interval out.
    """

    def __init__(
        self,
        name: str,
        interval_s: float,
        *steps: Callable[[], object],
        on_error: Callable[[Exception], None],
        delayed: bool = False,
    ) -> None:
        self._interval_s = interval_s
        self._steps = steps
        self._on_error = on_error
        self._delayed = delayed
        self._closed = threading.Event()
        self._thread = start(name, self._run)

    def close(self) -> None:
        """Stop; waits up to a second for the steps that are under way."""
        self._closed.set()
        self._thread.join(timeout=_JOIN_S)

    def _run(self) -> None:
        if self._delayed:
            self._closed.wait(self._interval_s)
        while not self._closed.is_set():
            for step in self._steps:
                try:
                    step()
                except Exception as error:  # noqa: BLE001  the thread must go on
                    self._on_error(error)
            self._closed.wait(self._interval_s)


class Pool(Generic[T]):
    """`size` threads that `perform` one item after another and `finish` each with what it raised.

    Only what is performed is ever interrupted.
    """

    def __init__(
        self,
        size: int,
        perform: Callable[[T], None],
        finish: Callable[[T, ExcInfo | None], None],
    ) -> None:
        self._perform = perform
        self._finish = finish
        self._items: SimpleQueue[T | None] = SimpleQueue()
        self._performing: dict[T, int] = {}
        self._interrupted: set[T] = set()
        self._lock = threading.Lock()
        self._threads = [start(f"job-{n}", self._serve) for n in range(size)]

    def submit(self, item: T) -> None:
        self._items.put(item)

    def interrupt(self, item: T, error: type[BaseException]) -> None:
        """Raise in the thread that performs the item, at its next bytecode; nothing if none does.

        A call that blocks in C returns first. The exception may arrive anywhere in Python code,
        while a library holds a lock too.
        """
        with self._lock:
            thread_id = self._performing.get(item)
            if thread_id is not None:
                self._interrupted.add(item)
                _RAISE_IN(ctypes.c_ulong(thread_id), ctypes.py_object(error))

    def close(self) -> list[T]:
        """Let threads end as they become free; the items that have not begun and never will."""
        waiting: list[T] = []
        with suppress(Empty):
            while (item := self._items.get_nowait()) is not None:
                waiting.append(item)
        for _ in self._threads:
            self._items.put(None)
        return waiting

    def _serve(self) -> None:
        while (item := self._items.get()) is not None:
            self._finish(item, self._raised_by(item))

    def _raised_by(self, item: T) -> ExcInfo | None:
        """Perform it. An interruption may take effect at any step in here, and never after."""
        thread_id = threading.get_ident()
        raised: ExcInfo | None = None
        begun = False
        while True:
            try:
                if not begun:
                    begun = True
                    with self._lock:
                        self._performing[item] = thread_id
                    self._perform(item)
                with self._lock:
                    self._performing.pop(item, None)
                    interrupted = item in self._interrupted
                    self._interrupted.discard(item)
                    if interrupted:  # this takes the place of what has not arrived yet
                        _RAISE_IN(ctypes.c_ulong(thread_id), ctypes.py_object(_PerformedError))
                while interrupted:  # until it arrives
                    pass
            except _PerformedError:
                return raised
            except BaseException:  # noqa: BLE001  as in RQ: whatever a job raises is its failure
                raised = raised or sys.exc_info()
            else:
                return raised
