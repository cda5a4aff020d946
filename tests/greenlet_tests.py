"""Runs tests marked `greenlets` in a process whose standard library is gevent's.

pytest itself, xdist and Hypothesis stay in a process that is not patched; each has one such child,
which lives as long as it does and runs one test after the other.
"""

import json
import os
import selectors
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

_ROOT = Path(__file__).parents[1]
_WITHIN_S = 110.0


class Child:
    """`run` yields the reports of one test."""

    def __init__(self, *paths: str) -> None:
        reader, writer = os.pipe()
        options = ("-q", "-p", "no:xdist", "-p", "no:cacheprovider", "-o", "timeout=0")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.patched_pytest", str(writer), *options, *paths],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            pass_fds=[writer],
            text=True,
            env={name: value for name, value in os.environ.items() if "XDIST" not in name},
        )
        os.close(writer)
        self._reader = reader
        self._unread = b""

    def run(self, node_id: str) -> list[dict[str, Any]]:
        """The reports of a test.

        Raises:
            EOFError: the child has ended.
            TimeoutError: the test did not end.
        """
        assert self._process.stdin
        self._process.stdin.write(f"{node_id}\n")
        self._process.stdin.flush()
        lines = iter(self._line, b"")
        return [json.loads(line) for line in lines]

    def _line(self) -> bytes:
        while b"\n" not in self._unread:
            with selectors.DefaultSelector() as selector:
                selector.register(self._reader, selectors.EVENT_READ)
                if not selector.select(_WITHIN_S):
                    raise TimeoutError
            if not (part := os.read(self._reader, 65_536)):
                raise EOFError
            self._unread += part
        line, _, self._unread = self._unread.partition(b"\n")
        return line

    def close(self, *, within_s: float = 10.0) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        try:
            self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._reader)


_CHILD = pytest.StashKey[Child]()


def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Run a test there that is marked so; pytest runs the others."""
    patched = "gevent" in sys.modules and sys.modules["gevent"].monkey.is_module_patched("socket")
    if patched or not item.get_closest_marker("greenlets"):
        return None
    hook, stash = item.ihook, item.config.stash
    hook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    if _CHILD not in stash:
        paths = {str(one.path) for one in item.session.items if one.get_closest_marker("greenlets")}
        stash[_CHILD] = Child(*sorted(paths))
    try:
        rows = stash[_CHILD].run(item.nodeid)
    except (EOFError, BrokenPipeError, TimeoutError) as error:
        stash[_CHILD].close(within_s=0)
        del stash[_CHILD]
        text = f"in a process on greenlets: {type(error).__name__}"
        rows = [_failure(item, text)]
    for row in rows:
        report = item.config.hook.pytest_report_from_serializable(config=item.config, data=row)
        hook.pytest_runtest_logreport(report=report)
    # What a test before it has left for tests of its module, of its session and so on.
    item.session._setupstate.teardown_exact(nextitem)
    hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def _failure(item: pytest.Item, text: str) -> dict[str, Any]:
    report = pytest.TestReport(item.nodeid, item.location, {}, "failed", text, "call")
    data: dict[str, Any] = item.config.hook.pytest_report_to_serializable(
        config=item.config, report=report
    )
    return data


def pytest_unconfigure(config: pytest.Config) -> None:
    if child := config.stash.get(_CHILD, None):
        child.close()
