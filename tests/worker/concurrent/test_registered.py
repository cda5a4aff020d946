"""A worker that RQ has forgotten, as after a Redis that was away for long, makes itself known."""

from rq import Worker

from tests.waiting import eventually
from tests.worker.concurrent.workers import at_work


def test_a_worker_whose_entry_has_expired_registers_again(redis, queue, start_worker):
    worker = start_worker(queue, name="worker-1")
    with at_work(worker):
        assert eventually(lambda: worker.get_state() == "idle")
        redis.delete(worker.key, "rq:workers", "rq:workers:work")
        assert Worker.all(connection=redis) == []

        worker._worker_heartbeat.sent_at = 0.0  # as if it were time for the next sign of life
        (seen,) = eventually(lambda: Worker.all(connection=redis))

        assert (seen.name, seen.queue_names()) == ("worker-1", ["work"])
        assert [one.name for one in Worker.all(queue=queue)] == ["worker-1"]
        assert seen.last_heartbeat is not None
        assert redis.ttl(worker.key) > 60
    assert Worker.all(connection=redis) == []
