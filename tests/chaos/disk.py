"""A disk that is full for Redis alone: its append-only file may not grow beyond what it has.

The limit is one of the process (`RLIMIT_FSIZE`), which needs no right and no other file system. To
Redis it is what a full disk is: a write that fails half way, or at once.
"""

import resource
import subprocess
import sys
from pathlib import Path
from typing import Final

_FULL: Final = resource.RLIMIT_FSIZE
# SIGXFSZ would end it before it learns that its write has failed, which no full disk does.
_STARTER: Final = """#!/bin/sh
trap '' XFSZ
{exports}exec {binary} "$@"
"""


def why_not() -> str:
    """Why Redis's disk cannot be filled here, empty where it can."""
    if not hasattr(resource, "prlimit"):
        return "this system sets no limits of other processes"
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        try:
            set_full(child.pid, 1_000_000)
            set_free(child.pid)
        except OSError as error:
            return f"limits of other processes may not be set ({type(error).__name__})"
        finally:
            child.kill()
    return ""


def starter(folder: Path, binary: str, environ: dict[str, str]) -> Path:
    """A script that starts Redis, so that it survives a write beyond its limit."""
    script = folder / "start-redis"
    exports = "".join(f"export {name}='{value}'\n" for name, value in environ.items())
    script.write_text(_STARTER.format(exports=exports, binary=binary))
    script.chmod(0o700)
    return script


def append_only_bytes(folder: Path) -> int:
    """How long the file is that Redis appends to."""
    files = [*folder.glob("appendonly*/*.aof"), *folder.glob("*.aof")]
    return max(files, key=lambda file: file.stat().st_mtime).stat().st_size


def set_full(pid: int, at_bytes: int) -> None:
    """Let no file of a process grow beyond so many bytes."""
    _, hard = resource.prlimit(pid, _FULL)
    resource.prlimit(pid, _FULL, (at_bytes, hard))


def set_free(pid: int) -> None:
    """Take the limit away, unless the process has ended."""
    try:
        _, hard = resource.prlimit(pid, _FULL)
        resource.prlimit(pid, _FULL, (hard, hard))
    except ProcessLookupError:
        pass
