"""Rewriting what Redis holds, a hash at a time, while no worker runs: the tools of a migration.

Keys are read with SCAN, so memory is bounded and Redis keeps answering; every hash is written by
one script, whole or not at all. Whatever stops it, it can run again: what is converted already is
read and left alone.
"""

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from redis import Redis, ResponseError
from rq import Queue
from rq.utils import utcparse

from config.language import localized
from relay.store import lua
from relay.store.pseudonyms import Pseudonyms

# The keys read in one round trip. A record can be a megabyte.
_HASHES_AT_ONCE: Final = 50
_KEYS_PER_SCAN: Final = 1000
_FAILURES_LISTED_MAX: Final = 1000
_HEARTBEAT_WITHIN_S: Final = 60.0


class WorkersAlive(Exception):
    """A worker has given a sign of life; the message is for people."""

    def __init__(self, count: int) -> None:
        super().__init__(
            localized(
                f"Workers vivos en el último minuto: {count}. Detenga web y workers, espere un "
                "minuto y repita.",
                f"Workers alive within the last minute: {count}. Stop web and workers, wait a "
                "minute and repeat.",
            )
        )


class Unconvertible(Exception):
    """A hash cannot be converted; the reason is a code and names nobody."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Conversion:
    """How one hash gets into the next format.

    `kind` is what it is counted as. `renames` maps old to new field names, `values` names the
    fields that get a new value, `new_key` is empty where the key stays. `members` are sorted sets
    and what they get as a member. `moved_keys` maps other keys to their names in the next format.
    """

    kind: str
    renames: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, bytes] = field(default_factory=dict)
    new_key: str = ""
    members: Sequence[tuple[str, str]] = ()
    moved_keys: Mapping[str, str] = field(default_factory=dict)

    @property
    def needed(self) -> bool:
        return bool(self.renames or self.values or self.new_key)


@dataclass(slots=True)
class Report:
    """What a migration came to.

    `schema` is the format there was, empty for a Redis without data. `converted` counts by kind, a
    hash once however many steps it takes: a record's state, `jobs`, `throttles`, `wakeup`, `lanes`,
    `customer_ids`. `failures` are key and reason of the first thousand hashes that were left as
    they were, `failed` the number of all; a later step leaves them too.
    """

    schema: str
    converted: Counter[str] = field(default_factory=Counter)
    keys_read: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list)
    failed_keys: set[str] = field(default_factory=set)

    @property
    def failed(self) -> int:
        return len(self.failed_keys)

    def fail(self, key: str, reason: str) -> None:
        self.failed_keys.add(key)
        if len(self.failures) < _FAILURES_LISTED_MAX:
            self.failures.append((key.encode(errors="backslashreplace").decode(), reason))


# Raises Unconvertible; gets the key without its prefix, and the hash.
Plan = Callable[[str, Mapping[bytes, bytes]], Conversion]
# Gets keys, and returns the new name of each: the same where it stays, empty to delete it.
KeyPlan = Callable[[Sequence[str]], Mapping[str, str]]


class Converter:
    """Converts hashes and counts; with `dry_run` it only counts.

    `progress` gets the number of keys read, about every thousand.
    """

    def __init__(
        self,
        redis: Redis,
        queue: Queue,
        report: Report,
        *,
        dry_run: bool,
        progress: Callable[[int], None],
        pseudonyms: Pseudonyms,
    ) -> None:
        self.redis = self._redis = redis
        self.pseudonyms = pseudonyms
        self._queue = queue
        self._report = report
        self._converted: Counter[str] = Counter()
        self._dry_run = dry_run
        self._progress = progress
        self._convert = redis.register_script(lua.script("convert_hash"))
        self._move_keys = redis.register_script(lua.script("move_keys"))

    def end_step(self) -> None:
        """Count what the step has converted."""
        self._report.converted |= self._converted
        self._converted = Counter()

    def convert_hashes(self, plans: Mapping[str, Plan]) -> None:
        """Convert every hash whose key begins with one of the prefixes and has no colon after it.

        Reads all keys of Redis and all those hashes, in several thousand round trips a million.

        Raises:
            WorkersAlive: one has begun to work meanwhile.
            RedisError: what is converted until then is counted nowhere but is converted.
        """
        for keys in self._pages():
            if not self._dry_run:
                require_no_worker(self._redis, self._queue)
            hashes = [
                (key, prefix)
                for key in keys
                if key not in self._report.failed_keys
                for prefix in plans
                if key.startswith(prefix) and ":" not in key.removeprefix(prefix)
            ]
            for start in range(0, len(hashes), _HASHES_AT_ONCE):
                self._convert_batch(hashes[start : start + _HASHES_AT_ONCE], plans)
            self._report.keys_read += len(keys)
            self._progress(self._report.keys_read)

    def _move(self, names: Mapping[str, str]) -> int:
        """Rename keys, or delete those with an empty new name; how many there were."""
        if not names:
            return 0
        keys = [_raw(name) for old, new in names.items() for name in (old, new or old)]
        return cast("int", self._move_keys(keys=keys))

    def convert_keys(self, plans: Mapping[str, tuple[str, KeyPlan]]) -> None:
        """Rename the keys that begin with a prefix, by the kind and the plan of the prefix."""
        for keys in self._pages():
            if not self._dry_run:
                require_no_worker(self._redis, self._queue)
            for prefix, (kind, plan) in plans.items():
                names = plan([key for key in keys if key.startswith(prefix)])
                changed = {old: new for old, new in names.items() if old != new}
                count = len(changed) if self._dry_run else self._move(changed)
                self._converted[kind] += count

    def rename_key(self, kind: str, old: str, new: str) -> None:
        """Give a key a new name; where the new one exists, it stays and the old one goes."""
        there = self._redis.exists(old) if self._dry_run else self._move({old: new})
        self._converted[kind] += bool(there)

    def _pages(self) -> Iterator[list[str]]:
        cursor = 0
        while True:
            cursor, keys = cast(
                "tuple[int, list[bytes]]", self._redis.scan(cursor, count=_KEYS_PER_SCAN)
            )
            yield [key.decode(errors="surrogateescape") for key in keys]
            if not cursor:
                return

    def _convert_batch(self, batch: Sequence[tuple[str, str]], plans: Mapping[str, Plan]) -> None:
        with self._redis.pipeline(transaction=False) as pipeline:
            for key, _ in batch:
                pipeline.hgetall(_raw(key))
            rows: list[Any] = pipeline.execute(raise_on_error=False)
        conversions: list[tuple[str, Conversion, Mapping[bytes, bytes]]] = []
        for (key, prefix), values in zip(batch, rows, strict=True):
            try:
                conversion = _plan(plans[prefix], key.removeprefix(prefix), values)
            except Unconvertible as error:
                self._report.fail(key, error.reason)
                continue
            if conversion and conversion.needed:
                conversions.append((key, conversion, values))
        if self._dry_run:
            self._converted.update(conversion.kind for _, conversion, _ in conversions)
        elif conversions:
            self._write(conversions)

    def _write(self, conversions: Sequence[tuple[str, Conversion, Mapping[bytes, bytes]]]) -> None:
        moved = {old: new for _, each, _ in conversions for old, new in each.moved_keys.items()}
        self._converted["customer_ids"] += self._move(moved)
        with self._redis.pipeline(transaction=False) as pipeline:
            for key, conversion, values in conversions:
                args: list[Any] = [len(conversion.renames)]
                for names in conversion.renames.items():
                    args += names
                args.append(len(conversion.members))
                for set_and_member in conversion.members:
                    args += set_and_member
                for name, value in conversion.values.items():
                    args += [name, values.get(name.encode(), b""), value]
                keys = [_raw(key), _raw(conversion.new_key or key)]
                self._convert(keys=keys, args=args, client=pipeline)
            outcomes: list[bytes] = pipeline.execute()
        for (key, conversion, _), outcome in zip(conversions, outcomes, strict=True):
            if outcome == b"converted":
                self._converted[conversion.kind] += 1
            elif outcome == b"changed":
                self._report.fail(key, "changed_meanwhile")


def _plan(plan: Plan, name: str, values: Any) -> Conversion | None:
    if isinstance(values, ResponseError) and "WRONGTYPE" in str(values):
        raise Unconvertible("not_a_hash")
    if isinstance(values, Exception):
        raise values
    return plan(name, values) if values else None  # expired since it was listed


def _raw(key: str) -> bytes:
    return key.encode(errors="surrogateescape")


def require_no_worker(redis: Redis, queue: Queue) -> None:
    """A worker of `queue`, or of the queues whose names begin with its name, must not be alive.

    Raises:
        WorkersAlive: one holds a lease, or its last heartbeat is under 60 s old.
    """
    seconds, microseconds = redis.time()
    now = seconds + microseconds / 1e6
    leases = cast("list[bytes]", redis.zrange("rq:leases", f"({now}", "+inf", byscore=True))
    alive = {name.decode() for name in leases}
    for key in cast("set[bytes]", redis.smembers("rq:workers")):
        row = cast(
            "list[bytes | None]", redis.hmget(key.decode(), "last_heartbeat", "queues", "death")
        )
        heartbeat, queues, death = ((value or b"").decode() for value in row)
        ours = any(f"{name}.".startswith(f"{queue.name}.") for name in queues.split(","))
        if not ours or death or not heartbeat:
            continue
        with contextlib.suppress(ValueError):
            if now - utcparse(heartbeat).timestamp() < _HEARTBEAT_WITHIN_S:
                alive.add(key.decode().removeprefix("rq:worker:"))
    if alive:
        raise WorkersAlive(len(alive))
