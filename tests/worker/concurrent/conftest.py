"""Workers and queues on the test Redis."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from redis import Redis
from rq import Queue
from rq.worker import BaseWorker

from relay.devtools.embedded_redis import EmbeddedRedis
from tests.worker.concurrent.intervals import FAST
from worker.concurrent import ConcurrentWorker

StartWorker = Callable[..., ConcurrentWorker]


@pytest.fixture
def connect(redis: Redis, redis_server: EmbeddedRedis) -> Iterator[Callable[[], Redis]]:
    """Makes clients of their own."""
    with ExitStack() as opened:
        yield lambda: opened.enter_context(Redis.from_url(redis_server.url, driver_info=None))


@pytest.fixture
def queue(redis: Redis) -> Queue:
    return Queue("work", connection=redis)


@pytest.fixture
def start_worker(connect: Callable[[], Redis]) -> StartWorker:
    """Makes workers of queues, each with a connection of its own."""

    def made(*queues: Queue, **options: Any) -> ConcurrentWorker:
        connection = connect()
        own = [Queue(one.name, connection=connection, serializer=one.serializer) for one in queues]
        serializer = queues[0].serializer
        return ConcurrentWorker(
            own,
            **{
                "connection": connection,
                "serializer": serializer,
                "concurrency": 8,
                "timings": FAST,
            }
            | options,
        )

    return made


@pytest.fixture(autouse=True)
def no_commands(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """RQ takes a second to stop listening for commands; few tests send any."""
    if "listening" not in request.fixturenames:
        monkeypatch.setattr(BaseWorker, "subscribe", lambda _self: None)


@pytest.fixture
def listening() -> None:
    """For tests that send commands."""
