"""The host: starts all processes, strikes them, and starts again what has ended."""

import signal
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final, Self

import requests
from redis import Redis

from tests.chaos.clocks import Clocks
from tests.chaos.configuration import commands, environment
from tests.chaos.model import Fault, Struck
from tests.chaos.processes import Program, RedisServer, SinkProcess

_READY_WITHIN_S: Final = 90.0
_RESTART_AFTER_S: Final = 1.0
_LOOK_EVERY_S: Final = 0.05
_TELL_EVERY_S: Final = 0.2
_WRITES_AGAIN_WITHIN_S: Final = 10.0
# An idle worker looks every 15 s.
_NOTICED_WITHIN_S: Final = 25.0


class Host:
    """Redis, sink, web and workers, on loopback only, ended together.

    `surprises` are the processes that ended although nobody had struck them, `silent` those that
    did not notice that Redis had lost its data.
    """

    def __init__(self, folder: Path, seed: int, clocks: Clocks) -> None:
        self.surprises: list[str] = []
        self.silent: list[str] = []
        self._folder = folder
        self._clocks = clocks
        self._down_until: dict[str, float] = {}
        self._may_end: set[str] = set()
        with ExitStack() as stack:
            self._sink = stack.enter_context(SinkProcess(seed, folder / "sink.jsonl"))
            redis = RedisServer(folder / "redis", clocks.environment("redis"))
            self._redis = stack.enter_context(redis)
            environ = environment(folder, redis.url, self._sink.url)
            self.port = int(environ["PORT"])
            self.url = f"http://127.0.0.1:{self.port}"
            programs = {}
            for name, line in commands().items():
                # By its name the sink tells which worker it was.
                own = {**environ, "RELAY_USER_AGENT": name, **clocks.environment(name)}
                programs[name] = Program(line, own, folder / f"{name}.log")
                stack.enter_context(programs[name])
            self._struck: Mapping[str, Program | RedisServer] = {"redis": redis, **programs}
            self._wait_until_ready()
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _wait_until_ready(self) -> None:
        give_up_at = time.monotonic() + _READY_WITHIN_S
        while time.monotonic() < give_up_at:
            try:
                if requests.get(f"{self.url}/readyz", timeout=5).ok:
                    return
            except requests.RequestException:
                pass
            time.sleep(0.1)
        raise TimeoutError("web and workers did not get ready")

    def wait(self, seconds: float) -> None:
        """Let time pass, as a host does: what ends by itself is started again."""
        until = time.monotonic() + seconds
        while (now := time.monotonic()) < until:
            self._mind(now)
            time.sleep(min(_LOOK_EVERY_S, until - now))

    def strike(self, fault: Fault) -> Struck:
        """Kill or stop a process, and undo it when its time is over."""
        struck = self._struck[fault.process]
        at = time.monotonic()
        if fault.action in ("flush_scripts", "drop_clients", "pause"):
            self._trouble(fault)
            return Struck(fault, at, time.monotonic())
        if fault.action in ("fill_disk", "fill_disk_always"):
            self._fill_disk(fault)
            return Struck(fault, at, time.monotonic())
        if fault.action == "step_clock":
            self._clocks.step(fault.process, fault.ahead_s)
            self.wait(fault.hold_s)
            return Struck(fault, at, time.monotonic())
        struck.send(signal.SIGKILL if fault.action == "kill" else signal.SIGSTOP)
        if fault.action == "kill":
            struck.process.wait()
            self._down_until[fault.process] = at + fault.hold_s
            self._wait_until_up(fault.process)
        else:
            self.wait(fault.hold_s)
            struck.send(signal.SIGCONT)
        return Struck(fault, at, time.monotonic())

    def flush_all(self) -> None:
        """Take all data from Redis; `silent` are those who have not said so in their log in time."""
        with self._client() as redis:
            redis.flushall()
        logs = {name: self._folder / f"{name}.log" for name in commands()}
        self.silent = sorted(logs)
        give_up_at = time.monotonic() + _NOTICED_WITHIN_S
        while self.silent and time.monotonic() < give_up_at:
            # Web looks when an event comes, or when it is asked.
            requests.get(f"{self.url}/readyz", timeout=5)
            self.wait(1.0)
            self.silent = [n for n in self.silent if "redis.data_lost" not in logs[n].read_text()]

    def _trouble(self, fault: Fault) -> None:
        """Tell Redis again and again, or once for the whole time."""
        until = time.monotonic() + fault.hold_s
        with self._client() as redis:
            while time.monotonic() < until:
                if fault.action == "flush_scripts":
                    redis.script_flush()
                elif fault.action == "drop_clients":
                    redis.client_kill_filter(_type="normal", skipme=True)
                    redis.client_kill_filter(_type="pubsub")
                else:
                    redis.client_pause(int(fault.hold_s * 1000))
                    self.wait(fault.hold_s)
                self.wait(_TELL_EVERY_S)

    def _fill_disk(self, fault: Fault) -> None:
        """Let no write of Redis's reach the disk; where it may not go on without, it ends."""
        ends = fault.action == "fill_disk_always"
        with self._client() as redis:
            redis.config_set("appendfsync", "always" if ends else "everysec")
        if ends:
            self._may_end.add("redis")
        self._redis.fill_disk()
        self.wait(fault.hold_s)
        self._redis.free_disk()
        self.wait(_RESTART_AFTER_S)  # what it began to write may have failed still
        self._wait_until_up("redis")
        self._may_end.discard("redis")
        give_up_at = time.monotonic() + _WRITES_AGAIN_WITHIN_S
        with self._client() as redis:
            while redis.info("persistence")["aof_last_write_status"] != "ok":
                if time.monotonic() > give_up_at:
                    raise TimeoutError("Redis did not write again")
                self.wait(_LOOK_EVERY_S)
            redis.config_set("appendfsync", "always")

    def _wait_until_up(self, name: str) -> None:
        while name in self._down_until:
            self.wait(_LOOK_EVERY_S)

    def _client(self) -> Redis:
        return Redis.from_url(self._redis.url)

    def _mind(self, now: float) -> None:
        if self._sink.process.poll() is not None:
            raise RuntimeError("the sink has ended")
        for name, program in self._struck.items():
            if program.process.poll() is None:
                continue
            if name not in self._down_until:
                if name not in self._may_end:
                    status = program.process.returncode
                    self.surprises.append(f"{name} ended by itself with status {status}")
                self._down_until[name] = now + _RESTART_AFTER_S
            elif now >= self._down_until[name]:
                del self._down_until[name]
                program.restart()
