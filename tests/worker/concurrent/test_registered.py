"""A worker that RQ has forgotten, as after a Redis that was away for long, makes itself known."""

from rq import Worker

from tests.worker.concurrent.crew import at_work, eventually
from worker.concurrent import watch


def test_worker_whose_entry_is_gone_is_seen_again(redis, queue, hire, monkeypatch):
    monkeypatch.setattr(watch, "BEAT_S", 0.1)
    worker = hire(queue, name="anna")
    with at_work(worker):
        assert eventually(lambda: worker.get_state() == "idle")
        redis.delete(worker.key, "rq:workers", "rq:workers:work")
        assert Worker.all(connection=redis) == []

        worker._watch._heart_at = 0.0  # as if it were time for the next sign of life
        (seen,) = eventually(lambda: Worker.all(connection=redis))

        assert (seen.name, seen.queue_names()) == ("anna", ["work"])
        assert [one.name for one in Worker.all(queue=queue)] == ["anna"]
        assert seen.last_heartbeat is not None
        assert redis.ttl(worker.key) > 60
    assert Worker.all(connection=redis) == []
