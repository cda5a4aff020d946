"""Workers, stock and ours, and what they leave in Redis."""

import re
import signal
import threading
import time
import zlib
from base64 import b64decode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from redis import Redis
from rq import Queue, SimpleWorker
from rq.results import Result

from tests.waiting import LONG_S
from tests.worker.concurrent.jobs import SAID
from tests.worker.factories import signals_kept
from worker.concurrent import ConcurrentWorker

QUIET = {"logging_level": "CRITICAL"}
_TIME = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z")
# Of the worker's own hash, what RQ's users look at.
_COUNTS = ("successful_job_count", "failed_job_count", "queues")
# RQ's scheduler is a process of its own; ours needs none.
_NOT_COMPARED = re.compile(r"rq:scheduler|rq:clean")


def said(redis: Redis) -> list[str]:
    return [word.decode() for word in redis.lrange(SAID, 0, -1)]


def let_go(redis: Redis, *names: str) -> None:
    redis.mset({f"go:{name}": 1 for name in names})


@contextmanager
def at_work(worker: ConcurrentWorker, **options: Any) -> Iterator[threading.Thread]:
    """A worker in a thread of its own, told to stop at the end."""
    thread = threading.Thread(target=worker.work, kwargs=QUIET | options)
    thread.start()
    try:
        yield thread
    finally:
        worker.request_stop(signal.SIGTERM, None)
        thread.join(timeout=LONG_S)
        assert not thread.is_alive()


def burst(worker: ConcurrentWorker, **options: Any) -> bool:
    """A worker in this thread, until there is nothing left to do."""
    with signals_kept():
        return worker.work(burst=True, **QUIET, **options)


def stock_burst(queues: Sequence[Queue], **options: Any) -> None:
    worker = SimpleWorker(
        queues, connection=queues[0].connection, serializer=queues[0].serializer, **options
    )
    with signals_kept():
        worker.work(burst=True, with_scheduler=True, **QUIET)


def footprint(redis: Redis) -> dict[str, Any]:
    """All that is in Redis and for how long, with what differs from run to run made equal."""
    names = sorted(key.decode() for key in redis.scan_iter())
    return {
        name: (_content(redis, name), _life(redis, name))
        for name in names
        if not _NOT_COMPARED.match(name)
    }


def _content(redis: Redis, name: str) -> Any:
    kind = redis.type(name).decode()
    if kind == "hash":
        found = {field.decode(): value for field, value in redis.hgetall(name).items()}
        if name.startswith("rq:worker:"):
            return {field: found.get(field) for field in _COUNTS}
        # An empty text and no field are one to RQ; `result` is a relic that nobody reads.
        return {name: _value(value) for name, value in found.items() if value and name != "result"}
    if kind == "zset":
        return {id_: _moment(score) for id_, score in redis.zrange(name, 0, -1, withscores=True)}
    if kind == "stream":
        return [_row(fields) for _, fields in redis.xrange(name)]
    return {
        "set": lambda: redis.smembers(name),
        "list": lambda: redis.lrange(name, 0, -1),
        "string": lambda: redis.get(name),
    }[kind]()


def _row(fields: dict[bytes, bytes]) -> dict[str, Any]:
    """A Result."""
    row: dict[str, Any] = {field.decode(): value for field, value in fields.items()}
    for field in ("execution_id", "execution_started_at", "execution_ended_at"):
        row[field] = bool(row[field])
    if told := row.get("exc_string"):
        lines = zlib.decompress(b64decode(told)).decode().splitlines()
        row["exc_string"] = lines[0], lines[-1]
    row["type"] = Result.Type(int(row["type"])).name
    return row


def _value(value: bytes) -> Any:
    return "time" if _TIME.fullmatch(value) else value


def _moment(score: float) -> Any:
    """Scores are moments, or for ever."""
    return score if score in (-1, float("inf")) else round((score - time.time()) / 10)


def _life(redis: Redis, name: str) -> int:
    left = int(redis.ttl(name))
    return left if left < 0 else round(left / 10)
