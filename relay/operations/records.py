"""Records: list, find, select, replay and discard them."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from redis import Redis
from rq import Queue

from config.settings import Settings
from relay.errors import TOO_LARGE
from relay.inbound.contract import Source, stored_request
from relay.inbound.results import Handshake
from relay.inbound.steps import from_step
from relay.model import Call, Ended, Held, State, Waiting
from relay.pipeline import flattened, translate
from relay.store.connection import connect
from relay.store.job_store import JobStore
from relay.store.ledger import Ledger
from relay.store.queue import open_queue
from relay.store.record import Record

# Of an id only letters and digits can be a part.
_ID_PART: Final = re.compile(r"[0-9A-Za-z]+")


class UnknownRecord(LookupError):
    """No record has this id, nor an id that begins so."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class AmbiguousId(LookupError):
    """Several ids begin with the text; `matches` has them in order."""

    def __init__(self, text: str, matches: Sequence[str]) -> None:
        super().__init__(text)
        self.text = text
        self.matches = tuple(matches)


@dataclass(frozen=True, slots=True)
class Store:
    """Redis, and what reads and writes records in it."""

    redis: Redis
    queue: Queue
    ledger: Ledger
    jobs: JobStore

    @classmethod
    def open(cls, settings: Settings) -> "Store":
        """A store that has sent no command yet: its first one fails when Redis is away."""
        redis = connect(settings)
        queue = open_queue(redis, settings.queue, settings.job_timeout_s)
        return cls(redis, queue, Ledger.open(redis, settings), JobStore.open(queue, settings))


@dataclass(frozen=True, slots=True)
class EventSummary:
    """One line of a list of events. `accepted_at` is in unix seconds; `repeats` is as in `Record`.

    An ignored event is counted and not stored: it has no `id`, and its state is `ignored`.
    """

    id: str
    state: str
    source: str
    topic: str
    event_type: str
    destination: str
    attempts: int
    reason: str
    accepted_at: float
    repeats: int = 0


@dataclass(frozen=True, slots=True)
class EventPage:
    """Some events, and the cursor of the page after it, empty when there is none."""

    events: list[EventSummary]
    next: str = ""


@dataclass(frozen=True, slots=True)
class EventDetail:
    """One record, and its attempts from the first to the latest."""

    record: Record
    attempts: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Selection:
    """The records selected, and the ids that no record has."""

    records: tuple[Record, ...]
    absent: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Replayed:
    """`requeued`, or why a record was not, with reasons per field where there are any."""

    outcome: str
    reasons: Mapping[str, Any]


def list_events(
    ledger: Ledger,
    states: frozenset[State],
    *,
    source: str = "",
    reason: str = "",
    since_s: float = 0.0,
    limit: int = 50,
    before: str = "",
) -> EventPage:
    """Up to `limit` records in any of the states, newest first; reads no more than these.

    An empty `source` means all; a `reason` selects what waits for a person for this cause;
    `since_s` (unix s) leaves out what was accepted earlier; `before` is the `next` of a page.
    """
    page = ledger.list(
        states, source=source, reason=reason, since_s=since_s, limit=limit, before=before
    )
    return EventPage(_summaries(page.records), page.next)


def find_events(ledger: Ledger, text: str, *, limit: int = 50) -> list[EventSummary]:
    """The events of an order number, phone (with its country code) or e-mail, newest first."""
    records = [ledger.get(record_id) for record_id in ledger.find(text, limit)]
    return _summaries([record for record in records if record])


def _summaries(records: Iterable[Record]) -> list[EventSummary]:
    return [
        EventSummary(
            id=record.id,
            state=record.state.value,
            source=record.source,
            topic=record.topic,
            event_type=record.event_type,
            destination=record.destination,
            attempts=record.attempts,
            reason=record.reason,
            accepted_at=record.accepted_at,
            repeats=record.repeats,
        )
        for record in records
    ]


def list_ignored(ledger: Ledger, *, source: str = "", limit: int = 50) -> list[EventSummary]:
    """Those of the latest `limit` ignored events that are of the source, newest first."""
    return [
        EventSummary(
            id="",
            state="ignored",
            source=entry["source"],
            topic=entry["topic"],
            event_type=entry["type"],
            destination="",
            attempts=0,
            reason=entry["reason"],
            accepted_at=datetime.fromisoformat(entry["at"]).timestamp(),
        )
        for entry in ledger.ignored(limit)
        if source in ("", entry["source"])
    ]


def find_record(ledger: Ledger, text: str) -> Record:
    """The record whose id is the text, or the only one whose id begins with it, in any case.

    Without any, the only one of an order number, phone (with its country code) or e-mail.

    Raises:
        UnknownRecord: there is none.
        AmbiguousId: there are several; a few of them are named.
    """
    record = ledger.get(text)
    if record is not None:
        return record
    matches = ledger.ids_beginning(text.upper()) if _ID_PART.fullmatch(text) else ()
    records = [record for match in matches or ledger.find(text) if (record := ledger.get(match))]
    if not records:
        raise UnknownRecord(text)
    if len(records) > 1:
        raise AmbiguousId(text, [record.id for record in records])
    return records[0]


def show_event(ledger: Ledger, text: str) -> EventDetail:
    """A record by its id, a beginning of it, or what it is found by; see `find_record`.

    Raises:
        UnknownRecord: there is none.
        AmbiguousId: there are several.
    """
    record = find_record(ledger, text)
    return EventDetail(record, ledger.attempts(record.id))


def select_records(
    ledger: Ledger,
    ids: Sequence[str] = (),
    *,
    state: State | None = None,
    source: str = "",
    reason: str = "",
    since_s: float = 0.0,
) -> Selection:
    """The records with these ids, or beginnings of ids; without any, all in `state`.

    Only those of `source`, for this `reason` and accepted since `since_s` (unix s), when given.
    Reads every record it returns, a page of ids at a time.

    Raises:
        AmbiguousId: a text is the beginning of several ids.
    """
    records: dict[str, Record] = {}
    absent: list[str] = []
    for text in ids:
        try:
            record = find_record(ledger, text)
        except UnknownRecord:
            absent.append(text)
            continue
        fits = source in ("", record.source) and reason in ("", record.reason)
        if fits and record.accepted_at >= since_s:
            records[record.id] = record
    if not ids and state:
        for record_id in ledger.ids([state], source=source, reason=reason, since_s=since_s):
            if whole := ledger.get(record_id):
                records[whole.id] = whole
    return Selection(tuple(records.values()), tuple(absent))


def replay(record: Record, jobs: JobStore, sources: Mapping[str, Source]) -> Replayed:
    """Give a settled record a new job; its attempts count from one again.

    What was not delivered is parsed and mapped anew, by today's relay.toml, but that a source's
    `when` holds nothing: a person has seen it. Of what was delivered or discarded only the call is
    left: it is sent as it was.
    """
    if not (record.raw or record.body):  # was held, and discarded: there never was a call
        return Replayed("nothing_left", {})
    if record.reason == TOO_LARGE and record.raw:  # the beginning of a body cannot be parsed
        return Replayed(TOO_LARGE, record.reasons)
    source = sources.get(record.source)
    if not record.raw or (source is None and record.body):
        return Replayed(jobs.replay(record), {})
    if source is None:
        return Replayed("unknown_source", {})
    kind = str(record.reasons.get("lookup", {}).get("kind", ""))
    if record.state is State.AWAITING_LOOKUP and source.can_look_up(kind):
        return Replayed(jobs.look_up_now(record.id), {})
    return _replay_mapped_anew(record, jobs, source)


def _replay_mapped_anew(record: Record, jobs: JobStore, source: Source) -> Replayed:
    accepted_at = datetime.fromtimestamp(record.accepted_at, UTC)
    request = stored_request(record.headers, record.raw, accepted_at)
    try:
        decision = from_step(record.step) if record.step else None
    except (ValueError, TypeError, ArithmeticError):
        return Replayed("unreadable", {})
    if source.when is not None:
        source = replace(source, when=replace(source.when, hold=None))
    translated = translate(request, source, decision=decision)
    items = [] if isinstance(translated, Handshake) else flattened(translated)
    items = [item.call if isinstance(item, Waiting) else item for item in items]
    parts = [item for item in items if not isinstance(item, Waiting | Ended)]
    if len(parts) > 1:  # several steps of one thing: the one that this record is
        parts = [part for part in parts if part.event_type == record.event_type]
    if len(parts) != 1:
        return Replayed("unreadable", {})
    (part,) = parts
    if isinstance(part, Call):
        return Replayed(jobs.replay(record, part), {})
    return Replayed(part.reason, part.reasons if isinstance(part, Held) else {})


def replay_all(
    records: Sequence[Record], jobs: JobStore, sources: Mapping[str, Source]
) -> Iterator[tuple[Record, Replayed]]:
    """Replay lazily: each step of the iterator replays one record, with one script of Redis."""
    return ((record, replay(record, jobs, sources)) for record in records)


def discard(records: Sequence[Record], ledger: Ledger) -> tuple[str, ...]:
    """Discard held and dead records, one script of Redis for each; the ids of those that were."""
    return tuple(record.id for record in records if ledger.discard(record))
