"""What is known of an event whose worker died, and what is not."""

import subprocess
import sys
import time

import pytest

from relay.model import Outcome, State, Verdict
from relay.store.ledger import Attempt
from tests.waiting import LONG_S
from tests.worker.factories import apart, job_key, signals_kept
from worker import process as entry, relay_worker
from worker.concurrent import QueueGroup
from worker.concurrent.claims import Claims


@pytest.fixture(autouse=True)
def in_place(settings, environment):
    """A destination that wants no event twice."""
    text = settings.config_file.read_text()
    held = text.replace('rate = "1000/s"', 'rate = "1000/s"\non_ambiguous = "hold"')
    settings.config_file.write_text(held)
    with signals_kept():
        yield


@pytest.fixture
def run(settings):
    return lambda: entry.run(settings, burst=True)


@pytest.fixture
def claimed(harness):
    """A worker claims all that waits, and is dead once what it does is over."""

    def claim(act=lambda: None):
        dying = Claims(harness.redis, "dying", "")
        assert dying.claim([QueueGroup((harness.queue.name,), 8)], 8, fair=False).jobs
        act()
        harness.redis.zadd("rq:leases", {"dying": 1})
        assert Claims(harness.redis, "heir", "").reclaim("dying", 1)

    return claim


def unavailable(harness, record_id, delay_s=0.0):
    (record,) = harness.ledger.to_deliver([record_id])
    outcome = Outcome(Verdict.RETRY, "unavailable", status=503, delay_s=delay_s)
    assert harness.ledger.record_attempts([Attempt(record, outcome, 0.1)]) == [True]


def test_of_a_worker_that_died_without_a_word_nothing_is_known(harness, claimed, run, standin):
    record_id = harness.keep_one()
    claimed()

    run()

    record = harness.record(record_id)
    assert (record.state, record.reason) == (State.HELD, "worker_died")
    assert standin.events == []


def test_outcome_that_a_worker_wrote_before_it_died_is_known(harness, claimed, run, standin):
    """It died between that and the end of its job; the next try is due already."""
    record_id = harness.keep_one()
    claimed(lambda: unavailable(harness, record_id))

    run()

    assert harness.record(record_id).state is State.DELIVERED
    assert len(standin.events) == 1


def test_outcome_of_an_earlier_try_says_nothing_of_the_last(harness, claimed, run, standin):
    record_id = harness.keep_one()
    unavailable(harness, record_id)
    claimed()

    run()

    assert harness.record(record_id).reason == "worker_died"
    assert standin.events == []


def test_take_over_ends_with_the_next_outcome(harness, claimed, run, standin):
    """It is of one try; what comes later is no longer another worker's."""
    record_id = harness.keep_one()
    claimed(lambda: unavailable(harness, record_id, delay_s=60.0))
    run()
    assert harness.scheduled() == [record_id]
    assert not harness.redis.hexists(job_key(record_id), "redelivery_count")

    harness.make_due(record_id)
    run()

    assert harness.record(record_id).state is State.DELIVERED
    assert "redelivery_count" not in harness.ledger.attempts(record_id)[-1]


def test_late_word_of_an_earlier_run_changes_nothing_in_a_later_one(harness, run, standin):
    """A worker froze, another took over, a person replayed; then the first one wakes up."""
    record_id = harness.keep_one()
    frozen, heir = (harness.ledger.to_deliver([record_id])[0] for _ in range(2))
    died = Attempt(heir, Outcome(Verdict.HELD, "worker_died", ambiguous=True), 0.1)
    assert harness.ledger.record_attempts([died]) == [True]
    assert harness.intake.replay(harness.record(record_id)) == "requeued"

    late = Attempt(frozen, Outcome(Verdict.DEAD, "validation", status=422), 9.0)
    assert harness.ledger.record_attempts([late]) == [False]

    assert harness.record(record_id).state is State.ACCEPTED
    run()
    assert harness.record(record_id).state is State.DELIVERED
    assert len(standin.events) == 1


@pytest.mark.slow
def test_told_to_stop_in_whatever_greenlet_the_process_ends():
    """A signal before the worker's own handlers: an exception would end that greenlet alone."""
    code = (
        "import relay.patched, threading, time, os, signal; from worker import process\n"
        "signal.signal(signal.SIGTERM, process._exit)\n"
        "threading.Thread(target=lambda: os.kill(os.getpid(), signal.SIGTERM)).start()\n"
        f"time.sleep({LONG_S})"
    )
    ended = subprocess.run([sys.executable, "-c", code], timeout=LONG_S / 2, check=False)
    assert ended.returncode == 0


@pytest.fixture
def may_repeat(settings):
    text = settings.config_file.read_text()
    settings.config_file.write_text(text.replace('on_ambiguous = "hold"', ""))


def test_a_job_that_ends_its_process_is_held_after_a_few_lives(harness, run, standin, may_repeat):
    """Its neighbours were claimed as often, and have not begun each time."""
    bad, *good = harness.keep(*apart("bad", "1", "2", standin=standin))
    for record_id in (bad, *good):  # all of them have been claimed by five that died
        harness.redis.hset(job_key(record_id), "redelivery_count", 5)
    harness.redis.hset(job_key(bad), "suspect_runs", 3)  # but this one had begun, alone, in three

    run()

    record = harness.record(bad)
    assert (record.state, record.reason) == (State.HELD, "worker_died")
    assert {harness.record(one).state for one in good} == {State.DELIVERED}
    assert sorted(event.body["notes"] for event in standin.events) == ["1", "2"]


def test_suspects_are_tried_one_at_a_time_beside_the_others(
    harness, run, standin, may_repeat, monkeypatch
):
    suspects = harness.keep(*apart("1", "2", "3", standin=standin))
    harness.keep(*apart("4", "5", standin=standin))
    for record_id in suspects:
        harness.redis.hset(job_key(record_id), "redelivery_count", 2)
    attempt, under_way, most = relay_worker.attempt_delivery, set(), []
    counted: list[bytes | None] = []

    def watched(task):
        if task.redelivery_count:
            under_way.add(task.record.id)
            most.append(len(under_way))
            counted.append(harness.redis.hget(job_key(task.record.id), "suspect_runs"))
        time.sleep(0.05)
        try:
            return attempt(task)
        finally:
            under_way.discard(task.record.id)

    monkeypatch.setattr(relay_worker, "attempt_delivery", watched)
    run()

    assert most == [1, 1, 1]
    assert counted == [b"1"] * 3  # before it is begun: nobody is left to count it afterwards
    assert len(standin.events) == 5
