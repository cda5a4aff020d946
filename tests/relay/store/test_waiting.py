"""What is told later, unless something else comes before: one entry for each token of a source."""

import json
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from relay.inbound.results import Events
from relay.model import Contact, Customer, Ended, Event, Ignored, State, Waiting, WebhookRequest
from relay.operations import replay
from relay.pipeline import translate
from relay.store.keys import OPEN, WAITING
from relay.web.app import create_app
from tests.relay.store.attempts import close
from tests.relay.store.test_job_store import commands
from tests.worker.factories import ANA, Harness, call, job_key
from worker.sweep import sweep


def waiting(key="checkout-1", token="t1", *, due_in_s=3600.0, at=0.0, customer=ANA, **changes):
    """A call that waits; `at` is the time of its event, in seconds after others."""
    now = datetime.now(UTC)
    happened = datetime(2026, 11, 2, 15, tzinfo=UTC) + timedelta(seconds=at)
    later = replace(call(key, customer=customer, **changes), occurred_at=happened)
    return Waiting(later, token, now + timedelta(seconds=due_in_s))


def entries(redis):
    return [key.decode() for key in redis.zrange(WAITING, 0, -1)]


def let_be_due(redis):
    for key in redis.zrange(WAITING, 0, -1):
        redis.zadd(WAITING, {key: time.time() - 1})


def test_what_waits_has_no_record_no_job_and_no_lane(harness, redis):
    receipt = harness.accept(waiting())

    assert (receipt.statuses, receipt.ids, receipt.status) == (("accepted",), ("",), "accepted")
    assert len(entries(redis)) == 1
    assert harness.ledger.counts() == {"shopify:waiting": 1}
    for pattern in ("relay:record:*", "relay:lane:*", "rq:job:*", "relay:list:*"):
        assert redis.keys(pattern) == []
    assert redis.zcard(OPEN) == 0
    assert harness.intake.promote_waiting() == 0


def test_when_due_it_is_an_accepted_record_like_any(harness, redis):
    harness.accept(
        replace(waiting(), call=replace(call("checkout-1"), references=("1042",), raw=b"{}"))
    )
    harness.accept("order-1")
    let_be_due(redis)

    assert harness.intake.promote_waiting() == 1

    (record,) = harness.ledger.list([State.ACCEPTED], limit=1).records
    whole = harness.record(record.id)
    assert (whole.key, whole.customer, whole.raw) == ("checkout-1", ANA, b"{}")
    assert whole.accepted_at == pytest.approx(time.time(), abs=5)
    assert harness.deferred() == [record.id]  # behind the other of its customer
    assert harness.ledger.find("1042") == [record.id]
    assert redis.exists(job_key(record.id)) == 1
    assert (entries(redis), redis.keys("relay:waiting:*")) == ([], [])
    assert harness.intake.promote_waiting() == 0


def test_promoted_record_is_delivered_and_leaves_its_lane(harness, redis, standin):
    harness.accept(waiting())
    let_be_due(redis)
    assert sweep(harness.ledger, harness.intake) == 1

    (record_id,) = harness.waiting()
    assert harness.deliver(record_id) == "delivered"

    assert len(standin.events) == 1
    assert not redis.keys("relay:lane:*")
    assert harness.ledger.counts()["shopify:accepted"] == 1


def test_later_event_replaces_the_one_that_waits(harness, redis):
    harness.accept(
        waiting("a", body={"notes": "first"}), waiting("b", at=5, body={"notes": "second"})
    )
    (entry,) = entries(redis)
    due_at = redis.zscore(WAITING, entry)

    harness.accept(waiting("c", at=3, due_in_s=9999, body={"notes": "out of date"}))

    assert redis.zscore(WAITING, entry) == due_at
    let_be_due(redis)
    harness.intake.promote_waiting()
    (record,) = harness.ledger.list([State.ACCEPTED]).records
    assert harness.record(record.id).body == {"notes": "second"}


@pytest.mark.parametrize("number", [1, 50])
def test_updates_and_an_order_in_between_are_never_told(harness, redis, number):
    for n in range(number):
        harness.accept(waiting(f"before-{n}", at=n))
    harness.accept("order-1", Ended("orders/create", "t1"))
    for n in range(number):
        harness.accept(waiting(f"after-{n}", at=100 + n))

    let_be_due(redis)

    assert entries(redis) == []
    assert harness.intake.promote_waiting() == 0
    assert [record.key for record in harness.ledger.list([State.ACCEPTED]).records] == ["order-1"]


def test_end_counts_as_nothing_and_drops_no_other(harness, redis):
    harness.accept(waiting("a", "t1"), waiting("b", "t2"))

    receipt = harness.accept("order-1", Ended("orders/create", "t1"))

    assert receipt.statuses == ("accepted",)
    assert len(entries(redis)) == 1
    assert "shopify:ignored" not in harness.ledger.counts()


def test_token_of_another_source_is_another(harness, redis, relay):
    one, other = list(relay.sources.values())[:2]
    harness.accept(waiting(), source=one)

    harness.accept(Ended("orders/create", "t1"), source=other)

    assert len(entries(redis)) == 1


def test_same_event_again_is_a_duplicate_and_an_end_with_a_duplicate_ends(harness, redis):
    harness.accept(waiting(), "order-1")

    assert harness.accept(waiting()).statuses == ("duplicate",)
    assert harness.accept("order-1", Ended("orders/create", "t1")).statuses[0] == "duplicate"
    assert entries(redis) == []


def test_order_and_promotion_at_once_tell_it_at_most_once(harness, redis):
    """Whoever comes first: never both an entry that is left and a record."""
    for n in range(20):
        harness.accept(waiting(f"a-{n}", f"t{n}", customer=Customer(phone=f"+59399900{n:04}")))
    let_be_due(redis)
    threads = [
        threading.Thread(target=harness.intake.promote_waiting),
        threading.Thread(target=harness.intake.promote_waiting),
        threading.Thread(
            target=lambda: [harness.accept(Ended("orders/create", f"t{n}")) for n in range(20)]
        ),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    keys = [record.key for record in harness.ledger.list([State.ACCEPTED]).records]
    assert len(keys) == len(set(keys))
    assert entries(redis) == []


def test_accepting_what_waits_is_one_round_trip(harness, redis_server):
    harness.accept("first")

    with commands(redis_server) as sent:
        harness.accept(waiting(), Ended("orders/create", "t2"))

    assert sent == ["EVALSHA"]


@pytest.mark.parametrize("then", ["replaced", "ended"])
def test_entry_under_an_old_key_is_the_same_while_both_are_read(redis, settings, relay, then):
    old, new = "o" * 32, "n" * 32
    with Harness(redis, replace(settings, pseudonym_keys=(old,)), relay) as harness:
        harness.accept(waiting("a", at=5))
    with Harness(redis, replace(settings, pseudonym_keys=(new, old)), relay) as harness:
        if then == "ended":
            harness.accept(Ended("orders/create", "t1"))
        else:
            harness.accept(waiting("b", at=3))  # out of date
            harness.accept(waiting("c", at=9))
        let_be_due(redis)
        harness.intake.promote_waiting()
        keys = [record.key for record in harness.ledger.list([State.ACCEPTED]).records]
    assert keys == ([] if then == "ended" else ["c"])


# From an adapter's event.


def parse(request, _source):
    body = json.loads(request.body)
    at = datetime.fromtimestamp(body["at"], UTC)
    contact = Contact(email=body.get("email", "ana@example.com"))
    return Events([
        Event(
            "checkout.abandoned", "checkouts/update", body["key"], at, contact, raw=request.body,
            token=body.get("token", ""), wait_s=body.get("wait_s", 0.0), ends=tuple(body.get("ends", ())),
        )
    ])  # fmt: skip


@pytest.fixture
def source(harness):
    return replace(harness.source, platform=replace(harness.source.platform, parse=parse))


def translated(source, **body):
    raw = json.dumps({"key": "k", "at": time.time(), **body}).encode()
    return translate(WebhookRequest("POST", "u", {}, raw, datetime.now(UTC)), source)


def test_event_says_how_long_it_waits_and_what_it_ends(source):
    (later,) = translated(source, token="t1", wait_s=60)
    now, ended = translated(source, ends=["t1"])

    assert (later.token, later.call.event_type) == ("t1", "checkout.abandoned")
    assert later.due_at.timestamp() == pytest.approx(time.time() + 60, abs=5)
    assert (now.event_type, ended) == ("checkout.abandoned", Ended("checkouts/update", "t1"))


def test_what_cannot_be_told_does_not_wait(source):
    (ignored,) = translated(source, token="t1", wait_s=60, email="")

    assert ignored == Ignored("checkouts/update", "names_nobody", "checkout.abandoned")


def test_promoted_record_is_replayed_as_a_call(harness, source, redis):
    items = translated(source, token="t1", wait_s=60)
    harness.accept(*items, source=source)
    let_be_due(redis)
    harness.intake.promote_waiting()
    (record,) = harness.ledger.list([State.ACCEPTED]).records
    dead = close(harness, record.id, State.DEAD)

    assert replay(dead, harness.intake, {source.name: source}).outcome == "requeued"


def test_web_takes_what_waits(settings, relay, redis, source):
    token = "a-long-token-for-the-path"
    from relay.inbound.signature import PathToken

    open_source = replace(source, scheme=PathToken(), secrets=(token,))
    client = create_app(
        settings, replace(relay, sources={"shopify": open_source}), redis
    ).test_client()
    body = {"key": "k", "at": time.time(), "token": "t1", "wait_s": 60}

    answer = client.post(f"/webhooks/shopify/{token}", json=body)

    assert (answer.status_code, answer.json) == (200, {"status": "accepted", "ids": []})
    assert len(entries(redis)) == 1
