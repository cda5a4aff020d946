"""Records as the web half writes them, and a worker's half to deliver them."""

import itertools
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self
from zoneinfo import ZoneInfo

import pytest
import structlog
from redis import Redis
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer

from config.relay_toml import Destination
from config.settings import Settings
from relay.devtools.standin import Standin
from relay.inbound.contract import Source
from relay.inbound.results import Receipt
from relay.model import Call, Customer, Translated, WebhookRequest
from relay.sources import Relay
from relay.store.job_store import JobStore
from relay.store.keys import OPEN
from relay.store.queue import open_queue, queue_name
from relay.store.record import Record
from worker import service as wiring
from worker.service import DeliveryService
from worker.tasks import deliver_record

# One of the stand-in's people, and what may never be read outside the record itself.
ANA_ID = "1713anaec1001"
ANA = Customer(
    phone="+593999000001", email="ana@example.com", first_name="Ana", last_name="Inventada"
)
PERSONAL = ("999000001", "ana@example.com", "ana%40example.com", "Inventada", "Pedido secreto")
BODY: Mapping[str, Any] = {
    "notes": "Pedido secreto № 7 de Ana: €20",
    "tags": [{"name": "compra", "value": True}],
}


_STRANGERS = itertools.count(100_000)
KEY = "5ec7e75ec7e75ec7e75ec7e75ec7e75e"


def destination(**changes: Any) -> Destination:
    """As the configuration makes one by default."""
    values: dict[str, Any] = {
        "name": "principal",
        "server": "https://app.mercately.com",
        "api_key": KEY,
        "rate_per_s": 1000.0,
        "in_flight": 32,
        "ordering": "strict",
        "timezone": ZoneInfo("America/Guayaquil"),
        "country": "EC",
        "on_absent": "hold",
        "on_ambiguous": "retry",
        "retry_delays_s": (5.0, 300.0, 1800.0, 7200.0, 18000.0, 36000.0, 36000.0),
        "identifier": "lookup",
        "customer_wrapper": False,
    }
    return Destination(**values | changes)


def call(
    key: str = "order-1",
    *,
    customer: Customer = ANA,
    body: Mapping[str, Any] = BODY,
    topic: str = "orders/create",
) -> Call:
    at = datetime(2026, 11, 2, 15, 4, 5, tzinfo=UTC)
    return Call("principal", "order.created", topic, key, at, customer, body)


def apart(*keys: str, standin: Standin | None = None) -> list[Call]:
    """A call for each key, each for a customer of its own, so that none waits for another.

    Mercately knows them where the stand-in is given.
    """
    made = []
    for key in keys:
        customer = Customer(phone=f"+593999{next(_STRANGERS)}")
        if standin:
            standin.add_customer(phone=customer.phone)
        made.append(call(key, customer=customer, body={"notes": key}))
    return made


def job_key(job_id: str) -> str:
    """Where RQ keeps a job."""
    return f"rq:job:{job_id}"


class Harness:
    """Both halves on one Redis; `changes` are to the destination."""

    def __init__(self, redis: Redis, settings: Settings, relay: Relay, **changes: Any) -> None:
        self.redis = redis
        self.base = open_queue(redis, settings.queue)
        self.intake = JobStore.open(self.base, settings)
        self.source = next(iter(relay.sources.values()))
        self.queue = self.queue_of(self.source)
        destinations = {name: replace(one, **changes) for name, one in relay.destinations.items()}
        self.service = DeliveryService.open(redis, settings, destinations)
        self.ledger = self.service.ledger
        self.target = self.service.destinations["principal"]

    def queue_of(self, source: Source) -> Queue:
        """Where the jobs of a source wait."""
        name = queue_name(self.base.name, source.destination.name, source.name)
        return open_queue(self.redis, name)

    def accept(
        self,
        *items: Translated | str,
        source: Source | None = None,
        headers: Mapping[str, str] | None = None,
        now: datetime | None = None,
    ) -> Receipt:
        """What a delivery of these comes to; texts stand for calls with these keys."""
        now = now or datetime.now(UTC)
        made = [call(item) if isinstance(item, str) else item for item in items]
        delivery = WebhookRequest(
            "POST", "https://relay.example/webhooks/x", headers or {}, b"{}", now
        )
        return self.intake.accept(delivery, source or self.source, made, now)

    def keep(self, *items: Translated | str) -> tuple[str, ...]:
        return self.accept(*items).ids

    def keep_one(self, item: Translated | str = "order-1") -> str:
        (record_id,) = self.keep(item)
        return record_id

    def deliver(self, record_id: str) -> Any:
        return deliver_record(self.service, record_id)

    def record(self, record_id: str) -> Record:
        found = self.ledger.get(record_id)
        assert found is not None
        return found

    def waiting(self) -> list[str]:
        return [job_id.decode() for job_id in self.redis.lrange(self.queue.key, 0, -1)]

    def deferred(self) -> list[str]:
        """Those behind another of the same customer."""
        return self.queue.deferred_job_registry.get_job_ids(cleanup=False)

    def scheduled(self) -> list[str]:
        return [job_id.decode() for job_id in self.redis.zrange(self._scheduled_key, 0, -1)]

    def begun(self, job_id: str) -> bool:
        """Whether a worker has it in hand."""
        return self.redis.hget(job_key(job_id), "status") == b"started"

    def let_time_pass(self, record_id: str) -> None:
        """As if the moment had come at which somebody looks for the record's job."""
        self.redis.zadd(OPEN, {record_id: 1}, xx=True)
        assert self.redis.zscore(OPEN, record_id) == 1

    def make_due(self, job_id: str) -> None:
        """As if the wait of a retry were over."""
        self.redis.zadd(self._scheduled_key, {job_id: 1}, xx=True)
        assert self.redis.zscore(self._scheduled_key, job_id) == 1

    @property
    def _scheduled_key(self) -> str:
        return self.queue.scheduled_job_registry.key

    def run_stock_worker(self) -> None:
        """RQ's own worker until the queue is empty: nothing in it promotes or revives."""
        with signals_kept():
            self.stock_worker().work(burst=True, logging_level="DEBUG")

    def run_jobs(self) -> None:
        """The same without its birth and death, which take a second."""
        worker = self.stock_worker()
        while True:
            found = Queue.dequeue_any(
                [self.queue], None, connection=self.redis, serializer=JSONSerializer
            )
            if found is None:
                return
            worker.execute_job(*found)

    def stock_worker(self) -> SimpleWorker:
        return SimpleWorker([self.queue], connection=self.redis, serializer=JSONSerializer)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        close(self.service)


def close(service: DeliveryService) -> None:
    for post in service.destinations.values():
        post.client.close()


@contextmanager
def deployed(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Iterator[None]:
    """The environment of a worker process, for the jobs that find their service themselves."""
    monkeypatch.setenv("REDIS_URL", settings.redis_url)
    monkeypatch.setenv("RELAY_CONFIG", str(settings.config_file))
    monkeypatch.setenv("RELAY_QUEUE", settings.queue)
    monkeypatch.setenv("RELAY_LOG_LEVEL", settings.log_level)
    monkeypatch.setenv("RELAY_SWEEP_S", str(settings.sweep_s))
    # Several workers in one process share them, as no deployment does.
    monkeypatch.setenv("RELAY_REDIS_CONNECTIONS", "32")
    monkeypatch.setenv("RELAY_READ_TIMEOUT_S", str(settings.read_timeout_s))
    wiring.delivery_service.cache_clear()
    try:
        yield
    finally:
        if wiring.delivery_service.cache_info().currsize:
            service = wiring.delivery_service()
            close(service)
            service.ledger.redis.close()
        wiring.delivery_service.cache_clear()
        structlog.reset_defaults()


@contextmanager
def signals_kept() -> Iterator[None]:
    """A worker puts its own handlers in place and leaves them."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
