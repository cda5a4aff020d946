"""Commands are printed as they can be pasted into the shell that started this one."""

import subprocess
import sys
from pathlib import Path

import pytest

from relay.devtools.command_line import command_line

SCRIPT = Path(sys.executable).with_name("mercately-relay")


@pytest.fixture
def started_as(monkeypatch):
    def start(program: str, path: str = "/usr/bin:/bin") -> None:
        monkeypatch.setattr(sys, "argv", [program, "demo"])
        monkeypatch.setenv("PATH", path)

    return start


def test_script_on_path_is_printed_by_its_name(started_as):
    started_as(str(SCRIPT), f"{SCRIPT.parent}:/usr/bin")
    assert command_line("--env", "a b") == "mercately-relay --env 'a b'"


def test_script_that_is_not_on_path_is_printed_as_it_was_started(started_as, monkeypatch):
    monkeypatch.chdir(SCRIPT.parents[2])
    started_as(str(SCRIPT.relative_to(SCRIPT.parents[2])))
    assert command_line("events") == f"{SCRIPT.parent.parent.name}/bin/mercately-relay events"


def test_another_one_on_path_is_not_taken_for_it(started_as, tmp_path):
    other = tmp_path / "mercately-relay"
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    started_as(str(SCRIPT), str(tmp_path))
    assert command_line() == str(SCRIPT)


@pytest.mark.slow
def test_module_is_printed_as_a_module_and_runs(started_as):
    started_as("/x/relay/__main__.py")
    command = command_line("--version")
    assert command == f"{sys.executable} -P -m relay --version"
    assert subprocess.run(command.split(), capture_output=True, check=True, text=True).stdout
