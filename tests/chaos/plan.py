"""What a seed decides beforehand: the events, the faults, and what the sink does to a request."""

from collections.abc import Iterable
from random import Random
from typing import Final, Literal

from tests.chaos.model import RECORDS_NOT, RESET_AFTER, WORKERS, Action, Event, Fault

Kind = tuple[Action, Literal["web", "worker", "redis"]]

# How long a process is away after a kill, or stopped, or troubled, in seconds.
HOLDS_S: Final[dict[Kind, tuple[float, float]]] = {
    ("kill", "web"): (1.0, 1.0),
    ("stop", "web"): (2.0, 8.0),
    ("kill", "worker"): (1.0, 1.0),
    ("stop", "worker"): (3.0, 12.0),
    ("kill", "redis"): (0.5, 3.0),
    ("stop", "redis"): (1.0, 6.0),
    ("flush_scripts", "redis"): (0.5, 2.0),
    ("drop_clients", "redis"): (0.5, 2.0),
    # Up to beyond the time-outs of a connection.
    ("pause", "redis"): (0.5, 4.5),
    ("fill_disk", "redis"): (1.0, 4.0),
    ("fill_disk_always", "redis"): (1.0, 4.0),
    ("step_clock", "web"): (0.5, 1.0),
    ("step_clock", "worker"): (0.5, 1.0),
    ("step_clock", "redis"): (0.5, 1.0),
}
# How far ahead a clock is after a step: those of web and workers up to two hours apart. That of
# Redis goes forward each time, by a minute at least, since it says when an attempt is due: put
# back, it would put off what waits for as long.
_AHEAD_S: Final = (-3600, 3600)
_FORWARD_S: Final = (60, 600)
_PAUSE_S: Final = (1.0, 4.0)
_CLOSE_SHARE: Final = 0.25

# Ten events a customer, of twenty customers at a time: some follow one another at once, so that
# there is an order to lose.
_EVENTS_A_CUSTOMER: Final = 10
_CUSTOMERS_AT_A_TIME: Final = 20

_FAILED_SHARE: Final = 0.02
_ANSWERS_AFTER_S: Final = (0.05, 0.3)


def events(seed: int, count: int) -> list[Event]:
    """The events in the order of their numbers."""
    rng = Random(f"events {seed}")
    block = _EVENTS_A_CUSTOMER * _CUSTOMERS_AT_A_TIME
    customers: list[int] = []
    for first in range(0, count, block):
        drawn = [(first + n) // _EVENTS_A_CUSTOMER for n in range(block)]
        rng.shuffle(drawn)
        customers += drawn
    return [Event(n, f"chaos{customers[n]}") for n in range(count)]


def faults(seed: int, count: int, possible: Iterable[Kind] = HOLDS_S) -> list[Fault]:
    """Faults in the order they strike; every kind at least once if there is room for all."""
    rng = Random(f"faults {seed}")
    kinds = list(possible)
    redis_ahead_s = 0
    drawn = kinds if count >= len(kinds) else []
    drawn = drawn + rng.choices(kinds, k=count - len(drawn))
    rng.shuffle(drawn)
    planned: list[Fault] = []
    for action, target in drawn:
        # Two at most: of a longer row nobody could say what recovered from what.
        close = bool(planned) and not planned[-1].close and rng.random() < _CLOSE_SHARE
        process = rng.choice(WORKERS) if target == "worker" else target
        hold_s, pause_s = rng.uniform(*HOLDS_S[action, target]), rng.uniform(*_PAUSE_S)
        ahead_s = 0
        if action == "step_clock" and target == "redis":
            ahead_s = redis_ahead_s = redis_ahead_s + rng.randint(*_FORWARD_S)
        elif action == "step_clock":
            ahead_s = rng.randint(*_AHEAD_S)
        planned.append(Fault(action, process, hold_s, pause_s, close, ahead_s))
    return planned


def treatment(seed: int, number: int, nth: int) -> tuple[str, float]:
    """What the sink does on purpose to the nth request for an event, and when it answers.

    Drawn for each request by itself: in whatever order they come, a seed means the same.
    """
    rng = Random(f"sink {seed} {number} {nth}")
    failed = rng.random() < _FAILED_SHARE
    fault = rng.choice([RESET_AFTER, *RECORDS_NOT]) if failed else ""
    return fault, rng.uniform(*_ANSWERS_AFTER_S)
