"""Clocks that step: of Redis, web and workers each by itself, without any right over the host's.

A small library is preloaded into each process, which adds to the time of day what a file of the run
says. It is compiled at the start; where there is no compiler, clocks do not step, and the run says
so.
"""

import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_SOURCE: Final = Path(__file__).with_name("clock.c")
_PACKED: Final = "=q"
_PROBE: Final = "import time; print(time.time())"
_PROBED_S: Final = 7_200


class Clocks:
    """`why_not` says why clocks cannot step, empty where they can."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._library = folder / "clock.so"
        self.why_not = self._set_up()

    def _set_up(self) -> str:
        compiler = shutil.which("cc")
        if compiler is None or sys.platform != "linux":
            return "there is no C compiler"
        line = [compiler, "-shared", "-fPIC", "-O2", "-o", str(self._library), str(_SOURCE), "-ldl"]
        if subprocess.run(line, check=False, capture_output=True).returncode:
            return "the C compiler cannot make a library"
        environ = self._environ("probe")
        self.step("probe", _PROBED_S)
        told = subprocess.check_output(
            [sys.executable, "-c", _PROBE], env={**os.environ, **environ}
        )
        stepped = float(told) - _PROBED_S / 2 > self._library.stat().st_mtime
        return "" if stepped else "a preloaded library does not reach the clock"

    def environment(self, name: str) -> Mapping[str, str]:
        """What a process needs in its environment, so that its clock can step."""
        return {} if self.why_not else self._environ(name)

    def _environ(self, name: str) -> Mapping[str, str]:
        self.step(name, 0)
        return {"LD_PRELOAD": str(self._library), "CHAOS_CLOCK": str(self._file(name))}

    def step(self, name: str, ahead_s: int) -> None:
        """Have the clock of a process be so far ahead of the host's."""
        # In place: the process has the file in its memory.
        with os.fdopen(os.open(self._file(name), os.O_RDWR | os.O_CREAT), "r+b") as file:
            file.write(struct.pack(_PACKED, ahead_s))

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.clock"
