"""Redis is nearly full: what has been delivered takes no more room than it must."""

import pytest

from relay.model import State
from tests.worker.depot import apart, job_key, signals_kept
from worker.__main__ import make_worker

pytestmark = pytest.mark.usefixtures("environment")


@pytest.fixture
def worker(settings, monkeypatch):
    """A worker of eight threads that is told how full Redis is."""
    made = make_worker(settings)
    monkeypatch.setattr(made._intake.guard, "look", lambda: None)
    return made


@pytest.mark.parametrize("full", [True, False])
def test_job_that_is_done_is_kept_only_where_there_is_room(depot, redis, standin, worker, full):
    """What became of the event is in the ledger."""
    ids = depot.keep(*apart(*map(str, range(10)), standin=standin))
    worker._intake.guard.full = full

    with signals_kept():
        worker.work(burst=True, logging_level="CRITICAL")

    assert {depot.record(record_id).state for record_id in ids} == {State.DELIVERED}
    assert redis.exists(*map(job_key, ids)) == (0 if full else 10)
    assert bool(redis.keys("rq:results:*")) is not full
    assert redis.keys("rq:claims:*") == []
    assert depot.queue.started_job_registry.count == 0
