"""A process that forks one child a command and kills it between two Redis commands.

Run by tests/killing.py. Reads lines `role kill_at when` on standard input and answers
`done NAME NAME …` (the child finished; what it had sent, in order) or `killed`. `kill_at` is the
number of a sent packet or its name, which means the first of that name; `0` kills nobody. `when`
is `before` it is sent, or `after`: sent, and its answer never read. An HTTP request counts as a
packet, and `after` it its answer has begun.

A role is `accept:PLATFORM` (a sample of it arrives), `lookup` (all look-ups that are due) or
`deliver` (a worker that ends when there is nothing to do).
"""

import relay.patched  # isort: skip  # noqa: F401  before anything else

import os
import signal
import sys
from typing import Any

from flask import Flask
from redis.connection import AbstractConnection
from requests.adapters import HTTPAdapter

from config.settings import Settings, load
from relay.inbound import samples
from relay.web.app import create_app
from worker.process import open_lookups, run
from worker.relay_worker import RelayWorker
from worker.service import delivery_service

_REAL_SEND = AbstractConnection.send_packed_command
_REAL_ASK = HTTPAdapter.send
_TOPICS = {
    "shopify": "orders/create",
    "bigcommerce": "store/order/created",
    "mercadolibre": "orders_v2",
}
_SCRIPTS = {b"EVALSHA", b"EVAL"}
_sent: list[str] = []


def _packet_name(packed: bytes | list[bytes]) -> str:
    """The commands of a packet, a script's with the first letters of its hash."""
    rest = packed if isinstance(packed, bytes) else b"".join(packed)
    names = []
    while rest.startswith(b"*"):
        head, _, rest = rest.partition(b"\r\n")
        arguments = []
        for _ in range(int(head[1:])):
            head, _, rest = rest.partition(b"\r\n")
            length = int(head[1:])
            arguments.append(rest[:length])
            rest = rest[length + 2 :]
        names.append(b":".join([arguments[0], *_script(arguments)]).decode())
    return "+".join(names)


def _script(arguments: list[bytes]) -> list[bytes]:
    return [arguments[1][:8]] if arguments[0] in _SCRIPTS else []


def _arm(kill_at: str, when: str) -> None:
    def send(self: Any, command: Any, *args: Any, **kwargs: Any) -> Any:
        name = _packet_name(command if isinstance(command, bytes) else list(command))
        _sent.append(name)
        dies = kill_at in (str(len(_sent)), name)
        if dies and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        answer = _REAL_SEND(self, command, *args, **kwargs)  # connects first, which sends too
        if dies:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    def ask(self: Any, request: Any, **options: Any) -> Any:
        name = f"HTTP:{request.method}:{request.path_url}"
        _sent.append(name)
        dies = kill_at in (str(len(_sent)), name)
        if dies and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        answer = _REAL_ASK(self, request, **options)
        if dies:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    AbstractConnection.send_packed_command = send
    HTTPAdapter.send = ask


def _accept(app: Flask, platform: str) -> None:
    source = app.extensions["relay"].sources[platform]
    topic = _TOPICS[platform]
    body = samples.load(platform, topic).body
    delivery = samples.signed(source, topic, "http://localhost", body)
    headers = {**delivery.headers, "x-shopify-webhook-id": "one-delivery"}
    path = delivery.url.removeprefix("http://localhost")
    response = app.test_client().post(path, data=body, headers=headers)
    if response.status_code != 200:
        sys.exit(response.get_data(as_text=True))


def _look_up(settings: Settings) -> None:
    lookups = open_lookups(settings)
    assert lookups
    lookups.adopt()
    while lookups.run_due():
        pass


def _child(role: str, kill_at: str, when: str, pipe: int, app: Flask, settings: Settings) -> None:
    _arm(kill_at, when)
    name, _, platform = role.partition(":")
    if name == "accept":
        _accept(app, platform)
    elif name == "lookup":
        _look_up(settings)
    else:
        if kill_at == "0":
            # RQ takes up to a second to stop listening for commands; no test sends any here.
            RelayWorker.subscribe = lambda _: None
        run(settings, burst=True)
    os.write(pipe, " ".join(_sent).encode())
    os._exit(0)


def main() -> None:
    settings = load()
    app = create_app(settings)  # read once; nothing connects before a child does
    delivery_service()
    for line in sys.stdin:
        role, kill_at, when = line.split()
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                _child(role, kill_at, when, writer, app, settings)
            finally:
                os._exit(1)
        os.close(writer)
        _, status = os.waitpid(pid, 0)
        sent = os.read(reader, 65_536).decode()
        os.close(reader)
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
            answer = "killed"
        elif status == 0:
            answer = f"done {sent}"
        else:
            answer = f"failed {status}"
        print(answer, flush=True)  # noqa: T201  the other end of a pipe reads it


if __name__ == "__main__":
    main()
