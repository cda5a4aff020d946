"""What is true of a record, and who may change it: the state table, row by row."""

import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from relay.ledger import GRACE_S, OPEN, Claim, attempts_key, record_key, state_key
from relay.model import OPEN_STATES, Held, Ignored, Outcome, State, Verdict
from tests.worker.depot import ANA, BODY, Depot, call

SETTLED = (State.DELIVERED, State.HELD, State.DEAD, State.DISCARDED)
KEPT_S = 1000


@pytest.fixture
def depot(redis, settings, relay):
    with Depot(redis, replace(settings, keep_delivered_s=KEPT_S), relay) as opened:
        yield opened


@pytest.fixture
def ledger(depot):
    return depot.ledger


@pytest.fixture
def keep(depot):
    return depot.keep


def outcome(verdict, **changes) -> Outcome:
    made = Outcome(verdict, f"because_{verdict}", status=418)
    waits = verdict in (Verdict.RETRY, Verdict.PAUSED)
    return replace(made, delay_s=300.0 if waits else 0.0, **changes)


def settle(ledger, claim, verdict, **changes) -> bool:
    return ledger.settle(claim, outcome(verdict, **changes), took_s=0.25, now=time.time())


def put(redis, record_id, state) -> None:
    """Into a state by the shortest way."""
    redis.hset(record_key(record_id), "state", state)
    if state in SETTLED:
        redis.zrem(OPEN, record_id)
        redis.zadd(state_key(state), {record_id: 1})


def indices(redis, record_id) -> set[str]:
    names = [OPEN, *(state_key(state) for state in State)]
    return {name for name in names if redis.zscore(name, record_id) is not None}


@pytest.fixture
def claimed(ledger, keep, redis):
    """A claim on a record in an open state."""

    def claim_one(state=State.ACCEPTED) -> Claim:
        (record_id,) = keep("order-1")
        put(redis, record_id, state)
        claim = ledger.claim(record_id)
        assert isinstance(claim, Claim)
        return claim

    return claim_one


# Open records: state, verdict, new state.
ROWS = [
    *((before, Verdict.DELIVERED, State.DELIVERED) for before in OPEN_STATES),
    *((before, Verdict.RETRY, State.RETRYING) for before in OPEN_STATES),
    *((before, Verdict.DEAD, State.DEAD) for before in OPEN_STATES),
    *((before, Verdict.HELD, State.HELD) for before in OPEN_STATES),
    *((before, Verdict.DISCARDED, State.DISCARDED) for before in OPEN_STATES),
    *((before, Verdict.PAUSED, before) for before in OPEN_STATES),
]


@pytest.mark.parametrize("before, verdict, after", sorted(ROWS))
def test_attempt_moves_an_open_record(ledger, claimed, redis, before, verdict, after):
    claim = claimed(before)

    assert settle(ledger, claim, verdict)

    record = ledger.get(claim.record.id)
    assert record.state is after
    assert record.reason == f"because_{verdict}"
    assert record.attempts == (0 if verdict is Verdict.PAUSED else 1)
    assert (record.settled_at > 0) is (after in SETTLED)
    expected = OPEN if after in OPEN_STATES else state_key(after)
    assert indices(redis, record.id) == {expected}
    assert redis.hmget(record_key(record.id), "lease", "holder") == [None, None]


@pytest.mark.parametrize("verdict", [Verdict.RETRY, Verdict.PAUSED])
def test_open_record_is_looked_for_after_its_wait(ledger, claimed, redis, verdict):
    claim = claimed()

    settle(ledger, claim, verdict)

    look_at = redis.zscore(OPEN, claim.record.id)
    assert look_at == pytest.approx(time.time() + 300 + GRACE_S, abs=5)


@pytest.mark.parametrize("before", SETTLED)
@pytest.mark.parametrize("verdict", sorted(Verdict))
def test_late_worker_cannot_undo_what_is_settled(ledger, claimed, redis, before, verdict):
    """Not even by a success; that it was made is in the log."""
    claim = claimed()
    put(redis, claim.record.id, before)

    assert not settle(ledger, claim, verdict)

    assert ledger.get(claim.record.id).state is before
    assert indices(redis, claim.record.id) == {state_key(before)}
    told = [row["outcome"] for row in ledger.attempts(claim.record.id)]
    assert told == ([] if verdict is Verdict.PAUSED else [verdict])


@pytest.mark.parametrize("verdict", sorted(set(Verdict) - {Verdict.DELIVERED}))
def test_worker_that_lost_its_lease_decides_nothing(ledger, claimed, redis, verdict):
    late = claimed()
    redis.hset(record_key(late.record.id), "lease", 1)
    present = ledger.claim(late.record.id)
    assert isinstance(present, Claim)

    assert not settle(ledger, late, verdict)

    assert ledger.get(late.record.id).state is State.ACCEPTED
    assert isinstance(ledger.claim(late.record.id), float)  # still the present one's
    assert settle(ledger, present, Verdict.DEAD)


def test_success_counts_whoever_brings_it(ledger, claimed, redis):
    """It was delivered: another worker must not send it again."""
    late = claimed()
    redis.hset(record_key(late.record.id), "lease", 1)
    present = ledger.claim(late.record.id)

    assert settle(ledger, late, Verdict.DELIVERED)
    assert not settle(ledger, present, Verdict.RETRY)

    assert ledger.get(late.record.id).state is State.DELIVERED
    assert [row["outcome"] for row in ledger.attempts(late.record.id)] == ["delivered", "retry"]


def test_record_that_is_gone_is_not_brought_back(ledger, claimed, redis):
    claim = claimed()
    redis.delete(record_key(claim.record.id))

    assert not settle(ledger, claim, Verdict.RETRY)
    assert redis.exists(record_key(claim.record.id), attempts_key(claim.record.id)) == 0


@pytest.mark.parametrize("before", [State.HELD, State.DEAD, State.DISCARDED])
def test_replay_opens_a_settled_record(ledger, depot, claimed, redis, before):
    claim = claimed()
    settle(ledger, claim, Verdict(before.value))

    assert depot.intake.replay(ledger.get(claim.record.id)) == "requeued"

    record = ledger.get(claim.record.id)
    assert (record.state, record.attempts, record.reason) == (State.ACCEPTED, 0, "")
    assert indices(redis, record.id) == {OPEN}


# Claims.


def test_claim_is_for_one_worker_until_the_lease_ends(ledger, keep, redis, settings):
    (record_id,) = keep("order-1")
    first = ledger.claim(record_id)
    assert isinstance(first, Claim)

    wait_s = ledger.claim(record_id)

    assert wait_s == pytest.approx(settings.lease_s, abs=2)
    redis.hset(record_key(record_id), "lease", 1)
    second = ledger.claim(record_id)
    assert isinstance(second, Claim)
    assert second.token != first.token


def test_claimed_record_is_looked_for_when_the_lease_ends(ledger, keep, redis, settings):
    (record_id,) = keep("order-1")

    ledger.claim(record_id)

    assert redis.zscore(OPEN, record_id) == pytest.approx(time.time() + settings.lease_s, abs=2)


@pytest.mark.parametrize("state", SETTLED)
def test_settled_record_cannot_be_claimed(ledger, keep, redis, state):
    (record_id,) = keep("order-1")
    put(redis, record_id, state)

    assert ledger.claim(record_id) is state


def test_absent_record_cannot_be_claimed(ledger, redis):
    assert ledger.claim("01JABSENT") is None
    assert redis.keys() == []


def test_claim_brings_the_record_as_it_was_accepted(ledger, keep):
    made = replace(call("order-1"), drops={"phone": "not_a_number"})
    (record_id,) = keep(made)

    record = ledger.claim(record_id).record

    assert record == ledger.get(record_id)
    assert (record.customer, record.body, record.drops) == (ANA, BODY, {"phone": "not_a_number"})
    assert (record.topic, record.event_type) == ("orders/create", "order.created")
    assert (record.destination, record.key) == ("principal", "order-1")
    assert (record.state, record.attempts, record.runs) == (State.ACCEPTED, 0, 1)
    assert record.occurred_at == made.occurred_at.timestamp()
    assert record.accepted_at == pytest.approx(time.time(), abs=5)


# The log of attempts.


def test_attempts_are_numbered_and_timed(ledger, claimed):
    claim = claimed()
    settle(ledger, claim, Verdict.RETRY, ambiguous=True)
    settle(ledger, ledger.claim(claim.record.id), Verdict.PAUSED)
    settle(ledger, ledger.claim(claim.record.id), Verdict.DELIVERED)

    first, second = ledger.attempts(claim.record.id)

    assert first.pop("at") == pytest.approx(time.time(), abs=5)
    assert first == {
        "attempt": 1,
        "outcome": "retry",
        "reason": "because_retry",
        "status": 418,
        "ms": 250,
        "retry_in_s": 300.0,
        "ambiguous": True,
    }
    assert (second["attempt"], second["outcome"]) == (2, "delivered")
    assert ledger.get(claim.record.id).attempts == 2


def test_log_keeps_the_last_fifty(ledger, claimed):
    claim = claimed()
    for _ in range(60):
        settle(ledger, claim, Verdict.RETRY)
        claim = ledger.claim(claim.record.id)

    assert [row["attempt"] for row in ledger.attempts(claim.record.id)] == [*range(11, 61)]
    assert ledger.get(claim.record.id).attempts == 60


def test_last_answer_is_kept_until_there_is_another(ledger, claimed):
    claim = claimed()
    settle(ledger, claim, Verdict.RETRY, answer="first")
    settle(ledger, ledger.claim(claim.record.id), Verdict.RETRY)
    assert ledger.get(claim.record.id).answer == "first"

    settle(ledger, ledger.claim(claim.record.id), Verdict.DEAD, answer="last")
    assert ledger.get(claim.record.id).answer == "last"


# How long.


@pytest.mark.parametrize("verdict", [Verdict.DELIVERED, Verdict.DISCARDED])
def test_what_is_over_expires_with_its_log(ledger, claimed, redis, verdict):
    claim = claimed()

    settle(ledger, claim, verdict)

    for key in (record_key(claim.record.id), attempts_key(claim.record.id)):
        assert KEPT_S - 5 <= redis.ttl(key) <= KEPT_S


@pytest.mark.parametrize("verdict", [Verdict.RETRY, Verdict.PAUSED, Verdict.HELD, Verdict.DEAD])
def test_what_waits_for_somebody_never_expires(ledger, claimed, redis, verdict):
    claim = claimed()

    settle(ledger, claim, verdict)

    assert redis.ttl(record_key(claim.record.id)) == -1
    assert redis.ttl(attempts_key(claim.record.id)) in (-1, -2)  # or there is none


@pytest.mark.parametrize("verdict", [Verdict.DELIVERED, Verdict.DISCARDED])
def test_index_forgets_what_has_expired(ledger, claimed, redis, verdict):
    index = state_key(verdict.value)
    redis.zadd(index, {"expired": time.time() - KEPT_S - 1, "still-there": time.time() - 10})

    claim = claimed()
    settle(ledger, claim, verdict)

    assert set(redis.zrange(index, 0, -1)) == {b"still-there", claim.record.id.encode()}


def test_replayed_record_and_its_log_no_longer_expire(ledger, depot, claimed, redis):
    claim = claimed()
    settle(ledger, claim, Verdict.DISCARDED)

    depot.intake.replay(ledger.get(claim.record.id))

    assert redis.ttl(record_key(claim.record.id)) == -1
    assert redis.ttl(attempts_key(claim.record.id)) == -1


# Looking.


def test_ids_are_found_by_state(ledger, keep, redis):
    ids = dict(zip(State, keep(*(f"order-{n}" for n in range(len(State)))), strict=True))
    for state, record_id in ids.items():
        put(redis, record_id, state)

    for state in SETTLED:
        assert list(ledger.ids([state])) == [ids[state]]
    assert set(ledger.ids([State.DEAD, State.HELD])) == {ids[State.DEAD], ids[State.HELD]}
    assert set(ledger.ids([State.RETRYING])) == {ids[State.ACCEPTED], ids[State.RETRYING]}
    assert list(ledger.ids([])) == []


def test_records_are_newest_first_of_the_states_asked_for(ledger, depot, redis):
    moments = (datetime.fromtimestamp(time.time() + n, UTC) for n in range(3))
    first, second, third = (depot.accept(f"at-{now}", now=now).ids[0] for now in moments)
    put(redis, second, State.RETRYING)

    def found(*states, **more):
        return [record.id for record in ledger.records(states, **more)]

    assert found(*OPEN_STATES) == [third, second, first]
    assert found(State.ACCEPTED) == [third, first]
    assert found(State.RETRYING) == [second]
    assert found(State.ACCEPTED, limit=1) == [third]
    assert found(State.DEAD) == []


def test_records_are_found_by_source(ledger, depot, relay):
    for source in list(relay.sources.values())[:2]:
        ids = depot.accept("order-1", source=source).ids

        found = ledger.records([State.ACCEPTED], source=source.name)
        assert tuple(record.id for record in found) == ids


def test_record_that_expired_under_its_index_is_passed_over(ledger, redis):
    redis.zadd(state_key("delivered"), {"expired": time.time()})

    assert ledger.records([State.DELIVERED]) == []
    assert ledger.get("expired") is None


def test_overdue_are_the_longest_waiting(ledger, redis):
    redis.zadd(OPEN, {"c": 30, "a": 10, "b": 20, "later": 99})

    assert ledger.overdue(30, 10) == ["a", "b", "c"]
    assert ledger.overdue(30, 2) == ["a", "b"]


def test_counts_are_by_source_and_answer(ledger, depot, relay):
    one, other = list(relay.sources.values())[:2]
    ignored = Ignored("products/update", "topic_not_wanted")
    depot.accept("order-1", "order-2", ignored, source=one)
    depot.accept("order-1", Held("orders/create", "k", "unreadable", {}, b"{"), source=one)
    depot.accept("order-1", source=other)

    assert ledger.counts() == {
        f"{one.name}:accepted": 2,
        f"{one.name}:duplicate": 1,
        f"{one.name}:held": 1,
        f"{one.name}:ignored": 1,
        f"{other.name}:accepted": 1,
    }


def test_ignored_are_the_latest_first(ledger, keep):
    for topic in ("first", "second", "third"):
        keep(Ignored(topic, "topic_not_wanted", "order.created"))

    found = ledger.ignored(2)

    assert [entry["topic"] for entry in found] == ["third", "second"]
    assert (found[0]["reason"], found[0]["type"]) == ("topic_not_wanted", "order.created")
