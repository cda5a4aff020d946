"""What an earlier version has left in Redis is worth as much after `migrate` as before."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

import pytest
import redis_dump
from redis import Redis
from redis.connection import AbstractConnection
from rq import Queue, SimpleWorker
from rq.utils import now, utcformat

from relay.devtools.embedded_redis import EmbeddedRedis
from relay.store import conversion
from relay.store.conversion import WorkersAlive
from relay.store.keys import SCHEMA_KEY, record_key
from relay.store.ledger import Ledger
from relay.store.migrations import migrate
from relay.store.queue import open_queue
from relay.store.schema import SchemaMismatch, require_schema

DUMP = redis_dump.load("schema_0.json")
CONVERTED = {
    "accepted": 18, "retrying": 15, "held": 4, "dead": 1, "delivered": 8, "discarded": 1,
    "jobs": 2, "throttles": 5, "wakeup": 1,
}  # fmt: skip
# One whose worker died twice: the dump has the job of such a record, but no attempt after it.
REDELIVERED = "01M8APZFDBD92717BPX00KZZZW"
LOG_LINE = '{"attempt":%d,"at":1.5,"outcome":"held","reason":"a \\"takeovers\\": b"%s}'


@pytest.fixture
def schema_0(redis: Redis) -> Redis:
    redis_dump.restore(redis, DUMP)
    log = "\n".join((LOG_LINE % (1, ',"takeovers":2,"ambiguous":false'), LOG_LINE % (2, "")))
    redis.hset(record_key(REDELIVERED), "log", log)
    return redis


@pytest.fixture
def queue(redis: Redis) -> Queue:
    return open_queue(redis, "mercately")


def expected(before: redis_dump.Snapshot) -> redis_dump.Snapshot:
    """The same data in format 1, by the list of what was renamed and nothing else."""
    fields = {
        b"delivery": b"request", b"takeovers": b"redelivery_count", b"shut": b"open_until",
        b"trial": b"half_open", b"tripped": b"opened_until", b"trips": b"open_count",
        b"slowed": b"slowed_at",
    }  # fmt: skip
    after: dict[str, tuple[str, Any]] = {"relay:schema": ("string", b"1")}
    for key, (kind, value) in before.items():
        name = key.replace("relay:valve:", "relay:throttle:").replace("relay:bell", "relay:wakeup")
        if kind == "hash":
            converted = {fields.get(part, part): text for part, text in value.items()}
            if b"log" in converted:
                converted[b"log"] = converted[b"log"].replace(
                    b',"takeovers":2', b',"redelivery_count":2'
                )
            after[name] = (kind, converted)
        else:
            after[name] = (kind, value)
    return after


def test_everything_gets_its_new_name_and_nothing_else_changes(schema_0, queue):
    before, ages = redis_dump.snapshot(schema_0), redis_dump.lifetimes(schema_0)

    report = migrate(schema_0, queue)

    assert redis_dump.snapshot(schema_0) == expected(before)
    assert (report.schema, report.converted, report.failed) == ("0", CONVERTED, 0)
    renamed = {key.replace("valve", "throttle").replace("bell", "wakeup"): key for key in ages}
    for key, seconds in redis_dump.lifetimes(schema_0).items():
        if key != SCHEMA_KEY:
            assert seconds == pytest.approx(ages[renamed[key]], abs=30), key
            assert (seconds == -1) is (ages[renamed[key]] == -1), key


def test_attempt_log_is_read_as_it_was(schema_0, queue, settings):
    migrate(schema_0, queue)

    first, second = Ledger.open(schema_0, settings).attempts(REDELIVERED)

    assert (first["redelivery_count"], first["ambiguous"]) == (2, False)
    assert first["reason"] == second["reason"] == 'a "takeovers": b'
    assert not {"takeovers", "redelivery_count"} & second.keys()


def test_new_redis_becomes_this_versions(redis, queue):
    report = migrate(redis, queue)

    assert (report.schema, report.converted) == ("", {})
    assert redis_dump.snapshot(redis) == {SCHEMA_KEY: ("string", b"1")}


def test_converted_redis_is_left_alone_even_while_a_worker_runs(schema_0, queue):
    migrate(schema_0, queue)
    schema_0.zadd("rq:leases", {"a" * 32: time.time() + 60})
    before = redis_dump.snapshot(schema_0)

    report = migrate(schema_0, queue)

    assert (report.schema, report.converted, report.keys_read) == ("1", {}, 0)
    assert redis_dump.snapshot(schema_0) == before


def test_again_finds_what_an_earlier_web_has_written_since(schema_0, queue):
    migrate(schema_0, queue)
    before = redis_dump.snapshot(schema_0)
    assert migrate(schema_0, queue, again=True).converted == {}
    assert redis_dump.snapshot(schema_0) == before

    late = next(key for key, (_, value) in before.items() if key.startswith("relay:record:") and value.get(b"request"))  # fmt: skip
    schema_0.hset(late, "delivery", schema_0.hget(late, "request"))
    schema_0.hdel(late, "request")
    schema_0.rpush("relay:bell", 1)

    report = migrate(schema_0, queue, again=True)

    assert (report.converted.total(), report.converted["wakeup"]) == (2, 1)
    assert redis_dump.snapshot(schema_0) == before


def test_newer_data_are_refused(schema_0, queue):
    schema_0.set(SCHEMA_KEY, 2)
    before = redis_dump.snapshot(schema_0)

    with pytest.raises(SchemaMismatch):
        migrate(schema_0, queue)

    assert redis_dump.snapshot(schema_0) == before


def test_dry_run_counts_the_same_and_writes_nothing(schema_0, queue):
    schema_0.zadd("rq:leases", {"a" * 32: time.time() + 60})  # nor does it need to be alone
    before = redis_dump.snapshot(schema_0)

    report = migrate(schema_0, queue, dry_run=True)

    assert report.converted == CONVERTED
    assert redis_dump.snapshot(schema_0) == before


def lease(redis: Redis, _queue: Queue) -> None:
    redis.zadd("rq:leases", {"a" * 32: time.time() + 5})


def registered(redis: Redis, queue: Queue) -> None:
    worker = SimpleWorker([queue], connection=redis, serializer=queue.serializer)
    worker.register_birth()


def registered_for_one_source(redis: Redis, queue: Queue) -> None:
    registered(redis, open_queue(redis, f"{queue.name}.principal.shopify"))


@pytest.mark.parametrize("live", [lease, registered, registered_for_one_source])
def test_nothing_is_converted_while_a_worker_lives(live, schema_0, queue):
    live(schema_0, queue)
    before = redis_dump.snapshot(schema_0)

    with pytest.raises(WorkersAlive, match="1"):
        migrate(schema_0, queue)

    assert redis_dump.snapshot(schema_0) == before


def test_worker_of_others_does_not_matter_nor_one_that_died_a_minute_ago(schema_0, queue):
    registered(schema_0, open_queue(schema_0, "mercately-reports"))
    worker = SimpleWorker([queue], connection=schema_0, serializer=queue.serializer)
    worker.register_birth()
    schema_0.hset(worker.key, "last_heartbeat", utcformat(now() - timedelta(seconds=61)))

    assert migrate(schema_0, queue).converted == CONVERTED


def test_worker_that_begins_meanwhile_stops_it(schema_0, queue, monkeypatch):
    monkeypatch.setattr(conversion, "_KEYS_PER_SCAN", 20)

    with pytest.raises(WorkersAlive):
        migrate(schema_0, queue, progress=lambda _keys: lease(schema_0, queue))

    assert not schema_0.exists(SCHEMA_KEY)
    schema_0.delete("rq:leases")
    migrate(schema_0, queue)
    require_schema(schema_0)


@contextmanager
def killed_at(number: int, *, sent: bool) -> Iterator[Callable[[], bool]]:
    """Ends whoever sends the n-th command, before it is sent or after; whether it came to that."""
    real = AbstractConnection.send_packed_command
    count = 0

    def send(self: Any, *args: Any, **kwargs: Any) -> None:
        nonlocal count
        count += 1
        if count == number and not sent:
            raise KeyboardInterrupt
        real(self, *args, **kwargs)
        if count == number:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AbstractConnection, "send_packed_command", send)
        yield lambda: count >= number


@pytest.mark.parametrize("sent", [False, True], ids=["before", "after"])
def test_it_goes_on_where_it_was_killed(sent, redis, redis_server, monkeypatch):
    monkeypatch.setattr(conversion, "_KEYS_PER_SCAN", 100)
    monkeypatch.setattr(conversion, "_HASHES_AT_ONCE", 10)
    for number in range(1, 500):
        redis.flushall()
        redis_dump.restore(redis, DUMP)
        wanted = expected(redis_dump.snapshot(redis))
        with (
            Redis.from_url(redis_server.url) as client,
            killed_at(number, sent=sent) as reached,
            suppress(KeyboardInterrupt),
        ):
            migrate(client, open_queue(client, "mercately"))
        if not reached():
            break
        if redis_dump.snapshot(redis) != wanted:  # all but the number may be done
            with pytest.raises(SchemaMismatch):
                require_schema(redis)
        migrate(redis, open_queue(redis, "mercately"))
        assert redis_dump.snapshot(redis) == wanted, number
    assert 20 < number < 499


BROKEN: Mapping[str, Callable[[Redis, str], object]] = {
    "not_a_hash": lambda redis, key: (redis.delete(key), redis.set(key, "ana@example.com")),
    "no_state": lambda redis, key: redis.hdel(key, "state"),
    "no_event": lambda redis, key: redis.hdel(key, "event"),
    "unreadable_state": lambda redis, key: redis.hset(key, "state", "ana@example.com"),
    "unreadable_event": lambda redis, key: redis.hset(key, "event", "ana@example.com"),
    "unreadable_request": lambda redis, key: redis.hset(key, "delivery", "ana@example.com"),
    "unreadable_body": lambda redis, key: redis.hset(key, "body", "ana@example.com"),
    "unreadable_log": lambda redis, key: redis.hset(key, "log", '{}\n"ana@example.com"'),
    "two_requests": lambda redis, key: redis.hset(key, "request", "ana@example.com"),
}


def test_broken_records_are_listed_and_left_and_the_others_converted(schema_0, queue):
    keys = sorted(key for key in DUMP["keys"] if key.startswith("relay:record:"))[-len(BROKEN) :]
    for key, (_, damage) in zip(keys, BROKEN.items(), strict=True):
        damage(schema_0, key)
    before = redis_dump.snapshot(schema_0)

    report = migrate(schema_0, queue)

    assert dict(report.failures) == dict(zip(keys, BROKEN, strict=True))
    assert report.failed == len(BROKEN)
    assert report.converted.total() == sum(CONVERTED.values()) - len(BROKEN)
    after = expected(before) | {key: before[key] for key in keys}
    assert redis_dump.snapshot(schema_0) == after


def test_mended_records_are_converted_by_doing_it_again(schema_0, queue):
    log = schema_0.hget(record_key(REDELIVERED), "log")
    schema_0.hset(record_key(REDELIVERED), "log", "{")
    assert migrate(schema_0, queue).failures == [(record_key(REDELIVERED), "unreadable_log")]

    schema_0.hset(record_key(REDELIVERED), "log", log)

    assert migrate(schema_0, queue, again=True).converted == {"held": 1}
    assert schema_0.hexists(record_key(REDELIVERED), "request")


@pytest.fixture
def before_writing(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Something to happen after the record of the log has been read, and before it is written."""
    write = conversion.Converter._write

    def arrange(action: Callable[[], object]) -> None:
        def interrupted(self: Any, conversions: Any) -> None:
            if any(key == record_key(REDELIVERED) for key, _, _ in conversions):
                action()
            write(self, conversions)

        monkeypatch.setattr(conversion.Converter, "_write", interrupted)

    return arrange


def test_record_that_changes_after_it_was_read_is_listed(schema_0, queue, before_writing):
    """Nobody should be writing; if somebody is, no attempt is lost."""
    before_writing(lambda: schema_0.hset(record_key(REDELIVERED), "log", "{}"))

    assert migrate(schema_0, queue).failures == [(record_key(REDELIVERED), "changed_meanwhile")]
    assert schema_0.hget(record_key(REDELIVERED), "log") == b"{}"


def test_record_that_expires_after_it_was_read_is_not_made_again(schema_0, queue, before_writing):
    before_writing(lambda: schema_0.delete(record_key(REDELIVERED)))

    report = migrate(schema_0, queue)

    assert (report.converted["held"], report.failed) == (CONVERTED["held"] - 1, 0)
    assert not schema_0.exists(record_key(REDELIVERED))


def test_full_redis_is_converted_too(tmp_path):
    """It is full because nobody has delivered: that must not keep anybody from delivering."""
    with EmbeddedRedis(tmp_path) as server, Redis.from_url(server.url) as redis:
        redis_dump.restore(redis, DUMP)
        before = redis_dump.snapshot(redis)
        redis.config_set("maxmemory", 1)

        migrate(redis, open_queue(redis, "mercately"))

        assert redis_dump.snapshot(redis) == expected(before)


def test_many_are_read_a_few_at_a_time(redis, queue, monkeypatch):
    """However many there are, a bounded number is in memory."""
    count, at_once = 5000, []
    plan = conversion.Converter._convert_batch

    def convert(self: Any, batch: Any, plans: Any) -> None:
        at_once.append(len(batch))
        plan(self, batch, plans)

    monkeypatch.setattr(conversion.Converter, "_convert_batch", convert)
    record = {"state": "delivered", "event": json.dumps(["crm"]), "delivery": ""}
    with redis.pipeline(transaction=False) as pipeline:
        pipeline.hset("relay:counts", "crm:accepted", count)
        for number in range(count):
            pipeline.hset(record_key(f"{number:026}"), mapping=record)
        pipeline.execute()
    progress: list[int] = []

    report = migrate(redis, queue, progress=progress.append)

    assert report.converted == {"delivered": count}
    assert max(at_once) <= 50
    assert len(progress) >= 4
    assert progress == sorted(progress)
    assert progress[-1] == report.keys_read >= count
