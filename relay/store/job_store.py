"""Writes records together with their RQ jobs: accept, replay, requeue of lost jobs.

Accepting a request of up to a thousand events is one script in one round trip: de-dup check,
records, index of open records and RQ jobs of all its events, or nothing. The 200 is sent after the
script has returned. If the connection breaks after Redis ran the script, the platform gets a 503,
sends again, and is answered `duplicate`.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal, cast

from redis import RedisError
from rq import Queue
from ulid import ULID

from config.relay_toml import Destination
from config.settings import Settings
from relay.errors import NotStored
from relay.inbound.contract import Source
from relay.inbound.results import Receipt, Status
from relay.model import (
    AwaitingLookup,
    Call,
    Customer,
    Ended,
    Held,
    Parts,
    State,
    Translated,
    WebhookRequest,
)
from relay.store import lua
from relay.store.accept_arguments import AcceptArguments, call_fields, routing
from relay.store.backpressure import RedisPressure
from relay.store.clock import redis_time
from relay.store.generation import GenerationWatch
from relay.store.group_commit import GroupCommit
from relay.store.keys import (
    COUNTS,
    IGNORED,
    LOOKUPS,
    OPEN,
    SCHEMA_KEY,
    WAITING,
    lane_digests,
    record_key,
)
from relay.store.ledger import GRACE_S
from relay.store.lua.values import stream
from relay.store.memory import Moved, SourceMemory
from relay.store.pieces import in_pieces
from relay.store.pseudonyms import Pseudonyms
from relay.store.queue import (
    FAILURE_TTL_S,
    RESULT_TTL_S,
    description,
    job_data,
    queue_name,
    rq_time,
)
from relay.store.record import Record
from relay.store.schema import SCHEMA

_IGNORED_MAX: Final = 1000
# Accepted without a job yet, and counted under its own word.
_STATUSES: Final = {"awaiting_lookup": "accepted", "waiting": "accepted"}
# Of so many events a script runs for long enough to delay what shares its round trip.
_LARGE_EVENTS: Final = 50


class Replaced(Exception):
    """A record does not await a look-up any more: another worker has stored what was found."""


Requeued = Literal["requeued", "returned", "waiting", "settled", "moved", "open", "absent"]


class JobStore:
    """Writes records and their jobs. Safe to share between threads and greenlets."""

    def __init__(
        self,
        queue: Queue,
        *,
        dedup_s: int,
        backlog_max: int,
        held_max: int,
        pressure: RedisPressure,
        pseudonyms: Pseudonyms,
        connections: int = 4,
    ) -> None:
        self._redis = redis = queue.connection
        self._commands = GroupCommit(redis, connections)
        self.pressure = pressure
        self.generation = GenerationWatch(redis)
        self._base = queue.name
        timeout_s = queue._default_timeout  # noqa: SLF001  RQ has no public attribute
        # As texts: Redis would format numbers anew for every job.
        self._job_ttls = (str(timeout_s), str(RESULT_TTL_S), str(FAILURE_TTL_S))
        self._pseudonyms = pseudonyms
        self._dedup_s = dedup_s
        self._backlog_max = backlog_max
        self._held_max = held_max
        self._promote = redis.register_script(
            lua.script("lanes", "lists", "find", "starting", "promote_waiting")
        )
        self._accept = redis.register_script(
            lua.script("clock", "schema", "lanes", "lists", "find", "starting", "accept")
        )
        self._requeue = redis.register_script(lua.script("lanes", "lists", "requeue"))

    @classmethod
    def open(
        cls,
        queue: Queue,
        settings: Settings,
        destinations: Mapping[str, Destination] | None = None,
    ) -> "JobStore":
        """`destinations` are those of relay.toml, which is read when needed without them."""
        redis = queue.connection
        pressure = RedisPressure(
            redis, durability=settings.durability, watermark=settings.memory_watermark
        )
        return cls(
            queue,
            dedup_s=settings.dedup_s,
            backlog_max=settings.backlog_max,
            held_max=settings.held_max,
            pressure=pressure,
            pseudonyms=Pseudonyms.open(settings, destinations),
            connections=settings.redis_connections,
        )

    def memory(self, source: Source) -> SourceMemory:
        """What is remembered of the things of a source, for `relay.pipeline.process`."""
        return SourceMemory(self._commands, self._pseudonyms, source, dedup_s=self._dedup_s)

    def accept(
        self,
        request: WebhookRequest,
        source: Source,
        items: Sequence[Translated | Parts],
        now: datetime,
        *,
        replaces: str = "",
    ) -> Receipt:
        """Store every item of a request, or none; one round trip, and those of the checks.

        A batch of over a thousand is stored piece by piece: who is told that it was not is told so
        of all, and what was stored already is a duplicate when it comes again.

        With `replaces`, the id of a record that awaits a look-up, the items are what was found:
        the first takes its place, and nothing of it is left where there is none.

        Raises:
            Replaced: the record does not await a look-up any more.
            Moved: what the items were decided on is not what is remembered any more.
            NotStored: `not_stored` (Redis does not answer, or with an error), `not_on_disk` (no
                fsync in time), `redis_full`, `backlog_full` (too many open records), `held_full`
                (too many of this source wait for a person), or `redis_schema` (data of another
                version).
        """
        statuses: list[Status] = []
        ids: list[str] = []
        try:
            self.pressure.check()
            self.generation.check()
            for piece in in_pieces(items):
                receipt = self._store(request, source, piece, now, replaces)
                statuses += receipt.statuses
                ids += receipt.ids
        except RedisError as error:
            raise NotStored from error
        self.require_on_disk()
        return Receipt(tuple(statuses), tuple(ids))

    def _store(
        self,
        request: WebhookRequest,
        source: Source,
        items: Sequence[Translated | Parts],
        now: datetime,
        replaces: str,
    ) -> Receipt:
        """Run the script."""
        queue = queue_name(self._base, source.destination.name, source.name)
        parts = [
            part for item in items for part in (item.items if isinstance(item, Parts) else (item,))
        ]
        kinds = [type(part) for part in parts]
        arguments = AcceptArguments(
            source,
            request,
            now,
            pseudonyms=self._pseudonyms,
            dedup_s=self._dedup_s,
            queue=queue,
            replaces=replaces,
        )
        values = (
            self._backlog_max,
            GRACE_S,
            source.name,
            kinds.count(Call),
            _IGNORED_MAX,
            queue,
            rq_time(now),
            *self._job_ttls,
            str(SCHEMA),
            0 if replaces else kinds.count(Held) + kinds.count(AwaitingLookup),
            self._held_max,
            replaces,
            *arguments.of(items),
        )
        keys = [OPEN, COUNTS, IGNORED, Queue.redis_queues_keys, SCHEMA_KEY]
        answer: Any = self._commands.run_script(
            self._accept, keys, [stream(values)], is_large=len(parts) > _LARGE_EVENTS
        )
        if answer == b"moved":
            raise Moved
        if answer == b"replaced":
            raise Replaced
        if answer in (b"backlog_full", b"held_full", b"redis_schema"):
            raise NotStored(answer.decode())
        return _receipt([text.decode() for text in answer], kinds)

    def require_on_disk(self) -> None:
        """Wait until all that Redis has taken is on its disk, where RELAY_DURABILITY asks for that.

        Raises:
            NotStored: `not_on_disk` (no fsync in time), `not_stored` (Redis does not answer).
        """
        try:
            self.pressure.refresh()
            is_on_disk = not self.pressure.needs_waitaof or self._commands.is_on_disk()
        except RedisError as error:
            raise NotStored from error
        if not is_on_disk:
            raise NotStored("not_on_disk")

    def promote_waiting(self, limit: int = 100, *, now: float = 0.0) -> int:
        """Make up to `limit` of what has waited until its time accepted records; how many were.

        `now` (unix s) is by Redis's clock, which is asked for it otherwise.
        """
        now = now or redis_time(self._redis)
        due = self._redis.zrange(WAITING, "-inf", now, byscore=True, offset=0, num=limit)
        promoted = 0
        for entry in cast("list[bytes]", due):
            record_id = str(ULID.from_timestamp(now))
            answer: Any = self._promote(
                keys=[entry, WAITING, COUNTS, Queue.redis_queues_keys],
                args=[
                    record_id,
                    now,
                    rq_time(datetime.fromtimestamp(now, UTC)),
                    now + GRACE_S,
                    job_data(record_id),
                    *self._job_ttls,
                ],
            )
            promoted += answer
        return promoted

    def replay(
        self, record: Record, call: Call | None = None, *, held_since_s: float = 0.0
    ) -> Requeued:
        """Give a record that is not open a new job; with `call`, what it sends is replaced.

        With `held_since_s` (unix s) it goes on waiting since then, should it be held for the same
        reason again.
        """
        run = record.runs + 1
        fields: dict[str, Any] = {
            "state": State.ACCEPTED.value,
            "attempts": 0,
            "reason": "",
            "replayed_in": run,
        }
        if held_since_s:
            fields["waits"] = f"{held_since_s:.6f}:{record.reason}"
        if call is None:
            lanes = self._lanes(record.destination, record.customer)
            return self._run_requeue("replay", record, record.destination, lanes, fields)
        fields |= call_fields(call, routing(record)) | {"reasons": "{}", "mapped_in": run}
        lanes = self._lanes(call.destination, call.customer)
        return self._run_requeue("replay", record, call.destination, lanes, fields)

    def look_up_now(self, record_id: str) -> Requeued:
        """Have a record that awaits a look-up looked up by the next worker that is free."""
        self._redis.zadd(LOOKUPS, {record_id: redis_time(self._redis)})
        return "requeued"

    def _lanes(self, destination: str, customer: Customer) -> str:
        return " ".join(lane_digests(self._pseudonyms, destination, customer))

    def requeue_lost(self, record: Record) -> Requeued:
        """Give an open record a new job if its present job is lost."""
        return self._run_requeue("requeue_lost", record, record.destination, "", {})

    def _run_requeue(
        self,
        mode: Literal["requeue_lost", "replay"],
        record: Record,
        destination: str,
        lanes: str,
        fields: Mapping[str, Any],
    ) -> Requeued:
        now = redis_time(self._redis)
        answer: Any = self._requeue(
            keys=[record_key(record.id), OPEN, Queue.redis_queues_keys],
            args=[
                mode,
                record.id,
                now,
                now + GRACE_S,
                record.runs,
                queue_name(self._base, destination, record.source),
                lanes,
                rq_time(datetime.fromtimestamp(now, UTC)),
                f"{record.id}-r{record.runs + 1}",
                job_data(record.id),
                description(record.source, record.topic),
                *self._job_ttls,
                record.source,
                *lua.flat_pairs(fields),
            ],
        )
        return cast("Requeued", answer.decode())


def _receipt(answer: Sequence[str], kinds: Sequence[type]) -> Receipt:
    """Of status and record id of each part in turn; an end is in no receipt."""
    pairs = zip(answer[::2], answer[1::2], kinds, strict=True)
    events = [(status, each) for status, each, kind in pairs if kind is not Ended]
    statuses = tuple(_STATUSES.get(status, status) for status, _ in events)
    return Receipt(cast("tuple[Status, ...]", statuses), tuple(each for _, each in events))
