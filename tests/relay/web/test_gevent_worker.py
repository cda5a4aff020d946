"""Between two requests of one connection other connections have a turn."""

import io
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.workers.ggevent import GeventWorker

from relay.web.gevent_worker import RelayGeventWorker


class Rest(io.BytesIO):
    """What is left of a body, as gunicorn has it."""

    def __init__(self, content: bytes, *, failed: bool = False) -> None:
        super().__init__(content)
        self.failed = failed
        self.reader = SimpleNamespace(length=len(content))


@pytest.fixture
def turns() -> list[str]:
    return []


@pytest.fixture
def worker(turns: list[str], monkeypatch: pytest.MonkeyPatch) -> RelayGeventWorker:
    monkeypatch.setattr(GeventWorker, "handle_request", lambda *_: None)
    worker = RelayGeventWorker.__new__(RelayGeventWorker)
    worker._turns = SimpleNamespace(give=lambda: turns.append("given"))  # type: ignore[assignment]
    return worker


def handle(worker: RelayGeventWorker, body: Rest) -> None:
    request: Any = SimpleNamespace(body=body)
    worker.handle_request(("127.0.0.1", 0), request, io.BytesIO(), ("127.0.0.1", 1))


@pytest.mark.parametrize("content", [b"", b"x" * 10_000], ids=["no rest", "a rest"])
def test_others_have_a_turn_after_each_request(worker, turns, content):
    body = Rest(content)
    handle(worker, body)

    assert turns == ["given"]
    assert body.read() == b""


def test_connection_ends_behind_a_body_that_is_no_http(worker, turns):
    with pytest.raises(StopIteration):
        handle(worker, Rest(b"", failed=True))
    assert turns == []
