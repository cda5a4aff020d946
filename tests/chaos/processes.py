"""The processes of a run: each can be signalled, and started again when it has ended.

Always from one thread, which lives as long as they: Linux ends a child with the thread that
started it.
"""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from relay.children import die_with_parent
from relay.devtools.embedded_redis import EmbeddedRedis
from tests.chaos.configuration import ROOT


class Program:
    """A process and those it starts, which are signalled together; its output goes to a file."""

    def __init__(self, command: Sequence[str], environ: Mapping[str, str], log: Path) -> None:
        self._command = command
        self._environ = environ
        self._log = log
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as output:
            return subprocess.Popen(
                self._command,
                cwd=ROOT,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                preexec_fn=die_with_parent,  # noqa: PLW1509  one prctl call, no locks
                process_group=0,
            )

    def send(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):  # all have ended already
            os.killpg(self.process.pid, number)

    def restart(self) -> None:
        """After it has ended; what it may have left behind must not hold its port."""
        self.send(signal.SIGKILL)
        self.process.wait()
        self.process = self._start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.send(signal.SIGKILL)
        self.process.wait()


class RedisServer:
    """Redis, restarted on the same data."""

    def __init__(self, folder: Path) -> None:
        self._server = EmbeddedRedis(folder)
        self.url = self._server.url

    @property
    def process(self) -> subprocess.Popen[bytes]:
        return self._server.process

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def restart(self) -> None:
        self._server.restart()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.send(signal.SIGCONT)  # one that is stopped would not hear that it shall end
        self._server.stop()


class SinkProcess:
    """The stand-in for Mercately, which is never struck."""

    def __init__(self, seed: int, log: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.sink", str(seed), str(log)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=die_with_parent,  # noqa: PLW1509  one prctl call, no locks
        )
        assert self.process.stdout
        self.url = f"http://127.0.0.1:{self.process.stdout.readline().strip()}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()
