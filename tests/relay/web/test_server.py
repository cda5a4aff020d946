"""The web process as it is started: one server, many signals, nothing refused meanwhile."""

import base64
import contextlib
import hashlib
import hmac
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import gevent
import gevent.socket
import pytest

from relay.devtools.embedded_redis import EmbeddedRedis
from relay.web.gevent_worker import AnswerSocket, EvenServer
from tests.ports import free_port
from tests.waiting import LONG_S, eventually

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
OLD, NEW = "an-older-secret-of-a-test", "a-newer-secret-of-a-test"
CONFIGURATION = """
[destinations.crm]
server = "http://127.0.0.1:9"
api_key = "0123456789abcdef0123456789abcdef"

[sources.tienda]
platform = "shopify"
secrets = {secrets}
"""


class Server:
    """A running web process with two workers, and what it has logged."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, file: Path, log: Path) -> None:
        self.process = process
        self.port = port
        self._file = file
        self._log = log

    def configure(self, content: str) -> None:
        self._file.write_text(content, "utf-8")

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def events(self, name: str) -> list[dict[str, Any]]:
        lines = self._log.read_text("utf-8").splitlines()
        return [line for line in map(json.loads, filter(is_json, lines)) if line["event"] == name]

    def workers(self) -> list[int]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in children.read_text().split()]

    def send(self, number: int, secret: str) -> int:
        """The status of an order on a connection of its own, 0 when it was cut."""
        body = json.dumps({"id": number, "name": f"#{number}", "phone": "+593991234567"}).encode()
        digest = hmac.digest(secret.encode(), body, hashlib.sha256)
        headers = {
            "Content-Type": "application/json",
            "X-Shopify-Topic": "orders/create",
            "X-Shopify-Hmac-Sha256": base64.b64encode(digest).decode(),
        }
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, 10)) as sender:
            try:
                sender.request("POST", "/webhooks/tienda", body, headers)
                return sender.getresponse().status
            except (OSError, http.client.HTTPException):
                return 0


def configuration(*secrets: str) -> str:
    return CONFIGURATION.format(secrets=json.dumps(secrets))


def is_json(line: str) -> bool:
    return line.startswith("{")


@contextlib.contextmanager
def running(
    folder: Path, redis_url: str, log: Path | None = None, **environ: str
) -> Iterator[Server]:
    file, port = folder / "relay.toml", free_port()
    if log is None:
        log = folder / "web.log"
        log.touch()
    file.write_text(configuration(OLD), "utf-8")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RELAY_")}
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "relay", "web"],
            env=kept
            | {"REDIS_URL": redis_url, "RELAY_CONFIG": str(file), "RELAY_HOST": "127.0.0.1"}
            | {"PORT": str(port), "WEB_CONCURRENCY": "2", "RELAY_LANGUAGE": "en"}
            | environ,
            stdout=output,
            stderr=output,
        )
    server = Server(process, port, file, log)
    try:
        assert eventually(lambda: answers(port)), log.read_text("utf-8")
        assert eventually(lambda: len(server.workers()) == 2)
        yield server
    finally:
        process.terminate()
        assert process.wait(LONG_S) == 0, log.read_text("utf-8")


def answers(port: int, within_s: float = 5.0) -> bool:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, within_s)) as sender:
        try:
            sender.request("GET", "/healthz")
            return sender.getresponse().status == 200
        except OSError:
            return False


@contextlib.contextmanager
def load(send: Callable[[int], int]) -> Iterator[Counter[int]]:
    """Four senders, each an order after the other; how many got which status."""
    statuses: Counter[int] = Counter()
    is_over, numbers, lock = threading.Event(), iter(range(1, 1_000_000)), threading.Lock()

    def send_all() -> None:
        while not is_over.is_set():
            with lock:
                number = next(numbers)
            status = send(number)
            with lock:
                statuses[status] += 1

    senders = [threading.Thread(target=send_all) for _ in range(4)]
    for sender in senders:
        sender.start()
    try:
        yield statuses
    finally:
        is_over.set()
        for sender in senders:
            sender.join(LONG_S)


@pytest.fixture
def server(tmp_path: Path, redis_server: EmbeddedRedis) -> Iterator[Server]:
    with running(tmp_path, redis_server.url) as started:
        yield started


def test_a_secret_is_rotated_under_load_and_nothing_is_refused(server: Server) -> None:
    secret = OLD
    with load(lambda number: server.send(number, secret)) as statuses:
        assert eventually(lambda: statuses[200] > 20)
        server.configure(configuration(NEW, OLD))
        before = server.workers()
        server.signal(signal.SIGHUP)
        assert eventually(lambda: not set(before) & set(server.workers()))
        secret = NEW
        accepted = statuses[200]
        assert eventually(lambda: statuses[200] > accepted + 20)

    assert set(statuses) == {200}, statuses
    (reloaded,) = server.events("config.reloaded")
    assert reloaded["sources"] == ["tienda"]


def test_a_faulty_file_is_logged_and_the_old_one_stays(server: Server) -> None:
    server.configure("[sources.tienda]\nplatform = 'shopfy'\n")
    before = server.workers()
    server.signal(signal.SIGHUP)

    assert eventually(lambda: server.events("config.not_reloaded"))
    assert "sources.tienda" in str(server.events("config.not_reloaded")[0]["faults"])
    assert eventually(lambda: not set(before) & set(server.workers()))
    assert server.send(1, OLD) == 200


def test_processes_are_added_and_taken_away_and_nothing_is_refused(server: Server) -> None:
    with load(lambda number: server.send(number, OLD)) as statuses:
        server.signal(signal.SIGTTIN)
        assert eventually(lambda: len(server.workers()) == 3)
        server.signal(signal.SIGTTOU)
        assert eventually(lambda: len(server.workers()) == 2)
        accepted = statuses[200]
        assert eventually(lambda: statuses[200] > accepted + 20)

    assert set(statuses) == {200}, statuses


def test_a_killed_process_refuses_nobody_who_comes_after(server: Server) -> None:
    """What it was about to answer is cut; new connections are the other process's."""
    killed = server.workers()[0]
    os.kill(killed, signal.SIGKILL)
    started_at = time.monotonic()
    statuses = [server.send(number, OLD) for number in range(1, 40)]

    assert set(statuses) == {200}
    assert time.monotonic() - started_at < LONG_S
    assert eventually(lambda: killed not in server.workers() and len(server.workers()) == 2)


@pytest.mark.usefixtures("redis")
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a disk that is always full")
def test_log_that_cannot_be_written_costs_no_answer(
    tmp_path: Path, redis_server: EmbeddedRedis
) -> None:
    with running(tmp_path, redis_server.url, log=Path("/dev/full")) as server:
        assert {server.send(number, OLD) for number in range(1, 6)} == {200}


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"what is this\r\n\r\n", 400),
        (b"GET / HTTP/9.9\r\nHost: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"x" * 20_000 + b"\r\n\r\n", 431),
        (b"POST /webhooks/tienda/sec%ret HTTP/1.1\r\nHost: x\r\nContent-Length: z\r\n\r\n", 400),
    ],
)
def test_what_is_no_request_is_answered_as_anything_else(
    sent: bytes, status: int, server: Server
) -> None:
    with socket.create_connection(("127.0.0.1", server.port), LONG_S) as sender:
        sender.sendall(sent)
        answer = http.client.HTTPResponse(sender)
        answer.begin()
        body = answer.read()
    assert answer.status == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert json.loads(body).keys() == {"type", "title", "status", "reason"}
    assert b"sec" not in body


def test_header_does_not_say_where_the_app_is(server: Server) -> None:
    """gunicorn takes it from a proxy on the same host, which passes it on from anybody."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port, LONG_S)) as sender:
        sender.request("GET", "/healthz", headers={"SCRIPT_NAME": "/elsewhere"})
        assert sender.getresponse().status == 200


def test_the_next_connection_is_left_to_another_process() -> None:
    """Of two that wait at one listener, the first to see a connection would have them all."""
    taken: list[int] = []
    with contextlib.closing(gevent.socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.setblocking(False)
        servers = [
            EvenServer(listener, handle=lambda *_, number=number: taken.append(number))
            for number in (1, 2)
        ]
        for server in servers:
            server.start()
        for count in range(1, 41):
            with socket.create_connection(listener.getsockname()):
                while len(taken) < count:
                    gevent.sleep()
        for server in servers:
            server.stop()

    assert set(taken) == {1, 2}


def test_an_answer_is_one_write() -> None:
    connection = Mock()
    answer = AnswerSocket(connection)
    answer.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    answer.sendall(b"{}")
    connection.sendall.assert_not_called()
    answer.flush()
    answer.flush()

    connection.sendall.assert_called_once_with(b"HTTP/1.1 200 OK\r\n\r\n{}")
    assert answer.getpeername is connection.getpeername


def test_a_long_answer_is_not_kept_in_memory() -> None:
    connection = Mock()
    AnswerSocket(connection).sendall(b" " * 100_000)

    connection.sendall.assert_called_once()


def test_gunicorn_alone_is_refused_with_a_sentence(redis_server: EmbeddedRedis) -> None:
    """Its gevent worker would patch after the app was loaded: answers of Redis would cross."""
    done = subprocess.run(
        [
            sys.executable,
            "-P",
            "-m",
            "gunicorn",
            "-c",
            ROOT / "config" / "gunicorn.conf.py",
            "relay.web.app:create_app()",
        ],
        env=os.environ | {"REDIS_URL": redis_server.url, "RELAY_LANGUAGE": "en"},
        capture_output=True,
        text=True,
        check=False,
        timeout=LONG_S,
    )

    assert done.returncode != 0
    assert "Start this with `mercately-relay web`" in done.stderr
