"""What is remembered of things: told once, by whichever web process, and forgotten after 400 days."""

import json
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from redis import exceptions

from relay.inbound.results import Events
from relay.inbound.signature import PathToken
from relay.mapping.event_fields import OrderFields
from relay.model import Contact, Event, Memory, Report, Resource, State, Step
from relay.operations import replay
from relay.pipeline import flattened, translate
from relay.store.memory import Moved, memory_fields, read_memory, resource_keys
from relay.store.pseudonyms import Pseudonyms
from relay.web.app import create_app
from tests.relay.store.attempts import close
from tests.worker.factories import Harness

TYPES = {"processing": "order.paid", "completed": "order.fulfilled", "failed": "order.failed"}
CREATION = {"created": "order.created"}
TOKEN = "a-long-token-for-the-path"
SHOP = "tienda.example"
START = time.time() - 60


def parse(request, _source):
    """One event for each object of a list; `plain` ones tell of no thing."""
    return Events([_event(each) for each in json.loads(request.body)])


def _event(said):
    at = datetime.fromtimestamp(said["updated_at"], UTC)
    report = Report(
        resource=Resource(said.get("kind", "order"), said["id"], SHOP),
        steps=tuple(
            Step(state, (TYPES | CREATION)[state], when)
            for state, when in sorted(said["states"].items(), key=lambda pair: pair[1] or 0)
        ),
        updated_at=said["updated_at"],
        shown=said.get("shown", {}),
        refunded=Decimal(said["refunded"]) if "refunded" in said else None,
        total=Decimal(100),
        update_type="order.updated",
        refund_types=("order.refunded", "order.refunded"),
    )
    return Event(
        "order.updated", "orders/updated", "", at, Contact(email=said.get("email", "ana@example.com")),
        OrderFields(order_number=said["id"]), raw=json.dumps([said]).encode(),
        other_keys=tuple(said.get("keys", ())), report=None if said.get("plain") else report,
    )  # fmt: skip


def said(order_id="7", /, **changes):
    return {"id": order_id, "states": {"processing": START}, "updated_at": START} | changes


@pytest.fixture
def source(harness):
    platform = replace(harness.source.platform, parse=parse, stored=())
    return replace(
        harness.source,
        platform=platform,
        scheme=PathToken(),
        secrets=(TOKEN,),
        on_nobody="hold",
    )


@pytest.fixture
def client(settings, relay, redis, source):
    known = replace(relay, sources={source.name: source})
    return create_app(settings, known, redis).test_client()


@pytest.fixture
def tell(client, source):
    """The statuses, and reasons, that events told in one request get."""

    def send(*events):
        answer = client.post(
            f"/webhooks/{source.name}/{TOKEN}", json=list(events),
        )  # fmt: skip
        assert answer.status_code == 200, answer.json
        return answer.json

    return send


def test_step_is_told_once_under_any_key(tell, ledger):
    (record_id,) = tell(said(keys=["delivery:1"]))["ids"]

    again = tell(said(keys=["delivery:2"]) | {"updated_at": time.time()})

    assert (again["status"], again["ids"]) == ("ignored", [])
    assert again["reasons"] == [{"topic": "orders/updated", "reason": "nothing_changed"}]
    assert ledger.get(record_id).event_type == "order.paid"
    assert ledger.counts() == {
        "shopify:accepted": 1,
        "shopify:ignored": 1,
        "shopify:ignored:nothing_changed": 1,
    }


def test_same_save_again_is_a_duplicate(tell, ledger):
    one = said()
    tell(one)

    assert tell(one)["status"] == "duplicate"
    assert ledger.counts()["shopify:duplicate"] == 1
    assert ledger.ignored() == []


def test_two_steps_of_one_event_are_two_records_in_order(tell, ledger, harness):
    now = time.time()
    one = said(states={"processing": now - 9, "completed": now - 8}, keys=["delivery:1"])

    paid, done = tell(one)["ids"]

    assert [ledger.get(each).event_type for each in (paid, done)] == [
        "order.paid",
        "order.fulfilled",
    ]
    assert (harness.waiting(), harness.deferred()) == ([paid], [done])
    assert tell(one | {"updated_at": now + 1})["status"] == "duplicate"  # by its key


def test_two_saves_in_one_request_are_decided_one_after_the_other(tell, redis):
    now = time.time()
    first = said(updated_at=now - 9, shown={"total": "1"})
    second = said(updated_at=now - 8, shown={"total": "2"}, states=first["states"])

    assert tell(first, second, second)["status"] == "accepted"
    assert redis.hget("relay:counts", "shopify:accepted") == b"2"
    assert redis.hget("relay:counts", "shopify:duplicate") == b"1"
    (key,) = redis.scan_iter("relay:resource:*")
    assert redis.hkeys(key).count(b".total") == 1


def test_same_number_in_another_shop_or_source_is_another_thing(harness, source, redis):
    one = Resource("order", "7", "a.example")
    things = [
        one,
        replace(one, shop="b.example"),
        replace(one, kind="refund"),
        replace(one, id="8"),
    ]
    pseudonyms = Pseudonyms((OLD,))
    keys = {
        resource_keys(pseudonyms, each, thing)
        for thing in things
        for each in (source, replace(source, name="second"))
    }
    assert len(keys) == 8

    assert accept(harness, source, said("7")).status == "accepted"
    assert accept(harness, replace(source, name="second"), said("7")).status == "accepted"


def accept(harness, source, *events):
    request = request_of(harness, events)
    items = translate(request, source, harness.intake.memory(source))
    return harness.intake.accept(request, source, items, datetime.now(UTC))


def request_of(harness, events):
    from relay.model import WebhookRequest

    body = json.dumps(list(events)).encode()
    return WebhookRequest("POST", "https://relay.example", {}, body, datetime.now(UTC))


def test_memory_names_nobody_and_lives_400_days(tell, redis):
    tell(said("5124", shown={"address": "Calle Inventada 1", "phone": "+593999000001"}))

    (key,) = redis.scan_iter("relay:resource:*")
    content = key + b" ".join(redis.hgetall(key).values())
    for text in (b"5124", b"Calle", b"999000001", SHOP.encode()):
        assert text not in content
    assert redis.ttl(key) == pytest.approx(400 * 86400, abs=5)


def test_email_is_remembered_as_long_as_a_request(tell, redis):
    tell(said(kind="message"))
    (key,) = redis.scan_iter("relay:resource:*")
    assert redis.ttl(key) == pytest.approx(7 * 86400, abs=5)


def test_what_was_told_is_decided_anew_when_another_request_was_faster(harness, source, redis):
    request = request_of(harness, [said()])
    items = translate(request, source, harness.intake.memory(source))
    accept(harness, source, said())
    before = set(redis.scan_iter())

    with pytest.raises(Moved):
        harness.intake.accept(request, source, items, datetime.now(UTC))

    assert set(redis.scan_iter()) == before
    assert redis.hget("relay:counts", "shopify:accepted") == b"1"
    (again,) = flattened(translate(request, source, harness.intake.memory(source)))
    assert again.reason in ("duplicate", "stale")


@contextmanager
def always_moved(monkeypatch):
    calls = []

    def moved(*_args):
        calls.append(1)
        raise Moved

    monkeypatch.setattr("relay.store.job_store.JobStore.accept", moved)
    yield calls


def test_request_that_is_never_fast_enough_is_sent_again(client, source, monkeypatch, redis):
    with always_moved(monkeypatch) as calls:
        answer = client.post(f"/webhooks/{source.name}/{TOKEN}", json=[said()])

    assert (answer.status_code, answer.json["reason"]) == (503, "moved")
    assert 1 < len(calls) <= 20
    assert redis.keys("relay:record:*") == []


def test_request_is_sent_again_when_nothing_can_be_recalled(client, source, monkeypatch):
    def down(*_args, **_options):
        raise exceptions.ConnectionError

    monkeypatch.setattr("redis.client.Redis.execute_command", down)
    answer = client.post(f"/webhooks/{source.name}/{TOKEN}", json=[said()])

    assert (answer.status_code, answer.json["reason"]) == (503, "not_stored")


def test_steps_told_at_once_by_many_are_told_once_each(client, source, redis, ledger):
    """Sixteen requests, each step in four of them, in four threads."""
    now = time.time()
    bodies = [
        [
            said(
                states={state: now - 9 + list(TYPES).index(state)},
                updated_at=now - 9,
                keys=[f"delivery:{state}{n}"],
            )
        ]
        for n in range(4)
        for state in TYPES
    ]

    answers = []

    def send(part):
        for body in part:
            answer = client.application.test_client().post(
                f"/webhooks/{source.name}/{TOKEN}", json=body
            )
            answers.append(answer.status_code)

    threads = [threading.Thread(target=send, args=(bodies[n::4],)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == [200] * 12
    types = [record.event_type for record in ledger.list([State.ACCEPTED]).records]
    assert sorted(types) == sorted(TYPES.values())


def test_reading_what_is_remembered_is_one_round_trip_and_none_without_things(
    harness, source, redis_server
):
    from tests.relay.store.test_job_store import commands

    accept(harness, source, said("1"), said("2"))  # after which Redis knows the script
    harness.intake.memory(source).recall([Resource("order", "1"), Resource("order", "2")])
    with commands(redis_server) as sent:
        accept(harness, source, *(said(str(n)) for n in range(20)))
    assert sent == ["HGETALL"] * 20 + ["EVALSHA"]  # the first twenty in one pipeline

    with commands(redis_server) as sent:
        accept(harness, source, *(said(str(n), plain=True) for n in range(20)))
    assert sent == ["EVALSHA"]


def test_what_is_only_now_created_is_looked_up_where_something_is_remembered(
    tell, ledger, redis_server
):
    from tests.relay.store.test_job_store import commands

    now = time.time()
    tell(said("1", states={"created": now}))  # after which Redis knows the script
    with commands(redis_server) as sent:
        tell(said("2", states={"created": now}))
    assert sent == ["EVALSHA"]

    (paid,) = tell(said("3", states={"processing": now}))["ids"]
    with commands(redis_server) as sent:
        (created,) = tell(said("3", states={"created": now}))["ids"]
    assert sent == ["EVALSHA", "HGETALL", "EVALSHA"]
    types = [ledger.get(each).event_type for each in (paid, created)]
    assert types == ["order.paid", "order.created"]
    assert tell(said("3", states={"processing": now}))["status"] == "duplicate"


# Replayed.


@pytest.mark.parametrize("state", [State.HELD, State.DEAD])
def test_replay_maps_a_record_as_the_step_it_was(tell, harness, source, ledger, state):
    now = time.time()
    tell(said(states={"processing": now - 9}, updated_at=now - 9, shown={"total": "1"}))
    one = said(
        states={"processing": now - 9, "completed": now - 8}, updated_at=now - 8,
        shown={"total": "2"}, refunded="30",
    )  # fmt: skip
    done, refund = tell(one)["ids"]
    before = [ledger.get(each) for each in (done, refund)]
    assert [each.event_type for each in before] == ["order.fulfilled", "order.refunded"]

    for record in before:
        close(harness, record.id, state)
        assert (
            replay(ledger.get(record.id), harness.intake, {source.name: source}).outcome
            == "requeued"
        )

    for record in before:
        again = ledger.get(record.id)
        assert (again.event_type, again.body, again.step) == (
            record.event_type,
            record.body,
            record.step,
        )


def test_held_step_is_replayed_as_it_was(tell, harness, source, ledger):
    now = time.time()
    states = {"processing": now - 9, "completed": now - 8}
    ids = tell(said(states=states, email=""))["ids"]
    assert [ledger.get(each).state for each in ids] == [State.HELD] * 2

    named = replace(source, customer_id="1713anaec1001")
    for record_id in ids:
        assert (
            replay(ledger.get(record_id), harness.intake, {source.name: named}).outcome
            == "requeued"
        )

    types = [ledger.get(each).event_type for each in ids]
    assert types == ["order.paid", "order.fulfilled"]


# The hash.


def test_memory_is_read_as_it_was_written():
    memory = Memory(
        version=3, state="completed", steps={"processing": 1.5, "failed": 0.0},
        refunded=Decimal("20.10"), total=Decimal("80.00"), refunds=frozenset({"ab", "cd"}),
        shown={"total": "x", "address": "y"}, updated_at=1_790_000_000.5,
    )  # fmt: skip

    for each in (memory, Memory(version=1)):
        values = {name.encode(): text.encode() for name, text in memory_fields(each).items()}
        assert read_memory(values) == each


def test_field_nobody_can_read_is_as_if_it_were_absent():
    values = {b"v": b"2", b"@paid": b"[", b"r": b"x", b"u": b"", b"t": b"\xff"}

    assert read_memory(values) == Memory(version=2, steps={"paid": 0.0})


def test_memory_of_a_usual_order_stays_in_one_piece(tell, redis):
    """Which takes less than half of what a table takes."""
    shown = dict.fromkeys(("total", "shipping_address", "items", "note", "tracking"), "x" * 300)
    tell(said(states={"processing": START, "completed": START + 1}, shown=shown, refunded="20"))

    (key,) = redis.scan_iter("relay:resource:*")
    assert redis.object("encoding", key) in (b"listpack", b"ziplist")
    assert redis.memory_usage(key) < 500


# Keys of digests.


@pytest.fixture
def keyed(redis, settings, relay):
    """A harness with these pseudonym keys."""
    opened = []

    def make(*keys):
        one = Harness(redis, replace(settings, pseudonym_keys=keys), relay)
        opened.append(one)
        return one.__enter__()

    yield make
    for one in opened:
        one.__exit__(None, None, None)


OLD, NEW = "o" * 32, "n" * 32


def test_things_under_the_old_key_are_known_while_both_are_read(keyed, source, redis):
    first = said(shown={"total": "1"})
    accept(keyed(OLD), source, first)
    (old_key,) = redis.scan_iter("relay:resource:*")

    changed = first | {"updated_at": time.time(), "shown": {"total": "1"}}
    assert accept(keyed(NEW, OLD), source, changed).status == "ignored"
    keys = set(redis.scan_iter("relay:resource:*"))
    assert len(keys) == 2
    assert old_key in keys

    later = changed | {"updated_at": time.time() + 1, "shown": {"total": "2"}}
    assert accept(keyed(NEW), source, later).status == "accepted"  # the old one is not needed
    assert accept(keyed(NEW, OLD), source, later).status == "duplicate"


def test_creation_that_is_known_under_the_old_key_is_not_told_again(keyed, source):
    created = said(states={"created": START})
    assert accept(keyed(OLD), source, created).status == "accepted"
    assert accept(keyed(NEW, OLD), source, created).status == "duplicate"


def test_digests_take_the_key_and_tell_parts_apart():
    one, other = Pseudonyms((OLD,)), Pseudonyms((NEW, OLD))
    assert other.digests("principal", "a", "b")[1] == one.digest("principal", "a", "b")
    assert other.digest("principal", "a", "b") != one.digest("principal", "a", "b")
    assert one.digest("principal", "a", "b") != one.digest("principal", "ab")


def test_without_a_key_each_destination_has_its_own_derived_one():
    derived = Pseudonyms((), lambda: {"norte": "k1", "sur": "k2"})

    digests = [derived.digest(name, "x") for name in ("norte", "sur", "gone")]

    assert len(set(digests)) == 3
    assert Pseudonyms((), lambda: {"norte": "k9", "sur": "k2"}).digest("norte", "x") != digests[0]
    assert derived.digests("gone", "x") == (digests[2],)
