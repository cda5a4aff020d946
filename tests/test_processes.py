"""The commands a newcomer and a host run, as real processes."""

import contextlib
import json
import os
import pty
import re
import select
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from conftest import relay_toml
from redis import Redis

from relay.devtools.embedded_redis import EmbeddedRedis
from relay.devtools.standin import StandinServer
from tests.ports import free_port
from tests.waiting import LONG_S, eventually

pytestmark = pytest.mark.slow

NOT_CI = {name: value for name, value in os.environ.items() if name != "CI"}
ROOT = Path(__file__).parents[1]
SCRIPTS = Path(sys.executable).parent
PROCFILE = dict(
    line.split(": ", 1) for line in (ROOT / "Procfile").read_text("utf-8").splitlines() if line
)


def processes_in(folder: Path) -> list[str]:
    """Command lines of what is still running with the folder in its environment or arguments."""
    found = []
    for proc in Path("/proc").glob("[0-9]*"):
        try:
            text = (proc / "cmdline").read_bytes() + (proc / "environ").read_bytes()
        except OSError:
            continue
        if str(folder).encode() in text and int(proc.name) != os.getpid():
            found.append((proc / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found


def demo(folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SCRIPTS / "mercately-relay", "demo", "--folder", str(folder)],
        env={**os.environ, "RELAY_LANGUAGE": "en", **more},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=2 * LONG_S,
        check=False,
    )


def test_demo_delivers_one_event_per_source_twice_and_leaves_nothing_running(tmp_path):
    for _ in range(2):
        nowhere = dict.fromkeys(("HTTP_PROXY", "http_proxy", "ALL_PROXY"), "http://127.0.0.1:9")
        done = demo(tmp_path, CI="true", NO_PROXY="", no_proxy="", **nowhere)
        rows = [line for line in done.stdout.splitlines() if "200 accepted" in line]

        assert done.returncode == 0, done.stdout + done.stderr
        assert [row.split()[1] for row in rows] == [
            "shopify", "woocommerce", "sendgrid", "standard_webhooks", "tiendanube", "crm",
        ]  # fmt: skip
        assert all(re.search(r"│ \d+ +│$", row) for row in rows)
        assert processes_in(tmp_path) == []


def test_demo_in_a_pipe_says_that_it_stopped_serving(tmp_path):
    done = demo(tmp_path, CI="")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "The output is no terminal: everything has been stopped." in done.stdout
    assert "Ctrl-C" not in done.stdout
    assert processes_in(tmp_path) == []


def test_demo_says_so_when_an_event_does_not_arrive(tmp_path):
    """The exit status is what CI goes by: it must be able to fail."""
    broken = tmp_path / "sitecustomize.py"
    broken.write_text(
        "import sys\n"
        "if 'demo' in sys.orig_argv:\n"  # web and worker have to patch before they import
        "    import relay.devtools.standin.server as server\n"
        "    start = server.StandinServer.__init__\n"
        "    def failing(self, standin=None, *args, **kwargs):\n"
        "        standin.fail('validation_422', on='events')\n"
        "        start(self, standin, *args, **kwargs)\n"
        "    server.StandinServer.__init__ = failing\n"
    )
    done = demo(tmp_path, CI="true", PYTHONPATH=f"{tmp_path}:{ROOT}")

    assert done.returncode == 1
    assert "did not arrive" in done.stdout
    assert "validation" in done.stdout


@contextlib.contextmanager
def demo_at_a_terminal(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A demo that serves, and what it has shown; killed in the end if it is still there."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [SCRIPTS / "mercately-relay", "demo", "--folder", str(folder)],
        env={**NOT_CI, "RELAY_LANGUAGE": "en", "COLUMNS": "160", "TERM": "dumb"},
        cwd=folder,
        stdout=slave,
        stdin=slave,
    )
    os.close(slave)
    try:
        yield process, read_until(master, "Ctrl-C ends everything")
    finally:
        process.kill()
        process.wait()
        os.close(master)


def test_demo_at_a_terminal_serves_until_interrupted(tmp_path):
    with demo_at_a_terminal(tmp_path) as (process, shown):
        addresses = dict(re.findall(r"^(\w+) +(http://[^\s<]+)", shown, re.MULTILINE))
        assert addresses.keys() == {"webhooks", "dashboard", "Mercately"}
        queues = requests.get(f"{addresses['dashboard']}/0/data/queues.json", timeout=LONG_S).json()
        assert sorted(queue["name"] for queue in queues["queues"]) == [
            f"mercately.principal.{name}"
            for name in (
                "crm",
                "sendgrid",
                "shopify",
                "standard_webhooks",
                "tiendanube",
                "woocommerce",
            )
        ]
        assert len(requests.get(addresses["Mercately"], timeout=LONG_S).json()) >= 1
        commands = re.findall(r"^.*mercately-relay --env .+$", shown, re.MULTILINE)
        assert [line.split()[3] for line in commands] == ["send", "events"]
        outputs = [pasted(line, tmp_path) for line in commands]
        assert '"status": "accepted"' in outputs[0]
        assert json.loads(outputs[0].partition(" ")[2])["ids"][0] in outputs[1]
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=LONG_S) == 0
        assert processes_in(tmp_path) == []


def pasted(line: str, folder: Path) -> str:
    """What a line prints in a shell, its output in a pipe."""
    done = subprocess.run(
        ["/bin/sh", "-c", line], env=NOT_CI, cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_demo_that_is_killed_takes_everything_with_it(tmp_path):
    """SIGKILL leaves it no moment to tidy up: Redis, web and worker end by themselves."""
    with demo_at_a_terminal(tmp_path) as (process, _):
        assert len(processes_in(tmp_path)) >= 4
        process.kill()
        process.wait()
        assert eventually(lambda: not processes_in(tmp_path)), processes_in(tmp_path)


def read_until(master: int, words: str) -> str:
    shown, give_up_at = b"", time.monotonic() + LONG_S
    while words.encode() not in shown and time.monotonic() < give_up_at:
        if select.select([master], [], [], 1)[0]:
            shown += os.read(master, 65536)
    return shown.decode(errors="replace").replace("\r", "")


@pytest.fixture
def heroku(
    redis: Redis, redis_server: EmbeddedRedis, standin_server: StandinServer, tmp_path: Path
) -> dict[str, str]:
    """The environment a dyno has: everything by variables, no file of its own."""
    file = tmp_path / "relay.toml"
    file.write_text(relay_toml(standin_server.url))
    return {
        **os.environ,
        "PATH": f"{SCRIPTS}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),  # the buildpack's
        "PORT": str(free_port()),
        "REDIS_URL": redis_server.url,
        "RELAY_CONFIG": str(file),
        "SHOPIFY_SECRET": "a-secret",
        "RELAY_LANGUAGE": "en",
    }


def test_procfile_lines_run_and_end_cleanly_on_sigterm(heroku, standin_server, tmp_path):
    """Heroku runs exactly these lines, and says SIGTERM before it kills."""
    checked = subprocess.run(
        shlex.split(PROCFILE["release"]), env=heroku, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    log = tmp_path / "web.log"
    with log.open("wb") as output:
        started = [
            subprocess.Popen(shlex.split(PROCFILE[name]), env=heroku, stdout=output)
            for name in ("web", "worker")
        ]
    base = f"http://127.0.0.1:{heroku['PORT']}"
    try:
        wait_until_ready(base)
        sent = subprocess.run(
            [SCRIPTS / "mercately-relay", "send", "shopify", "orders/create", "--url", base],
            env=heroku,
            capture_output=True,
            text=True,
            check=False,
        )
        assert '"status": "accepted"' in sent.stdout, sent.stdout + sent.stderr
        assert eventually(lambda: standin_server.standin.events)
        assert len(standin_server.standin.events) == 1
    finally:
        for process in started:
            process.terminate()
        statuses = [process.wait(timeout=LONG_S) for process in started]
    assert statuses == [0, 0]
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    (listening,) = [line for line in lines if line["event"] == "web.listening"]
    assert listening["address"] == f"http://0.0.0.0:{heroku['PORT']}"
    assert listening["config_file"] == heroku["RELAY_CONFIG"]


def test_senders_that_trickle_do_not_keep_others_waiting_for_ever(heroku):
    """As many as there are threads, none of them signed, and none gives up by itself."""
    environ = {**heroku, "WEB_CONCURRENCY": "1", "RELAY_WEB_THREADS": "4"}
    web = subprocess.Popen(shlex.split(PROCFILE["web"]), env=environ, stdout=subprocess.DEVNULL)
    base = f"http://127.0.0.1:{heroku['PORT']}"
    slow = []
    try:
        wait_until_ready(base, "/healthz")
        for _ in range(4):
            connection = socket.create_connection(("127.0.0.1", int(heroku["PORT"])))
            connection.sendall(
                b"POST /webhooks/shopify HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\na"
            )
            slow.append(connection)
        assert requests.get(f"{base}/healthz", timeout=LONG_S).ok
    finally:
        for connection in slow:
            connection.close()
        web.terminate()
        web.wait(timeout=LONG_S)


def test_worker_whose_redis_is_gone_ends_when_it_is_told_to(heroku, tmp_path):
    with EmbeddedRedis(tmp_path / "mortal") as mortal:
        worker = subprocess.Popen(
            shlex.split(PROCFILE["worker"]),
            env={**heroku, "REDIS_URL": mortal.url},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        with Redis.from_url(mortal.url) as redis:
            assert eventually(lambda: redis.smembers("rq:workers"))
        mortal.process.kill()
        mortal.process.wait()
        worker.terminate()
        try:
            assert worker.wait(timeout=LONG_S) == 0
        finally:
            worker.kill()
            worker.wait()


@pytest.mark.parametrize("command", ["standin", "dashboard"])
def test_command_of_the_image_serves_and_ends_cleanly_on_sigterm(command, heroku):
    """As docker compose starts it."""
    arguments = ["--port", heroku["PORT"]] if command == "standin" else []
    process = subprocess.Popen(
        [SCRIPTS / "mercately-relay", command, *arguments],
        env={**heroku, "RELAY_DASHBOARD_PASSWORD": "a-throw-away-password"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until_ready(f"http://127.0.0.1:{heroku['PORT']}", "/healthz")
    finally:
        process.terminate()
        status = process.wait(timeout=LONG_S)
    assert status == 0


def wait_until_ready(base: str, path: str = "/readyz") -> None:
    def ready() -> bool:
        with contextlib.suppress(requests.ConnectionError):
            return requests.get(f"{base}{path}", timeout=LONG_S).ok
        return False

    assert eventually(ready), f"{base}{path} is not ready"
