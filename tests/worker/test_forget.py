"""Forgetting a person: nothing in Redis names them any more, and others go on undisturbed."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from rq.registry import DeferredJobRegistry

from relay import operations
from relay.model import Call, Customer, Held, State, Waiting
from tests.worker.factories import apart, call

EVA = Customer(
    phone="+593987654321",
    email="eva.de.prueba@example.com",
    first_name="Eva",
    last_name="Inventada",
)
pytestmark = pytest.mark.usefixtures("environment")
TRACES = (b"987654321", b"eva.de.prueba", b"Eva", b"98 765 4321")
BODY = {"notes": "Pedido de Eva", "phone": EVA.phone, "email": EVA.email, "first_name": "Eva"}


def of_eva(key: str, **changes) -> Call:
    return replace(call(key, customer=EVA, body=BODY), **changes)


def everything(redis) -> bytes:
    """All keys and values, decompressed where they are."""
    found = []
    for key in redis.scan_iter():
        found.append(key)
        kind = redis.type(key)
        if kind == b"hash":
            fields = redis.hgetall(key)
            found += [*fields.keys(), *fields.values()]
        elif kind == b"string":
            found.append(redis.get(key) or b"")  # it may have gone meanwhile
        elif kind == b"zset":
            found += redis.zrange(key, 0, -1)
        elif kind == b"list":
            found += redis.lrange(key, 0, -1)
        elif kind == b"set":
            found += redis.smembers(key)
        elif kind == b"stream":
            found += [value for _, entry in redis.xrange(key) for value in entry.values()]
    return b"\n".join(found)


def traces(harness) -> list[bytes]:
    """What is left of Eva in Redis, in records as they are read too."""
    redis = harness.redis
    records = [
        harness.ledger.get(key.decode().rpartition(":")[2]) for key in redis.keys("relay:record:*")
    ]
    read = repr([(one, one.raw, one.headers) for one in records if one]).encode()
    return [each for each in TRACES if each in everything(redis) + read]


@pytest.mark.parametrize("text", ["+593 98 765 4321", "Eva.De.Prueba@example.com"])
def test_nothing_of_a_person_is_left(text, harness, forget):
    redis = harness.redis
    held = Held(
        "orders/paid",
        "k",
        "unreadable",
        {"x": ["98 765 4321"]},
        b'{"email":"eva.de.prueba@example.com","phone":"+593987654321"}',
    )
    at = datetime.now(UTC) + timedelta(hours=1)
    delivered, dead = harness.keep(of_eva("delivered"))[0], harness.keep_one(of_eva("dead"))
    harness.keep(of_eva("open"), held, Waiting(of_eva("waits"), "cart-1", at))
    other = harness.keep_one(call("other"))
    harness.deliver(delivered)
    before = dict(forget(text, dry_run=True).records)
    assert traces(harness)

    forgotten = forget(text)

    assert dict(forgotten.records) == before
    assert sum(before.values()) == 4
    assert forgotten.waiting == 1
    assert traces(harness) == []
    assert harness.record(other).state is State.ACCEPTED
    assert harness.ledger.find(EVA.phone) == harness.ledger.find(EVA.email) == []
    assert redis.zcard("relay:waiting") == 0
    assert dead not in harness.ledger.ids(list(State))
    assert not forget(text, dry_run=True).records


def test_a_dry_run_changes_nothing(harness, forget):
    harness.keep(of_eva("one"))
    before = everything(harness.redis)
    assert forget(EVA.phone, dry_run=True).records == {"accepted": 1}
    assert everything(harness.redis) == before


def test_cached_ids_go_too(harness, forget, standin):
    standin.add_customer(phone=EVA.phone, email=EVA.email)
    record_id = harness.keep_one(of_eva("one"))
    harness.run_jobs()
    assert harness.record(record_id).state is State.DELIVERED
    assert harness.redis.keys("relay:customer:*")
    assert forget(EVA.email).cached == 1
    assert harness.redis.keys("relay:customer:*") == []


def test_others_in_the_lane_go_on(harness, forget):
    """A gift: the second event names Eva in its text, and is of the same customer as the others."""
    first, gift, last = (
        harness.keep_one(call(key, body={"notes": note}))
        for key, note in (
            ("1", "uno"),
            ("2", "regalo para eva.de.prueba@example.com"),
            ("3", "tres"),
        )
    )
    assert forget(EVA.email).records == {"accepted": 1}
    harness.run_jobs()
    assert harness.record(first).state is harness.record(last).state is State.DELIVERED
    assert harness.ledger.get(gift) is None
    assert DeferredJobRegistry(queue=harness.queue).get_job_ids(cleanup=False) == []


def test_the_first_of_a_lane_leaves_it_to_the_next(harness, forget):
    gift = harness.keep_one(call("1", body={"notes": "para eva.de.prueba@example.com"}))
    last = harness.keep_one(call("2"))
    forget(EVA.email)
    harness.run_jobs()
    assert harness.ledger.get(gift) is None
    assert harness.record(last).state is State.DELIVERED


def test_an_event_that_comes_again_is_not_accepted_again(harness, forget):
    harness.keep(of_eva("one"))
    forget(EVA.phone)
    receipt = harness.accept(of_eva("one"))
    assert receipt.statuses == ("duplicate",)
    assert traces(harness) == []


@pytest.mark.parametrize("text", ["0987654321", "eva", "", "98", "#1042"])
def test_what_names_nobody_is_refused(text):
    assert operations.person_of(text) is None


def test_many_records_of_others_are_left(harness, forget):
    kept = harness.keep(*apart(*map(str, range(40))))
    harness.keep(of_eva("one"))
    assert forget(EVA.phone).records == {"accepted": 1}
    assert all(harness.ledger.get(each) for each in kept)
    assert json.dumps(sorted(kept)) == json.dumps(sorted(harness.ledger.ids(list(State))))
