"""Working off the privacy requests that platforms sent: one pass over all records for many.

A request is a held record, and stays one until it is carried out: whoever asked to be forgotten
goes, with the notice that names them, in every record, entry that waits and cached id; for whoever
asked for their data, the notice lists the events that name them. A pass that breaks off is made
again. It reads every record, at leisure: in small groups, with pauses as long as the work, and
never two at a time.
"""

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, cast

from redis import Redis
from redis.exceptions import LockError
from redis.lock import Lock

from relay.inbound.privacy import FORGETTING, WHOM, is_to_be_worked_off
from relay.model import Customer, State
from relay.store.erase import Eraser, groups, references_of
from relay.store.keys import PRIVACY, record_key
from relay.store.ledger import Ledger
from relay.store.people import People
from relay.store.person import Person
from relay.store.pseudonyms import Pseudonyms
from relay.store.record import Record, compact_json
from relay.turns import in_turns

AT_ONCE: Final = 500
_GROUP: Final = 25
_LOCK: Final = "relay:privacy:lock"
# A pass that sends nothing for so long (s) has died.
_LOCK_S: Final = 120.0
_LISTED_MAX: Final = 100


@dataclass(slots=True)
class Worked:
    """What a pass did, as counts: nothing in it names anybody."""

    forgotten: int = 0
    listed: int = 0
    read: int = 0
    records: Counter[str] = field(default_factory=Counter)
    waiting: int = 0
    cached: int = 0


@dataclass(slots=True, eq=False)
class _Request:
    """One notice and whom it is about; `found` are events of theirs, by state."""

    record: Record
    person: tuple[Person, ...] = ()
    shop: str = ""
    shop_field: str = ""
    found: Counter[str] = field(default_factory=Counter)
    ids: list[str] = field(default_factory=list)

    @property
    def forgets(self) -> bool:
        return self.record.reason == FORGETTING

    def note(self, record: Record) -> None:
        """List one of their events."""
        self.found[record.state.value] += 1
        if len(self.ids) < _LISTED_MAX:
            self.ids.append(record.id)

    def is_of_shop(self, record: Record) -> bool:
        """Whether a record came from the shop: of what is delivered, whose payload is gone, its
        source says so.
        """
        if not self.shop or record.source != self.record.source:
            return False
        if not record.raw and not record.headers:
            return not record.open
        return self.shop in record.headers.values() or self.shop == _field(
            record.raw, self.shop_field
        )


class _Asked:
    """All requests of a pass: each person is looked for once, however many ask."""

    def __init__(self, requests: Sequence[_Request]) -> None:
        same: dict[tuple[str, str], Person] = {}
        self._of: dict[Person, list[_Request]] = {}
        for request in requests:
            for each in request.person:
                person = same.setdefault((each.phone, each.email), each)
                self._of.setdefault(person, []).append(request)
        self._people = People(list(self._of))
        self._shops = [request for request in requests if request.shop]

    @property
    def people_to_forget(self) -> list[Person]:
        return [
            person
            for person, requests in self._of.items()
            if any(request.forgets for request in requests)
        ]

    def about(self, record: Record) -> list[_Request]:
        """The requests that are about a record."""
        named = self._people.named_in(record) if self._of else []
        found = [request for person in named for request in self._of[person]]
        found += [request for request in self._shops if request.is_of_shop(record)]
        return list(dict.fromkeys(found))

    def to_forget(self, record: Record) -> bool:
        return any(request.forgets for request in self.about(record))


class PrivacyRequests:
    """The requests that wait. One pass at a time, whoever makes it."""

    def __init__(self, ledger: Ledger, pseudonyms: Pseudonyms) -> None:
        self._ledger = ledger
        self._redis: Redis = ledger.redis
        self._pseudonyms = pseudonyms
        self._eraser = Eraser(ledger.redis, pseudonyms)

    def __len__(self) -> int:
        return self._redis.zcard(PRIVACY)

    def work_off(self) -> Worked:
        """Carry out up to `AT_ONCE` requests in one pass; nothing while somebody else does.

        Raises:
            RedisError: it is made again.
        """
        lock = self._redis.lock(_LOCK, timeout=_LOCK_S, thread_local=False)
        if not lock.acquire(blocking=False):
            return Worked()
        try:
            return self._work_off(lock)
        finally:
            with suppress(LockError):  # it took too long, and another has it
                lock.release()

    def _work_off(self, lock: Lock) -> Worked:
        worked = Worked()
        ids = cast("list[bytes]", self._redis.zrange(PRIVACY, 0, AT_ONCE - 1))
        requests = [request for each in ids if (request := self._request(each.decode()))]
        if requests:
            self._pass(requests, worked, lock)
        for request in requests:
            self._end(request, worked)
        if ids:
            self._redis.zrem(PRIVACY, *ids)
        return worked

    def _request(self, record_id: str) -> _Request | None:
        """A request that still waits for somebody."""
        record = self._ledger.get(record_id)
        if record is None or record.state is not State.HELD:
            return None
        whom = record.reasons.get(WHOM)
        if not is_to_be_worked_off(record.reason, record.reasons) or not isinstance(whom, Mapping):
            return None
        texts = {name: text for name, text in whom.items() if isinstance(text, str)}
        people = [Person(**{name: texts[name]}) for name in ("email", "phone") if name in texts]
        return _Request(record, tuple(people), texts.get("shop", ""), texts.get("shop_field", ""))

    def _pass(self, requests: Sequence[_Request], worked: Worked, lock: Lock) -> None:
        notices = {request.record.id for request in requests}
        asked, customers = _Asked(requests), set[Customer]()
        for key, entry in in_turns(self._eraser.all_waiting(_GROUP)):
            if asked.to_forget(entry):
                worked.waiting += self._eraser.end_waiting([key])
                customers.add(entry.customer)
        for record in self._at_leisure(lock):
            worked.read += 1
            if record.id in notices:
                continue
            about = asked.about(record)
            if any(request.forgets for request in about):
                customers.add(record.customer)
                worked.records[record.state.value] += self._eraser.erase(record)
                continue
            for request in about:
                request.note(record)
        worked.cached += self._uncache(customers, asked.people_to_forget)

    def _at_leisure(self, lock: Lock) -> Iterator[Record]:
        began_at = time.monotonic()
        for n, record in enumerate(in_turns(self._eraser.all_records(_GROUP)), 1):
            yield record
            if n % _GROUP == 0:
                time.sleep(max(time.monotonic() - began_at, 0.001))
                lock.reacquire()
                began_at = time.monotonic()

    def _uncache(self, customers: Iterable[Customer], people: Iterable[Person]) -> int:
        references = {reference for person in people for reference in person.references}
        for customer in customers:
            references |= references_of(customer)
        return sum(
            self._eraser.uncache(self._eraser.cache_keys(group))
            for group in groups(sorted(references), _GROUP)
        )

    def _end(self, request: _Request, worked: Worked) -> None:
        record = request.record
        if request.forgets:
            worked.forgotten += bool(self._eraser.erase(record))
            return
        kept = ", ".join(f"{state}: {count}" for state, count in sorted(request.found.items()))
        reasons = {**record.reasons, "kept": kept or "-", "events": sorted(request.ids)}
        self._redis.hset(record_key(record.id), "reasons", compact_json(reasons))
        worked.listed += 1


def _field(raw: bytes, name: str) -> str:
    """A field of a JSON object as text; empty where there is none."""
    try:
        body: Any = json.loads(raw)
    except ValueError:
        return ""
    value = body.get(name) if isinstance(body, dict) else None
    return str(value) if isinstance(value, str | int) else ""
