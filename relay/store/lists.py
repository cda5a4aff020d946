"""Reading events in pages: by state and source, by cause, and by what a person has at hand.

No reading of a page costs more than the page: the sets are ordered by record id, which begins with
the time of acceptance, and are read from a cursor on.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, cast

from redis import Redis
from ulid import ULID

from relay.model import State
from relay.store.keys import CAUSES, COUNTS, list_key, record_key, state_key
from relay.store.record import Record, read_record

# The states in which an event waits for a person, with lists by cause. lists.lua has the same.
WAITING_STATES: Final = (State.HELD, State.DEAD, State.AWAITING_LOOKUP)
_IDS_AT_ONCE: Final = 500
# What a list shows: all but personal data and what is large.
_SHOWN: Final = (
    b"state", b"route", b"attempts", b"runs", b"reason", b"settled_at", b"repeats",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Page:
    """Some records, newest first, without customer, call and payload.

    `next` is the cursor of the page after it, empty when there is none.
    """

    records: tuple[Record, ...]
    next: str = ""


@dataclass(frozen=True, slots=True)
class Cause:
    """How many events of a source wait for a person for one reason; `latest` is an id of them."""

    state: State
    source: str
    reason: str
    count: int
    latest: str


def known_sources(redis: Redis) -> list[str]:
    """Every source that has had an event."""
    names = cast("list[bytes]", redis.hkeys(COUNTS))
    return sorted({name.decode().rpartition(":")[0] for name in names})


def page_of(
    redis: Redis,
    keys: Sequence[str],
    states: Collection[State],
    *,
    before: str = "",
    since_s: float = 0.0,
    limit: int = 50,
) -> Page:
    """A page of several lists, merged; two round trips. What has left the states is left out.

    `before` is the `next` of the page before, or any id; `since_s` (unix s) is where to end.
    """
    last = f"({before}" if before else "+"
    first = f"[{id_at(since_s)}" if since_s else "-"
    with redis.pipeline(transaction=False) as pipeline:
        for key in keys:
            pipeline.zrevrangebylex(key, last, first, start=0, num=limit + 1)
        rows = cast("list[list[bytes]]", pipeline.execute())
        ids = sorted({member.decode() for row in rows for member in row}, reverse=True)
        for record_id in ids[:limit]:
            pipeline.hmget(record_key(record_id), _SHOWN)
        values = cast("list[list[bytes | None]]", pipeline.execute())
    records = []
    for record_id, row in zip(ids, values, strict=False):
        present = {name: value for name, value in zip(_SHOWN, row, strict=True) if value}
        if b"state" not in present:  # the worker has not removed it from the lists yet
            continue
        record = read_record(record_id, present)
        if record.state in states:
            records.append(record)
    return Page(tuple(records), ids[limit - 1] if len(ids) > limit else "")


def keys_of(states: Sequence[State], sources: Sequence[str], reason: str = "") -> list[str]:
    """The lists of these states and sources; with a reason those by cause, of what waits."""
    return [
        list_key(state.value, source, reason or None)
        for state in states
        if not reason or state in WAITING_STATES
        for source in sources
    ]


def causes(redis: Redis) -> list[Cause]:
    """Why events wait for a person, the most frequent first; two round trips."""
    names = [name.decode() for name in cast("list[bytes]", redis.zrange(CAUSES, 0, -1))]
    with redis.pipeline(transaction=False) as pipeline:
        for name in names:
            pipeline.zcard(f"relay:list:{name}")
            pipeline.zrevrangebylex(f"relay:list:{name}", "+", "-", start=0, num=1)
        answers = iter(pipeline.execute())
    rows = []
    for name in names:
        state, source, reason = name.split(":", 2)
        count, latest = next(answers), next(answers)
        if count:
            rows.append(Cause(State(state), source, reason, count, latest[0].decode()))
    return sorted(rows, key=lambda cause: -cause.count)


def waiting_counts(redis: Redis) -> dict[str, int]:
    """By source, how many events wait for a person; two round trips."""
    sources = known_sources(redis)
    with redis.pipeline(transaction=False) as pipeline:
        for source in sources:
            for state in WAITING_STATES:
                pipeline.zcard(list_key(state.value, source))
        counts = iter(cast("list[int]", pipeline.execute()))
    return {source: sum(next(counts) for _ in WAITING_STATES) for source in sources}


def ids_beginning(redis: Redis, text: str, limit: int) -> list[str]:
    """At most `limit` ids that begin with the text, in order; one round trip."""
    keys = keys_of(tuple(State), known_sources(redis))
    with redis.pipeline(transaction=False) as pipeline:
        for key in keys:
            pipeline.zrangebylex(key, f"[{text}", f"[{text}\xff", start=0, num=limit)
        rows = cast("list[list[bytes]]", pipeline.execute())
    return sorted({member.decode() for row in rows for member in row})[:limit]


def all_ids(redis: Redis, keys: Sequence[str], *, since_s: float = 0.0) -> Iterator[str]:
    """All ids of several lists, oldest first, 500 at a time."""
    first = f"[{id_at(since_s)}" if since_s else "-"
    while True:
        with redis.pipeline(transaction=False) as pipeline:
            for key in keys:
                pipeline.zrangebylex(key, first, "+", start=0, num=_IDS_AT_ONCE)
            rows = cast("list[list[bytes]]", pipeline.execute())
        ids = sorted({member.decode() for row in rows for member in row})[:_IDS_AT_ONCE]
        yield from ids
        if len(ids) < _IDS_AT_ONCE:
            return
        first = f"({ids[-1]}"


def id_at(unix_s: float) -> str:
    """What ids of records accepted at this time begin with."""
    return str(ULID.from_timestamp(unix_s))[:10]


def due_to_drop(redis: Redis, until_s: float, limit: int) -> list[tuple[str, State]]:
    """At most `limit` events of each state that have waited for a person since before `until_s`."""
    due: list[tuple[str, State]] = []
    for state in WAITING_STATES:
        rows = redis.zrange(state_key(state), "-inf", until_s, byscore=True, offset=0, num=limit)
        due += [(member.decode(), state) for member in cast("list[bytes]", rows)]
    return due


def dropped_next(redis: Redis, until_s: float) -> tuple[int, float]:
    """How many have waited since before `until_s`, and since when the first has (0 for none)."""
    with redis.pipeline(transaction=False) as pipeline:
        for state in WAITING_STATES:
            pipeline.zcount(state_key(state), "-inf", until_s)
            pipeline.zrange(state_key(state), 0, 0, withscores=True)
        answers = pipeline.execute()
    count = sum(answers[::2])
    firsts = [row[0][1] for row in answers[1::2] if row]
    return count, min(firsts) if count else 0.0
