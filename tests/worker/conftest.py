"""Wiring for the delivery half."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from redis import Redis

from config.settings import Settings
from relay import operations
from relay.operations import Store
from relay.sources import Relay
from relay.store.pseudonyms import Pseudonyms
from tests.worker.factories import Harness, deployed, destination
from worker.client import Client


def pytest_itemcollected(item: pytest.Item) -> None:
    """As the worker does; Hypothesis does not."""
    if not getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
        item.add_marker(pytest.mark.greenlets)


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
def began_at() -> float:
    """When the test began (unix s): what it writes is not older."""
    return time.time()


@pytest.fixture
def is_left_of(began_at: float) -> Callable[[float, float], bool]:
    """Whether `left_s` seconds can be what is left of `total_s` that began within this test."""

    def check(left_s: float, total_s: float) -> bool:
        passed_s = time.time() - began_at
        return total_s - passed_s - 0.01 <= left_s <= total_s + 0.01

    return check


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Iterator[None]:
    with deployed(monkeypatch, settings):
        yield


@pytest.fixture
def forget(settings: Settings, relay: Relay) -> Callable[..., operations.Forgotten]:
    """Forgets the person of a text."""
    store = Store.open(settings)
    pseudonyms = Pseudonyms.open(settings, relay.destinations)

    def run(text: str, *, dry_run: bool = False) -> operations.Forgotten:
        person = operations.person_of(text)
        assert person
        return operations.forget(store, pseudonyms, person, dry_run=dry_run)

    return run
