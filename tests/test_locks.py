"""The lock files hold what pyproject.toml asks for, hashed, and nothing about where it came from."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = {"requirements.txt": "dashboard", "requirements-dev.txt": "dev", "requirements-bench.txt": "bench"}  # fmt: skip
ENTRY = re.compile(r"([a-z0-9][a-z0-9._-]*)==([^\s;]+)( ; [^\\]+)? \\")


def asked(extra: str) -> list[Requirement]:
    """The dependencies with those of an extra, and of the extras that it names."""
    extras = PROJECT["optional-dependencies"]
    found, waiting = [Requirement(text) for text in PROJECT["dependencies"]], [extra]
    while waiting:
        for text in extras[waiting.pop()]:
            requirement = Requirement(text)
            if requirement.name == PROJECT["name"]:
                waiting += requirement.extras
            else:
                found.append(requirement)
    return found


def entries(text: str) -> dict[str, tuple[str, list[str]]]:
    """Name to version and hashes. Raises ValueError for a line that is neither of these."""
    found: dict[str, tuple[str, list[str]]] = {}
    hashes: list[str] = []
    for line in text.splitlines():
        if match := ENTRY.fullmatch(line):
            hashes = []
            found[canonicalize_name(match[1])] = (match[2], hashes)
        elif match := re.fullmatch(r"    --hash=(sha256:[0-9a-f]{64})( \\)?", line):
            hashes.append(match[1])
        elif not re.fullmatch(r"    # via [A-Za-z0-9 ,.()_-]+", line):
            raise ValueError(f"unexpected: {line}")
    return found


def faults(requirements: list[Requirement], text: str) -> list[str]:
    locked = entries(text)
    found = [f"{name} has no hash" for name, (_, hashes) in locked.items() if not hashes]
    for requirement in requirements:
        name = canonicalize_name(requirement.name)
        if name not in locked:
            found.append(f"{name} is not locked")
        elif not requirement.specifier.contains(locked[name][0], prereleases=True):
            found.append(
                f"{name} is locked at {locked[name][0]}, asked for {requirement.specifier}"
            )
    return found


def lock(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


@pytest.mark.parametrize("name", EXTRAS)
def test_a_lock_holds_what_is_asked_for(name):
    requirements = asked(EXTRAS[name])

    assert len(requirements) > len(PROJECT["dependencies"])
    assert faults(requirements, lock(name)) == []


@pytest.mark.parametrize(
    ("right", "wrong", "fault"),
    [
        (r"(?m)^rq==", "qr==", "rq is not locked"),
        (r"(?m)^rq==.* ", "rq==99.0 ", "rq is locked at 99.0, asked for <3.1,>=3.0"),
        (r"    --hash=.*\n", "", "rq has no hash"),
    ],
)
def test_a_lock_that_does_not_is_noticed(right, wrong, fault):
    broken = re.sub(right, wrong, lock("requirements.txt"))

    assert fault in faults(asked("dashboard"), broken)


@pytest.mark.parametrize(
    "line",
    [
        "--index-url https://packages.example/simple",
        "--find-links /opt/wheels",
        "-e .",
        "rq @ https://packages.example/rq-3.0.0.tar.gz \\",
        "    # via -r /home/somebody/requirements.in",
        "    # from https://packages.example/simple",
    ],
)
def test_no_registry_and_no_folder_gets_into_a_lock(line):
    with pytest.raises(ValueError, match="unexpected"):
        entries(lock("requirements.txt") + line + "\n")


def test_all_locks_agree():
    """What is tested and measured is what is deployed."""
    dev = entries(lock("requirements-dev.txt"))
    runtime = entries(lock("requirements.txt"))
    bench = entries(lock("requirements-bench.txt"))

    assert {name: dev.get(name) for name in runtime} == runtime
    shared = dev.keys() & bench.keys()
    assert {name: bench[name] for name in shared} == {name: dev[name] for name in shared}


@pytest.mark.parametrize("package", ["rq", "redis", "rq-dashboard"])
def test_a_minor_version_whose_internals_are_unknown_is_not_taken(package):
    (requirement,) = [one for one in asked("dashboard") if one.name == package]
    locked = Version(entries(lock("requirements.txt"))[package][0])

    assert requirement.specifier.contains(f"{locked.major}.{locked.minor}.99")
    assert not requirement.specifier.contains(f"{locked.major}.{locked.minor + 1}")
