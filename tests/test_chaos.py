"""The short form of `make chaos`: 1,000 events, a fault of each kind, and nothing is lost."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
LAST_LINE = re.compile(
    r"accepted (\d+), delivered (\d+), lost (\d+), duplicated \d+, reordered (\d+), "
    r"recovery \d+\.\d s"
)


@pytest.mark.timeout(480)
def test_nothing_is_lost_while_everything_is_killed_and_stopped(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "tests.chaos"],
        cwd=ROOT,
        env={**os.environ, "CI": "true", "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    found = LAST_LINE.fullmatch(done.stdout.splitlines()[-1])
    assert found
    assert "beside: 100 half-sent heads and 100 silent connections all the time" in done.stdout
    assert "flushed at the end: web and both workers have said so" in done.stdout
    accepted, delivered, lost, reordered = map(int, found.groups())
    assert (accepted, delivered, lost, reordered) == (1_000, 1_000, 0, 0)
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
