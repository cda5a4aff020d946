"""What is due is due by Redis's clock: a process whose own is an hour off puts nothing off, and does
nothing early.
"""

import time
from datetime import UTC, datetime, timedelta

import pytest
from rq.utils import now as rq_now

from relay.model import AwaitingLookup, Outcome, Resource, State, Verdict
from relay.store import readiness
from relay.store.keys import LOOKUPS, OPEN, WAITING, record_key, state_key
from relay.store.ledger import GRACE_S, Attempt
from relay.store.liveness import stale_workers
from relay.store.lookups import LookupQueue
from tests.platform_samples import source_of
from tests.worker.factories import call, job_key, signals_kept
from tests.worker.test_api_tokens import API, SOURCE, TOKENS, Platform
from tests.worker.test_lookups import credentials
from worker import sweep
from worker.api_tokens import ApiTokens
from worker.client import retry_after_s
from worker.concurrent.claims import Promotion
from worker.concurrent.greenlets import Wakeup
from worker.concurrent.promotion import Promoter
from worker.concurrent.registration import WorkerHeartbeat
from worker.process import make_worker

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S
THING = AwaitingLookup("orders/created", "o-1", Resource("order", "1", ""), b"{}")
EVERY_CLOCK = pytest.mark.parametrize("off_s", [-HOUR_S, HOUR_S], ids=["behind", "ahead"])


@pytest.fixture
def put_clock(monkeypatch):
    """Puts this process's clock by so many seconds; Redis's stays."""
    ours = time.time

    def put(off_s: float) -> None:
        monkeypatch.setattr(time, "time", lambda: ours() + off_s)
        monkeypatch.setattr("rq.worker.base.now", lambda: rq_now() + timedelta(seconds=off_s))

    return put


def redis_now(redis) -> float:
    seconds, _ = redis.time()
    return seconds


@EVERY_CLOCK
def test_next_check_of_an_attempt_is_due_in_time(harness, redis, put_clock, off_s):
    record_id = harness.keep_one()
    put_clock(off_s)

    outcome = Outcome(Verdict.RETRY, "unavailable", status=503, delay_s=5.0)
    harness.ledger.record_attempts([Attempt(harness.record(record_id), outcome, 0.1)])

    assert redis.zscore(OPEN, record_id) - GRACE_S - 5 - redis_now(redis) == pytest.approx(0, abs=5)
    assert harness.ledger.due_in_s(harness.record(record_id)) == pytest.approx(5, abs=5)


@EVERY_CLOCK
def test_what_a_web_process_accepts_is_checked_and_looked_up_in_time(harness, redis, off_s):
    source = credentials(source_of("tiendanube"), "http://127.0.0.1:9")
    now = datetime.now(UTC) + timedelta(seconds=off_s)

    (record_id,) = harness.accept(call(), now=now).ids
    (thin_id,) = harness.accept(THING, source=source, now=now).ids

    assert redis.zscore(OPEN, record_id) - GRACE_S - redis_now(redis) == pytest.approx(0, abs=5)
    assert redis.zscore(LOOKUPS, thin_id) - redis_now(redis) == pytest.approx(0, abs=5)


@EVERY_CLOCK
def test_lost_job_is_found_when_it_is_time(harness, redis, put_clock, off_s):
    lost, later = harness.keep("order-1", "order-2")
    now_s = redis_now(redis)
    for record_id, due_in_s in ((lost, -1), (later, 600)):
        redis.delete(job_key(record_id))
        redis.zadd(OPEN, {record_id: now_s + due_in_s})
    redis.hdel(record_key(later), "after")
    put_clock(off_s)

    assert sweep.sweep(harness.ledger, harness.intake) == 1
    assert harness.record(lost).runs == 2
    assert harness.record(later).runs == 1
    assert redis.zscore(OPEN, lost) - GRACE_S - redis_now(redis) == pytest.approx(0, abs=5)


@EVERY_CLOCK
def test_purchase_is_told_of_when_its_time_has_come(harness, redis, put_clock, off_s):
    redis.zadd(WAITING, {"relay:waiting:due": redis_now(redis) - 1})
    redis.zadd(WAITING, {"relay:waiting:later": redis_now(redis) + 600})
    put_clock(off_s)

    harness.intake.promote_waiting()

    assert redis.zrange(WAITING, 0, -1) == [b"relay:waiting:later"]


@EVERY_CLOCK
@pytest.mark.parametrize(("held_days", "is_old"), [(89.99, False), (90.01, True)])
def test_what_is_held_is_kept_for_its_time(harness, redis, put_clock, off_s, held_days, is_old):
    record_id = harness.keep_one()
    outcome = Outcome(Verdict.HELD, "customer_absent", status=404)
    harness.ledger.record_attempts([Attempt(harness.record(record_id), outcome, 0.1)])
    redis.zadd(state_key("held"), {record_id: redis_now(redis) - held_days * DAY_S})
    put_clock(off_s)

    assert harness.ledger.drop_old() == is_old
    expected = State.DISCARDED if is_old else State.HELD
    assert harness.record(record_id).state is expected


@EVERY_CLOCK
@pytest.mark.parametrize(("tried_h", "is_tried"), [(23.5, False), (24.5, True)])
def test_absent_customer_is_looked_for_once_a_day(
    harness, redis, put_clock, off_s, tried_h, is_tried
):
    record_id = harness.keep_one()
    outcome = Outcome(Verdict.HELD, "customer_absent", status=404)
    harness.ledger.record_attempts([Attempt(harness.record(record_id), outcome, 0.1)])
    redis.hset(record_key(record_id), "settled_at", redis_now(redis) - tried_h * HOUR_S)
    put_clock(off_s)

    assert sweep.retry_absent(harness.ledger, harness.intake) == is_tried


@EVERY_CLOCK
def test_lookup_is_made_again_in_time(harness, redis, put_clock, off_s):
    (record_id,) = harness.accept(THING).ids
    redis.zadd(LOOKUPS, {record_id: 1})
    queue = LookupQueue(redis)

    def due_in_s() -> float:
        return redis.zscore(LOOKUPS, record_id) - redis_now(redis)

    put_clock(off_s)

    queue.postpone(record_id, 30.0)
    assert due_in_s() == pytest.approx(30, abs=5)
    queue.failed(harness.record(record_id), "lookup_5xx", retry_in_s=60, status=503, took_s=1)
    assert due_in_s() == pytest.approx(60, abs=5)
    redis.delete(LOOKUPS)
    queue.make_waiting_due(harness.source.name, "needs_order")
    assert due_in_s() == pytest.approx(0, abs=5)
    redis.delete(LOOKUPS)
    harness.intake.look_up_now(record_id)
    assert due_in_s() == pytest.approx(0, abs=5)


def test_clock_that_steps_back_keeps_nobody_from_looking_for_due_jobs(put_clock):
    class Redis:
        looked = 0

        def promote_scheduled(self, _queues):
            self.looked += 1
            return Promotion(jobs_waiting=False, promoted=False, next_due_in_s=None)

    redis = Redis()
    promoter = Promoter(redis, list, Wakeup(), 0.01)
    promoter.promote(may_claim=True)
    put_clock(-HOUR_S)

    assert promoter.wait_s <= 0.01
    time.sleep(0.02)
    promoter.promote(may_claim=True)
    assert redis.looked == 2
    promoter.due_in(0)
    assert promoter.wait_s <= 0


@EVERY_CLOCK
def test_token_of_an_api_is_as_good_for_all(redis, put_clock, off_s):
    platform = Platform(lifetime_s=1800)
    ApiTokens(redis, platform.ask).access_token(SOURCE, API, TOKENS)
    put_clock(off_s)
    ApiTokens(redis, platform.ask).access_token(SOURCE, API, TOKENS)

    assert len(platform.forms) == 1


@EVERY_CLOCK
def test_worker_is_seen_whatever_its_clock_says(redis, settings, environment, monkeypatch, off_s):
    worker = make_worker(settings)
    monkeypatch.setattr("rq.worker.base.now", lambda: rq_now() + timedelta(seconds=off_s))
    with signals_kept():
        worker.register_birth()
        WorkerHeartbeat(worker, 10.0).send()

    assert "worker_seen" not in readiness.check_all(redis, worker.queues[0], settings).missing
    assert stale_workers(redis, settings.queue, worker.hostname) == {}
    worker.register_death()


@EVERY_CLOCK
def test_moment_until_which_to_wait_is_by_the_clock_of_who_names_it(put_clock, off_s):
    put_clock(off_s)

    answered, until = "Wed, 21 Oct 2026 07:28:00 GMT", "Wed, 21 Oct 2026 07:28:30 GMT"
    assert retry_after_s(until, answered) == 30
    assert retry_after_s("120", answered) == 120
    assert retry_after_s(answered, until) == 0
