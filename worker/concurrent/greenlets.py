"""Everything that starts, waits for or interrupts a greenlet, and the one thread beside them.

The concurrency model stands in this module alone. All jobs of a process share one core: a greenlet
runs until it waits for a socket or a clock, so nothing here needs a lock against another greenlet.
"""

import sys
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar
from types import FrameType, TracebackType
from typing import Final, Generic, TypeAlias, TypeVar

import gevent
from gevent import monkey
from gevent.event import Event as Event  # noqa: PLC0414  others have it from here
from gevent.lock import RLock
from gevent.queue import SimpleQueue
from greenlet import greenlet

ExcInfo = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]
T = TypeVar("T")
Greenlet: TypeAlias = "gevent.Greenlet[[], object]"

Lock: Final = RLock
sleep: Final = gevent.sleep
_IN_REDIS_AGAIN_S: Final = 0.01
_JOIN_S: Final = 1.0
# Told, in the hub, of a greenlet started where it is set that ends by an error; must not wait.
ON_DEATH: Final[ContextVar[Callable[[str, BaseException], None] | None]] = ContextVar(
    "on_death", default=None
)


def start(name: str, target: Callable[[], object]) -> Greenlet:
    """Run `target` in a greenlet of its own."""
    started: Greenlet = gevent.spawn(target)
    started.name = name
    if on_death := ON_DEATH.get():
        started.link_exception(lambda dead: on_death(name, dead.exception or SystemExit()))
    return started


def start_thread(target: Callable[[], object]) -> None:
    """Run `target` in a thread of the operating system, which no busy greenlet keeps from running.

    It may wait and use sockets, by a loop of its own; it must share no lock with greenlets.
    """
    monkey.get_original("_thread", "start_new_thread")(target, ())


def end_thread() -> None:
    """What a thread of its own calls last."""
    gevent.get_hub().destroy(destroy_loop=True)


def in_main_thread() -> bool:
    """Whether this is the thread that signal handlers may be installed in."""
    main: bool = gevent.get_hub().main_hub
    return main


class ThreadLock:
    """A lock between a greenlet and a thread. Whoever has it must not wait for anything else."""

    def __init__(self) -> None:
        self._lock = monkey.get_original("_thread", "allocate_lock")()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_raised: object) -> None:
        self._lock.release()


class ThreadEvent:
    """What a greenlet tells a thread, or a thread a greenlet. Only threads may `wait`."""

    def __init__(self) -> None:
        self._unset = monkey.get_original("_thread", "allocate_lock")()
        self._unset.acquire()

    def set(self) -> None:
        if not self.is_set():
            self._unset.release()

    def is_set(self) -> bool:
        return not self._unset.locked()

    def wait(self, timeout_s: float) -> None:
        """Block this thread until it is set, or for so long."""
        if self._unset.acquire(True, timeout_s):
            self._unset.release()


class Wakeup:
    """Ends the sleep of one greenlet. `set` may be called in a signal handler: it takes no lock."""

    def __init__(self) -> None:
        self._event = Event()

    def set(self) -> None:
        self._event.set()

    def wait(self, timeout_s: float) -> None:
        """Sleep until `set` is called, or has been since the last wait."""
        self._event.wait(max(timeout_s, 0.001))
        self._event.clear()


class Inbox(Generic[T]):
    """Items that many greenlets put and one takes in batches."""

    def __init__(self) -> None:
        self._items: deque[T] = deque()
        self._changed = Event()
        self._closed = False

    def put(self, item: T) -> None:
        self._items.append(item)
        self._changed.set()

    def wait(self) -> bool:
        """Block until there are items; False once it is closed and empty."""
        while not self._items and not self._closed:
            self._changed.clear()
            self._changed.wait()
        return bool(self._items)

    def take(self, most: int) -> list[T]:
        return [self._items.popleft() for _ in range(min(len(self._items), most))]

    def close(self) -> None:
        self._closed = True
        self._changed.set()


class Ticker:
    """Calls `steps` in turn every `interval_s` seconds, in a greenlet of its own, until `close`.

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
        self._closed = Event()
        self._greenlet = start(name, self._run)

    def close(self) -> None:
        """Stop; waits up to a second for the steps that are under way."""
        self._closed.set()
        self._greenlet.join(timeout=_JOIN_S)

    def _run(self) -> None:
        if self._delayed:
            self._closed.wait(self._interval_s)
        while not self._closed.is_set():
            for step in self._steps:
                try:
                    step()
                except Exception as error:  # noqa: BLE001  the greenlet must go on
                    self._on_error(error)
            self._closed.wait(self._interval_s)


class Pool(Generic[T]):
    """`size` greenlets that `perform` one item after another and `finish` each with what it raised.

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
        self._performing: dict[T, greenlet] = {}
        self._greenlets = [start(f"job-{n}", self._serve) for n in range(size)]

    def submit(self, item: T) -> None:
        self._items.put(item)

    def interrupt(self, item: T, error: BaseException) -> None:
        """Raise in the greenlet that performs the item, at the wait where it is; nothing if none
        does.

        What waits for Redis is interrupted at its next wait for something else: a command cut off
        half way would leave its answer to whoever sends the next one.
        """
        if item in self._performing:
            gevent.get_hub().loop.run_callback(self._raise_in, item, error)

    def close(self) -> list[T]:
        """Let greenlets end as they become free; the items that have not begun and never will."""
        waiting: list[T] = []
        while not self._items.empty():
            if (item := self._items.get_nowait()) is not None:
                waiting.append(item)
        for _ in self._greenlets:
            self._items.put(None)
        return waiting

    def _serve(self) -> None:
        while (item := self._items.get()) is not None:
            self._finish(item, self._raised_by(item))

    def _raised_by(self, item: T) -> ExcInfo | None:
        self._performing[item] = gevent.getcurrent()
        try:
            self._perform(item)
        except BaseException:  # noqa: BLE001  as in RQ: whatever a job raises is its failure
            return sys.exc_info()
        finally:
            del self._performing[item]
        return None

    def _raise_in(self, item: T, error: BaseException) -> None:
        """In the hub, while every greenlet waits."""
        performing = self._performing.get(item)
        if performing is None:  # it has ended meanwhile
            return
        if _waits_for_redis(performing.gr_frame):
            gevent.spawn_later(_IN_REDIS_AGAIN_S, self.interrupt, item, error)
        else:
            performing.throw(error)


def _waits_for_redis(frame: FrameType | None) -> bool:
    """Whether a greenlet that is suspended there is inside a call of redis-py."""
    while frame is not None:
        if frame.f_globals.get("__name__", "").partition(".")[0] == "redis":
            return True
        frame = frame.f_back
    return False
