"""The short form of `make chaos`: 2,000 events, 8 faults, and nothing is lost."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
LAST_LINE = re.compile(
    r"accepted (\d+), delivered (\d+), lost (\d+), duplicated (\d+), reordered (\d+), "
    r"recovery (\d+\.\d) s"
)


@pytest.mark.timeout(300)
def test_nothing_is_lost_while_everything_is_killed_and_stopped(tmp_path):
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "tests.chaos"],
        cwd=ROOT,
        env={**os.environ, "CI": "true", "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    took_s = time.monotonic() - began

    assert done.returncode == 0, done.stdout + done.stderr
    found = LAST_LINE.fullmatch(done.stdout.splitlines()[-1])
    assert found
    accepted, delivered, lost, _, reordered = map(int, found.groups()[:-1])
    assert (accepted, delivered, lost, reordered) == (2_000, 2_000, 0, 0)
    assert float(found[6]) <= 15
    assert took_s < 240
    assert still_running(tmp_path) == []


def still_running(folder: Path) -> list[str]:
    """Command lines of processes with the folder in their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if str(folder).encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found
