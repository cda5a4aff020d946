"""What an earlier version has left in Redis is worth as much after `migrate` as before."""

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import redis_dump
import senders
from click.testing import CliRunner, Result
from redis import Redis
from redis.connection import AbstractConnection
from rq import Queue, SimpleWorker
from rq.utils import now, utcformat

from relay import sources
from relay.cli import main
from relay.devtools.embedded_redis import EmbeddedRedis
from relay.devtools.standin import DEMO_KEY, Standin, StandinServer
from relay.model import State
from relay.store import conversion
from relay.store.conversion import WorkersAlive
from relay.store.keys import OPEN, SCHEMA_KEY, record_key
from relay.store.ledger import Ledger
from relay.store.migrations import migrate
from relay.store.pseudonyms import Pseudonyms
from relay.store.queue import open_queue
from relay.store.schema import SchemaMismatch, require_schema
from relay.web.app import create_app
from tests.relay.store.format_2 import KEY, expected, new_names

ROOT = Path(__file__).parents[3]

DUMP = redis_dump.load("schema_0.json")
CONVERTED = {
    "accepted": 18, "retrying": 15, "held": 4, "dead": 1, "delivered": 8, "discarded": 3,
    "jobs": 2, "throttles": 5, "wakeup": 1, "lanes": 25, "customer_ids": 22,
}  # fmt: skip
KEYED = Pseudonyms((KEY,))
# One whose worker died twice: the dump has the job of such a record, but no attempt after it.
REDELIVERED = "01M8APZFDBD92717BPX00KZZZW"
LOG_LINE = '{"attempt":%d,"at":1.5,"outcome":"held","reason":"a \\"takeovers\\": b"%s}'


@pytest.fixture
def schema_0(redis: Redis) -> Redis:
    redis_dump.restore(redis, DUMP)
    log = "\n".join((LOG_LINE % (1, ',"takeovers":2,"ambiguous":false'), LOG_LINE % (2, "")))
    redis.hset(record_key(REDELIVERED), "log", log)
    return redis


def test_format_1_is_converted_too(redis, queue):
    redis_dump.restore(redis, redis_dump.load("schema_1.json"))
    before, ages = redis_dump.snapshot(redis), redis_dump.lifetimes(redis)

    report = migrate(redis, queue, KEYED)

    after = redis_dump.snapshot(redis)
    assert after == expected(before)
    assert (report.schema, report.failed) == ("1", 0)
    assert report.converted["accepted"] + report.converted["retrying"] == len(
        [
            1
            for kind, value in before.values()
            if kind == "hash" and value.get(b"state") in (b"accepted", b"retrying")
        ]
    )
    for key, name in new_names(before).items():
        if name:
            assert redis.ttl(name) == pytest.approx(ages[key], abs=30), name
    assert migrate(redis, queue, KEYED, again=True).converted == {}
    assert redis_dump.snapshot(redis) == after


@pytest.fixture
def queue(redis: Redis) -> Queue:
    return open_queue(redis, "mercately")


def test_everything_gets_its_new_name_and_nothing_else_changes(schema_0, queue):
    before, ages = redis_dump.snapshot(schema_0), redis_dump.lifetimes(schema_0)

    report = migrate(schema_0, queue, KEYED)

    assert redis_dump.snapshot(schema_0) == expected(before)
    assert (report.schema, report.converted, report.failed) == ("0", CONVERTED, 0)
    renamed = {name: key for key, name in new_names(before).items()}
    for key, seconds in redis_dump.lifetimes(schema_0).items():
        if key in renamed and key != SCHEMA_KEY:
            assert seconds == pytest.approx(ages[renamed[key]], abs=30), key
            assert (seconds == -1) is (ages[renamed[key]] == -1), key


def test_attempt_log_is_read_as_it_was(schema_0, queue, settings):
    migrate(schema_0, queue, KEYED)

    first, second = Ledger.open(schema_0, settings).attempts(REDELIVERED)

    assert (first["redelivery_count"], first["ambiguous"]) == (2, False)
    assert first["reason"] == second["reason"] == 'a "takeovers": b'
    assert not {"takeovers", "redelivery_count"} & second.keys()


def test_new_redis_becomes_this_versions(redis, queue):
    report = migrate(redis, queue, KEYED)

    assert (report.schema, report.converted) == ("", {})
    assert redis_dump.snapshot(redis) == {SCHEMA_KEY: ("string", b"2")}


def test_converted_redis_is_left_alone_even_while_a_worker_runs(schema_0, queue):
    migrate(schema_0, queue, KEYED)
    schema_0.zadd("rq:leases", {"a" * 32: time.time() + 60})
    before = redis_dump.snapshot(schema_0)

    report = migrate(schema_0, queue, KEYED)

    assert (report.schema, report.converted, report.keys_read) == ("2", {}, 0)
    assert redis_dump.snapshot(schema_0) == before


def test_again_finds_what_an_earlier_web_has_written_since(schema_0, queue):
    migrate(schema_0, queue, KEYED)
    before = redis_dump.snapshot(schema_0)
    assert migrate(schema_0, queue, KEYED, again=True).converted == {}
    assert redis_dump.snapshot(schema_0) == before

    late = next(key for key, (_, value) in before.items() if key.startswith("relay:record:") and value.get(b"payload") and REDELIVERED not in key)  # fmt: skip
    old = DUMP["keys"][late]["value"]
    schema_0.delete(late)
    schema_0.hset(late, mapping={name: redis_dump._raw(part) for name, part in old.items()})
    schema_0.rpush("relay:bell", 1)

    report = migrate(schema_0, queue, KEYED, again=True)

    assert (report.converted.total(), report.converted["wakeup"]) == (2, 1)
    assert redis_dump.snapshot(schema_0) == before


def test_newer_data_are_refused(schema_0, queue):
    schema_0.set(SCHEMA_KEY, 3)
    before = redis_dump.snapshot(schema_0)

    with pytest.raises(SchemaMismatch):
        migrate(schema_0, queue, KEYED)

    assert redis_dump.snapshot(schema_0) == before


def test_dry_run_counts_the_same_and_writes_nothing(schema_0, queue):
    schema_0.zadd("rq:leases", {"a" * 32: time.time() + 60})  # nor does it need to be alone
    before = redis_dump.snapshot(schema_0)

    report = migrate(schema_0, queue, KEYED, dry_run=True)

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
        migrate(schema_0, queue, KEYED)

    assert redis_dump.snapshot(schema_0) == before


def test_worker_of_others_does_not_matter_nor_one_that_died_a_minute_ago(schema_0, queue):
    registered(schema_0, open_queue(schema_0, "mercately-reports"))
    worker = SimpleWorker([queue], connection=schema_0, serializer=queue.serializer)
    worker.register_birth()
    schema_0.hset(worker.key, "last_heartbeat", utcformat(now() - timedelta(seconds=61)))

    assert migrate(schema_0, queue, KEYED).converted == CONVERTED


def test_worker_that_begins_meanwhile_stops_it(schema_0, queue, monkeypatch):
    monkeypatch.setattr(conversion, "_KEYS_PER_SCAN", 20)

    with pytest.raises(WorkersAlive):
        migrate(schema_0, queue, KEYED, progress=lambda _keys: lease(schema_0, queue))

    assert not schema_0.exists(SCHEMA_KEY)
    schema_0.delete("rq:leases")
    migrate(schema_0, queue, KEYED)
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


@pytest.mark.slow
@pytest.mark.parametrize("sent", [False, True], ids=["before", "after"])
def test_it_goes_on_where_it_was_killed(
    request, sent, redis, redis_server, monkeypatch, record_property
):
    monkeypatch.setattr(conversion, "_KEYS_PER_SCAN", 100)
    monkeypatch.setattr(conversion, "_HASHES_AT_ONCE", 10)
    step = 1 if request.config.getoption("--every-kill-point") else 7
    for number in range(1, 1000, step):
        redis.flushall()
        redis_dump.restore(redis, DUMP)
        wanted = expected(redis_dump.snapshot(redis))
        with (
            Redis.from_url(redis_server.url) as client,
            killed_at(number, sent=sent) as reached,
            suppress(KeyboardInterrupt),
        ):
            migrate(client, open_queue(client, "mercately"), KEYED)
        if not reached():
            break
        if redis_dump.snapshot(redis) != wanted:  # all but the number may be done
            with pytest.raises(SchemaMismatch):
                require_schema(redis)
        migrate(redis, open_queue(redis, "mercately"), KEYED)
        assert redis_dump.snapshot(redis) == wanted, number
    record_property("kill_points", (number - 1) // step)
    assert 20 < number < 995


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

    report = migrate(schema_0, queue, KEYED)

    assert dict(report.failures) == dict(zip(keys, BROKEN, strict=True))
    assert report.failed == len(BROKEN)
    states = [state.value for state in State]
    converted = sum(report.converted[state] for state in states)
    assert converted == sum(CONVERTED.get(state, 0) for state in states) - len(BROKEN)
    left = {key: before[key] for key in keys}
    after = redis_dump.snapshot(schema_0)
    assert {key: after[key] for key in left} == left
    whole = expected({key: entry for key, entry in before.items() if key not in left})
    others = ("relay:lane:", "relay:customer:")  # those of broken records stay or go
    assert {key for key in after if not key.startswith(others)} - left.keys() == {
        key for key in whole if not key.startswith(others)
    }


def test_mended_records_are_converted_by_doing_it_again(schema_0, queue):
    log = schema_0.hget(record_key(REDELIVERED), "log")
    schema_0.hset(record_key(REDELIVERED), "log", "{")
    assert migrate(schema_0, queue, KEYED).failures == [(record_key(REDELIVERED), "unreadable_log")]

    schema_0.hset(record_key(REDELIVERED), "log", log)

    assert migrate(schema_0, queue, KEYED, again=True).converted == {"held": 1}
    assert schema_0.hexists(record_key(REDELIVERED), "payload")


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

    assert migrate(schema_0, queue, KEYED).failures == [
        (record_key(REDELIVERED), "changed_meanwhile")
    ]
    assert schema_0.hget(record_key(REDELIVERED), "log") == b"{}"


def test_record_that_expires_after_it_was_read_is_not_made_again(schema_0, queue, before_writing):
    before_writing(lambda: schema_0.delete(record_key(REDELIVERED)))

    report = migrate(schema_0, queue, KEYED)

    assert (report.converted["held"], report.failed) == (CONVERTED["held"] - 1, 0)
    assert not schema_0.exists(record_key(REDELIVERED))


def test_full_redis_is_converted_too(tmp_path):
    """It is full because nobody has delivered: that must not keep anybody from delivering."""
    with EmbeddedRedis(tmp_path) as server, Redis.from_url(server.url) as redis:
        redis_dump.restore(redis, DUMP)
        before = redis_dump.snapshot(redis)
        redis.config_set("maxmemory", 1)

        migrate(redis, open_queue(redis, "mercately"), KEYED)

        assert redis_dump.snapshot(redis) == expected(before)


@pytest.mark.slow
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

    report = migrate(redis, queue, KEYED, progress=progress.append)

    assert report.converted == {"delivered": count}
    assert max(at_once) <= 50
    assert len(progress) >= 4
    assert progress == sorted(progress)
    assert progress[-1] == report.keys_read >= count


# What is converted is delivered, replayed and remembered: by the processes and commands that a
# person starts, with the configuration that the earlier version ran with.


@pytest.fixture
def converted(schema_0: Redis, queue: Queue) -> Redis:
    migrate(schema_0, queue, KEYED)
    return schema_0


@pytest.fixture
def environ(
    redis_server: EmbeddedRedis, standin_server: StandinServer, tmp_path: Path
) -> dict[str, str]:
    file = tmp_path / "schema_0.toml"
    file.write_text("\n".join(DUMP["relay_toml"]), "utf-8")
    servers = ("PRINCIPAL", "NORTE", "SUR", "ESTE", "OESTE")
    return {
        "REDIS_URL": redis_server.url,
        "RELAY_CONFIG": str(file),
        "RELAY_LANGUAGE": "en",
        "RELAY_SWEEP_S": "0",
        "MERCATELY_API_KEY": DEMO_KEY,
        "RELAY_PSEUDONYM_KEY": KEY,
        "COLUMNS": "200",
        **{f"{name}_SERVER": standin_server.url for name in servers},
        **{
            f"{name.upper()}_SECRET": senders.SECRETS[name]
            for name in ("sendgrid", "shopify", "woocommerce")
        },
        "CRM_SECRET": senders.SECRETS["generic"],
    }


@pytest.fixture
def command(environ: dict[str, str]) -> Callable[..., Result]:
    return lambda *arguments: CliRunner().invoke(main, arguments, env=environ)


def add_customers(standin: Standin) -> None:
    """Those whose ids the dump remembers."""
    ids = {
        key.rpartition(":")[2]: entry["value"]
        for key, entry in DUMP["keys"].items()
        if key.startswith("relay:customer:")
    }
    for entry in records().values():
        customer = json.loads(entry["event"])[4] or {}
        for name in {"phone", "email"} & customer.keys():
            digest = hashlib.sha256(customer[name].lower().encode()).hexdigest()[:32]
            if digest in ids and ids[digest] not in standin.customers:
                standin.add_customer(id=ids[digest], **{name: customer[name]})


def records(*states: str) -> dict[str, dict[str, Any]]:
    """The records of the dump by id, those in any of the states."""
    return {
        key.removeprefix("relay:record:"): entry["value"]
        for key, entry in DUMP["keys"].items()
        if key.startswith("relay:record:") and (entry["value"]["state"] in states or not states)
    }


def deliver_all(redis: Redis, environ: Mapping[str, str]) -> None:
    """A worker process until nothing is open; what waits for its time need not."""
    for record_id in redis.zrange(OPEN, 0, -1):
        redis.zadd(OPEN, {record_id: 1})
    worker = subprocess.Popen(
        [sys.executable, "-m", "worker"],
        env={**os.environ, **environ},
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
    )
    try:
        for _ in range(600):
            if not redis.zcard(OPEN):
                return
            for key in redis.scan_iter("rq:scheduled:*"):
                for job_id in redis.zrange(key, 0, -1):
                    redis.zadd(key, {job_id: 1}, xx=True)
            assert worker.poll() is None
            time.sleep(0.1)
        pytest.fail(f"{redis.zcard(OPEN)} records are still open")
    finally:
        worker.terminate()
        worker.wait(timeout=60)


@pytest.mark.slow
def test_everything_that_waited_is_delivered_once_and_in_order(converted, environ, standin):
    add_customers(standin)
    open_records = records("accepted", "retrying")

    deliver_all(converted, environ)

    ledger = Ledger(converted, keep_delivered_s=60)
    assert {ledger.get(record_id).state for record_id in open_records} == {State.DELIVERED}
    sent = [json.loads(event.raw) for event in standin.events]
    bodies = {record_id: json.loads(record["body"]) for record_id, record in open_records.items()}
    assert sorted(map(json.dumps, sent)) == sorted(map(json.dumps, bodies.values()))
    behind = {record_id: record["after"] for record_id, record in open_records.items() if "after" in record}  # fmt: skip
    assert len(behind) == 8
    for record_id, before in behind.items():
        assert sent.index(bodies[before]) < sent.index(bodies[record_id]), record_id

    # The worker knows the names that jobs and throttles have now.
    redelivered = [
        key.removeprefix("rq:job:")
        for key, entry in DUMP["keys"].items()
        if key.startswith("rq:job:") and "takeovers" in entry["value"]
    ]
    assert len(redelivered) == 2
    for record_id in redelivered:
        assert ledger.attempts(record_id)[-1]["redelivery_count"] == 1
    for name in ("norte", "sur"):  # they were shut, and have been found to be well
        assert converted.hget(f"relay:throttle:{name}", "half_open") is None


@pytest.mark.slow
def test_what_a_person_replays_is_delivered(converted, environ, standin, command):
    add_customers(standin)
    standin.add_customer(phone="+56990000005")  # was absent

    replays = [command("replay", "--state", state, "--yes") for state in ("held", "dead")]

    outcomes = "".join(result.output for result in replays)
    assert "unreadable" in outcomes  # is read and mapped anew, from what came in
    assert "names_nobody" in outcomes
    replayed = {
        record_id: record
        for record_id, record in records("held", "dead").items()
        if record["reason"] not in ("unreadable", "no_customer")
    }
    assert len(replayed) == 3
    deliver_all(converted, environ)
    sent = [json.loads(event.raw) for event in standin.events]
    for record_id, record in replayed.items():
        assert json.loads(command("show", record_id).output)["state"] == "delivered"
        # The event, by its number or source: a replay renders the note anew.
        note = json.loads(record["body"])["notes"]
        number = next((word for word in note.split() if word.startswith("#")), note)
        assert any(number in body["notes"] for body in sent), number


def test_what_was_delivered_is_still_shown(converted, command):
    listed = command("events", "--state", "delivered").output

    for record_id in records("delivered"):
        assert record_id in listed
        shown = json.loads(command("show", record_id).output)
        assert shown["state"] == "delivered"
        assert shown["attempt_log"][-1]["outcome"] == "delivered"


def test_what_was_seen_is_answered_duplicate(converted, environ, settings):
    relay = sources.load(Path(environ["RELAY_CONFIG"]), environ)
    held = {name: replace(source, on_nobody="hold") for name, source in relay.sources.items()}
    client = create_app(settings, replace(relay, sources=held), converted).test_client()
    ledger = Ledger.open(converted, settings)
    asked = 0

    for record_id in records():
        record = ledger.get(record_id)
        if not record.raw or record.platform not in ("shopify", "generic"):
            continue
        headers = {"content-type": "application/json", **record.headers}
        signed = senders.signed(record.platform, headers, record.raw)
        answer = client.post(f"/webhooks/{record.source}", data=record.raw, headers=signed)
        assert (answer.json["status"], answer.json["ids"]) == ("duplicate", [record_id])
        asked += 1
    assert asked == sum(bool(record.get("delivery")) for record in records().values())
