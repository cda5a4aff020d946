"""Writes records together with their RQ jobs: accept, replay, requeue of lost jobs.

Accepting a request is one script in one round trip: de-dup check, records, index of open records
and RQ jobs of all its events, or nothing. The 200 is sent after the script has returned. If the
connection breaks after Redis ran the script, the platform gets a 503, sends again, and is answered
`duplicate`.
"""

import json
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import fields as fields_of
from datetime import UTC, datetime
from typing import Any, Final, Literal, cast

from redis import Redis, RedisError, exceptions
from redis.exceptions import NoScriptError
from rq import Queue
from rq.utils import utcformat
from ulid import ULID

from config.relay_toml import Destination
from config.settings import Settings
from relay.errors import NotStored
from relay.inbound.contract import Receipt, Source, Status
from relay.model import Call, Customer, Held, Ignored, Parts, State, Translated, WebhookRequest
from relay.store import lua
from relay.store.backpressure import RedisPressure
from relay.store.keys import (
    COUNTS,
    IGNORED,
    OPEN,
    SCHEMA_KEY,
    is_body,
    lane_key,
    other_seen_key,
    record_key,
    seen_key,
    state_key,
)
from relay.store.ledger import GRACE_S
from relay.store.memory import REMEMBERED_S, Moved, SourceMemory, memory_fields, resource_keys
from relay.store.pseudonyms import Pseudonyms
from relay.store.queue import FAILURE_TTL_S, RESULT_TTL_S, description, job_data, queue_name
from relay.store.record import Record, event_field, request_field
from relay.store.schema import SCHEMA

_IGNORED_MAX: Final = 1000
# A body whose signature covers nothing else can be captured and sent again at any time.
_BODY_REMEMBERED_S: Final = 90 * 24 * 3600
# Below the client's socket time-out, so that Redis answers before it.
_ON_DISK_WITHIN_MS: Final = 2500
_CUSTOMER: Final = tuple(part.name for part in fields_of(Customer))

Requeued = Literal["requeued", "returned", "waiting", "settled", "moved", "open", "absent"]


class JobStore:
    """Writes records and their jobs. Safe to share between threads."""

    def __init__(
        self,
        redis: Redis,
        queue: Queue,
        *,
        dedup_s: int,
        backlog_max: int,
        pressure: RedisPressure,
        pseudonyms: Pseudonyms,
    ) -> None:
        self._redis = redis
        self._connections = threading.local()
        self.pressure = pressure
        self._base = queue.name
        self._job_ttls = (queue._default_timeout, RESULT_TTL_S, FAILURE_TTL_S)  # noqa: SLF001  RQ has no public attribute
        self._pseudonyms = pseudonyms
        self._dedup_s = dedup_s
        self._backlog_max = backlog_max
        self._accept = redis.register_script(lua.script("schema", "lanes", "accept"))
        self._requeue = redis.register_script(lua.script("lanes", "requeue"))

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
            redis,
            queue,
            dedup_s=settings.dedup_s,
            backlog_max=settings.backlog_max,
            pressure=pressure,
            pseudonyms=Pseudonyms.open(settings, destinations),
        )

    def memory(self, source: Source) -> SourceMemory:
        """What is remembered of the things of a source, for `relay.pipeline.process`."""
        return SourceMemory(self._redis, self._pseudonyms, source, dedup_s=self._dedup_s)

    def accept(
        self,
        request: WebhookRequest,
        source: Source,
        items: Sequence[Translated | Parts],
        now: datetime,
    ) -> Receipt:
        """Store every item of a request, or none; one round trip, and those of `pressure.check`.

        Raises:
            Moved: what the items were decided on is not what is remembered any more.
            NotStored: `not_stored` (Redis does not answer, or with an error), `not_on_disk` (no
                fsync in time), `redis_full`, `backlog_full` (too many open
                records), or `redis_schema` (data of another version).
        """
        now_s = now.timestamp()
        parts = [item.items if isinstance(item, Parts) else (item,) for item in items]
        call_count = sum(isinstance(part, Call) for group in parts for part in group)
        args: list[Any] = [
            now_s,
            self._backlog_max,
            now_s + GRACE_S,
            source.name,
            call_count,
            _IGNORED_MAX,
            queue_name(self._base, source.destination.name, source.name),
            utcformat(now),
            *self._job_ttls,
            SCHEMA,
        ]
        headers = source.platform.headers_to_store(request, source.options)
        args += self._versions(source, items)
        for item, group in zip(items, parts, strict=True):
            args += self._keys(source, item)
            args += self._memory(source, item)
            args.append(len(group))
            for part in group:
                args += _part_arguments(headers, source, part, now)
        keys = [OPEN, state_key(State.HELD), COUNTS, IGNORED, Queue.redis_queues_keys, SCHEMA_KEY]
        try:
            self.pressure.check()
            answer: Any = self._run(keys, args)
        except RedisError as error:
            raise NotStored from error
        if answer == b"moved":
            raise Moved
        if answer in (b"backlog_full", b"redis_schema"):
            raise NotStored(answer.decode())
        texts = [part.decode() for part in answer]
        statuses = cast("tuple[Status, ...]", tuple(texts[::2]))
        return Receipt(statuses, tuple(texts[1::2]))

    def _versions(self, source: Source, items: Sequence[Translated | Parts]) -> list[Any]:
        """The resources that the items were decided on, with their versions, after their number."""
        versions = {item.resource: item.version for item in items if isinstance(item, Parts)}
        pairs: list[Any] = []
        for resource, version in versions.items():
            keys = resource_keys(self._pseudonyms, source, resource)
            pairs += [keys[0], version]
        return [len(versions), *pairs]

    def _memory(self, source: Source, item: Translated | Parts) -> list[Any]:
        """What is to be remembered of an item's thing, after the number of these arguments."""
        if not isinstance(item, Parts) or item.memory is None:
            return [0]
        (key, *_) = resource_keys(self._pseudonyms, source, item.resource)
        fields = lua.flat_pairs(memory_fields(item.memory))
        return [2 + len(fields), key, REMEMBERED_S, *fields]

    def _keys(self, source: Source, item: Translated | Parts) -> list[Any]:
        """The keys that an item is remembered by and their lives, after their number."""
        if isinstance(item, Ignored):
            return [0]
        pairs: list[Any] = []
        if item.key:
            pairs += [seen_key(source.name, item.key), item.remember_s or self._dedup_s]
        for key in item.other_keys:
            life_s = max(self._dedup_s, _BODY_REMEMBERED_S) if is_body(key) else self._dedup_s
            pairs += [other_seen_key(source.name, key), life_s]
        return [len(pairs) // 2, *pairs]

    def _run(self, keys: list[str], args: list[Any]) -> Any:
        """Run the script, with WAITAOF in the same round trip where writes must wait."""
        if not self.pressure.needs_waitaof:
            try:
                return self._accept(keys=keys, args=args, client=self._connection())
            except exceptions.ConnectionError:  # idle, and closed by Redis: try a new one
                return self._accept(keys=keys, args=args)
        with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.evalsha(self._accept.sha, len(keys), *keys, *args)
            pipeline.waitaof(1, 0, _ON_DISK_WITHIN_MS)
            try:
                answer, (fsynced_count, _) = pipeline.execute()
            except NoScriptError:
                self._redis.script_load(self._accept.script)
                return self._run(keys, args)
        if not fsynced_count:
            raise NotStored("not_on_disk")
        return answer

    def _connection(self) -> Redis:
        """This thread's own connection: taking one from the pool costs half a round trip."""
        if not hasattr(self._connections, "redis"):
            pool = self._redis.connection_pool
            self._connections.redis = Redis(connection_pool=pool, single_connection_client=True)
        return cast("Redis", self._connections.redis)

    def replay(self, record: Record, call: Call | None = None) -> Requeued:
        """Give a record that is not open a new job; with `call`, what it sends is replaced."""
        fields: dict[str, Any] = {"state": State.ACCEPTED.value, "attempts": 0, "reason": ""}
        if call is None:
            lane = lane_key(record.destination, record.customer)
            return self._run_requeue("replay", record, record.destination, lane, fields)
        fields |= call_fields(call, _routing(record)) | {"reasons": "{}"}
        lane = lane_key(call.destination, call.customer)
        return self._run_requeue("replay", record, call.destination, lane, fields)

    def requeue_lost(self, record: Record) -> Requeued:
        """Give an open record a new job if its present job is lost."""
        return self._run_requeue("requeue_lost", record, record.destination, "", {})

    def _run_requeue(
        self,
        mode: Literal["requeue_lost", "replay"],
        record: Record,
        destination: str,
        lane: str,
        fields: Mapping[str, Any],
    ) -> Requeued:
        now = time.time()
        answer: Any = self._requeue(
            keys=[record_key(record.id), OPEN, Queue.redis_queues_keys],
            args=[
                mode,
                record.id,
                now,
                now + GRACE_S,
                record.runs,
                queue_name(self._base, destination, record.source),
                lane,
                utcformat(datetime.fromtimestamp(now, UTC)),
                f"{record.id}-r{record.runs + 1}",
                job_data(record.id),
                description(record.source, record.topic),
                *self._job_ttls,
                *lua.flat_pairs(fields),
            ],
        )
        return cast("Requeued", answer.decode())


def _part_arguments(
    headers: Mapping[str, str], source: Source, item: Translated, now: datetime
) -> list[Any]:
    """The arguments of one part of an event, as `accept.lua` takes them."""
    if isinstance(item, Ignored):
        if item.reason == "duplicate":
            return ["known", 0]
        entry = {
            "at": now.isoformat(timespec="seconds"),
            "source": source.name,
            "topic": item.topic[:100],
            "type": item.event_type,
            "reason": item.reason,
        }
        return ["ignored", *lua.counted_pairs(entry)]
    record_id = str(ULID.from_datetime(now))
    routing = {
        "source": source.name,
        "platform": source.platform.name,
        "topic": item.topic,
        "key": item.key,
        "step": dict(item.step),
    }
    fields: dict[str, Any] = {"request": request_field(headers, item.raw)}
    if isinstance(item, Held):
        routing |= {"type": item.event_type, "destination": source.destination.name}
        fields |= {
            "state": State.HELD.value,
            "reason": item.reason,
            "reasons": json.dumps(item.reasons),
            "event": event_field(routing),
        }
        return ["held", record_id, *lua.counted_pairs(fields)]
    lane = lane_key(item.destination, item.customer)
    fields |= {"state": State.ACCEPTED.value, **call_fields(item, routing)}
    text = description(source.name, item.topic)
    return ["call", record_id, lane, job_data(record_id), text, *lua.counted_pairs(fields)]


def call_fields(call: Call, routing: Mapping[str, Any]) -> dict[str, str]:
    """The record's fields `event` and `body` for a call."""
    references = {name: getattr(call.customer, name) for name in _CUSTOMER}
    event = {
        **routing,
        "type": call.event_type,
        "destination": call.destination,
        "customer": {name: value for name, value in references.items() if value},
        "occurred_at": call.occurred_at.timestamp(),
    }
    if call.omitted_fields:
        event["omitted_fields"] = dict(call.omitted_fields)
    return {
        "event": event_field(event),
        "body": json.dumps(call.body, separators=(",", ":")),
    }


def _routing(record: Record) -> dict[str, Any]:
    """The parts of a record's `event` field that a replay does not change."""
    names = ("source", "platform", "topic", "key", "step")
    return {name: getattr(record, name) for name in names}
