"""Finding and removing all that Redis keeps of a person."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final, TypeVar, cast

from redis import Redis

from relay.mapping.phone import variants
from relay.model import Customer
from relay.store import lua
from relay.store.clock import redis_time
from relay.store.keys import OPEN, WAITING, customer_key, customer_parts, record_key
from relay.store.person import Person
from relay.store.pseudonyms import Pseudonyms
from relay.store.queue import rq_time
from relay.store.record import Record, read_record

_T = TypeVar("_T")
_AT_ONCE: Final = 500
_PREFIX: Final = record_key("")


def groups(items: Iterable[_T], at_once: int) -> Iterator[list[_T]]:
    """The items in their order, `at_once` at a time."""
    rest = iter(items)
    while group := list(islice(rest, at_once)):
        yield group


def references_of(customer: Customer) -> set[str]:
    """All that a customer is looked up by, and their id may be cached under."""
    phones = variants(customer.phone) if customer.phone else ()
    return {*phones, *([customer.email] if customer.email else ())}


class Eraser:
    """Reads every record to find those of a person: minutes for millions. Nothing is blocked."""

    def __init__(self, redis: Redis, pseudonyms: Pseudonyms) -> None:
        self._redis = redis
        self._pseudonyms = pseudonyms
        self._erase = redis.register_script(lua.script("lanes", "lists", "find", "erase"))

    def records(self, person: Person) -> Iterator[Record]:
        """The records that name the person, in any state."""
        return (record for record in self.all_records() if person.is_named_in(record))

    def all_records(self, at_once: int = _AT_ONCE) -> Iterator[Record]:
        """Every record, in no order, read `at_once` at a time."""
        found = self._redis.scan_iter(match=f"{_PREFIX}*", count=1_000)
        for keys in groups(cast("Iterator[bytes]", found), at_once):
            yield from self._read(keys)

    def waiting(self, person: Person) -> dict[str, Record]:
        """Entries that wait until their time, such as purchases not finished, by their keys."""
        return {key: entry for key, entry in self.all_waiting() if person.is_named_in(entry)}

    def all_waiting(self, at_once: int = _AT_ONCE) -> Iterator[tuple[str, Record]]:
        """Every entry that waits until its time, with its key."""
        keys = cast("list[bytes]", self._redis.zrange(WAITING, 0, -1))
        for group in groups(keys, at_once):
            for key, entry in zip(group, self._read(group), strict=True):
                yield key.decode(), entry

    def _read(self, keys: Sequence[bytes]) -> list[Record]:
        with self._redis.pipeline(transaction=False) as pipeline:
            for key in keys:
                pipeline.hgetall(key)
            hashes = cast("list[dict[bytes, bytes]]", pipeline.execute())
        return [
            read_record(key.decode().removeprefix(_PREFIX), values)
            for key, values in zip(keys, hashes, strict=True)
        ]

    def erase(self, record: Record) -> bool:
        """Remove a record; False where it is gone already."""
        now = redis_time(self._redis)
        iso = rq_time(datetime.fromtimestamp(now, UTC))
        keys = [record_key(record.id), OPEN]
        state: Any = self._erase(keys=keys, args=[record.id, record.source, now, iso])
        return bool(state)

    def end_waiting(self, keys: Sequence[str]) -> int:
        if not keys:
            return 0
        with self._redis.pipeline() as pipeline:
            pipeline.zrem(WAITING, *keys)
            pipeline.delete(*keys)
            removed, _ = pipeline.execute()
        return cast("int", removed)

    def cached_ids(self, customers: Iterable[Customer], person: Person) -> list[str]:
        """The keys under which ids of these customers are cached, as far as there are any."""
        references = set(person.references)
        for customer in customers:
            references |= references_of(customer)
        return [key for key in self.cache_keys(references) if self._redis.exists(key)]

    def cache_keys(self, references: Iterable[str]) -> list[str]:
        """The keys under which the ids of customers with these references may be cached."""
        keys = [
            customer_key(name, digest)
            for name in self._pseudonyms.destinations
            for reference in sorted(references)
            for digest in self._pseudonyms.digests(name, *customer_parts(reference))
        ]
        return list(dict.fromkeys(keys))

    def uncache(self, keys: Sequence[str]) -> int:
        return self._redis.delete(*keys) if keys else 0
