"""A process that forks one child a command and kills it between two Redis commands.

JobExecution by tests/test_kill.py. Reads lines `role kill_at when` on standard input and answers `done N`
(the child finished; it had sent N commands) or `killed`. `when` is `before` the n-th command is
sent, or `after`: sent, and its answer never read.
"""

import os
import signal
import sys
from typing import Any

from flask import Flask
from redis.connection import AbstractConnection

from config.settings import Settings, load
from relay.inbound import samples
from relay.web.app import create_app
from worker.__main__ import run
from worker.relay_worker import RelayWorker
from worker.service import delivery_service

_REAL_SEND = AbstractConnection.send_packed_command
_sent = 0


def _arm(kill_at: int, when: str) -> None:
    def send(self: Any, *args: Any, **kwargs: Any) -> Any:
        global _sent  # noqa: PLW0603  one child, one count
        _sent = mine = _sent + 1
        if mine == kill_at and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        answer = _REAL_SEND(self, *args, **kwargs)  # connects first, which sends too
        if mine == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    AbstractConnection.send_packed_command = send


def _accept(app: Flask) -> None:
    source = app.extensions["relay"].sources["shopify"]
    body = samples.load("shopify", "orders_create").body
    delivery = samples.signed(source, "orders/create", "http://localhost", body)
    headers = {**delivery.headers, "x-shopify-webhook-id": "one-delivery"}
    response = app.test_client().post("/webhooks/shopify", data=body, headers=headers)
    if response.status_code != 200:
        sys.exit(response.get_data(as_text=True))


def _child(role: str, kill_at: int, when: str, pipe: int, app: Flask, settings: Settings) -> None:
    _arm(kill_at, when)
    if role == "accept":
        _accept(app)
    else:
        if not kill_at:
            # Who only tidies up need not hear commands; RQ takes up to a second to stop hearing.
            RelayWorker.subscribe = lambda _: None
        run(settings, burst=True)
    os.write(pipe, str(_sent).encode())
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
                _child(role, int(kill_at), when, writer, app, settings)
            finally:
                os._exit(1)
        os.close(writer)
        _, status = os.waitpid(pid, 0)
        sent = os.read(reader, 20).decode()
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
