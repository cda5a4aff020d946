"""RQ as it comes."""

import rq
from redis import Redis

from tests.benchmarks.peers import RQ_QUEUE, posting, redis_url


def fill(count: int) -> None:
    with Redis.from_url(redis_url()) as redis:
        queue = rq.Queue(RQ_QUEUE, connection=redis)
        for number in range(count):
            queue.enqueue(posting.post, posting.customer_id(number), posting.event_body(number))
