"""Events that only name a thing: taken at once, without a job, and picked up by a replay."""

from dataclasses import replace

import pytest

from relay.errors import NotStored
from relay.model import AwaitingLookup, Resource, State
from relay.operations import replay
from relay.store.keys import OPEN, state_key
from tests.worker.factories import Harness, call

NOTICE = AwaitingLookup(
    "payment.updated", "notice-1", Resource("payment", "123456"), b'{"data": {"id": "123456"}}'
)


@pytest.fixture
def record(harness):
    (record_id,) = harness.accept(NOTICE).ids
    return harness.record(record_id)


def test_notice_is_taken_without_a_job_and_says_what_it_needs(harness, record, redis):
    assert record.state is State.AWAITING_LOOKUP
    assert (record.reason, record.reasons) == (
        "needs_payment", {"lookup": {"kind": "payment", "id": "123456", "shop": ""}}
    )  # fmt: skip
    assert (record.raw, record.destination) == (NOTICE.raw, "principal")
    assert redis.zcard(OPEN) == 0
    assert redis.keys("rq:job:*") == redis.keys("relay:lane:*") == []
    assert harness.ledger.counts() == {"shopify:awaiting_lookup": 1}
    assert harness.accept(NOTICE).statuses == ("duplicate",)
    assert harness.accept(replace(NOTICE, key="notice-2")).status == "accepted"


def test_notice_is_listed_by_its_cause_and_found_by_its_id(harness, record):
    (cause,) = harness.ledger.causes()

    assert (cause.state, cause.reason, cause.count) == (State.AWAITING_LOOKUP, "needs_payment", 1)
    assert harness.ledger.find("123456") == [record.id]
    assert [one.id for one in harness.ledger.list([State.AWAITING_LOOKUP]).records] == [record.id]


def test_notices_are_not_in_the_backlog_cap_and_are_capped_like_held(redis, settings, relay):
    bounded = replace(settings, backlog_max=1, held_max=2)
    with Harness(redis, bounded, relay) as harness:
        harness.accept("order-1")
        harness.accept(NOTICE, replace(NOTICE, key="notice-2"))
        with pytest.raises(NotStored) as refusal:
            harness.accept(replace(NOTICE, key="notice-3"))
    assert refusal.value.reason == "held_full"


def test_replay_picks_it_up_once_it_can_be_mapped(harness, record, redis, monkeypatch):
    sources = {harness.source.name: harness.source}
    monkeypatch.setattr("relay.operations.records.translate", lambda *_args, **_more: [NOTICE])
    assert replay(record, harness.intake, sources).outcome == "needs_payment"
    assert harness.record(record.id).state is State.AWAITING_LOOKUP

    mapped = [call("notice-1")]
    monkeypatch.setattr("relay.operations.records.translate", lambda *_args, **_more: mapped)
    assert replay(record, harness.intake, sources).outcome == "requeued"

    assert harness.record(record.id).state is State.ACCEPTED
    assert redis.zcard(state_key("awaiting_lookup")) == 0
    assert harness.waiting() == [f"{record.id}-r2"]
    assert harness.ledger.causes() == []
