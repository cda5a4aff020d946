"""`python -m worker.supervisor N GRACE_S`: N worker processes, one for each core to be used.

RQ's own `rq.worker_pool.WorkerPool` does not fit: it forks, or makes of a class and its arguments,
workers whose standard library nobody has patched before it was used, and ends without waiting for
longer than they like. Nothing but the standard library and the log is imported here, so that this
process takes little memory.
"""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from types import FrameType
from typing import Final

import structlog

from config import log
from relay.children import die_with_parent

_LOG: Final = structlog.get_logger()
_LOOK_EVERY_S: Final = 0.1
# What a worker takes to write its results and to take leave of Redis, after the grace for its jobs.
_AFTER_GRACE_S: Final = 8.0
_STARTED_WELL_S: Final = 10.0
_AGAIN_AFTER_MAX_S: Final = 30.0


@dataclass(slots=True)
class _Place:
    """One of the N: the process that has it, since when, and how often in a row it began badly."""

    process: subprocess.Popen[bytes] | None = None
    since: float = 0.0
    failures: int = 0
    not_before: float = 0.0


class Supervisor:
    """Starts workers, replaces those that end, and passes signals on to all."""

    def __init__(self, processes: int, grace_s: float) -> None:
        self._places = [_Place() for _ in range(processes)]
        self._grace_s = grace_s
        self._stop_at = 0.0

    def run(self) -> None:
        """Until a signal says stop and all have ended."""
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, self._pass_on)
        while not self._stop_at:
            for place in self._places:
                self._keep(place)
            time.sleep(_LOOK_EVERY_S)
        give_up_at = self._stop_at + self._grace_s + _AFTER_GRACE_S
        while self._running() and time.monotonic() < give_up_at:
            time.sleep(_LOOK_EVERY_S)
        for process in self._running():
            _LOG.error("worker.killed", pid=process.pid)
            process.kill()
            process.wait()

    def _keep(self, place: _Place) -> None:
        """Have a worker there; one that has ended is replaced, later each time it began badly."""
        now, process = time.monotonic(), place.process
        if process is not None and process.poll() is not None:
            _LOG.warning("worker.ended", pid=process.pid, status=process.returncode)
            began_well = now - place.since > _STARTED_WELL_S or process.returncode < 0
            place.failures = 0 if began_well else place.failures + 1
            wait_s = min(2**place.failures, _AGAIN_AFTER_MAX_S) if place.failures else 0.0
            place.process, place.not_before = None, now + wait_s
        if place.process is None and now >= place.not_before and not self._stop_at:
            # A group of its own: what a terminal sends to all comes to each once, from here.
            place.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "worker"],
                preexec_fn=die_with_parent,  # noqa: PLW1509  one prctl call, and no threads here
                start_new_session=True,
            )
            place.since = now
            if self._stop_at:  # asked to stop meanwhile
                place.process.terminate()

    def _pass_on(self, signum: int, _frame: FrameType | None) -> None:
        self._stop_at = self._stop_at or time.monotonic()
        for process in self._running():
            process.send_signal(signum)

    def _running(self) -> list[subprocess.Popen[bytes]]:
        processes = [place.process for place in self._places if place.process is not None]
        return [process for process in processes if process.poll() is None]


def main() -> None:
    processes, grace_s = sys.argv[1:]
    log.configure(os.environ.get("RELAY_LOG_LEVEL", "INFO"))
    Supervisor(int(processes), float(grace_s)).run()


if __name__ == "__main__":
    main()
