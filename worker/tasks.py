"""The worker's story: one record, one attempt, one outcome.

    job -> task -> customer -> HTTP -> outcome -> ledger

RQ calls `deliver` with a record id; our own worker (`worker/relay_worker.py`) takes the same steps
for many at once. The ledger decides whether there is anything to do, the outcome decides what is
next, and RQ only runs the job again. The record stays open until its outcome is written, so a
worker that dies at any point loses nothing.
"""

import math
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import structlog
from redis import Redis
from rq import Retry

from config import log, relay_toml
from config.relay_toml import ConfigError, Destination
from config.settings import Settings, load as load_settings
from relay.model import Outcome, Verdict
from relay.store.connection import connect
from relay.store.ledger import Attempt, Ledger
from relay.store.record import Record
from worker import retry
from worker.client import Client
from worker.customers import CustomerNotFound, Customers, Unresolved
from worker.reply import NoResponse, Reply
from worker.throttle import CREDENTIALS, DEGRADED, DestinationThrottle, FeedbackBatch

_LOG: Final = structlog.get_logger()
# The ledger counts attempts; RQ must never be the one to give up.
_RQ_NEVER_GIVES_UP: Final = 1_000_000_000
_LONGEST_WAIT_S: Final = 10.0


class DeliveryFault(Exception):
    """Internal error, with exception type and line only: its message may hold personal data."""


def deliver(record_id: str) -> str | Retry:
    """Make one attempt to deliver a record; what RQ runs."""
    return delivery_service().deliver(record_id)


@cache
def delivery_service() -> "DeliveryService":
    """This process's connections, made on first use."""
    settings = load_settings()
    log.configure(settings.log_level)
    found = relay_toml.load(settings.config_file, settings.environ)
    if found.faults:
        raise ConfigError(settings.config_file, found.faults)
    return DeliveryService.open(connect(settings), settings, found.destinations)


@dataclass(frozen=True)
class DestinationContext:
    """One destination, ready to be called."""

    destination: Destination
    client: Client
    customers: Customers
    throttle: DestinationThrottle


@dataclass(slots=True)
class DeliveryTask:
    """A record to deliver, with what was read for it; `attempt` is its result once tried.

    `skip_reason` says why there is nothing to do, empty otherwise. `redelivery_count` is the
    number of earlier workers that lost the job. `request_sent` is True once Mercately may have the
    event. `not_before_s` is how many seconds the next attempt has to wait, by an outcome that an
    earlier worker recorded before it lost the job. `reported` is True once the attempt is in the
    log and counted by the throttle.
    """

    record: Record | None
    target: DestinationContext | None = None
    known_customer: str = ""
    skip_reason: str = ""
    redelivery_count: int = 0
    request_sent: bool = False
    not_before_s: float = 0.0
    attempt: Attempt | None = None
    reported: bool = False


class DeliveryService:
    """What delivering needs. Safe to share between threads."""

    def __init__(self, ledger: Ledger, destinations: Mapping[str, DestinationContext]) -> None:
        self.ledger = ledger
        self.destinations = destinations

    @classmethod
    def open(
        cls, redis: Redis, settings: Settings, destinations: Mapping[str, Destination]
    ) -> "DeliveryService":
        ledger = Ledger.open(redis, settings)
        contexts = {}
        for name, destination in destinations.items():
            throttle = DestinationThrottle(redis, destination)
            client = Client(
                destination,
                user_agent=settings.user_agent,
                connect_timeout_s=settings.connect_timeout_s,
                read_timeout_s=settings.read_timeout_s,
                on_extra=throttle.consume_token,
            )
            customers = Customers(redis, client, destination)
            contexts[name] = DestinationContext(destination, client, customers, throttle)
        return cls(ledger, contexts)

    def deliver(self, record_id: str) -> str | Retry:
        """One attempt under a stock worker: what RQ shall keep, or when it shall call again.

        Raises:
            DeliveryFault: a bug; the record is open and due again all the same.
        """
        (task,) = self.read([record_id])
        if task.target:
            wait_s = task.target.throttle.reserve(_LONGEST_WAIT_S)
            if wait_s > _LONGEST_WAIT_S:  # better asleep in Redis than in a job
                return rq_retry(wait_s)
            time.sleep(wait_s)
            task.target.throttle.state = task.target.throttle.half_open_reason() or DEGRADED
        try:
            outcome = self.attempt(task)
        finally:
            self.record_attempts([task])
        return result(outcome) if outcome else task.skip_reason

    def read(self, record_ids: Sequence[str]) -> list[DeliveryTask]:
        """What there is to do for records, in one round trip and one a destination."""
        tasks = [self._task(record) for record in self.ledger.to_deliver(record_ids)]
        for target in self.destinations.values():
            unknown = [
                (task, task.record.customer)
                for task in tasks
                if task.target is target
                and task.record
                and not target.customers.direct_reference(task.record.customer)
            ]
            if unknown:
                customer_ids = target.customers.cached_ids([customer for _, customer in unknown])
                for (task, _), customer_id in zip(unknown, customer_ids, strict=True):
                    task.known_customer = customer_id
        return tasks

    def _task(self, record: Record | None) -> DeliveryTask:
        if record is None:
            return DeliveryTask(None, skip_reason="absent")
        if not record.open:
            return DeliveryTask(None, skip_reason=f"already {record.state.value}")
        return DeliveryTask(record, self.destinations.get(record.destination))

    def attempt(self, task: DeliveryTask) -> Outcome | None:
        """Try once, None if there is nothing to do. What came of it is in `task.attempt`.

        Raises:
            DeliveryFault: a bug of ours, which counts as an attempt too.
        """
        record, target = task.record, task.target
        if record is None:
            return None
        started, fault = time.perf_counter(), ""
        if target is None:
            reason = "unreadable_record" if record.fault else "unknown_destination"
            outcome = Outcome(Verdict.HELD, reason)
        elif record.fault:
            fault = f"UnreadableRecord at {record.fault}"
        else:
            try:
                outcome = _attempt(task, record, target)
            except BaseException as error:  # told below, without its text
                if not (task.request_sent or isinstance(error, Exception)):
                    raise  # somebody stopped the job, and nothing has been sent
                fault = f"{type(error).__name__} at {log.error_location(error)}"
        if fault and target:
            attempt = record.attempts + 1
            outcome = retry.after_crash(attempt, target.destination, request_sent=task.request_sent)
        passing = target is not None and target.destination.ordering == "relaxed"
        took_s = time.perf_counter() - started
        task.attempt = Attempt(record, outcome, took_s, passing, task.redelivery_count)
        if fault:
            raise DeliveryFault(fault)
        return outcome

    def record_attempts(self, tasks: Iterable[DeliveryTask]) -> None:
        """Write attempts to the ledger, log them once, and pass their feedback to the throttles."""
        attempts = [(task, task.attempt) for task in tasks if task.attempt]
        if not attempts:
            return
        written = self.ledger.record_attempts([attempt for _, attempt in attempts])
        batches: dict[str, FeedbackBatch] = {}
        for (task, attempt), in_time in zip(attempts, written, strict=True):
            if task.reported:
                continue
            task.reported = True
            _log_attempt(attempt, in_time=in_time)
            if task.target:
                batches.setdefault(attempt.record.destination, FeedbackBatch()).add(attempt.outcome)
        for name, feedback in batches.items():
            if self.destinations[name].throttle.observe(feedback):
                _LOG.warning("destination.circuit_opened", destination=name)


def result(outcome: Outcome) -> str | Retry:
    """What RQ is told of an outcome: a word or two to keep, or when to call again."""
    if outcome.verdict in (Verdict.RETRY, Verdict.PAUSED):
        return rq_retry(outcome.delay_s)
    verdict, reason = outcome.verdict.value, outcome.reason
    return verdict if verdict == reason else f"{verdict}: {reason}"


def _log_attempt(attempt: Attempt, *, in_time: bool) -> None:
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
    if not in_time:  # it was settled by another meanwhile
        _LOG.warning("attempt.superseded", record_id=record.id)


def _attempt(task: DeliveryTask, record: Record, target: DestinationContext) -> Outcome:
    """Find the customer, make the call, say what it came to."""
    if task.redelivery_count and (outcome := retry.on_worker_lost(target.destination)):
        return outcome
    if target.throttle.state == CREDENTIALS and not _key_works_again(target):
        return Outcome(Verdict.PAUSED, "credentials", delay_s=retry.jittered(retry.PAUSED_S))
    attempt = record.attempts + 1
    try:
        reply = _exchange(task, record, target)
    except Unresolved as error:
        if error.reply.ok:
            return retry.on_lookup_failure(error.reply, attempt, target.destination)
        reply = error.reply
    except NoResponse as error:
        return retry.on_no_response(error, attempt, target.destination)
    if isinstance(reply, CustomerNotFound):
        return retry.on_customer_not_found(reply.reply, target.destination)
    outcome = retry.after_reply(reply, attempt, target.destination)
    if outcome.reason != "credentials":
        return outcome
    key_works = _key_works(target)
    if not key_works:
        target.throttle.pause()
    return retry.after_reply(reply, attempt, target.destination, key_works=key_works)


def _exchange(
    task: DeliveryTask, record: Record, target: DestinationContext
) -> Reply | CustomerNotFound:
    """Ask for the customer and send the event; an id that was cached may be wrong once."""
    for cached in (task.known_customer, ""):
        found = target.customers.find(record.customer, cached)
        if isinstance(found, CustomerNotFound):
            return found
        task.request_sent = True
        reply = target.client.post_event(found.id, record.body)
        if reply.status != 404 or reply.is_html:
            return reply
        task.request_sent = False
        target.customers.forget(record.customer)
        if found.by != "cache":
            break
    return CustomerNotFound(reply)


def _key_works(target: DestinationContext) -> bool:
    """Whether the cheapest question gets an answer; a silence says nothing against the key."""
    try:
        reply = target.client.agents()
    except NoResponse:
        return True
    return reply.is_html or reply.status not in (400, 401, 403)


def _key_works_again(target: DestinationContext) -> bool:
    try:
        works = target.client.agents().ok
    except NoResponse:
        return False
    if works:
        target.throttle.resume()
        _LOG.info("destination.resumed", destination=target.destination.name)
    return works


def rq_retry(delay_s: float) -> Retry:
    """What RQ has to be told so that it runs the job again in `delay_s` seconds."""
    return Retry(max=_RQ_NEVER_GIVES_UP, interval=max(1, math.ceil(delay_s)), enqueue_at_front=True)
