"""Replay of a record that was held, then discarded: there is nothing left to send."""

import pytest

from relay.model import Held, Outcome, State, Verdict
from relay.operations import Replayed, replay
from relay.store.keys import OPEN
from relay.store.ledger import Attempt
from tests.worker.factories import Harness

UNMAPPED = Held("orders/create", "held-1", "no_customer", {"contact": "expected one"}, b'{"id": 7}')


@pytest.fixture
def harness(redis, settings, relay):
    with Harness(redis, settings, relay) as opened:
        yield opened


@pytest.mark.parametrize("known", [True, False], ids=["source_known", "source_gone"])
def test_held_and_discarded_it_is_told_so_and_nothing_is_queued(harness, redis, relay, known):
    record_id = harness.keep_one(UNMAPPED)
    assert harness.ledger.discard(harness.record(record_id))
    before = harness.record(record_id)

    result = replay(before, harness.intake, relay.sources if known else {})

    assert result == Replayed("nothing_left", {})
    assert harness.record(record_id) == before
    assert before.state is State.DISCARDED
    assert harness.waiting() == []
    assert redis.zcard(OPEN) == 0
    assert redis.keys("rq:job:*") == []


def test_dead_and_discarded_it_is_sent_as_it_was(harness, relay):
    """Of what was mapped the call is left."""
    record_id = harness.keep_one("order-1")
    died = Attempt(harness.record(record_id), Outcome(Verdict.DEAD, "refused"), took_s=0)
    harness.ledger.record_attempts([died])
    assert harness.ledger.discard(harness.record(record_id))

    assert replay(harness.record(record_id), harness.intake, relay.sources).outcome == "requeued"
    assert harness.waiting()[-1] == f"{record_id}-r2"
