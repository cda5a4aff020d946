"""One attempt to deliver one record: find the customer, post the event, decide the outcome."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import structlog
from redis import RedisError

from config import log
from config.relay_toml import Destination
from relay.model import Outcome, Verdict
from relay.store.ledger import Attempt
from relay.store.record import Record
from worker import retry
from worker.client import Client
from worker.customers import CustomerNotFound, Customers, OtherCustomer, Unresolved
from worker.reply import NoResponse, Reply
from worker.retry import CREDENTIALS, REDIRECTED
from worker.throttle import PAUSED_BY_HAND, DestinationThrottle

_LOG: Final = structlog.get_logger()
# Why nothing is sent until a probe is answered well, or a person says so.
_PAUSES: Final = (CREDENTIALS, REDIRECTED, PAUSED_BY_HAND)


class DeliveryFault(Exception):
    """Internal error, with exception type and line only: its message may hold personal data."""


class LeaseLost(Exception):
    """Before the event was sent: another worker may have its job, and may send it."""


@dataclass(frozen=True)
class DestinationContext:
    """What sending to one destination takes."""

    destination: Destination
    client: Client
    customers: Customers
    throttle: DestinationThrottle


@dataclass(slots=True)
class DeliveryTask:
    """A record to deliver and what is known about it.

    `skip_reason` says why there is nothing to do, empty otherwise. `redelivery_count` is the
    number of earlier workers that lost the job. `request_sent` is True once Mercately may have the
    event. `not_before_s` is how many seconds the next attempt has to wait, by an outcome that an
    earlier worker recorded before it lost the job. `attempt` is the result, once there is one;
    `reported` is True when it is in the log and counted by the throttle. `lease_held` says whether
    the job is still this worker's, as far as the clock tells. `ends_workers` is True once several
    workers have died while they tried it and nothing else suspicious.
    """

    record: Record | None
    target: DestinationContext | None = None
    cached_customer_id: str = ""
    skip_reason: str = ""
    redelivery_count: int = 0
    request_sent: bool = False
    not_before_s: float = 0.0
    attempt: Attempt | None = None
    reported: bool = False
    ends_workers: bool = False
    lease_held: Callable[[], bool] = lambda: True


def attempt_delivery(task: DeliveryTask) -> Outcome | None:
    """Try once and keep the result in `task.attempt`; None if there is nothing to do.

    Makes up to `ATTEMPT_REQUESTS_MAX` requests (config/settings.py), when a cached customer id is
    wrong, a customer has to be created, and the API key has to be probed.

    Raises:
        DeliveryFault: a bug of ours, which counts as an attempt too.
        LeaseLost: nothing was sent, and is not to be.
    """
    record, target = task.record, task.target
    if record is None:
        return None
    started_at, fault = time.perf_counter(), ""
    if target is None:
        reason = "unreadable_record" if record.fault else "unknown_destination"
        outcome = Outcome(Verdict.HELD, reason)
    elif record.fault:
        fault = f"UnreadableRecord at {record.fault}"
    else:
        try:
            outcome = _outcome(task, record, target)
        except LeaseLost:
            raise
        except BaseException as error:  # raised below as a DeliveryFault, without its text
            if not (task.request_sent or isinstance(error, Exception)):
                raise  # the job was stopped before a request was sent
            fault = f"{type(error).__name__} at {log.error_location(error)}"
    if fault and target:
        number = record.attempts + 1
        outcome = retry.after_crash(number, target.destination, request_sent=task.request_sent)
    releases_lane = target is not None and target.destination.ordering == "relaxed"
    took_s = time.perf_counter() - started_at
    task.attempt = Attempt(record, outcome, took_s, releases_lane, task.redelivery_count)
    if fault:
        raise DeliveryFault(fault)
    return outcome


def _outcome(task: DeliveryTask, record: Record, target: DestinationContext) -> Outcome:
    if task.redelivery_count and (
        outcome := retry.on_worker_lost(target.destination, ends_workers=task.ends_workers)
    ):
        return outcome
    paused = target.throttle.state if target.throttle.state in _PAUSES else ""
    if paused and not _may_send(target, paused):
        return Outcome(Verdict.PAUSED, paused, delay_s=retry.jittered(retry.PAUSED_S))
    outcome = _tried(task, record, target)
    if target.throttle.state == paused != "" and retry.shows_that_key_works(outcome):
        _resume(target, paused)
    return outcome


def _tried(task: DeliveryTask, record: Record, target: DestinationContext) -> Outcome:
    number = record.attempts + 1
    try:
        reply = _send(task, record, target)
    except Unresolved as error:
        if error.reply.ok:
            return retry.on_lookup_failure(error.reply, number, target.destination)
        reply = error.reply
    except OtherCustomer:
        return retry.on_customer_mismatch()
    except NoResponse as error:
        return retry.on_no_response(error, number, target.destination)
    if isinstance(reply, CustomerNotFound):
        return retry.on_customer_not_found(reply.reply, target.destination)
    outcome = retry.after_reply(reply, number, target.destination)
    if outcome.verdict is Verdict.PAUSED:
        key_works = _key_works(target, reply)
        outcome = retry.after_reply(reply, number, target.destination, key_works=key_works)
    if outcome.verdict is Verdict.PAUSED and target.throttle.state != outcome.reason:
        with suppress(RedisError):  # then the next answer pauses it
            target.throttle.pause(outcome.reason)
        name, reason = target.destination.name, outcome.reason
        _LOG.warning("destination.paused", destination=name, reason=reason, status=outcome.status)
    return outcome


def _send(
    task: DeliveryTask, record: Record, target: DestinationContext
) -> Reply | CustomerNotFound:
    """Find the customer and post the event. A cached id that Mercately does not know is dropped,
    and the customer is looked up once more.
    """
    for cached_id in (task.cached_customer_id, ""):
        customer = target.customers.find(record.customer, cached_id)
        if isinstance(customer, CustomerNotFound):
            return customer
        if not task.lease_held():  # looking the customer up may take long
            raise LeaseLost
        task.request_sent = True
        reply = target.client.post_event(customer.id, record.body)
        if reply.status != 404 or reply.is_html:
            return reply
        task.request_sent = False
        target.customers.forget(record.customer)
        if customer.by != "cache":
            break
    return CustomerNotFound(reply)


def _key_works(target: DestinationContext, reply: Reply) -> bool:
    """Whether a probe, the cheapest request, shows that this request alone is refused or sent
    elsewhere.

    No response is no evidence against the key. Where a probe says nothing of it, an event that was
    refused with 400 is at fault itself; one refused with 401 or 403 may be for the key.
    """
    try:
        probe = target.client.probe()
    except NoResponse:
        return not reply.is_redirect
    if reply.is_redirect:
        return _is_of_mercately(probe)
    if _says_nothing(probe):
        return reply.status == 400
    return probe.status not in (400, 401)


def _may_send(target: DestinationContext, paused: str) -> bool:
    """Probe a paused destination: it is resumed if that is answered well, or at all if its server
    had moved.

    Where the probe says nothing, an event goes out every few minutes to find out. What a person
    has paused is theirs to resume.
    """
    if paused == PAUSED_BY_HAND:
        return False
    try:
        probe = target.client.probe()
    except NoResponse:
        return False
    if probe.ok or (paused == REDIRECTED and _is_of_mercately(probe)):
        return _resume(target, paused)
    return _says_nothing(probe) and target.throttle.may_try()


def _is_of_mercately(probe: Reply) -> bool:
    """Whether the API answered, though it may refuse: no page, redirect, overload or outage."""
    is_refusal = 300 <= probe.status < 500 and probe.status not in (407, 408, 425, 429)
    return probe.ok or (is_refusal and not (probe.is_html or probe.is_redirect))


def _says_nothing(probe: Reply) -> bool:
    """Whether a probe was refused for what it asks, and not for the key: 403 by a key without the
    right to it, or something in between; 404 where there is no such path.
    """
    is_refusal = _is_of_mercately(probe) and not probe.ok
    return probe.status == 403 or (is_refusal and probe.status not in (400, 401))


def _resume(target: DestinationContext, paused: str) -> bool:
    """Whether the destination could be resumed: not if a person has paused it meanwhile."""
    with suppress(RedisError):  # then the next job probes again
        if target.throttle.resume(paused):
            _LOG.info("destination.resumed", destination=target.destination.name)
            return True
    return False
