"""Events that wait, made by the web half's own accept: `python -m tests.benchmarks.backlog N FIRST`."""

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime

from config.settings import load as load_settings
from relay import sources
from relay.connection import connect
from relay.intake import JobStore
from relay.model import Call, Customer, Delivery
from relay.queue import open_queue
from tests.benchmarks.peers import posting

# Many in one accept, as in a batch of a sender's: a waiting event is the same however it came.
_AT_ONCE = 100
_HEADERS = {
    "x-shopify-topic": "orders/create",
    "x-shopify-webhook-id": "11f4d7a2-d827-48a4-ba93-b5baae7309d2",
    "x-shopify-shop-domain": "tienda-ejemplo.myshopify.com",
    "x-shopify-triggered-at": "2026-11-02T15:04:03.769089627Z",
}


def fill(count: int, first: int = 0) -> None:
    """Accept events of as many customers into the Redis and for the sink of the environment."""
    settings = load_settings()
    redis = connect(settings)
    relay = sources.load(settings.config_file, settings.environ)
    queue = open_queue(redis, settings.queue, settings.job_timeout_s)
    intake = JobStore.open(queue, settings)
    source = relay.sources["shopify"]
    for start in range(first, first + count, _AT_ONCE):
        now = datetime.now(UTC)
        delivery = Delivery("POST", "http://127.0.0.1/webhooks/shopify", _HEADERS, b"", now)
        calls = list(
            _calls(source.destination.name, range(start, min(start + _AT_ONCE, first + count)))
        )
        receipt = intake.accept(delivery, source, calls, now)
        if set(receipt.statuses) != {"accepted"}:
            raise RuntimeError(f"expected all accepted, found {set(receipt.statuses)}")
    redis.close()


def _calls(destination: str, numbers: range) -> Iterator[Call]:
    at = datetime(2026, 11, 2, 15, 4, 5, tzinfo=UTC)
    for number in numbers:
        body = posting.event_body(number)
        yield Call(
            destination=destination,
            event_type="order.created",
            topic="orders/create",
            key=f"benchmark-{number:08d}",
            occurred_at=at,
            customer=Customer(customer_id=posting.customer_id(number)),
            body=body,
            raw=raw(number),
        )


def raw(number: int) -> bytes:
    """What came in: as large as what goes out."""
    return json.dumps(posting.event_body(number), separators=(",", ":")).encode()


if __name__ == "__main__":
    fill(int(sys.argv[1]), int(sys.argv[2]))
