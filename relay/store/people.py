"""Many people looked for in one pass over all records, whose number then hardly matters."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from relay.mapping.phone import variants
from relay.model import Customer
from relay.store.person import Person, texts_of
from relay.store.record import Record

# A part of every number that is long enough to be in few texts by chance.
_TAIL: Final = 7
_NO_DIGITS: Final = re.compile(r"\D+")
_PLAIN: Final = re.compile(r"[\w.+-]+@[\w.-]*\w", re.ASCII)
# Each address, although another one may stand right before it.
_ADDRESSES: Final = re.compile(r"(?<![\w.+-])(?=([\w.+-]+@[\w.-]*\w))")


class People:
    """Finds those who are named in a record.

    `Person` decides; here is only what spares asking each of them: the ends of all numbers, and
    all addresses, that the record's texts have at all.
    """

    def __init__(self, people: Sequence[Person]) -> None:
        self._by_tail: dict[str, list[Person]] = {}
        self._by_email: dict[str, list[Person]] = {}
        # An address that has other signs than most is looked for by itself.
        self._odd: list[tuple[str, Person]] = []
        for person in people:
            if person.phone:
                for number in variants(person.phone):
                    self._by_tail.setdefault(_digits(number)[-_TAIL:], []).append(person)
            elif _PLAIN.fullmatch(person.email):
                self._by_email.setdefault(person.email, []).append(person)
            else:
                self._odd.append((person.email.casefold(), person))

    def named_in(self, record: Record) -> list[Person]:
        """Those who are the record's customer, or whom a text of it names."""
        texts = list(texts_of(record))
        candidates = dict.fromkeys([*self._likely(texts), *self._customers(record.customer)])
        return [
            person
            for person in candidates
            if person.is_customer(record.customer) or person.is_written_in(texts)
        ]

    def _customers(self, customer: Customer) -> Iterator[Person]:
        yield from self._by_tail.get(_digits(customer.phone)[-_TAIL:], ())
        yield from self._by_email.get(customer.email.lower(), ())
        yield from (person for _, person in self._odd)

    def _likely(self, texts: Iterable[str]) -> Iterator[Person]:
        for text in texts:
            if self._by_tail:
                digits = _digits(text)
                tails = {digits[n : n + _TAIL] for n in range(len(digits) - _TAIL + 1)}
                for tail in tails & self._by_tail.keys():
                    yield from self._by_tail[tail]
            if "@" not in text:
                continue
            folded = text.casefold()
            if self._by_email:
                for address in self._by_email.keys() & set(_ADDRESSES.findall(folded)):
                    yield from self._by_email[address]
            yield from (person for email, person in self._odd if email in folded)


def _digits(text: str) -> str:
    return _NO_DIGITS.sub("", text)
