"""What the logs of a run come to. Pure: the same logs, the same numbers.

lost        accepted and never recorded by the sink.
duplicated  recordings of an event beyond its first, but for those that follow a recording whose
            connection the sink itself reset before it answered: nobody could have known.
reordered   events first recorded after a later event of the same customer. A late duplicate of
            an earlier event is none.
in flight   what a worker fault or a Redis fault may make double, one event each: recorded by the
            sink, and the answer not yet written down in Redis. Seen from outside these are the
            requests open at the strike, those answered in the quarter of a second before it, and
            those that were claimed before it and sent later: until the end of the fault if Redis
            was away (a claim needs Redis), within a quarter of a second if a stopped worker goes
            on. Never more than the affected workers may have under way.
unaccounted duplicated events that had nothing to do with a fault: not in flight at any, even if
            seconds and not a quarter of one are allowed for, and not answered so late by the sink
            that the worker had given up. There may be none.
recovery    how long an event that was accepted before the end of a fault stays undelivered, from
            the latest of: the fault's end (of a worker's fault its beginning, since another
            worker is there); the event's own 200; five seconds after the sink failed on purpose
            the event or an earlier one of its customer, which is the scheduled wait for the next
            attempt. What is never delivered counts until the end of the run. A fault of Redis or
            a worker that strikes close after another of them takes over its clock.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tests.chaos.model import (
    CONCURRENCY,
    READ_TIMEOUT_S,
    RESET_AFTER,
    WORKERS,
    Accepted,
    Request,
    Struck,
)

RECOVERY_BAR_S: Final = 15.0
# The worker notices a hang after two seconds, the first waits are a second and a fifth of jitter
# long, and a wait ends on a whole second.
EXCUSE_S: Final = 5.0
_WRITTEN_DOWN_S: Final = 0.25
# The longest that may take: a worker asks a Redis that was away again after two seconds at most,
# and what ends meanwhile is written down after that. The rest is for a machine that is slow.
_WRITTEN_DOWN_AT_LAST_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """The numbers, event by event where there are few; `recoveries` and `in_flight` by fault.

    `explained` counts what the sink itself made double.
    """

    accepted: int
    delivered: int
    lost: tuple[int, ...]
    duplicated: tuple[int, ...]
    explained: int
    unaccounted: tuple[int, ...]
    reordered: tuple[int, ...]
    in_flight: tuple[int, ...]
    ceilings: tuple[int, ...]
    recoveries: tuple[float | None, ...]

    @property
    def recovery_s(self) -> float:
        return max((found for found in self.recoveries if found is not None), default=0.0)

    def broken(self, *, times: bool = True) -> tuple[str, ...]:
        """The bars that do not hold.

        Without `times` none that a machine without a moment to spare could break: how long a
        recovery took, and which events were in flight by the clock.
        """
        bars = {"lost": not self.lost, "reordered": not self.reordered}
        allowed = sum(self.in_flight if times else self.ceilings)
        bars[f"duplicated more than the {allowed} in flight"] = len(self.duplicated) <= allowed
        if times:
            bars["duplicated without a fault"] = not self.unaccounted
            bars[f"recovery over {RECOVERY_BAR_S:g} s"] = self.recovery_s <= RECOVERY_BAR_S
        return tuple(name for name, holds in bars.items() if not holds)

    def line(self) -> str:
        return (
            f"accepted {self.accepted}, delivered {self.delivered}, lost {len(self.lost)}, "
            f"duplicated {len(self.duplicated)}, reordered {len(self.reordered)}, "
            f"recovery {self.recovery_s:.1f} s"
        )


def judge(
    accepted: Sequence[Accepted], requests: Sequence[Request], struck: Sequence[Struck], end: float
) -> Verdict:
    """The verdict on a run that ended at `end`; requests in the order the sink got them."""
    recorded = recordings(requests)
    surplus = sum(len(found) - 1 for found in recorded.values())
    double = duplicated(recorded)
    flying = [in_flight(fault, requests) for fault in struck]
    ceilings = [ceiling(fault) for fault in struck]
    return Verdict(
        accepted=len(accepted),
        delivered=len(recorded),
        lost=tuple(one.number for one in accepted if one.number not in recorded),
        duplicated=double,
        explained=surplus - len(double),
        reordered=reordered(recorded),
        unaccounted=unaccounted(double, requests, struck),
        in_flight=tuple(map(min, map(len, flying), ceilings)),
        ceilings=tuple(ceilings),
        recoveries=recoveries(struck, accepted, requests, end),
    )


def recordings(requests: Iterable[Request]) -> dict[int, list[Request]]:
    """The recordings of each event, events in the order of their first."""
    found: dict[int, list[Request]] = {}
    for request in requests:
        if request.recorded:
            found.setdefault(request.number, []).append(request)
    return found


def duplicated(recorded: Mapping[int, Sequence[Request]]) -> tuple[int, ...]:
    """The number of an event once for each recording too many."""
    surplus: Counter[int] = Counter()
    for number, found in recorded.items():
        explained = sum(request.fault == RESET_AFTER for request in found[:-1])
        surplus[number] = len(found) - 1 - explained
    return tuple(surplus.elements())


def reordered(recorded: Mapping[int, Sequence[Request]]) -> tuple[int, ...]:
    """The events that a later one of their customer has overtaken."""
    highest: dict[str, int] = {}
    late = []
    for number, (first, *_) in recorded.items():
        if number < highest.get(first.customer, number):
            late.append(number)
        else:
            highest[first.customer] = number
    return tuple(late)


def ceiling(struck: Struck) -> int:
    """The most that the affected workers can have under way."""
    if struck.fault.action == "step_clock":
        return 0
    affected = {"web": 0, "redis": len(WORKERS)}.get(struck.fault.process, 1)
    return CONCURRENCY * affected


def unaccounted(
    double: Iterable[int], requests: Sequence[Request], struck: Iterable[Struck]
) -> tuple[int, ...]:
    """The duplicated events that no fault can have made double, nor a sink that was starved."""
    given_up = {
        one.number for one in requests if one.recorded and one.answered_at - one.at > READ_TIMEOUT_S
    }
    flying = (in_flight(fault, requests, _WRITTEN_DOWN_AT_LAST_S) for fault in struck)
    return tuple(sorted(set(double).difference(given_up, *flying)))


def in_flight(
    struck: Struck, requests: Iterable[Request], written_down_s: float = _WRITTEN_DOWN_S
) -> set[int]:
    """The events that the fault may have made double; a clock that steps none."""
    fault = struck.fault
    if fault.action == "step_clock":
        return set()
    until = struck.at
    if fault.process == "redis":
        until = struck.ended_at
    elif fault.action == "stop":
        until = struck.ended_at + written_down_s
    return {
        request.number
        for request in requests
        if not request.fault
        and fault.process in ("redis", request.worker)
        and request.at <= until
        and request.answered_at >= struck.at - written_down_s
    }


def recoveries(
    struck: Sequence[Struck], accepted: Sequence[Accepted], requests: Sequence[Request], end: float
) -> tuple[float | None, ...]:
    """Seconds for each fault, None for one whose clock was taken over by the next."""
    delivered = {number: found[0].at for number, found in recordings(requests).items()}
    failed: dict[str, list[Request]] = defaultdict(list)
    for request in requests:
        if request.fault:
            failed[request.customer].append(request)

    def waited_s(event: Accepted, clock: float) -> float:
        at = delivered.get(event.number, end)
        if at <= clock:
            return 0.0
        excused = (
            request.at + EXCUSE_S
            for request in failed.get(event.customer, ())
            if request.number <= event.number and request.at < at
        )
        return max(at - max(clock, event.at, *excused), 0.0)

    found: list[float | None] = []
    for n, fault in enumerate(struck):
        if _taken_over(struck, n + 1):
            found.append(None)
            continue
        chain = struck[n - 1 : n + 1] if _taken_over(struck, n) else [fault]
        clock = max(one.clock_from for one in chain)
        until = max(one.ended_at for one in chain)
        waits = (waited_s(event, clock) for event in accepted if event.at <= until)
        found.append(max(waits, default=0.0))
    return tuple(found)


def _taken_over(struck: Sequence[Struck], n: int) -> bool:
    """Whether the nth takes over from the one before; what is accepted does not need web."""
    pair = [one.fault for one in struck[n - 1 : n + 1]]
    return len(pair) == 2 and pair[1].close and all(fault.process != "web" for fault in pair)
