"""A pytest in a process that runs on greenlets, as web and worker do: `python -m tests.patched_pytest FD`.

It collects what its arguments name, then reads node ids, a line each, on standard input, runs that
test and writes its reports, a line of JSON each, to the file descriptor; an empty line ends them.
Run by tests/greenlet_tests.py.
"""

import relay.patched  # isort: skip  # noqa: F401  before anything else

import json
import os
import sys

import pytest


class Server:
    """Runs what it is told to, instead of all that was collected."""

    def __init__(self, descriptor: int) -> None:
        self._reports = os.fdopen(descriptor, "w", encoding="utf-8", buffering=1)
        self._node_ids = os.fdopen(os.dup(0), encoding="utf-8")  # pytest closes its own

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if session.testsfailed:
            raise session.Interrupted("errors during collection")
        items = {item.nodeid: item for item in session.items}
        for line in self._node_ids:
            # The session comes next: whatever belongs to less than that is torn down.
            session.config.hook.pytest_runtest_protocol(
                item=items[line.rstrip("\n")], nextitem=session
            )
            self._reports.write("\n")
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        data = self._config.hook.pytest_report_to_serializable(config=self._config, report=report)
        self._reports.write(json.dumps(data, default=str) + "\n")

    def pytest_configure(self, config: pytest.Config) -> None:
        self._config = config


if __name__ == "__main__":
    own, *arguments = sys.argv[1:]
    sys.exit(pytest.main(arguments, plugins=[Server(int(own))]))
