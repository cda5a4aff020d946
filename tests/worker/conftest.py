"""Wiring for the delivery half."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from redis import Redis

from config.settings import Settings
from relay.sources import Relay
from tests.worker.factories import Harness, deployed, destination
from worker.client import Client


@pytest.fixture
def connect() -> Iterator[Callable[..., Client]]:
    """Makes clients of a server, with short time-outs; more keywords change the destination."""
    with ExitStack() as opened:

        def client(server: str, *, read_timeout_s: float = 0.3, **changes: Any) -> Client:
            made = Client(
                destination(server=server, **changes),
                user_agent="mercately-relay/test",
                connect_timeout_s=0.3,
                read_timeout_s=read_timeout_s,
            )
            opened.callback(made.close)
            return made

        yield client


@pytest.fixture
def open_harness(
    redis: Redis, settings: Settings, relay: Relay
) -> Iterator[Callable[..., Harness]]:
    """Makes harnesses; keywords change the destination."""
    with ExitStack() as opened:
        yield lambda **changes: opened.enter_context(Harness(redis, settings, relay, **changes))


@pytest.fixture
def harness(open_harness: Callable[..., Harness]) -> Harness:
    return open_harness()


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Iterator[None]:
    with deployed(monkeypatch, settings):
        yield
