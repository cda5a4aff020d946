"""What delivering needs in one process: the ledger, and a client and throttle per destination."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Final

import structlog
from redis import Redis

from config import log, relay_toml
from config.relay_toml import ConfigError, Destination
from config.settings import Settings, load as load_settings
from relay.store.connection import connect
from relay.store.ledger import Attempt, Ledger
from relay.store.pseudonyms import Pseudonyms
from relay.store.record import Record
from worker.attempt import DeliveryTask, DestinationContext
from worker.client import Client
from worker.customers import Customers
from worker.throttle import DestinationThrottle, FeedbackBatch

_LOG: Final = structlog.get_logger()


class DeliveryService:
    """Reads tasks and records attempts, in batches."""

    def __init__(self, ledger: Ledger, destinations: Mapping[str, DestinationContext]) -> None:
        self.ledger = ledger
        self.destinations = destinations

    @classmethod
    def open(
        cls, redis: Redis, settings: Settings, destinations: Mapping[str, Destination]
    ) -> "DeliveryService":
        pseudonyms = Pseudonyms.open(settings, destinations)
        contexts = {
            name: _destination_context(redis, settings, destination, pseudonyms)
            for name, destination in destinations.items()
        }
        return cls(Ledger.open(redis, settings), contexts)

    def read_tasks(self, record_ids: Sequence[str]) -> list[DeliveryTask]:
        """One task per record; a round trip for all, and one per destination for cached ids."""
        tasks = [self._task(record) for record in self.ledger.to_deliver(record_ids)]
        for target in self.destinations.values():
            lookups = [
                (task, task.record.customer)
                for task in tasks
                if task.target is target
                and task.record
                and not target.customers.direct_reference(task.record.customer)
            ]
            if lookups:
                customer_ids = target.customers.cached_ids([customer for _, customer in lookups])
                for (task, _), customer_id in zip(lookups, customer_ids, strict=True):
                    task.cached_customer_id = customer_id
        return tasks

    def _task(self, record: Record | None) -> DeliveryTask:
        if record is None:
            return DeliveryTask(None, skip_reason="absent")
        if not record.open:
            return DeliveryTask(None, skip_reason=f"already {record.state.value}")
        return DeliveryTask(record, self.destinations.get(record.destination))

    def record_attempts(self, tasks: Iterable[DeliveryTask]) -> None:
        """Write attempts to the ledger, log them once, and pass their feedback to the throttles."""
        attempts = [(task, task.attempt) for task in tasks if task.attempt]
        if not attempts:
            return
        counts = self.ledger.record_attempts([attempt for _, attempt in attempts])
        batches: dict[str, FeedbackBatch] = {}
        for (task, attempt), is_current in zip(attempts, counts, strict=True):
            if task.reported:
                continue
            task.reported = True
            _log_attempt(attempt, is_current=is_current)
            if task.target:
                batches.setdefault(attempt.record.destination, FeedbackBatch()).add(attempt.outcome)
        for name, feedback in batches.items():
            if self.destinations[name].throttle.observe(feedback):
                _LOG.warning("destination.circuit_opened", destination=name)


@cache
def delivery_service() -> DeliveryService:
    """This process's service, made on first use.

    Raises:
        SettingsError: a variable is not usable.
        ConfigError: relay.toml is not usable.
    """
    settings = load_settings()
    log.configure(settings.log_level)
    file = relay_toml.load(settings.config_file, settings.environ)
    if file.faults:
        raise ConfigError(settings.config_file, file.faults)
    # The thread that renews the lease has a connection of its own.
    shared = replace(settings, redis_connections=settings.redis_connections - 1)
    return DeliveryService.open(connect(shared), settings, file.destinations)


def _destination_context(
    redis: Redis, settings: Settings, destination: Destination, pseudonyms: Pseudonyms
) -> DestinationContext:
    throttle = DestinationThrottle(redis, destination)
    client = Client(
        destination,
        user_agent=settings.user_agent,
        connect_timeout_s=settings.connect_timeout_s,
        read_timeout_s=settings.read_timeout_s,
        proxy=settings.outbound_proxy,
        on_extra=throttle.consume_token,
    )
    customers = Customers(redis, client, destination, pseudonyms)
    return DestinationContext(destination, client, customers, throttle)


def _log_attempt(attempt: Attempt, *, is_current: bool) -> None:
    """One line per attempt; a second one where another worker had closed the record meanwhile."""
    record, outcome = attempt.record, attempt.outcome
    _LOG.info(
        "attempt.made",
        record_id=record.id,
        source=record.source,
        destination=record.destination,
        attempt=record.attempts + 1,
        outcome=outcome.verdict.value,
        reason=outcome.reason,
        status=outcome.status,
        ms=round(attempt.took_s * 1000),
        retry_in_s=round(outcome.delay_s, 1),
        ambiguous=outcome.ambiguous,
    )
    if not is_current:
        _LOG.warning("attempt.superseded", record_id=record.id)
