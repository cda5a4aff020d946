"""The worker's story: one record, one attempt, one outcome.

    job -> claim -> gate -> customer -> HTTP -> outcome -> ledger

RQ calls `deliver` with a record id. The ledger decides whether there is anything to do, the
outcome decides what is next; RQ is told only when to wake us again. Whatever happens in between,
the record stays open, so a death at any point loses nothing: the sweep (`worker/sweep.py`) gives
it a new job.
"""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

import structlog
from redis import Redis
from rq import Retry

from config import log, relay_toml
from config.relay_toml import ConfigError, Destination
from config.settings import Settings, load as load_settings
from relay.connection import connect
from relay.ledger import Claim, Ledger, Record
from relay.model import Outcome, State, Verdict
from worker import retry
from worker.client import Client
from worker.customers import Absent, Customers, Unresolved
from worker.gate import Gate
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
            gate = Gate(redis, name, destination.rate_per_s)
            client = Client(
                destination,
                user_agent=settings.user_agent,
                connect_timeout_s=settings.connect_timeout_s,
                read_timeout_s=settings.read_timeout_s,
                take_turn=gate.wait_turn,
            )
            customers = Customers(redis, client, destination)
            posts[name] = Post(destination, client, customers, gate)
        return cls(ledger, posts)

    def deliver(self, record_id: str) -> str | Retry:
        """One attempt: what RQ shall keep as the result, or when it shall call again.

        Raises:
            DeliveryFault: a bug; the record is open and due again all the same.
        """
        claim = self.ledger.claim(record_id)
        if claim is None:
            return "absent"
        if isinstance(claim, State):
            return f"already {claim.value}"
        if isinstance(claim, float):
            return _again(claim)  # another worker has it
        started = time.perf_counter()
        attempt = claim.record.attempts + 1
        post = self.posts.get(claim.record.destination)
        if post is None:
            outcome = Outcome(Verdict.HELD, "unknown_destination")
            return self._settled(claim, outcome, started)
        if claim.record.fault:
            fault = f"UnreadableRecord at {claim.record.fault}"
        else:
            try:
                outcome = _attempt(claim.record, attempt, post)
            except Exception as error:  # noqa: BLE001  told below, without its text
                fault = f"{type(error).__name__} at {log.place(error)}"
            else:
                return self._settled(claim, outcome, started)
        self._settled(claim, retry.after_crash(attempt, post.destination), started)
        raise DeliveryFault(fault)

    def _settled(self, claim: Claim, outcome: Outcome, started: float) -> str | Retry:
        took_s = time.perf_counter() - started
        in_time = self.ledger.settle(claim, outcome, took_s=took_s, now=time.time())
        _LOG.info(
            "call.attempted",
            record_id=claim.record.id,
            source=claim.record.source,
            destination=claim.record.destination,
            attempt=claim.record.attempts + 1,
            outcome=outcome.verdict.value,
            reason=outcome.reason,
            status=outcome.status,
            ms=round(took_s * 1000),
            retry_in_s=round(outcome.delay_s, 1),
            ambiguous=outcome.ambiguous,
        )
        if not in_time:  # the lease ran out, and another job has the record now
            _LOG.warning("call.superseded", record_id=claim.record.id)
            return "superseded"
        if outcome.verdict in (Verdict.RETRY, Verdict.PAUSED):
            return _again(outcome.delay_s)
        verdict, reason = outcome.verdict.value, outcome.reason
        return verdict if verdict == reason else f"{verdict}: {reason}"


def _attempt(record: Record, attempt: int, post: Post) -> Outcome:
    """Find the customer, make the call, say what it came to."""
    if post.gate.paused() and not _key_works_again(post):
        return Outcome(Verdict.PAUSED, "credentials", delay_s=retry.jittered(retry.PAUSED_S))
    if (wait_s := post.gate.wait_s()) > _LONGEST_WAIT_S:  # better asleep in Redis than in a job
        return Outcome(Verdict.PAUSED, "pace", delay_s=wait_s)
    try:
        reply = _exchange(record, post)
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
        post.gate.pause("credentials")
    return retry.after_reply(reply, attempt, post.destination, key_works=key_works)


def _exchange(record: Record, post: Post) -> Reply | Absent:
    """Ask for the customer and send the event; an id that was cached may be wrong once."""
    for use_cache in (True, False):
        found = post.customers.find(record.customer, use_cache=use_cache)
        if isinstance(found, Absent):
            return found
        reply = post.client.post_event(found.id, record.body)
        if reply.status != 404 or reply.is_html:
            return reply
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
    if not post.gate.may_probe():
        return False
    try:
        works = post.client.agents().ok
    except Unanswered:
        return False
    if works:
        post.gate.resume()
        _LOG.info("destination.resumed", destination=post.destination.name)
    return works


def _again(delay_s: float) -> Retry:
    return Retry(max=_RQ_NEVER_GIVES_UP, interval=max(1, math.ceil(delay_s)))
