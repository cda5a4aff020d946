"""Dramatiq as it comes: it acknowledges a job when it is done."""

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from tests.benchmarks.peers import posting, redis_url

broker = RedisBroker(url=redis_url())
dramatiq.set_broker(broker)


@dramatiq.actor
def post(customer: str, body: dict) -> None:
    posting.post(customer, body)


def fill(count: int) -> None:
    for number in range(count):
        post.send(posting.customer_id(number), posting.event_body(number))
