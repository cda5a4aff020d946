"""The ledger: every transition of the state table, and what late or repeated attempts change."""

import json
import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from relay.model import OPEN_STATES, Held, Ignored, State, Verdict
from relay.store.keys import OPEN, list_key, record_key, state_key
from relay.store.ledger import GRACE_S
from tests.relay.store.attempts import attempt, write_attempt
from tests.relay.store.conftest import KEEP_DELIVERED_S, RECORD_TTL_S
from tests.worker.factories import ANA, BODY, apart, call

SETTLED = (State.DELIVERED, State.HELD, State.DEAD, State.DISCARDED, State.AWAITING_LOOKUP)
ENDS = (Verdict.DELIVERED, Verdict.HELD, Verdict.DEAD, Verdict.DISCARDED)
LOG_MAX_BYTES = 16_384


def put(redis, record_id, state) -> None:
    """Into a state by the shortest way."""
    source = "shopify"
    redis.zrem(list_key(redis.hget(record_key(record_id), "state").decode(), source), record_id)
    redis.hset(record_key(record_id), "state", state)
    redis.zadd(list_key(state, source), {record_id: 0})
    if state in SETTLED:
        redis.zrem(OPEN, record_id)
        redis.zadd(state_key(state), {record_id: 1})


def indices(redis, record_id) -> set[str]:
    names = [OPEN, *(state_key(state) for state in State)]
    return {name for name in names if redis.zscore(name, record_id) is not None}


@pytest.fixture
def taken(ledger, keep, redis):
    """A record in an open state, as a worker has read it."""

    def take_one(state=State.ACCEPTED):
        (record_id,) = keep("order-1")
        put(redis, record_id, state)
        (record,) = ledger.to_deliver([record_id])
        return record

    return take_one


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
def test_attempt_moves_an_open_record(ledger, taken, redis, before, verdict, after):
    result = taken(before)

    assert write_attempt(ledger, result, verdict)

    record = ledger.get(result.id)
    assert record.state is after
    assert record.reason == f"because_{verdict}"
    assert record.attempts == (0 if verdict is Verdict.PAUSED else 1)
    assert (record.settled_at > 0) is (after in SETTLED)
    expected = OPEN if after in OPEN_STATES else state_key(after)
    assert indices(redis, record.id) == {expected}


@pytest.mark.parametrize("verdict", [Verdict.RETRY, Verdict.PAUSED])
def test_open_record_is_looked_for_after_its_wait(ledger, taken, redis, verdict, just_now):
    record = taken()

    write_attempt(ledger, record, verdict)

    assert just_now(redis.zscore(OPEN, record.id) - (300 + GRACE_S))


def test_batch_is_settled_one_by_one(ledger, keep, redis):
    """What another has settled meanwhile does not cost the rest of the batch."""
    records = [ledger.get(one) for one in keep(*apart(*(f"order-{n}" for n in range(6))))]
    write_attempt(ledger, records[2], Verdict.RETRY)
    redis.delete(record_key(records[4].id))

    written = ledger.record_attempts(
        [
            attempt(*pair)
            for pair in zip(records, [*ENDS, Verdict.RETRY, Verdict.RETRY], strict=True)
        ]
    )

    assert written == [True, True, False, True, False, True]
    states = [record and record.state for record in map(ledger.get, (one.id for one in records))]
    assert states == ["delivered", "held", "retrying", "discarded", None, "retrying"]


@pytest.mark.parametrize("before", SETTLED)
@pytest.mark.parametrize("verdict", sorted(set(Verdict) - {Verdict.DELIVERED}))
def test_late_worker_cannot_undo_what_is_settled(ledger, taken, redis, before, verdict):
    """That it has tried is in the log."""
    late = taken()
    put(redis, late.id, before)

    assert not write_attempt(ledger, late, verdict)

    assert ledger.get(late.id).state is before
    assert indices(redis, late.id) == {state_key(before)}
    outcomes = [row["outcome"] for row in ledger.attempts(late.id)]
    assert outcomes == ([] if verdict is Verdict.PAUSED else [verdict])


@pytest.mark.parametrize("before", [State.HELD, State.DEAD, State.DISCARDED])
def test_late_success_is_a_fact_whatever_was_settled_meanwhile(ledger, taken, redis, before):
    """Nobody may be asked to send again what Mercately has."""
    late = taken()
    write_attempt(ledger, late, Verdict(before.value))

    assert write_attempt(ledger, late, Verdict.DELIVERED)

    record = ledger.get(late.id)
    assert (record.state, record.raw, record.headers) == (State.DELIVERED, b"", {})
    assert indices(redis, late.id) == {state_key("delivered")}
    assert KEEP_DELIVERED_S - 60 <= redis.ttl(record_key(late.id)) <= RECORD_TTL_S
    assert [row["outcome"] for row in ledger.attempts(late.id)] == [before.value, "delivered"]


def test_second_success_changes_nothing_but_the_log(ledger, taken, redis):
    first = taken()
    write_attempt(ledger, first, Verdict.DELIVERED)
    before = ledger.get(first.id)

    assert not write_attempt(ledger, first, Verdict.DELIVERED)

    assert ledger.get(first.id) == before
    assert indices(redis, first.id) == {state_key("delivered")}
    assert [row["attempt"] for row in ledger.attempts(first.id)] == [1, 1]


@pytest.mark.parametrize("verdict", sorted(set(Verdict) - {Verdict.DELIVERED}))
def test_attempt_that_another_overtook_decides_nothing(ledger, taken, verdict):
    late = taken()
    write_attempt(ledger, late, Verdict.RETRY)  # by another, who had read the same
    before = ledger.get(late.id)

    assert not write_attempt(ledger, late, verdict)

    assert ledger.get(late.id) == before
    outcomes = [row["outcome"] for row in ledger.attempts(late.id)]
    assert outcomes == ["retry"] + ([] if verdict is Verdict.PAUSED else [verdict])
    assert write_attempt(ledger, before, Verdict.DEAD)  # who has read it since may decide


def test_success_counts_whoever_brings_it(ledger, taken):
    """It was delivered: another worker must not send it again."""
    record = taken()
    write_attempt(ledger, record, Verdict.RETRY)

    assert write_attempt(ledger, record, Verdict.DELIVERED)
    assert not write_attempt(ledger, ledger.get(record.id), Verdict.RETRY)

    assert ledger.get(record.id).state is State.DELIVERED
    outcomes = [row["outcome"] for row in ledger.attempts(record.id)]
    assert outcomes == ["retry", "delivered", "retry"]


def test_pause_overtakes_nobody(ledger, taken):
    """It was no attempt: whoever has really tried meanwhile decides."""
    record = taken()
    write_attempt(ledger, record, Verdict.PAUSED)

    assert write_attempt(ledger, record, Verdict.DEAD)
    assert ledger.get(record.id).attempts == 1


def test_attempt_told_again_after_a_lost_answer_is_one_attempt(ledger, taken):
    repeated = attempt(taken(), Verdict.RETRY)
    ledger.record_attempts([repeated])
    before = ledger.get(repeated.record.id)
    time.sleep(0.005)

    ledger.record_attempts([repeated])

    assert ledger.get(repeated.record.id) == before
    assert len(ledger.attempts(repeated.record.id)) == 1


def test_two_attempts_in_one_millisecond_are_two(ledger, taken):
    """Their log entries differ in the time only, so that one could pass for a repeat."""
    record = taken()
    first = replace(attempt(record, Verdict.RETRY), at=1_700_000_000.123)
    second = replace(first, at=1_700_000_000.1231)

    for each in (first, second):
        ledger.record_attempts([each])

    assert [entry["at"] for entry in ledger.attempts(record.id)] == [first.at, second.at]


def test_record_that_is_gone_is_not_brought_back(ledger, taken, redis):
    record = taken()
    redis.delete(record_key(record.id))

    assert not write_attempt(ledger, record, Verdict.RETRY)
    assert redis.exists(record_key(record.id)) == 0


@pytest.mark.parametrize("before", [State.HELD, State.DEAD, State.DISCARDED])
def test_replay_opens_a_settled_record(ledger, harness, taken, redis, before):
    result = taken()
    write_attempt(ledger, result, Verdict(before.value))

    assert harness.intake.replay(ledger.get(result.id)) == "requeued"

    record = ledger.get(result.id)
    assert (record.state, record.attempts, record.reason) == (State.ACCEPTED, 0, "")
    assert indices(redis, record.id) == {OPEN}


@pytest.mark.parametrize("before", [State.HELD, State.DEAD])
def test_person_may_discard_what_waits_for_one(ledger, taken, redis, before):
    record = taken()
    write_attempt(ledger, record, Verdict(before.value))

    assert ledger.discard(ledger.get(record.id))

    result = ledger.get(record.id)
    assert (result.state, result.raw) == (State.DISCARDED, b"")
    assert indices(redis, record.id) == {state_key("discarded")}
    assert RECORD_TTL_S - 60 <= redis.ttl(record_key(record.id)) <= RECORD_TTL_S


@pytest.mark.parametrize(
    "before", sorted(set(State) - {State.HELD, State.DEAD, State.AWAITING_LOOKUP})
)
def test_person_cannot_discard_what_is_open_or_over(ledger, taken, redis, before):
    record = taken()
    put(redis, record.id, before)

    assert not ledger.discard(ledger.get(record.id))
    assert not ledger.discard(replace(record, id="01JABSENT"))
    assert ledger.get(record.id).state is before


@pytest.mark.parametrize("verdict", sorted(set(Verdict) - {Verdict.DELIVERED}))
def test_late_attempt_of_an_earlier_run_decides_nothing(ledger, harness, taken, verdict, redis):
    """A worker freezes, another takes over and holds the record, and a person replays it."""
    late = taken()
    write_attempt(ledger, late, Verdict.HELD)
    assert harness.intake.replay(ledger.get(late.id)) == "requeued"
    before = ledger.get(late.id)

    assert not write_attempt(ledger, late, verdict)

    assert ledger.get(late.id) == before
    assert indices(redis, late.id) == {OPEN}
    outcomes = [row["outcome"] for row in ledger.attempts(late.id)]
    assert outcomes == ["held"] + ([] if verdict is Verdict.PAUSED else [verdict])
    assert write_attempt(ledger, before, Verdict.DEAD)  # the run that there is may decide


@pytest.mark.parametrize("closed", [False, True], ids=["open", "closed"])
def test_late_success_of_the_old_call_does_not_close_a_replayed_record(
    ledger, harness, taken, closed
):
    late = taken()
    write_attempt(ledger, late, Verdict.HELD)
    new_call = call("order-1", body={"notes": "mapped anew"})
    harness.intake.replay(ledger.get(late.id), new_call)
    if closed:
        write_attempt(ledger, ledger.get(late.id), Verdict.DEAD)
    before = ledger.get(late.id)

    assert not write_attempt(ledger, late, Verdict.DELIVERED)

    assert ledger.get(late.id) == before
    assert [row["outcome"] for row in ledger.attempts(late.id)][-1] == "delivered"


def test_follower_is_not_released_by_an_attempt_of_an_earlier_run(ledger, harness):
    first, second = harness.keep("order-1", "order-2")  # of one customer
    late = harness.record(first)
    write_attempt(ledger, late, Verdict.HELD)
    write_attempt(ledger, harness.record(second), Verdict.RETRY)
    harness.intake.replay(harness.record(first))
    behind = harness.deferred()

    write_attempt(ledger, late, Verdict.DEAD)

    assert harness.deferred() == behind == [f"{first}-r2"]


def test_late_success_closes_a_record_whose_job_was_given_anew(ledger, harness, redis):
    """The call is the same one: another worker must not send it again."""
    (record_id,) = harness.keep("order-1")
    late = harness.record(record_id)
    redis.delete(harness.queue.key, f"rq:job:{record_id}")
    harness.let_time_pass(record_id)
    assert harness.intake.requeue_lost(late) == "requeued"

    write_attempt(ledger, harness.record(record_id), Verdict.RETRY)

    assert not write_attempt(ledger, late, Verdict.DEAD)
    assert write_attempt(ledger, late, Verdict.DELIVERED)

    assert harness.record(record_id).state is State.DELIVERED


# What a worker reads.


def test_record_is_read_as_it_was_accepted(ledger, keep, just_now):
    mapped = replace(call("order-1"), omitted_fields={"phone": "not_a_number"}, raw=b'{"id": 1}')
    (record_id,) = keep(mapped)

    record = ledger.get(record_id)

    assert (record.customer, record.body, record.omitted_fields) == (
        ANA,
        BODY,
        {"phone": "not_a_number"},
    )
    assert (record.topic, record.event_type) == ("orders/create", "order.created")
    assert (record.destination, record.key) == ("principal", "order-1")
    assert (record.state, record.attempts, record.runs) == (State.ACCEPTED, 0, 1)
    assert record.occurred_at == mapped.occurred_at.timestamp()
    assert just_now(record.accepted_at)
    assert (record.raw, record.fault) == (b'{"id": 1}', "")


def test_worker_reads_a_batch_in_its_order_and_without_what_it_does_not_send(ledger, keep):
    first, second = keep(*(replace(one, raw=b"{}" * 99) for one in apart("order-1", "order-2")))

    result = ledger.to_deliver([second, "01JABSENT", first])

    expected = [
        replace(ledger.get(one), raw=b"", headers={}, digests="") for one in (second, first)
    ]
    assert result == [expected[0], None, expected[1]]


def test_absent_record_is_none_and_leaves_no_trace(ledger, redis):
    assert ledger.get("01JABSENT") is None
    assert ledger.to_deliver(["01JABSENT"]) == [None]
    assert ledger.to_deliver([]) == []
    assert redis.keys() == []


# A newer version of us has written it, or a fault of ours has.
UNREADABLE = {
    "cut": ("body", '{"notes": "x', "body"),
    "no_object": ("body", "[1]", "body"),
    "no_list": ("route", '{"source": "x"}', "route"),
    "unknown_customer_field": ("customer", '{"nickname":"x"}', "customer"),
    "no_text": ("customer", '{"phone":["+593"]}', "customer"),
    "no_customer": ("customer", '["+593"]', "customer"),
    "no_number": ("attempts", "many", "attempts"),
}


@pytest.mark.parametrize("field, value, fault", UNREADABLE.values(), ids=UNREADABLE)
def test_record_nobody_can_read_says_where(ledger, keep, redis, field, value, fault):
    """It is shown and kept: only sending it needs more."""
    (record_id,) = keep("order-1")
    redis.hset(record_key(record_id), field, value)

    assert ledger.get(record_id).fault == fault
    assert ledger.to_deliver([record_id])[0].fault == fault
    assert [record.id for record in ledger.list([State.ACCEPTED]).records] == [record_id]


def test_delivery_nobody_can_unpack_is_told_and_the_call_made_from_it_is_sent(ledger, keep, redis):
    (record_id,) = keep("order-1")
    redis.hset(record_key(record_id), "payload", b"not what zlib makes")

    assert (ledger.get(record_id).fault, ledger.get(record_id).raw) == ("payload", b"")
    assert ledger.to_deliver([record_id])[0].fault == ""


def test_record_of_a_newer_version_with_more_places_is_read(ledger, keep, redis):
    """Records outlive a deployment, in both directions."""
    (record_id,) = keep("order-1")
    before = ledger.get(record_id)
    route = json.loads(redis.hget(record_key(record_id), "route"))
    longer = [*route, *[""] * (10 - len(route)), "one more"]
    redis.hset(record_key(record_id), "route", json.dumps(longer))

    assert ledger.get(record_id) == before


# The log of attempts.


def test_attempts_are_numbered_and_timed(ledger, taken, just_now):
    record = taken()
    write_attempt(ledger, record, Verdict.RETRY, ambiguous=True)
    write_attempt(ledger, ledger.get(record.id), Verdict.PAUSED)
    write_attempt(ledger, ledger.get(record.id), Verdict.DELIVERED)

    first, second = ledger.attempts(record.id)

    assert just_now(first.pop("at"))
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
    assert ledger.get(record.id).attempts == 2


def test_attempt_after_a_worker_s_death_says_so(ledger, taken):
    record = taken()

    write_attempt(ledger, record, Verdict.DELIVERED, redelivery_count=2)

    assert [row["redelivery_count"] for row in ledger.attempts(record.id)] == [2]


def test_log_keeps_the_last_and_is_bounded(ledger, taken, redis):
    record = taken()
    for _ in range(200):
        write_attempt(ledger, record, Verdict.RETRY)
        record = ledger.get(record.id)

    numbers = [row["attempt"] for row in ledger.attempts(record.id)]
    assert numbers == [*range(numbers[0], 201)]
    assert len(numbers) >= 50
    size = redis.hstrlen(record_key(record.id), "log")
    assert LOG_MAX_BYTES - 500 < size <= LOG_MAX_BYTES
    assert ledger.get(record.id).attempts == 200


def test_last_answer_is_kept_until_there_is_another(ledger, taken):
    record = taken()
    write_attempt(ledger, record, Verdict.RETRY, answer="first")
    write_attempt(ledger, ledger.get(record.id), Verdict.RETRY)
    assert ledger.get(record.id).answer == "first"

    write_attempt(ledger, ledger.get(record.id), Verdict.DEAD, answer="last")
    assert ledger.get(record.id).answer == "last"


# How long.


@pytest.mark.parametrize("verdict", [Verdict.DELIVERED, Verdict.DISCARDED])
def test_what_is_over_expires_with_its_log(ledger, taken, redis, verdict):
    record = taken()

    write_attempt(ledger, record, verdict)

    assert RECORD_TTL_S - 60 <= redis.ttl(record_key(record.id)) <= RECORD_TTL_S
    assert len(ledger.attempts(record.id)) == 1
    assert {key for key in redis.keys("relay:*") if record.id.encode() in key} == {
        record_key(record.id).encode()
    }


@pytest.mark.parametrize("verdict", [Verdict.RETRY, Verdict.PAUSED, Verdict.HELD, Verdict.DEAD])
def test_what_waits_for_somebody_never_expires(ledger, keep, redis, verdict):
    (record_id,) = keep(replace(call(), raw=b"{}"))
    record = ledger.get(record_id)

    write_attempt(ledger, record, verdict)

    assert redis.ttl(record_key(record.id)) == -1
    assert ledger.get(record_id).raw == b"{}"  # from which it can be mapped anew


@pytest.mark.parametrize("state", [State.DELIVERED, State.DISCARDED])
def test_index_forgets_what_has_expired(ledger, redis, state):
    index = state_key(state)
    redis.zadd(
        index, {"expired": time.time() - KEEP_DELIVERED_S - 1, "still-there": time.time() - 10}
    )

    ledger.forget_expired()

    assert redis.zrange(index, 0, -1) == [b"still-there"]


@pytest.mark.parametrize("state", [State.HELD, State.DEAD])
def test_index_never_forgets_what_waits_for_somebody(ledger, redis, state):
    redis.zadd(state_key(state), {"ancient": 1})

    ledger.forget_expired()

    assert redis.zrange(state_key(state), 0, -1) == [b"ancient"]


def test_replayed_record_and_its_log_no_longer_expire(ledger, harness, taken, redis):
    record = taken()
    write_attempt(ledger, record, Verdict.DISCARDED)

    harness.intake.replay(ledger.get(record.id))

    assert redis.ttl(record_key(record.id)) == -1
    assert len(ledger.attempts(record.id)) == 1


# Looking.


def test_ids_are_found_by_state(ledger, keep, redis):
    ids = dict(zip(State, keep(*(f"order-{n}" for n in range(len(State)))), strict=True))
    for state, record_id in ids.items():
        put(redis, record_id, state)

    for state in SETTLED:
        assert list(ledger.ids([state])) == [ids[state]]
    assert set(ledger.ids([State.DEAD, State.HELD])) == {ids[State.DEAD], ids[State.HELD]}
    assert list(ledger.ids([State.RETRYING])) == [ids[State.RETRYING]]
    assert list(ledger.ids([])) == []


def test_records_are_newest_first_of_the_states_asked_for(ledger, harness, redis):
    moments = (datetime.fromtimestamp(time.time() + n, UTC) for n in range(3))
    first, second, third = (harness.accept(f"at-{now}", now=now).ids[0] for now in moments)
    put(redis, second, State.RETRYING)

    def records_of(*states, **options):
        return [record.id for record in ledger.list(states, **options).records]

    assert records_of(*OPEN_STATES) == [third, second, first]
    assert records_of(State.ACCEPTED) == [third, first]
    assert records_of(State.RETRYING) == [second]
    assert records_of(State.ACCEPTED, limit=1) == [third]
    assert records_of(State.DEAD) == []


def test_records_are_found_by_source(ledger, harness, relay):
    for source in list(relay.sources.values())[:2]:
        ids = harness.accept("order-1", source=source).ids

        result = ledger.list([State.ACCEPTED], source=source.name).records
        assert tuple(record.id for record in result) == ids


def test_record_that_expired_under_its_index_is_passed_over(ledger, redis):
    redis.zadd(state_key("delivered"), {"expired": time.time()})

    assert ledger.list([State.DELIVERED]).records == ()
    assert ledger.get("expired") is None


def test_overdue_are_the_longest_waiting(ledger, redis):
    redis.zadd(OPEN, {"c": 30, "a": 10, "b": 20, "later": 99})

    assert ledger.overdue(30, 10) == ["a", "b", "c"]
    assert ledger.overdue(30, 2) == ["a", "b"]


def test_counts_are_by_source_and_answer(ledger, harness, relay):
    one, other = list(relay.sources.values())[:2]
    ignored = Ignored("products/update", "topic_not_wanted")
    harness.accept("order-1", "order-2", ignored, source=one)
    harness.accept("order-1", Held("orders/create", "k", "unreadable", {}, b"{"), source=one)
    harness.accept("order-1", source=other)

    assert ledger.counts() == {
        f"{one.name}:accepted": 2,
        f"{one.name}:duplicate": 1,
        f"{one.name}:held": 1,
        f"{one.name}:ignored": 1,
        f"{one.name}:ignored:topic_not_wanted": 1,
        f"{other.name}:accepted": 1,
    }


def test_ignored_are_the_latest_first(ledger, keep):
    for topic in ("first", "second", "third"):
        keep(Ignored(topic, "topic_not_wanted", "order.created"))

    result = ledger.ignored(2)

    assert [entry["topic"] for entry in result] == ["third", "second"]
    assert (result[0]["reason"], result[0]["type"]) == ("topic_not_wanted", "order.created")
