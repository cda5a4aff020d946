"""What is remembered of things: one small hash each, written by the accept script.

`relay:resource:<digest>`, a keyed digest of source, shop, kind and id, lives 400 days from the last
write. Its fields, none where empty: `v` version, `s` state, `r` sum refunded, `t` total, `i`
digests of refunds by spaces, `u` the thing's latest time (unix s), `@<state>` that state's own date
(unix s, 0 undated), `.<field>` the digest of a shown field. No name and no value is long, so that
Redis keeps the hash in one piece of memory: 350 to 450 bytes an order.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import Any, Final, cast

from redis import Redis, RedisError

from relay.errors import NotStored
from relay.inbound.contract import Source
from relay.inbound.recall import Recollection
from relay.model import Memory, Resource
from relay.store.group_commit import GroupCommit
from relay.store.pseudonyms import Pseudonyms

REMEMBERED_S: Final = 400 * 24 * 3600
# Keys looked at for an estimate.
_SAMPLE: Final = 2000
# 48 bits: two values of one field are taken for equal once in 2.8e14 changes.
_FIELD_DIGEST: Final = 8


class Moved(Exception):
    """Another request has written the memory of a thing since it was recalled: decide again."""


class SourceMemory:
    """Recalls the things of one request of a source; a `relay.inbound.recall.Recall`.

    Of things that are only now created hardly ever anything is remembered. The first time it is
    taken for granted, which spares a round trip: where it is wrong, the accept script answers that
    the memory has moved, and the next time they are looked up.
    """

    def __init__(
        self,
        commands: GroupCommit,
        pseudonyms: Pseudonyms,
        source: Source,
        *,
        dedup_s: int,
    ) -> None:
        self._commands = commands
        self._pseudonyms = pseudonyms
        self._source = source
        self._was_asked = False
        self.dedup_s = dedup_s

    def recall(self, resources: Sequence[Resource], *, are_new: bool = False) -> list[Recollection]:
        """What is remembered of each, in one round trip, under an old key where under no new one.

        Raises:
            NotStored: Redis does not answer.
        """
        was_asked, self._was_asked = self._was_asked, True
        has_old_keys = len(self._digesters) > 1  # of which the script does not know
        if are_new and not was_asked and not has_old_keys:
            return [Recollection(Memory(), self.digest) for _ in resources]
        keys = [resource_keys(self._pseudonyms, self._source, each) for each in resources]
        try:
            rows = iter(self._read([key for group in keys for key in group]))
        except RedisError as error:
            raise NotStored from error
        return [self._recalled([next(rows) for _ in group]) for group in keys]

    def _read(self, keys: Sequence[str]) -> list[Mapping[bytes, bytes]]:
        replies = self._commands.run([("HGETALL", key) for key in keys])
        return [_pairs(reply) for reply in replies]

    def _recalled(self, rows: Sequence[Mapping[bytes, bytes]]) -> Recollection:
        for age, row in enumerate(rows):
            if row:
                memory = read_memory(row)
                # What an old key has written is written anew, under the new one.
                version = 0 if age else memory.version
                return Recollection(memory, self._digesters[age], version)
        return Recollection(Memory(), self.digest)

    @cached_property
    def digest(self) -> Callable[[str], str]:
        return self._digesters[0]

    @cached_property
    def _digesters(self) -> Sequence[Callable[[str], str]]:
        source = self._source
        parts = (source.destination.name, "field", source.name)
        return self._pseudonyms.digesters(*parts, length=_FIELD_DIGEST)


def resource_keys(pseudonyms: Pseudonyms, source: Source, resource: Resource) -> tuple[str, ...]:
    """Where a thing is remembered, the key to write first."""
    parts = ("resource", source.name, resource.shop, resource.kind, resource.id)
    digests = pseudonyms.digests(source.destination.name, *parts)
    return tuple([f"relay:resource:{digest}" for digest in digests])


def memory_size(redis: Redis) -> tuple[int, int]:
    """About how many things are remembered, and in how many bytes; four round trips.

    Estimated from a sample of all keys, since counting them would take a minute a million.
    """
    with redis.pipeline(transaction=False) as pipeline:
        total = redis.dbsize()
        for _ in range(min(_SAMPLE, total * 4)):
            pipeline.randomkey()
        sampled = cast("list[bytes | None]", pipeline.execute())
        ours = [key for key in sampled if key and key.startswith(b"relay:resource:")]
        for key in ours:
            pipeline.memory_usage(key)
        sizes = [size or 0 for size in cast("list[int | None]", pipeline.execute())]
    if not ours:
        return 0, 0
    count = round(total * len(ours) / len(sampled))
    return max(count, 1), round(count * sum(sizes) / len(sizes))


def memory_fields(memory: Memory) -> dict[str, str]:
    """The fields of the hash."""
    fields = {"v": str(memory.version)}
    if memory.state:
        fields["s"] = memory.state
    if memory.refunded:
        fields["r"] = str(memory.refunded)
    if memory.total is not None:
        fields["t"] = str(memory.total)
    if memory.refunds:
        fields["i"] = " ".join(sorted(memory.refunds))
    if memory.updated_at:
        fields["u"] = _time(memory.updated_at)
    for state, at in memory.steps.items():
        fields[f"@{state}"] = _time(at)
    for name, digest in memory.shown.items():
        if digest:
            fields[f".{name}"] = digest
    return fields


def _time(at: float) -> str:
    """With all its digits: a rounded time is another time."""
    return repr(at).removesuffix(".0")


def _pairs(reply: Any) -> Mapping[bytes, bytes]:
    """A hash as Redis answers it: a mapping, or by its older protocol names and values in turn."""
    return reply if isinstance(reply, dict) else dict(zip(reply[::2], reply[1::2], strict=True))


def read_memory(values: Mapping[bytes, bytes]) -> Memory:
    """Decode a hash; a field that cannot be read is as if it were absent."""

    def text(name: str) -> str:
        return values.get(name.encode(), b"").decode(errors="replace")

    def number(name: str) -> float:
        with suppress(ValueError):
            return float(text(name))
        return 0.0

    def amount(name: str) -> Decimal | None:
        with suppress(InvalidOperation):
            return Decimal(text(name))
        return None

    names = [name.decode(errors="replace") for name in values]
    return Memory(
        version=int(number("v")),
        state=text("s"),
        steps={name[1:]: number(name) for name in names if name.startswith("@")},
        refunded=amount("r") or Decimal(0),
        total=amount("t"),
        refunds=frozenset(text("i").split()),
        shown={name[1:]: text(name) for name in names if name.startswith(".")},
        updated_at=number("u"),
    )
