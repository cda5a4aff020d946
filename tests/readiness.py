"""What `/readyz` says is missing, for a Redis and a queue."""

from pathlib import Path

from redis import Redis
from rq import Queue

from relay.store.readiness import check_all
from tests.conftest import make_settings


def missing(redis: Redis, queue: Queue, durability: str = "fsync") -> list[str]:
    settings = make_settings("redis://unused", Path("absent.toml"), durability=durability)
    return check_all(redis, queue, settings).missing
