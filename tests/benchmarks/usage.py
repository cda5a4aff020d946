"""What a process and its children take of a core and of memory, where there is a `/proc` to read."""

import os
from pathlib import Path
from typing import Final

_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int) -> float | None:
    """Resident memory of a process and all below it; a page that they share is counted once."""
    try:
        return sum(map(_resident_kb, _family(pid))) / 1024
    except OSError:
        return None


def cpu_s(pid: int) -> float | None:
    """Seconds of a core that a process and all below it have taken."""
    try:
        return sum(map(_ticks, _family(pid))) / _TICKS_PER_S
    except OSError:
        return None


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    return [pid, *(member for child in children for member in _family(int(child)))]


def _resident_kb(pid: int) -> int:
    """Each page divided by the number of processes that have it (Linux's `Pss`)."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text("utf-8").splitlines()
    found = next((line for line in lines if line.startswith("Pss:")), "Pss: 0 kB")
    return int(found.split()[1])


def _ticks(pid: int) -> int:
    """Of the process itself, in the kernel and outside; the name before may hold anything."""
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
