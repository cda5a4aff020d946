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
from relay.devtools.embedded_redis import EmbeddedRedis, server_binary
from tests.chaos import disk
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
    """Redis, restarted on the same data; on a disk that is full, or not."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        folder.mkdir(mode=0o700)
        self._folder = folder
        self._full = False
        binary = disk.starter(folder, server_binary(), environ)
        self._server = EmbeddedRedis(folder, binary=str(binary))
        self.url = self._server.url

    @property
    def process(self) -> subprocess.Popen[bytes]:
        return self._server.process

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def restart(self) -> None:
        self._server.restart()
        if self._full:
            self.fill_disk()

    def fill_disk(self) -> None:
        """Have no more room for the append-only file."""
        self._full = True
        with contextlib.suppress(ProcessLookupError):  # it has ended of it already
            disk.set_full(self.process.pid, disk.append_only_bytes(self._folder))

    def free_disk(self) -> None:
        self._full = False
        disk.set_free(self.process.pid)

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
