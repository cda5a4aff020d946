"""A Redis with no room left: to claim and to end jobs must still be possible, for it makes room."""

import time

import pytest

from tests.waiting import eventually
from tests.worker.concurrent import jobs
from tests.worker.concurrent.workers import at_work

LARGE = "x" * 10_000


@pytest.fixture
def fill_up(redis):
    """Takes away all room, and more: Redis refuses whoever wants to write."""

    def made():
        used = redis.info("memory")["used_memory"]
        redis.config_set("maxmemory", used - 500_000)
        with pytest.raises(Exception, match="maxmemory"):
            redis.set("anything", 1)

    yield made
    redis.config_set("maxmemory", 0)


@pytest.mark.slow
def test_a_full_redis_does_not_stop_jobs(redis, queue, start_worker, fill_up):
    for _ in range(100):
        queue.enqueue(jobs.nap, 0, description=LARGE, result_ttl=1)
    redis.set("rq:suspended", 1)
    with at_work(start_worker(queue)) as thread:
        assert eventually(lambda: redis.exists("rq:leases"))
        time.sleep(0.3)
        fill_up()
        redis.delete("rq:suspended")

        assert eventually(lambda: not queue.job_ids)
        assert eventually(lambda: not queue.started_job_registry.get_job_ids(cleanup=False))
        assert thread.is_alive()


def test_a_full_redis_does_not_end_the_lease(redis, queue, start_worker, fill_up):
    """Else others would take over what runs well."""
    worker = start_worker(queue)
    fill_up()
    before = time.time()
    assert worker.claims.heartbeat().held == 0
    assert redis.zscore("rq:leases", worker.name) > before

    assert worker.claims.heartbeat().held == 0  # there is an entry to renew now
