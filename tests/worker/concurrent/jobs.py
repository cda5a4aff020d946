"""What the workers under test run: plain functions, as RQ wants them."""

import asyncio
import threading
import time

from redis import Redis
from rq import Retry, get_current_job

SAID = "said"


def redis() -> Redis:
    job = get_current_job()
    assert job is not None
    return job.connection


def add(a, b=0, **more):
    return a + b + sum(more.values())


def nothing():
    return None


def unserializable():
    return threading.Lock()


def say(word):
    """What was said, and in which order, shows what ran."""
    redis().rpush(SAID, word)
    return word


def say_and_fail(word):
    say(word)
    raise ValueError(word)


def fail(text="out of order"):
    raise ValueError(text)


def leave():
    raise SystemExit(3)


async def later():
    await asyncio.sleep(0)
    return "in time"


def nap(seconds=0.005):
    time.sleep(seconds)


def hold(name, most_s=60.0):
    """Says that it has begun, then waits to be let go, a step at a time."""
    connection = redis()
    connection.rpush(SAID, f"begun {name}")
    until = time.monotonic() + most_s
    while time.monotonic() < until:
        if connection.exists(f"go:{name}"):
            connection.rpush(SAID, f"ended {name}")
            return name
        time.sleep(0.01)
    raise TimeoutError(name)


def dawdle(name, seconds):
    """Says when it begins and when it ends, and asks Redis for nothing meanwhile."""
    say(f"begun {name}")
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(0.01)
    return name


def again(most=3, interval=0, *, at_front=False):
    return Retry(max=most, interval=interval, enqueue_at_front=at_front)


def again_once(interval=0):
    job = get_current_job()
    return "well" if job.number_of_retries else Retry(max=3, interval=interval)


def fail_once():
    """Fails the first time, whoever counts."""
    if redis().incr(f"tries:{get_current_job().id}") == 1:
        raise ValueError("not yet")
    return "well"


def who():
    """What a job knows of itself."""
    job = get_current_job()
    return [job.id, job.get_status(), job.worker_name is not None, get_current_job() is job]


def keep_meta(**meta):
    job = get_current_job()
    job.meta.update(meta)
    job.save_meta()


def forget_me():
    """A job that deletes itself."""
    get_current_job().delete()
    return "done"


def forget_me_and_fail():
    get_current_job().delete()
    raise ValueError("gone")


def forget_me_and_retry(interval):
    get_current_job().delete()
    return Retry(max=3, interval=interval)


def adopt(child_id):
    """Gets a dependent while it runs."""
    from rq import Queue

    job = get_current_job()
    queue = Queue(job.origin, connection=job.connection, serializer=job.serializer)
    queue.enqueue(say, child_id, depends_on=job, job_id=child_id)
    return "parent"


def enqueue_later(seconds, words):
    from rq import Queue

    time.sleep(seconds)
    job = get_current_job()
    queue = Queue(job.origin, connection=job.connection, serializer=job.serializer)
    for word in words:
        queue.enqueue(say, word)


def cheer(job, connection, result):
    connection.rpush(SAID, f"cheer {job.id} {result}")


def record_failure(job, connection, kind, value, trace):
    connection.rpush(SAID, f"failed {job.id} {kind.__name__} {value}")


def record_stop(job, connection):
    connection.rpush(SAID, f"stopped {job.id}")


def compute(name, seconds):
    """Says when it begins and ends, and lets nobody else have the core meanwhile."""
    say(f"begun {name}")
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pass
    say(f"ended {name}")


def publish(channel, message="{}"):
    redis().publish(channel, message)
