"""Workers and queues on the test Redis."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest
from redis import Redis
from rq import Queue
from rq.worker import BaseWorker

from relay.embedded_redis import EmbeddedRedis
from worker.concurrent import ConcurrentWorker, Timings

StartWorker = Callable[..., ConcurrentWorker]

# All but the lease at a tenth of the usual times: a busy machine must not lose a lease by chance.
FAST = Timings(
    tick_s=0.05,
    register_after_s=0.05,
    register_again_s=3.0,
    worker_heartbeat_s=1.0,
    promote_s=0.5,
    suspended_s=0.1,
    maintain_s=0.1,
    block_s=0.4,
    poll_s=0.1,
)
# Looks for due jobs so seldom that a test would fail that waits for it.
SELDOM = replace(FAST, promote_s=60.0)
# A lease as short as a busy machine allows, for tests in which it expires.
SHORT_LEASE = replace(FAST, lease_s=1.5, heartbeat_s=0.3)


@pytest.fixture
def connect(redis: Redis, redis_server: EmbeddedRedis) -> Iterator[Callable[[], Redis]]:
    """Makes clients of their own."""
    with ExitStack() as opened:
        yield lambda: opened.enter_context(Redis.from_url(redis_server.url))


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
