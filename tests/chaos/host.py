"""The host: starts all processes, strikes them, and starts again what has ended."""

import signal
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final, Self

import requests
from redis import Redis

from tests.chaos.configuration import commands, environment
from tests.chaos.model import Fault, Struck
from tests.chaos.processes import Program, RedisServer, SinkProcess

_READY_WITHIN_S: Final = 90.0
_RESTART_AFTER_S: Final = 1.0
_LOOK_EVERY_S: Final = 0.05
_TELL_EVERY_S: Final = 0.2
# An idle worker looks every 15 s.
_NOTICED_WITHIN_S: Final = 25.0


class Host:
    """Redis, sink, web and workers, on loopback only, ended together.

    `surprises` are the processes that ended although nobody had struck them, `silent` those that
    did not notice that Redis had lost its data.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self.surprises: list[str] = []
        self.silent: list[str] = []
        self._folder = folder
        self._down_until: dict[str, float] = {}
        with ExitStack() as stack:
            self._sink = stack.enter_context(SinkProcess(seed, folder / "sink.jsonl"))
            redis = stack.enter_context(RedisServer(folder / "redis"))
            environ = environment(folder, redis.url, self._sink.url)
            self.url = f"http://127.0.0.1:{environ['PORT']}"
            programs = {
                # By its name the sink tells which worker it was.
                name: Program(line, {**environ, "RELAY_USER_AGENT": name}, folder / f"{name}.log")
                for name, line in commands().items()
            }
            for program in programs.values():
                stack.enter_context(program)
            self._redis_url = redis.url
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
        struck.send(signal.SIGKILL if fault.action == "kill" else signal.SIGSTOP)
        if fault.action == "kill":
            struck.process.wait()
            self._down_until[fault.process] = at + fault.hold_s
            while fault.process in self._down_until:
                self.wait(_LOOK_EVERY_S)
        else:
            self.wait(fault.hold_s)
            struck.send(signal.SIGCONT)
        return Struck(fault, at, time.monotonic())

    def flush_all(self) -> None:
        """Take all data from Redis; `silent` are those who have not said so in their log in time."""
        with Redis.from_url(self._redis_url) as redis:
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
        with Redis.from_url(self._redis_url) as redis:
            while time.monotonic() < until:
                if fault.action == "flush_scripts":
                    redis.script_flush()
                elif fault.action == "drop_clients":
                    redis.client_kill_filter(_type="normal", skipme=True)
                else:
                    redis.client_pause(int(fault.hold_s * 1000))
                    self.wait(fault.hold_s)
                self.wait(_TELL_EVERY_S)

    def _mind(self, now: float) -> None:
        if self._sink.process.poll() is not None:
            raise RuntimeError("the sink has ended")
        for name, program in self._struck.items():
            if program.process.poll() is None:
                continue
            if name not in self._down_until:
                status = program.process.returncode
                self.surprises.append(f"{name} ended by itself with status {status}")
                self._down_until[name] = now + _RESTART_AFTER_S
            elif now >= self._down_until[name]:
                del self._down_until[name]
                program.restart()
