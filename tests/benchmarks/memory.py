"""What a process and its children hold in memory, where there is a `/proc` to read."""

from pathlib import Path


def resident_mb(pid: int) -> float | None:
    """Resident memory of a process and all below it; pages they share are counted for each."""
    try:
        return sum(map(_resident_kb, _family(pid))) / 1024
    except OSError:
        return None


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    return [pid, *(member for child in children for member in _family(int(child)))]


def _resident_kb(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text("utf-8").splitlines()
    found = next((line for line in lines if line.startswith("VmRSS:")), "VmRSS: 0 kB")
    return int(found.split()[1])
