"""Forget a person: remove what Redis keeps of them, or only say what there is."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from relay.mapping.email import to_email
from relay.mapping.phone import to_e164
from relay.model import Phone
from relay.operations.records import Store
from relay.store.erase import Eraser, Person
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
    customers = []
    for record in eraser.records(person):
        if record.customer.phone in person.references or record.customer.email == person.email:
            customers.append(record.customer)
        if dry_run or eraser.erase(record):
            states[record.state.value] += 1
    waiting = eraser.waiting(person)
    cached = eraser.cached_ids(customers, person)
    if not dry_run:
        eraser.end_waiting(waiting)
        eraser.uncache(cached)
    return Forgotten(dict(states), len(waiting), len(cached))
