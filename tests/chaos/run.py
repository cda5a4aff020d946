"""One run: the load, the faults in it, and the wait until all is quiet."""

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.chaos import disk, plan
from tests.chaos.clocks import Clocks
from tests.chaos.host import Host
from tests.chaos.model import WORKERS, Fault, Struck
from tests.chaos.sending import Pace, Platform
from tests.chaos.sink_log import SinkLog
from tests.chaos.slow_senders import SlowSenders
from tests.chaos.verdict import RECOVERY_BAR_S, Verdict, judge
from worker.concurrent import Timings

# When all is recorded, how long nothing may come in before the run ends: what a dead worker had
# in hand would be delivered a second time within ten seconds.
_SETTLED_S: Final = 12.0
# When something is missing, how long nothing may come in before it is called lost.
_QUIET_S: Final = 60.0
_LAST_PACE_PER_S: Final = 100.0
_LOOK_EVERY_S: Final = 0.2
# After a fault of web or Redis, how soon a sender has its answer again.
_ANSWERS_AGAIN_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Form:
    """How long a run is, what is drawn in it, and whether its times are judged or only told.

    `only` are the actions to draw faults from.
    """

    events: int
    faults: int
    seed: int
    judges_times: bool = True
    only: Sequence[str] = ()

    @property
    def longest_s(self) -> float:
        """When a run is ended, however far it has got: under eight minutes with fourteen faults."""
        return 180.0 + 20.0 * self.faults


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to; `struck` are in the order of the verdict's faults.

    `silent` are the processes that did not say that Redis was flushed at the end. `beside` says
    what slow senders did meanwhile, `starved` how many others got no answer in time though neither
    web nor Redis was struck. `skipped` says which faults cannot be had here, and why.
    """

    form: Form
    verdict: Verdict
    struck: Sequence[Struck]
    began_at: float
    answers: dict[str, int]
    surprises: Sequence[str]
    silent: Sequence[str] = ()
    beside: str = ""
    starved: int = 0
    skipped: Sequence[str] = ()

    @property
    def failures(self) -> tuple[str, ...]:
        """The bars that do not hold, what the run did not get to, and who fell without a push."""
        missing = {
            "not every event was accepted in time": self.verdict.accepted < self.form.events,
            "not every fault was struck in time": len(self.struck) < self.form.faults,
        }
        unfinished = (name for name, is_so in missing.items() if is_so)
        silent = (f"{name} did not say that Redis was flushed" for name in self.silent)
        broken = list(self.verdict.broken(times=self.form.judges_times))
        if self.starved and self.form.judges_times:
            broken.append(f"{self.starved} senders had no answer in time, beside slow ones")
        if self.form.events and not self.beside:
            broken.append("slow senders were not there all at a time")
        return (*broken, *unfinished, *silent, *self.surprises)


def run(form: Form, folder: Path, tell: Callable[[str], None]) -> Outcome:
    """A whole run; `tell` hears of each fault as it is struck."""
    give_up_at = time.monotonic() + form.longest_s
    events = plan.events(form.seed, form.events)
    clocks = Clocks(folder)
    possible, skipped = possible_faults(form, clocks)
    with closing(SinkLog(folder / "sink.jsonl")) as log:
        with Host(folder, form.seed, clocks) as host:
            began_at = time.monotonic()
            pace = Pace(_LAST_PACE_PER_S)
            url = f"{host.url}/webhooks/chaos"
            with SlowSenders(host.port) as slow, Platform(url, events, pace) as platform:
                course = _Course(host, platform, pace, log, tell)
                faults = plan.faults(form.seed, form.faults, possible)
                struck = course.strike_all(faults, give_up_at - _QUIET_S)
                course.wait_until_quiet(give_up_at)
                host.flush_all()
        ended_at = time.monotonic()
        log.read()
    verdict = judge(platform.accepted, log.requests(), struck, ended_at)
    return Outcome(
        form,
        verdict,
        struck,
        began_at,
        dict(platform.answers),
        host.surprises,
        host.silent,
        beside=f"{slow}" if slow.held else "",
        starved=starved(platform.timeouts, struck),
        skipped=skipped,
    )


def starved(timeouts: Iterable[tuple[float, float]], struck: Sequence[Struck]) -> int:
    """How many waited in vain, from and until when, though web and Redis were left alone."""
    troubled = [
        (one.at, one.ended_at + _ANSWERS_AGAIN_S)
        for one in struck
        if one.fault.process not in WORKERS
    ]
    return sum(
        not any(at <= until and since <= ended_at for at, ended_at in troubled)
        for since, until in timeouts
    )


def possible_faults(form: Form, clocks: Clocks) -> tuple[list[plan.Kind], list[str]]:
    """The faults that can be had here, and of the others why not."""
    disk_why_not = disk.why_not()
    why_not = {
        "fill_disk": disk_why_not,
        "fill_disk_always": disk_why_not,
        "step_clock": clocks.why_not,
    }
    asked = [kind for kind in plan.HOLDS_S if kind[0] in (form.only or [kind[0]])]
    skipped = sorted({f"{kind[0]}: {why_not[kind[0]]}" for kind in asked if why_not.get(kind[0])})
    return [kind for kind in asked if not why_not.get(kind[0])], skipped


class _Course:
    """Load and faults, kept in step: the events last until the last fault."""

    def __init__(
        self, host: Host, platform: Platform, pace: Pace, log: SinkLog, tell: Callable[[str], None]
    ) -> None:
        self._host = host
        self._platform = platform
        self._pace = pace
        self._log = log
        self._tell = tell
        self._began_at = time.monotonic()

    def strike_all(self, faults: Sequence[Fault], give_up_at: float) -> list[Struck]:
        """Strike one after the other; fewer if the time is over."""
        struck: list[Struck] = []
        for n, fault in enumerate(faults):
            if struck and not fault.close:
                self._wait_until_recovered(struck[-1], give_up_at)
            # One recovery as long as it may be, and there is still something to send.
            left_s = RECOVERY_BAR_S + sum(_usual_s(one) for one in faults[n:])
            self._pace.per_s = max(self._platform.left, 1) / left_s
            self._host.wait(fault.pause_s)
            if time.monotonic() > give_up_at:
                break
            self._tell(self._announced(fault))
            struck.append(self._host.strike(fault))
        return struck

    def wait_until_quiet(self, give_up_at: float) -> None:
        """Until every event was accepted and recorded and nothing more comes, or will come."""
        self._pace.per_s = _LAST_PACE_PER_S
        while (now := time.monotonic()) < give_up_at:
            self._host.wait(_LOOK_EVERY_S)
            self._log.read()
            if self._platform.left:
                continue
            quiet_s = now - max(self._log.last_at, self._platform.accepted[-1].at)
            if quiet_s > (_QUIET_S if self._unrecorded(now) else _SETTLED_S):
                return

    def _announced(self, fault: Fault) -> str:
        at_s = time.monotonic() - self._began_at
        what = f"{fault.action} {fault.process} for {fault.hold_s:.1f} s"
        return f"{at_s:7.1f}  {what}, {len(self._platform.accepted)} accepted so far"

    def _wait_until_recovered(self, struck: Struck, give_up_at: float) -> None:
        """So that a recovery is measured by itself; not longer than it may take."""
        give_up_at = min(give_up_at, struck.ended_at + RECOVERY_BAR_S)
        while time.monotonic() < give_up_at and self._unrecorded(struck.ended_at):
            self._host.wait(_LOOK_EVERY_S)

    def _unrecorded(self, accepted_until: float) -> bool:
        self._log.read()
        return any(
            one.number not in self._log.recorded
            for one in self._platform.accepted[:]
            if one.at <= accepted_until
        )


def _usual_s(fault: Fault) -> float:
    """How long a fault takes with what is before and after it.

    A dead worker's lease has to end, and somebody's next beat to show it.
    """
    taken_over_s = Timings().lease_s + Timings().heartbeat_s + 1.0
    recovery_s = max(taken_over_s - fault.hold_s, 1.0) if fault.process in WORKERS else 1.5
    return fault.pause_s + fault.hold_s + recovery_s
