"""The worker's story: one record, one attempt, one outcome.

    job -> errand -> customer -> HTTP -> outcome -> ledger

RQ calls `deliver` with a record id; our own worker (`worker/engine.py`) does the same steps for
many at once. The ledger decides whether there is anything to do, the outcome decides what is next;
RQ is told only when to wake us again. Whatever happens in between, the record stays open, so a
death at any point loses nothing.
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
from worker.customers import Absent, Customers, Unresolved
from worker.gate import CREDENTIALS, UNEASY, Gate, Heard
from worker.reply import Reply, Unanswered

_LOG: Final = structlog.get_logger()
# The ledger counts attempts; RQ must never be the one to give up.
_RQ_NEVER_GIVES_UP: Final = 1_000_000_000
_LONGEST_WAIT_S: Final = 10.0


class DeliveryFault(Exception):
    """A bug or crash of ours, told without the text of what caused it, which may name a person."""


def deliver(record_id: str) -> str | Retry:
    """Make one attempt to deliver a record; what RQ runs."""
    return station().deliver(record_id)


@cache
def station() -> "Station":
    """This process's connections, made on first use."""
    settings = load_settings()
    log.configure(settings.log_level)
    found = relay_toml.load(settings.config_file, settings.environ)
    if found.faults:
        raise ConfigError(settings.config_file, found.faults)
    return Station.open(connect(settings), settings, found.destinations)


@dataclass(frozen=True)
class Post:
    """One destination, ready to be called."""

    destination: Destination
    client: Client
    customers: Customers
    gate: Gate


@dataclass(slots=True)
class Errand:
    """A record to deliver, with what was read for it; `attempt` is set when it has been tried.

    `nothing` says why there is nothing to do. `redelivery_count` counts workers that died with it.
    `sent` is set from when Mercately may have it. `due_in_s` is how long the next attempt has to
    wait, by an outcome that a worker wrote down before it died.
    """

    record: Record | None
    post: Post | None = None
    known_customer: str = ""
    nothing: str = ""
    redelivery_count: int = 0
    sent: bool = False
    due_in_s: float = 0.0
    attempt: Attempt | None = None
    told: bool = False


class Station:
    """What delivering needs. Safe to share between threads."""

    def __init__(self, ledger: Ledger, posts: Mapping[str, Post]) -> None:
        self.ledger = ledger
        self.posts = posts

    @classmethod
    def open(
        cls, redis: Redis, settings: Settings, destinations: Mapping[str, Destination]
    ) -> "Station":
        ledger = Ledger.open(redis, settings)
        posts = {}
        for name, destination in destinations.items():
            gate = Gate(redis, destination)
            client = Client(
                destination,
                user_agent=settings.user_agent,
                connect_timeout_s=settings.connect_timeout_s,
                read_timeout_s=settings.read_timeout_s,
                on_extra=gate.charge,
            )
            customers = Customers(redis, client, destination)
            posts[name] = Post(destination, client, customers, gate)
        return cls(ledger, posts)

    def deliver(self, record_id: str) -> str | Retry:
        """One attempt under a stock worker: what RQ shall keep, or when it shall call again.

        Raises:
            DeliveryFault: a bug; the record is open and due again all the same.
        """
        (errand,) = self.read([record_id])
        if errand.post:
            wait_s = errand.post.gate.wait_s(_LONGEST_WAIT_S)
            if wait_s > _LONGEST_WAIT_S:  # better asleep in Redis than in a job
                return again(wait_s)
            time.sleep(wait_s)
            errand.post.gate.state = errand.post.gate.paused() or UNEASY
        try:
            outcome = self.attempt(errand)
        finally:
            self.settle([errand])
        return result(outcome) if outcome else errand.nothing

    def read(self, record_ids: Sequence[str]) -> list[Errand]:
        """What there is to do for records, in one round trip and one a destination."""
        errands = [self._errand(record) for record in self.ledger.to_deliver(record_ids)]
        for post in self.posts.values():
            unknown = [
                (errand, errand.record.customer)
                for errand in errands
                if errand.post is post
                and errand.record
                and not post.customers.given(errand.record.customer)
            ]
            if unknown:
                found = post.customers.known([customer for _, customer in unknown])
                for (errand, _), customer_id in zip(unknown, found, strict=True):
                    errand.known_customer = customer_id
        return errands

    def _errand(self, record: Record | None) -> Errand:
        if record is None:
            return Errand(None, nothing="absent")
        if not record.open:
            return Errand(None, nothing=f"already {record.state.value}")
        return Errand(record, self.posts.get(record.destination))

    def attempt(self, errand: Errand) -> Outcome | None:
        """Try once, None if there is nothing to do. What came of it is in `errand.attempt`.

        Raises:
            DeliveryFault: a bug of ours, which counts as an attempt too.
        """
        record, post = errand.record, errand.post
        if record is None:
            return None
        started, fault = time.perf_counter(), ""
        if post is None:
            reason = "unreadable_record" if record.fault else "unknown_destination"
            outcome = Outcome(Verdict.HELD, reason)
        elif record.fault:
            fault = f"UnreadableRecord at {record.fault}"
        else:
            try:
                outcome = _attempt(errand, record, post)
            except BaseException as error:  # told below, without its text
                if not (errand.sent or isinstance(error, Exception)):
                    raise  # somebody stopped the job, and nothing has been sent
                fault = f"{type(error).__name__} at {log.error_location(error)}"
        if fault and post:
            attempt = record.attempts + 1
            outcome = retry.after_crash(attempt, post.destination, sent=errand.sent)
        releases_lane = post is not None and post.destination.ordering == "relaxed"
        took_s = time.perf_counter() - started
        errand.attempt = Attempt(record, outcome, took_s, releases_lane, errand.redelivery_count)
        if fault:
            raise DeliveryFault(fault)
        return outcome

    def settle(self, errands: Iterable[Errand]) -> None:
        """Write down what was tried, then let the gates know."""
        tried = [(errand, errand.attempt) for errand in errands if errand.attempt]
        if not tried:
            return
        written = self.ledger.record_attempts([attempt for _, attempt in tried])
        heard: dict[str, Heard] = {}
        for (errand, attempt), in_time in zip(tried, written, strict=True):
            if errand.told:
                continue
            errand.told = True
            _tell(attempt, in_time=in_time)
            if errand.post:
                heard.setdefault(attempt.record.destination, Heard()).add(attempt.outcome)
        for name, sounds in heard.items():
            if self.posts[name].gate.hear(sounds):
                _LOG.warning("destination.shut", destination=name)


def result(outcome: Outcome) -> str | Retry:
    """What RQ is told of an outcome: a word or two to keep, or when to call again."""
    if outcome.verdict in (Verdict.RETRY, Verdict.PAUSED):
        return again(outcome.delay_s)
    verdict, reason = outcome.verdict.value, outcome.reason
    return verdict if verdict == reason else f"{verdict}: {reason}"


def _tell(attempt: Attempt, *, in_time: bool) -> None:
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


def _attempt(errand: Errand, record: Record, post: Post) -> Outcome:
    """Find the customer, make the call, say what it came to."""
    if errand.redelivery_count and (outcome := retry.after_death(post.destination)):
        return outcome
    if post.gate.state == CREDENTIALS and not _key_works_again(post):
        return Outcome(Verdict.PAUSED, "credentials", delay_s=retry.jittered(retry.PAUSED_S))
    attempt = record.attempts + 1
    try:
        reply = _exchange(errand, record, post)
    except Unresolved as error:
        if error.reply.ok:
            return retry.after_look_up(error.reply, attempt, post.destination)
        reply = error.reply
    except Unanswered as error:
        return retry.after_silence(error, attempt, post.destination)
    if isinstance(reply, Absent):
        return retry.after_absence(reply.reply, post.destination)
    outcome = retry.after_reply(reply, attempt, post.destination)
    if outcome.reason != "credentials":
        return outcome
    key_works = _key_works(post)
    if not key_works:
        post.gate.pause()
    return retry.after_reply(reply, attempt, post.destination, key_works=key_works)


def _exchange(errand: Errand, record: Record, post: Post) -> Reply | Absent:
    """Ask for the customer and send the event; an id that was cached may be wrong once."""
    for cached in (errand.known_customer, ""):
        found = post.customers.find(record.customer, cached)
        if isinstance(found, Absent):
            return found
        errand.sent = True
        reply = post.client.post_event(found.id, record.body)
        if reply.status != 404 or reply.is_html:
            return reply
        errand.sent = False
        post.customers.forget(record.customer)
        if found.by != "cache":
            break
    return Absent(reply)


def _key_works(post: Post) -> bool:
    """Whether the cheapest question gets an answer; a silence says nothing against the key."""
    try:
        reply = post.client.agents()
    except Unanswered:
        return True
    return reply.is_html or reply.status not in (400, 401, 403)


def _key_works_again(post: Post) -> bool:
    try:
        works = post.client.agents().ok
    except Unanswered:
        return False
    if works:
        post.gate.resume()
        _LOG.info("destination.resumed", destination=post.destination.name)
    return works


def again(delay_s: float) -> Retry:
    return Retry(max=_RQ_NEVER_GIVES_UP, interval=max(1, math.ceil(delay_s)), enqueue_at_front=True)
