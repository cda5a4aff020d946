"""Forget a person: remove what Redis keeps of them, or only say what there is."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from relay.mapping.email import to_email
from relay.mapping.phone import to_e164
from relay.model import Phone
from relay.operations.records import Store
from relay.store.erase import Eraser
from relay.store.person import Person
from relay.store.pseudonyms import Pseudonyms


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How much there was: records by state, entries that waited, ids that were cached."""

    records: Mapping[str, int] = field(default_factory=dict)
    waiting: int = 0
    cached: int = 0


def person_of(text: str) -> Person | None:
    """The person of an e-mail, or of a phone with its country code; None for anything else."""
    if "@" in text:
        address, _ = to_email(text)
        return Person(email=address) if address else None
    number, _ = to_e164([Phone(text, "")], "")
    return Person(phone=number) if number else None


def forget(
    store: Store, pseudonyms: Pseudonyms, person: Person, *, dry_run: bool = True
) -> Forgotten:
    """Remove all that names the person; with `dry_run` only count it.

    An event that a worker has in its hands may still be sent.
    """
    eraser = Eraser(store.redis, pseudonyms)
    states: Counter[str] = Counter()
    waiting = eraser.waiting(person)
    if not dry_run:  # first, since what is due meanwhile becomes a record
        eraser.end_waiting(list(waiting))
    customers = [entry.customer for entry in waiting.values()]
    for record in eraser.records(person):
        customers.append(record.customer)
        if dry_run or eraser.erase(record):
            states[record.state.value] += 1
    cached = eraser.cached_ids(filter(person.is_customer, customers), person)
    if not dry_run:
        eraser.uncache(cached)
    return Forgotten(dict(states), len(waiting), len(cached))
