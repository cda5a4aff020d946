"""The number of the format that our data in Redis is in, and refusing to work on any other.

Format 0 is what was written before there was a number. The first accept on a Redis without data
writes the number together with the data; `mercately-relay migrate` (relay/store/migrations.py)
raises it.
"""

import sys
from typing import Any, Final, NoReturn

import structlog
from redis import Redis

from config.language import localized
from relay.store import lua
from relay.store.keys import SCHEMA_KEY

# Of this version. Whoever changes it adds a step to relay/store/migrations.py.
SCHEMA: Final = 2
_LOG: Final = structlog.get_logger()
_READ: Final = f"{lua.script('schema')}\nreturn schema(KEYS[1])"


class SchemaMismatch(Exception):
    """Redis holds data in format `schema`, not in ours. The message is for people."""

    def __init__(self, schema: str) -> None:
        self.schema = schema
        self.older = schema.isdecimal() and int(schema) < SCHEMA
        if self.older:
            sentence = localized(
                f"Redis tiene datos en el formato {schema}, de una versión anterior; esta necesita "
                f"el formato {SCHEMA}: detenga web y workers y ejecute `mercately-relay migrate`.",
                f"Redis holds data in format {schema}, of an earlier version, and this one needs "
                f"format {SCHEMA}: stop web and workers and run `mercately-relay migrate`.",
            )
        else:
            sentence = localized(
                f"Redis tiene datos en el formato {schema}, escritos por una versión más nueva que "
                f"esta, que conoce hasta el formato {SCHEMA}: use la versión nueva.",
                f"Redis holds data in format {schema}, written by a newer version than this one, "
                f"which knows formats up to {SCHEMA}: run the newer version.",
            )
        super().__init__(sentence)


def read_schema(redis: Redis) -> str:
    """The number as Redis has it, `0` for data without one, empty without data. One round trip.

    Raises:
        RedisError: it cannot be asked.
    """
    answer: Any = redis.eval(_READ, 1, SCHEMA_KEY)
    return answer.decode(errors="replace") if isinstance(answer, bytes) else str(answer)


def find_mismatch(redis: Redis) -> SchemaMismatch | None:
    """Why this version must not work on this Redis; None where it may.

    Raises:
        RedisError: it cannot be asked.
    """
    schema = read_schema(redis)
    return None if schema in ("", str(SCHEMA)) else SchemaMismatch(schema)


def require_schema(redis: Redis) -> None:
    """Reads only, so that it works on a replica and on a full Redis too.

    Raises:
        SchemaMismatch: the data are in an older or newer format.
        RedisError: it cannot be asked.
    """
    if mismatch := find_mismatch(redis):
        raise mismatch


def exit_process(mismatch: SchemaMismatch) -> NoReturn:
    """Log the mismatch and end this process with status 1 and the sentence on standard error."""
    _LOG.error("redis.schema_mismatch", found=mismatch.schema, expected=SCHEMA)
    sys.exit(str(mismatch))
