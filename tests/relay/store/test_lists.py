"""Lists of events: pages by state and source, causes, what is found by what a person has at hand."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from redis import Redis

from relay.errors import NotStored
from relay.model import Customer, Held, State, Verdict
from relay.operations import AmbiguousId, UnknownRecord, find_record, select_records
from relay.store.keys import list_key, state_key
from relay.store.lists import waiting_counts
from relay.store.readiness import warnings
from tests.readiness import missing
from tests.relay.store.attempts import close, write_attempt
from tests.relay.store.conftest import KEEP_DELIVERED_S
from tests.relay.store.test_job_store import commands, everything
from tests.worker.factories import ANA, PERSONAL, Harness, apart, call

DAY = 86400
HELD = Held("orders/create", "held-1", "no_customer", {"contact": "expected one"}, b'{"id": 7}')


def held(*keys, reason="no_customer"):
    return [replace(HELD, key=key, reason=reason) for key in keys]


@pytest.fixture
def sources(relay):
    return list(relay.sources.values())[:2]


# Pages.


def test_pages_are_newest_first_and_each_record_is_on_one(harness, ledger, sources):
    ids = [harness.accept(f"order-{n}", source=sources[n % 2]).ids[0] for n in range(25)]
    seen, before, sizes = [], "", []
    while True:
        page = ledger.list([State.ACCEPTED], before=before, limit=10)
        seen += [record.id for record in page.records]
        sizes.append(len(page.records))
        before = page.next
        if not before:
            break

    assert seen == sorted(ids, reverse=True)
    assert sizes == [10, 10, 5]


def test_page_of_a_rare_source_reads_no_more_than_it_shows(harness, ledger, sources, redis_server):
    common, rare = sources
    harness.accept(*apart(*(f"order-{n}" for n in range(300))), source=common)
    (wanted,) = harness.accept("rare", source=rare).ids
    ledger.list([State.ACCEPTED], source=rare.name)  # connects

    with commands(redis_server) as sent:
        page = ledger.list([State.ACCEPTED], source=rare.name, limit=10)

    assert [record.id for record in page.records] == [wanted]
    assert sorted(sent) == ["HMGET", "ZREVRANGEBYLEX"]


def test_page_shows_no_customer_and_no_call(harness, ledger):
    harness.keep("order-1")

    (record,) = ledger.list([State.ACCEPTED]).records

    assert (record.source, record.topic, record.event_type) == (
        "shopify",
        "orders/create",
        "order.created",
    )
    assert (record.customer, record.body, record.raw) == (Customer(), {}, b"")


def test_since_leaves_out_what_was_accepted_earlier(harness, ledger):
    now = datetime.now(UTC)
    old, new = (
        harness.accept(key, now=now - timedelta(hours=age)).ids[0]
        for key, age in (("a", 5), ("b", 1))
    )

    def since(hours):
        page = ledger.list([State.ACCEPTED], since_s=(now - timedelta(hours=hours)).timestamp())
        return [record.id for record in page.records]

    assert since(2) == [new]
    assert since(6) == [new, old]
    assert list(ledger.ids([State.ACCEPTED], since_s=now.timestamp() - 2 * 3600)) == [new]


def lists_of(redis, record_id):
    return {
        key.decode()
        for key in redis.scan_iter("relay:list:*")
        if redis.zscore(key, record_id) is not None
    }


@pytest.mark.parametrize("state", [State.HELD, State.DEAD, State.DELIVERED, State.DISCARDED])
def test_record_is_in_the_lists_of_its_state_only(harness, ledger, redis, state):
    (record_id,) = harness.keep("order-1")
    assert lists_of(redis, record_id) == {"relay:list:accepted:shopify"}
    write_attempt(ledger, ledger.get(record_id), Verdict.RETRY)
    assert lists_of(redis, record_id) == {"relay:list:retrying:shopify"}
    close(harness, record_id, state)

    expected = {list_key(state, "shopify")}
    if state in (State.HELD, State.DEAD):
        expected.add(list_key(state, "shopify", f"because_{state}"))
    assert lists_of(redis, record_id) == expected

    harness.intake.replay(ledger.get(record_id))
    assert lists_of(redis, record_id) == {"relay:list:accepted:shopify"}


def test_discarded_record_leaves_the_list_of_its_cause(harness, ledger, redis):
    (record_id,) = harness.accept(HELD).ids
    ledger.discard(ledger.get(record_id))

    assert lists_of(redis, record_id) == {"relay:list:discarded:shopify"}
    assert ledger.causes() == []


# Causes.


def test_causes_are_counted_and_their_records_selected(harness, ledger, sources):
    one, other = sources
    harness.accept(*held("a", "b", "c"), *held("d", reason="unreadable"), source=one)
    harness.accept(*held("e"), source=other)
    (dead,) = harness.accept("order-1", source=one).ids
    close(harness, dead, State.DEAD)

    causes = {(cause.state, cause.source, cause.reason): cause.count for cause in ledger.causes()}

    assert causes == {
        (State.HELD, one.name, "no_customer"): 3,
        (State.HELD, one.name, "unreadable"): 1,
        (State.HELD, other.name, "no_customer"): 1,
        (State.DEAD, one.name, "because_dead"): 1,
    }
    assert ledger.causes()[0].count == 3
    selection = select_records(ledger, state=State.HELD, source=one.name, reason="no_customer")
    assert [record.key for record in selection.records] == ["a", "b", "c"]  # oldest first
    page = ledger.list([State.HELD, State.ACCEPTED], reason="unreadable")
    assert [record.key for record in page.records] == ["d"]


# Bounds.


@pytest.fixture
def cramped(redis, settings, relay):
    with Harness(redis, replace(settings, held_max=3), relay) as opened:
        yield opened


def test_source_with_too_many_held_is_refused_whole(cramped, redis, sources):
    cramped.accept(*held("a", "b"))
    before = everything(redis)

    with pytest.raises(NotStored) as refusal:
        cramped.accept(*held("c", "d"), "order-1")

    assert refusal.value.reason == "held_full"
    assert everything(redis) == before
    assert cramped.accept(*held("c"), "order-1").statuses == ("held", "accepted")
    assert cramped.accept("order-2").statuses == ("accepted",)  # what need not be held goes on
    with pytest.raises(NotStored):
        cramped.accept(*held("d"))
    assert cramped.accept(*held("d"), source=sources[1]).statuses == ("held",)


def test_room_for_what_is_held_comes_with_what_a_person_does(cramped):
    first, *_ = cramped.accept(*held("a", "b", "c")).ids
    cramped.ledger.discard(cramped.record(first))

    assert cramped.accept(*held("d")).statuses == ("held",)


def test_source_whose_events_all_die_is_refused_too(cramped):
    ids = cramped.accept(*apart("a", "b", "c")).ids
    for record_id in ids:
        close(cramped, record_id, State.DEAD)

    with pytest.raises(NotStored) as refusal:
        cramped.accept("order-1")

    assert refusal.value.reason == "held_full"


def test_readiness_says_that_a_source_is_full(cramped, redis):
    cramped.accept(*held("a", "b", "c"))

    assert waiting_counts(redis)["shopify"] == 3
    assert warnings(redis, 3) == ["held_full"]
    assert warnings(redis, 4) == []
    assert "held_full" not in missing(redis, cramped.base, "relaxed")  # the others go on


# The end.


def test_what_waits_is_discarded_after_its_time_and_told_of_before(harness, ledger, redis):
    old, young = harness.accept(*held("a", "b")).ids
    redis.zadd(state_key("held"), {old: time.time() - 84 * DAY})
    assert ledger.dropped_within(7 * DAY) == (1, pytest.approx(time.time() + 6 * DAY, abs=5))
    assert ledger.dropped_within(5 * DAY) == (0, 0.0)
    assert ledger.drop_old() == 0

    redis.zadd(state_key("held"), {old: time.time() - 90 * DAY - 1})

    assert ledger.drop_old() == 1
    record = ledger.get(old)
    assert (record.state, record.reason) == (State.DISCARDED, "kept_too_long")
    assert ledger.get(young).state is State.HELD
    assert ledger.drop_old() == 0


@pytest.mark.parametrize("state", [State.DELIVERED, State.DISCARDED])
def test_nothing_is_left_of_what_was_over_long_ago_but_its_marks(harness, ledger, redis, state):
    before = set(redis.keys())
    ids = harness.accept(*(replace(one, references=("1042",)) for one in apart("a", "b"))).ids
    for record_id in ids:
        redis.delete(f"rq:job:{record_id}")
        close(harness, record_id, state)
        redis.zadd(state_key(state), {record_id: time.time() - KEEP_DELIVERED_S - 1})

    ledger.forget_expired()

    left = {
        key.partition(b":")[0] + b":" + key.split(b":")[1]
        for key in set(redis.keys()) - before
        if key.startswith(b"relay:")
    }
    assert left == {b"relay:seen", b"relay:counts", b"relay:schema", b"relay:wakeup"}


def test_record_replayed_at_its_end_is_not_removed(harness, ledger, redis):
    (record_id,) = harness.keep("order-1")
    close(harness, record_id, State.DELIVERED)
    harness.intake.replay(ledger.get(record_id))
    redis.zadd(state_key("delivered"), {record_id: 1})  # as a worker has read it before

    ledger.forget_expired()

    assert ledger.get(record_id).state is State.ACCEPTED
    assert ledger.find(ANA.email) == [record_id]


def test_what_was_held_again_meanwhile_is_not_discarded(harness, ledger, redis):
    (record_id,) = harness.accept(*held("a")).ids
    record = ledger.get(record_id)

    assert not ledger.discard(record, "kept_too_long", since_s=time.time() - 60)
    assert ledger.discard(record)


def test_id_without_a_record_does_not_stay_at_the_front(ledger, redis):
    redis.zadd(state_key("held"), {"gone": 1})

    assert ledger.drop_old() == 0
    assert redis.zcard(state_key("held")) == 0


# Found.


def numbered(key, number, customer=ANA):
    return replace(call(key, customer=customer), references=(number,))


def test_event_is_found_by_number_phone_and_email(harness, ledger):
    beto = Customer(phone="+573009000002", email="beto@example.com")
    (ana_1, ana_2) = harness.accept(numbered("a", "#1042"), numbered("b", "#1043")).ids
    (beto_1,) = harness.accept(numbered("c", "EC-7", beto)).ids

    for text in ("1042", "#1042"):
        assert ledger.find(text) == [ana_1]
    assert ledger.find("ec-7") == [beto_1]
    for text in (
        ANA.phone,
        "593999000001",
        "+593 99 900 0001",
        "00593999000001",
        ANA.email,
        "Ana@Example.com ",
    ):
        assert ledger.find(text) == [ana_2, ana_1]
    assert ledger.find("+573009000002") == [beto_1]
    assert ledger.find(ANA.email, limit=1) == [ana_2]
    for text in ("9999", "+593999000002", "nobody@example.com", "", "*"):
        assert ledger.find(text) == []


def test_record_is_shown_by_its_number_when_it_is_the_only_one(harness, ledger):
    (one,) = harness.accept(numbered("a", "#1042")).ids

    assert find_record(ledger, "1042").id == one
    (two,) = harness.accept(numbered("b", "#1042")).ids
    with pytest.raises(AmbiguousId) as refusal:
        find_record(ledger, "1042")
    assert refusal.value.matches == (two, one)
    with pytest.raises(UnknownRecord):
        find_record(ledger, "1041")


def test_held_event_is_found_by_its_number_and_email(harness, ledger):
    unknown = replace(HELD, references=("1042",), customer=Customer(email="ana@example.com"))
    (record_id,) = harness.accept(unknown).ids

    assert ledger.find("1042") == ledger.find("ana@example.com") == [record_id]


def test_event_is_found_under_an_old_key_while_both_are_read(redis, settings, relay):
    old, new = "o" * 32, "n" * 32
    with Harness(redis, replace(settings, pseudonym_keys=(old,)), relay) as harness:
        (record_id,) = harness.accept(numbered("a", "#1042")).ids
    with Harness(redis, replace(settings, pseudonym_keys=(new, old)), relay) as harness:
        assert harness.ledger.find("1042") == [record_id]
        (other,) = harness.accept(numbered("b", "#1042")).ids
        assert harness.ledger.find("1042") == [other, record_id]
        assert harness.deferred() == [other]  # one lane under both keys
        close(harness, record_id, State.DELIVERED)
        close(harness, other, State.DELIVERED)
    assert not redis.keys("relay:lane:*")
    with Harness(redis, replace(settings, pseudonym_keys=(new,)), relay) as harness:
        assert harness.ledger.find("1042") == [other]


def test_no_key_and_no_member_names_anybody(harness, redis: Redis):
    harness.accept(numbered("a", "#104200"))
    content = everything(redis)

    for key, value in content.items():
        shown = value
        if key.startswith(b"relay:record:"):
            sealed = (b"customer", b"body")
            shown = {name: text for name, text in value.items() if name not in sealed}
        for word in (*PERSONAL, "104200", "593999"):
            assert word not in f"{key}{shown}", key
