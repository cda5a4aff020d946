"""Accept and replay: record and job are written together, or neither."""

from contextlib import ExitStack, contextmanager
from dataclasses import replace

import pytest
from redis import Redis
from rq import Queue

from relay.devtools.embedded_redis import EmbeddedRedis
from relay.errors import NotStored
from relay.inbound.contract import PART
from relay.inbound.results import Receipt
from relay.model import Held, Ignored, State
from relay.store.keys import COUNTS, OPEN, record_key, state_key
from relay.store.ledger import GRACE_S
from tests.relay.store.attempts import close
from tests.relay.store.conftest import DEDUP_S
from tests.waiting import eventually
from tests.worker.factories import BODY, Harness, apart, call, job_key

HELD = Held("orders/create", "held-1", "no_customer", {"contact": "expected one"}, b'{"id": 7}')
IGNORED = Ignored("products/update", "topic_not_wanted", "order.updated")


@pytest.fixture
def cramped(redis, settings, relay):
    """Makes a harness that takes no more than so many."""
    with ExitStack() as opened:
        yield lambda most: opened.enter_context(
            Harness(redis, replace(settings, backlog_max=most), relay)
        )


# Accepted.


def test_record_job_mark_and_index_are_written_together(harness, redis, just_now):
    receipt = harness.accept("order-1")

    (record_id,) = receipt.ids
    assert receipt.statuses == ("accepted",)
    assert harness.record(record_id).body == BODY
    assert harness.waiting() == [record_id]
    assert redis.exists(job_key(record_id)) == 1
    assert just_now(redis.zscore(OPEN, record_id) - GRACE_S)
    assert redis.smembers(Queue.redis_queues_keys) == {harness.queue.key.encode()}
    (mark,) = redis.scan_iter("relay:seen:*")
    assert redis.get(mark) == record_id.encode()
    assert DEDUP_S - 60 <= redis.ttl(mark) <= DEDUP_S
    for key in (record_key(record_id), job_key(record_id)):
        assert redis.ttl(key) == -1


def test_order_of_a_delivery_is_the_order_of_its_jobs(harness):
    keys = [f"order-{n}" for n in range(20)]
    receipt = harness.accept(*apart(*keys))

    assert harness.waiting() == list(receipt.ids)
    assert [harness.record(record_id).key for record_id in receipt.ids] == keys


def test_mixed_delivery_is_kept_part_by_part(harness, redis):
    known, new = apart("known", "new")
    harness.accept(known)

    receipt = harness.accept(new, known, HELD, IGNORED, new, replace(HELD, key="held-2"))

    assert receipt.statuses == ("accepted", "duplicate", "held", "ignored", "duplicate", "held")
    new, known, held, ignored, again, _ = receipt.ids
    assert again == new
    assert ignored == ""
    assert harness.waiting() == [known, new]
    assert [harness.record(one).state for one in (new, held)] == [State.ACCEPTED, State.HELD]
    assert redis.zcard(OPEN) == 2
    assert redis.zcard(state_key("held")) == 2
    assert redis.xlen("relay:ignored") == 1
    name = harness.source.name
    assert redis.hgetall(COUNTS) == {
        f"{name}:accepted".encode(): b"2",
        f"{name}:duplicate".encode(): b"2",
        f"{name}:held".encode(): b"2",
        f"{name}:ignored".encode(): b"1",
        f"{name}:ignored:topic_not_wanted".encode(): b"1",
    }


def test_duplicate_has_the_id_of_the_first_and_changes_nothing(harness, redis):
    (first,) = harness.accept("order-1").ids
    before = redis.hgetall(record_key(first))

    receipt = harness.accept(call("order-1", body={"notes": "other"}))

    assert receipt == Receipt(("duplicate",), (first,))
    assert redis.hgetall(record_key(first)) == before
    assert harness.waiting() == [first]


@pytest.mark.parametrize("state", [State.DELIVERED, State.DEAD, State.DISCARDED, State.HELD])
def test_duplicate_of_a_settled_record_does_not_wake_it(harness, state):
    (first,) = harness.accept("order-1").ids
    close(harness, first, state)

    assert harness.accept("order-1") == Receipt(("duplicate",), (first,))
    assert harness.record(first).state is state


def test_held_delivery_sent_again_is_a_duplicate(harness):
    (first,) = harness.accept(HELD).ids

    assert harness.accept(HELD) == Receipt(("duplicate",), (first,))


def test_held_record_counts_what_comes_in_again_until_it_is_discarded(harness):
    (record_id,) = harness.accept(HELD).ids
    for _ in range(2):
        assert harness.accept(HELD).ids == (record_id,)
    assert harness.record(record_id).repeats == 2
    (row,) = harness.ledger.list([State.HELD]).records
    assert row.repeats == 2

    harness.ledger.discard(harness.record(record_id))
    harness.accept(HELD)
    assert harness.record(record_id).repeats == 2


def test_same_key_of_another_source_is_another_event(harness, relay):
    one, other = list(relay.sources.values())[:2]
    (ours,) = harness.accept("order-1", source=one).ids
    receipt = harness.accept("order-1", source=other)

    assert receipt.statuses == ("accepted",)
    assert receipt.ids != (ours,)


def test_key_is_new_again_when_the_mark_has_expired(harness, redis):
    harness.accept("order-1")
    (mark,) = redis.scan_iter("relay:seen:*")
    redis.expire(mark, 0)

    assert harness.accept("order-1").statuses == ("accepted",)


KEYS = ("delivery:d-1", "body:b-1")


def marks(redis):
    return {key: redis.ttl(key) for key in redis.scan_iter("relay:seen:*")}


@pytest.mark.parametrize("again", [
    call("order-1"),
    replace(call("order-2"), other_keys=("delivery:d-1",)),
    replace(call("order-2"), other_keys=("delivery:d-2", "body:b-1")),
    replace(HELD, other_keys=("body:b-1",)),
], ids=["thing", "delivery", "body", "held"])  # fmt: skip
def test_event_is_a_duplicate_by_any_of_its_keys_and_sets_none(harness, redis, again):
    (first,) = harness.accept(replace(call("order-1"), other_keys=KEYS)).ids
    before = marks(redis).keys()

    assert harness.accept(again) == Receipt(("duplicate",), (first,))
    assert marks(redis).keys() == before


def test_all_keys_of_an_event_hold_its_record(harness, redis):
    (first,) = harness.accept(replace(call("order-1"), other_keys=KEYS)).ids

    assert {redis.get(mark) for mark in marks(redis)} == {first.encode()}
    assert len(marks(redis)) == 3


def test_events_of_one_request_that_share_a_key_are_one(harness):
    one, other = (replace(each, other_keys=("delivery:d-1",)) for each in apart("a", "b"))

    assert harness.accept(one, other).statuses == ("accepted", "duplicate")


@pytest.mark.parametrize("key", ["d-1", "delivery:d-1"])
def test_key_of_one_kind_is_none_of_another(harness, key):
    harness.accept(replace(call("order-1"), other_keys=("delivery:d-1",)))

    assert harness.accept(key).statuses == ("accepted",)
    other = replace(call("order-3"), other_keys=("body:d-1",))
    assert harness.accept(other).statuses == ("accepted",)


def test_each_kind_of_key_has_its_life(harness, redis):
    harness.accept(replace(call("order-1"), other_keys=KEYS))
    assert sorted(marks(redis).values()) == pytest.approx([DEDUP_S, DEDUP_S, 90 * 86400], abs=5)

    harness.accept(replace(call("lead"), remember_s=60))
    assert min(marks(redis).values()) == pytest.approx(60, abs=5)


def test_mark_names_nobody(harness, redis):
    harness.accept("ana@example.com:+593999000001")

    (mark,) = redis.scan_iter("relay:seen:*")
    assert b"ana@" not in mark
    assert b"593" not in mark


def test_held_record_keeps_what_is_needed_to_read_it_again(harness):
    platform = replace(
        harness.source.platform,
        topic=None,
        shop=None,
        stored=lambda options: ("x-topic", "x-absent", options["id_header"]),
    )
    source = replace(harness.source, platform=platform, options={"id_header": "x-id"})
    headers = {"x-topic": "orders/create", "x-id": "7", "x-hmac": "proof", "cookie": "c"}

    (record_id,) = harness.accept(HELD, source=source, headers=headers).ids

    record = harness.record(record_id)
    assert (record.raw, record.reason) == (HELD.raw, "no_customer")
    assert record.reasons == HELD.reasons
    assert record.headers == {"x-topic": "orders/create", "x-id": "7", PART: "1"}


def test_log_of_ignored_is_bounded_and_says_no_more_than_the_topic(harness, redis):
    for _ in range(30):
        harness.accept(*[replace(IGNORED, topic="t" * 500)] * 100)

    assert redis.xlen("relay:ignored") < 1200
    ((_, entry),) = redis.xrevrange("relay:ignored", count=1)
    assert entry.keys() == {b"at", b"source", b"topic", b"type", b"reason"}
    assert len(entry[b"topic"]) == 100


def test_nothing_to_keep_is_nothing_kept(harness, redis):
    assert harness.accept() == Receipt((), ())
    assert redis.keys() == []


def test_large_batch_is_one_delivery_like_any(harness, redis):
    receipt = harness.accept(*apart(*(f"event-{n}" for n in range(3000))))

    assert set(receipt.statuses) == {"accepted"}
    assert len(set(receipt.ids)) == redis.zcard(OPEN) == len(harness.waiting()) == 3000


# One round trip.


@contextmanager
def commands(server):
    """The commands sent meanwhile, without those of the scripts."""
    sent = []
    with (
        Redis.from_url(server.url) as last,
        Redis.from_url(server.url) as other,
    ):
        last.ping()  # so that it introduces itself before
        with other.monitor() as watcher:
            yield sent
            last.echo("over")
            for line in watcher.listen():
                if line["command"] == "ECHO over":
                    break
                if line["client_type"] != "lua":
                    sent.append(line["command"].split(" ")[0].upper())


@pytest.mark.parametrize("items", [1, 50])
@pytest.mark.parametrize("calls", [apart, list], ids=["apart", "one_customer"])
def test_accepting_is_one_round_trip(harness, redis_server, items, calls):
    harness.accept("first")  # after which Redis knows the script

    with commands(redis_server) as sent:
        keys = [f"order-{n}" for n in range(items)]
        harness.accept(*(calls(*keys) if calls is apart else keys), HELD, IGNORED, "first")

    assert sent == ["EVALSHA"]


def test_script_that_redis_forgot_is_loaded_again(harness, redis_server, redis):
    harness.accept("order-1")
    redis.script_flush()

    with commands(redis_server) as sent:
        receipt = harness.accept("order-2", "order-1")

    assert sent == ["EVALSHA", "SCRIPT", "EVALSHA"]
    assert receipt.statuses == ("accepted", "duplicate")


# Refused.


def everything(redis):
    read = {
        b"hash": redis.hgetall,
        b"list": lambda key: redis.lrange(key, 0, -1),
        b"set": redis.smembers,
        b"stream": redis.xrange,
        b"string": redis.get,
        b"zset": lambda key: redis.zrange(key, 0, -1, withscores=True),
    }
    return {key: read[redis.type(key)](key) for key in redis.scan_iter()}


def test_backlog_is_capped_and_a_batch_does_not_go_half_way(cramped, redis):
    harness = cramped(3)
    harness.accept("order-1", "order-2")
    before = everything(redis)

    with pytest.raises(NotStored) as error_info:
        harness.accept("order-3", "order-4", HELD, IGNORED)

    assert error_info.value.reason == "backlog_full"
    assert everything(redis) == before
    assert harness.accept("order-3", HELD, IGNORED).statuses == ("accepted", "held", "ignored")


def test_full_backlog_still_takes_what_does_not_wait(cramped):
    harness = cramped(1)
    harness.accept("order-1")

    assert harness.accept(HELD, IGNORED).statuses == ("held", "ignored")


def test_backlog_has_room_again_when_something_is_settled(cramped):
    harness = cramped(1)
    (first,) = harness.accept("order-1").ids
    close(harness, first, State.DELIVERED)

    assert harness.accept("order-2").statuses == ("accepted",)


@contextmanager
def read_only(server, redis):
    redis.replicaof("127.0.0.1", 1)
    yield
    redis.replicaof("NO", "ONE")


@contextmanager
def out_of_memory(server, redis):
    redis.config_set("maxmemory", 1)
    yield
    redis.config_set("maxmemory", 0)


@contextmanager
def disk_broken(server, redis):
    """What a failed write of the append-only file leads to as well: MISCONF."""
    in_the_way = server._folder / "dump.rdb"
    in_the_way.mkdir()  # no snapshot can be renamed to that, not even by root
    redis.config_set("save", "3600 1")
    redis.bgsave()
    assert eventually(lambda: redis.info("persistence")["rdb_last_bgsave_status"] == "err")
    yield
    redis.config_set("save", "")
    in_the_way.rmdir()


@contextmanager
def down(server, redis):
    server.process.kill()
    server.process.wait()
    yield
    server.restart()


@pytest.mark.slow
@pytest.mark.parametrize("trouble", [read_only, out_of_memory, disk_broken, down])
def test_what_redis_will_not_keep_is_refused_whole(tmp_path, settings, relay, trouble):
    """And it is all there, and new, once Redis is well again."""
    known, new = apart("order-1", "order-2")
    batch = (new, HELD, IGNORED, known, "order-3", "order-4")
    with (
        EmbeddedRedis(tmp_path / "redis") as server,
        Redis.from_url(server.url) as redis,
        Harness(redis, settings, relay) as harness,
    ):
        # The script itself has to notice, not the check before it.
        harness.intake.pressure.refresh_every_s = 60.0
        harness.accept(known, "order-0")
        before = everything(redis)

        with trouble(server, redis), pytest.raises(NotStored) as refusal:
            harness.accept(*batch)

        assert refusal.value.reason == "not_stored"
        assert everything(redis) == before
        statuses = ("accepted", "held", "ignored", "duplicate", "accepted", "accepted")
        assert harness.accept(*batch).statuses == statuses
        assert (len(harness.waiting()), len(harness.deferred())) == (3, 2)


# Again.


@pytest.mark.parametrize("state", [State.HELD, State.DEAD, State.DISCARDED])
def test_settled_record_is_sent_again_by_a_new_job(harness, redis, state, just_now):
    (record_id,) = harness.accept("order-1").ids
    redis.delete(harness.queue.key)
    record = close(harness, record_id, state)

    assert harness.intake.replay(record) == "requeued"

    again = harness.record(record_id)
    assert (again.state, again.attempts, again.runs) == (State.ACCEPTED, 0, 2)
    assert (again.body, again.customer) == (record.body, record.customer)
    assert harness.waiting() == [f"{record_id}-r2"]
    assert redis.exists(job_key(f"{record_id}-r2"), job_key(record_id)) == 1
    assert just_now(redis.zscore(OPEN, record_id) - GRACE_S)
    assert redis.zcard(state_key(state)) == 0


@pytest.mark.parametrize("state", [State.ACCEPTED, State.RETRYING])
def test_open_record_is_not_sent_again(harness, redis, state):
    (record_id,) = harness.accept("order-1").ids
    redis.hset(record_key(record_id), "state", state)

    assert harness.intake.replay(harness.record(record_id)) == "open"
    assert harness.waiting() == [record_id]


def test_record_is_replayed_once_by_those_who_saw_the_same(harness):
    (record_id,) = harness.accept("order-1").ids
    record = close(harness, record_id, State.DEAD)

    assert harness.intake.replay(record) == "requeued"
    assert harness.intake.replay(record) == "moved"
    assert harness.intake.replay(harness.record(record_id)) == "open"


def test_record_is_replayed_each_time_it_is_settled(harness):
    (record_id,) = harness.accept("order-1").ids
    for run in (2, 3, 4):
        assert harness.intake.replay(close(harness, record_id, State.DEAD)) == "requeued"
        assert harness.waiting()[-1] == f"{record_id}-r{run}"


def test_record_that_is_gone_is_not_replayed(harness, redis):
    (record_id,) = harness.accept("order-1").ids
    record = close(harness, record_id, State.DEAD)
    redis.delete(record_key(record_id))

    assert harness.intake.replay(record) == "absent"
    assert not redis.keys(f"*{record_id}-r2*")
    assert redis.exists(record_key(record_id)) == 0
    assert redis.zscore(OPEN, record_id) is None


def test_held_record_is_replayed_with_its_new_call(harness):
    (record_id,) = harness.accept(HELD).ids
    mapped = call("held-1", body={"notes": "mapped anew"})

    assert harness.intake.replay(harness.record(record_id), mapped) == "requeued"

    record = harness.record(record_id)
    assert (record.state, record.reason, record.reasons) == (State.ACCEPTED, "", {})
    assert (record.body, record.customer) == (mapped.body, mapped.customer)
    assert (record.event_type, record.raw) == ("order.created", HELD.raw)
    assert record.occurred_at == mapped.occurred_at.timestamp()
