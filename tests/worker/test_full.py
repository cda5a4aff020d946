"""Redis has no room left: deliveries go on, since it is their ends that make room."""

import pytest

from relay.model import State
from tests.waiting import eventually
from tests.worker.concurrent.workers import at_work
from tests.worker.factories import apart, job_key, signals_kept
from worker.process import make_worker

pytestmark = [pytest.mark.usefixtures("environment"), pytest.mark.slow]


@pytest.fixture
def worker(settings, monkeypatch):
    """A worker of eight threads that is told how full Redis is."""
    made = make_worker(settings)
    monkeypatch.setattr(made._intake.pressure, "refresh", lambda: None)
    return made


@pytest.mark.parametrize("full", [True, False])
def test_job_that_is_done_is_kept_only_where_there_is_room(harness, redis, standin, worker, full):
    """What became of the event is in the ledger."""
    ids = harness.keep(*apart(*map(str, range(10)), standin=standin))
    worker._intake.pressure.full = full

    with signals_kept():
        worker.work(burst=True, logging_level="CRITICAL")

    assert {harness.record(record_id).state for record_id in ids} == {State.DELIVERED}
    assert redis.exists(*map(job_key, ids)) == (0 if full else 10)
    assert bool(redis.keys("rq:results:*")) is not full
    assert redis.keys("rq:claims:*") == []
    assert harness.queue.started_job_registry.count == 0


@pytest.mark.parametrize("known", [True, False], ids=["known", "not_looked_at_yet"])
def test_more_than_there_are_threads_are_delivered_where_nothing_can_be_written(
    harness, redis, standin, worker, known
):
    ids = harness.keep(*apart(*map(str, range(40)), standin=standin))
    redis.set("rq:suspended", 1)
    worker._intake.pressure.full = known
    with at_work(worker):
        assert eventually(lambda: worker.get_state() == "suspended")
        redis.config_set("maxmemory", redis.info("memory")["used_memory"] - 200_000)
        try:
            redis.delete("rq:suspended")

            def delivered():
                return all(harness.record(record_id).state is State.DELIVERED for record_id in ids)

            assert eventually(delivered)
            assert eventually(lambda: redis.zcard(worker.claims.key) == 0)
            assert len(standin.events) == 40
        finally:
            redis.config_set("maxmemory", 0)
