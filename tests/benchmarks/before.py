"""The relay at an earlier commit, in a worktree of its own, to be measured beside the present one.

It runs with the present environment: its dependencies are among ours.
"""

import contextlib
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from tests.benchmarks.stage import ROOT

# What accepted events before translation had a memory of things.
COMMIT: Final = "a76a6a7"
# Types that it knows; its relay.toml may name no others.
EVENT_TYPES: Final = ("order.created",)


@contextlib.contextmanager
def worktree(folder: Path) -> Iterator[Path | None]:
    """The files of the commit; None where this is no git checkout, or one without the commit."""
    path = folder / "before"
    added = _git("worktree", "add", "--detach", str(path), COMMIT)
    try:
        yield path if added else None
    finally:
        if added:
            _git("worktree", "remove", "--force", str(path))


def fill(root: Path, environ: Mapping[str, str], count: int) -> None:
    """Accept so many events there, in the format of its time."""
    command = [sys.executable, "-m", "tests.benchmarks.backlog", str(count), "0"]
    subprocess.run(command, cwd=root, env=dict(environ), check=True)


def _git(*arguments: str) -> bool:
    try:
        done = subprocess.run(
            ["git", "-C", str(ROOT), *arguments], capture_output=True, check=False
        )
    except OSError:  # no git
        return False
    return done.returncode == 0
