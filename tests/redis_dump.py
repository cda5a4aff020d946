"""A Redis as an earlier version left it, from a dump in `tests/fixtures`."""

import base64
import json
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from redis import Redis
from rq.utils import utcformat, utcparse

# Key -> (type, value as redis-py reads it).
Snapshot = Mapping[str, tuple[str, Any]]
_AGE_S = 300.0  # of a restored dump: leases are over, and heartbeats old
_WORKER_TIMES = ("birth", "death", "last_heartbeat")
_VALVE_TIMES = ("at", "shut", "slowed", "tripped")


def load(name: str) -> dict[str, Any]:
    file = Path(__file__).parent / "fixtures" / name
    dump: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return dump


def restore(redis: Redis, dump: Mapping[str, Any]) -> None:
    """Write every key, with its life and with times as if the dump were five minutes old."""
    shift_s = time.time() - _AGE_S - dump["dumped_at"]
    with redis.pipeline(transaction=False) as pipeline:
        for key, entry in dump["keys"].items():
            value = _shifted(key, entry, shift_s)
            match entry["type"]:
                case "string":
                    pipeline.set(key, value)
                case "hash":
                    pipeline.hset(key, mapping={name: _raw(part) for name, part in value.items()})
                case "list":
                    pipeline.rpush(key, *value)
                case "set":
                    pipeline.sadd(key, *value)
                case "zset":
                    pipeline.zadd(key, dict(value))
                case "stream":
                    for entry_id, fields in value:
                        pipeline.xadd(key, fields, id=entry_id)
            if entry["ttl"]:
                pipeline.expire(key, entry["ttl"])
        pipeline.execute()


def _raw(value: Any) -> Any:
    return base64.b64decode(value["base64"]) if isinstance(value, dict) else value


def _shifted(key: str, entry: Mapping[str, Any], shift_s: float) -> Any:
    value = entry["value"]
    if entry["type"] == "zset":
        return [(member, score + shift_s if score > 1e9 else score) for member, score in value]
    if key.startswith("relay:valve:"):
        times = {name: str(float(value[name]) + shift_s) for name in _VALVE_TIMES if name in value}
        return value | times
    if key.startswith("rq:worker:") and entry["type"] == "hash":
        names = [name for name in _WORKER_TIMES if value.get(name)]
        return value | {name: _later(value[name], shift_s) for name in names}
    return value


def _later(moment: str, shift_s: float) -> str:
    at = utcparse(moment).replace(tzinfo=UTC) + timedelta(seconds=shift_s)
    return utcformat(datetime.fromtimestamp(at.timestamp(), UTC))


def snapshot(redis: Redis) -> Snapshot:
    """Everything that Redis holds."""
    return dict(_entries(redis))


def _entries(redis: Redis) -> Iterator[tuple[str, tuple[str, Any]]]:
    read = {
        "string": redis.get,
        "hash": redis.hgetall,
        "list": lambda key: redis.lrange(key, 0, -1),
        "set": redis.smembers,
        "zset": lambda key: redis.zrange(key, 0, -1, withscores=True),
        "stream": redis.xrange,
    }
    for key in redis.scan_iter():
        kind = redis.type(key).decode()
        yield key.decode(), (kind, read[kind](key))


def lifetimes(redis: Redis) -> dict[str, int]:
    """The seconds each key has left to live, -1 for ever."""
    return {key.decode(): redis.ttl(key) for key in redis.scan_iter()}
