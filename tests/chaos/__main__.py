"""`python -m tests.chaos`: is anything lost while everything is killed and stopped at random?

10,000 events and 30 faults; with `CI=true` 1,000 and 14, one of each kind, in three minutes. Slow
senders are beside all the time. `--only fill_disk` strikes with that alone.
Exits 1 when a bar does not hold or the run could not be finished, and keeps its folder with all
logs then. With `CI=true` the machine may be busy with other things: times are then reported, and
only counts decide.
"""

import argparse
import os
import secrets
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from tests.chaos import report
from tests.chaos.plan import HOLDS_S
from tests.chaos.run import Form, run


def main() -> int:
    signal.signal(signal.SIGTERM, _interrupt)
    form = _form()
    folder = Path(tempfile.mkdtemp(prefix="relay-chaos-"))
    _tell(f"seed {form.seed}: {form.events} events, {form.faults} faults")
    _tell(f"logs, kept if it fails: {folder}")
    try:
        outcome = run(form, folder, _tell)
    except KeyboardInterrupt:
        return 130
    for line in report.lines(outcome):
        _tell(line)
    if outcome.failures:
        return 1
    shutil.rmtree(folder)
    return 0


def _form() -> Form:
    short = os.environ.get("CI") == "true"
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000 if short else 10_000)
    parser.add_argument("--faults", type=int, default=len(HOLDS_S) if short else 30)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    actions = sorted({action for action, _ in HOLDS_S})
    parser.add_argument("--only", choices=actions, action="append", default=[])
    chosen = parser.parse_args()
    return Form(chosen.events, chosen.faults, chosen.seed, not short, chosen.only)


def _tell(line: str) -> None:
    print(line, flush=True)  # noqa: T201  the report


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
