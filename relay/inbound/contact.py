"""The contact of an event: one of the people whom a body names, never a mixture of two.

Two parties are the same person when their e-mail, their phone or their name is the same (or the
e-mail of one spells the full name of the other) and nothing contradicts; different names do, and so
do different e-mails of parties that share neither a phone nor a full name. The buyer, the billing
address and the account of an order are one person unless something contradicts; a recipient is that
person only if something is the same.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from relay.model import Address, Contact, Phone

# Behind the same name they mean another person of the family.
_GENERATIONS: Final = frozenset(
    ("jr", "junior", "sr", "senior", "hijo", "hija", "padre", "madre", "nieto", "ii", "iii")
)
_PHONE_DIGITS_MIN: Final = 7
_EMAIL_LETTERS_MIN: Final = 6


@dataclass(frozen=True, kw_only=True)
class Party:
    """A person or address in a body, as the platform wrote it.

    `name` is the whole name, where the platform does not divide it. `country` is the one of the
    address. A party with no value is nobody.
    """

    customer_id: str = ""
    email: str = ""
    phones: tuple[str, ...] = ()
    country: str = ""
    first_name: str = ""
    last_name: str = ""
    name: str = ""
    id_type: str = ""
    id_number: str = ""
    address: Address | None = None

    @property
    def full_name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() or self.name.strip()

    @property
    def is_reachable(self) -> bool:
        """Whether Mercately can be asked for this party."""
        return bool(self.email.strip() or any(self.phones) or self.customer_id or self.id_number)

    @cached_property
    def name_words(self) -> frozenset[str]:
        return frozenset(_plain(self.full_name).split())

    @cached_property
    def email_key(self) -> str:
        return self.email.strip().lower()

    @cached_property
    def email_letters(self) -> str:
        """The letters before the at sign: "anainventada" for Ana.Inventada88@example.com."""
        local, _, _ = self.email.partition("@")
        return "".join(c for c in _plain(local) if c.isalpha())

    @cached_property
    def phone_digits(self) -> tuple[str, ...]:
        return tuple(re.sub(r"\D", "", phone).lstrip("0") for phone in self.phones)


def contact_of(parties: Sequence[Party], recipients: Sequence[Party] = ()) -> Contact:
    """The contact of an event.

    `parties` are those who buy, in the platform's order of buyer, billing address, account: the
    first one that can be reached is the contact, completed from others of the same person.
    `recipients` (the delivery address first, then an address book) are the contact only when the
    body names nobody else. The postal address is the delivery address, else the person's own.
    """
    named = [party for party in parties if party.full_name or party.is_reachable]
    others = [party for party in recipients if party.full_name or party.is_reachable]
    person = [*named[:1]]
    for first in named or others:
        candidate = _person(first, named, others)
        if any(party.is_reachable for party in candidate):
            person = candidate
            break
    addresses = [*recipients[:1], *person, *parties, *recipients[1:]]
    return _merged(person, next((p.address for p in addresses if p.address), None))


def _person(first: Party, parties: Sequence[Party], recipients: Sequence[Party]) -> list[Party]:
    """All parties that are the same person as the first, in the platform's order."""
    if len(parties) + len(recipients) == 1:
        return [first]
    person = [first]
    candidates = [party for party in (*parties, *recipients) if party is not first]
    while candidates:
        fitting = [c for c in candidates if not any(_contradicts(c, known) for known in person)]
        party = next((c for c in fitting if any(_agrees(c, known) for known in person)), None)
        if party is None and any(first is buyer for buyer in parties):
            party = next((c for c in fitting if any(c is buyer for buyer in parties)), None)
        if party is None:
            break
        person.append(party)
        candidates = [c for c in candidates if c is not party]
    return [p for p in (*parties, *recipients) if any(p is known for known in person)]


def _merged(person: Sequence[Party], address: Address | None) -> Contact:
    named = next((party for party in person if party.full_name), Party())
    document = next((party for party in person if party.id_number), Party())
    phones = [Phone(text, p.country) for p in person for text in p.phones if text]
    return Contact(
        customer_id=next((party.customer_id for party in person if party.customer_id), ""),
        email=next((party.email for party in person if party.email.strip()), ""),
        phones=tuple(dict.fromkeys(phones)),
        country=next((party.country for party in person if party.country), ""),
        first_name=named.first_name if named.first_name or named.last_name else named.name,
        last_name=named.last_name,
        id_type=document.id_type,
        id_number=document.id_number,
        address=address,
    )


def _agrees(one: Party, other: Party) -> bool:
    """Whether an e-mail, a phone or the name of both is the same."""
    return (
        bool(one.email_key and one.email_key == other.email_key)
        or _same_phone(one, other)
        or _same_name(one, other)
        or _spells(one, other)
        or _spells(other, one)
    )


def _contradicts(one: Party, other: Party) -> bool:
    """Whether the two cannot be one person."""
    words, others = one.name_words, other.name_words
    if words and others and _are_different_names(words, others):
        return True
    if one.id_number and other.id_number and _plain(one.id_number) != _plain(other.id_number):
        return True
    if one.customer_id and other.customer_id and one.customer_id != other.customer_id:
        return True
    if one.email_key and other.email_key and one.email_key != other.email_key:
        return not (_same_phone(one, other) or len(words & others) > 1)
    return False


def _are_different_names(words: frozenset[str], others: frozenset[str]) -> bool:
    is_part = words <= others or others <= words
    return not is_part or bool((words ^ others) & _GENERATIONS)


def _same_name(one: Party, other: Party) -> bool:
    """The same name, or one with more names or surnames that has at least two in common."""
    words, others = one.name_words, other.name_words
    if not words or not others:
        return False
    return words == others or (len(words & others) > 1 and (words <= others or others <= words))


def _spells(one: Party, other: Party) -> bool:
    """Whether the e-mail of one is two words of the other's name, such as anainventada88@…"""
    letters, words = one.email_letters, other.name_words
    return len(letters) >= _EMAIL_LETTERS_MIN and any(
        letters == word + another for word in words for another in words - {word}
    )


def _same_phone(one: Party, other: Party) -> bool:
    """Whether both have a number with the same last digits, of one country as far as is known."""
    if one.country and other.country and one.country != other.country:
        return any(phone in other.phones for phone in one.phones if phone.startswith("+"))
    return any(
        min(len(digits), len(others)) >= _PHONE_DIGITS_MIN
        and (digits.endswith(others) or others.endswith(digits))
        for digits in one.phone_digits
        for others in other.phone_digits
    )


def _plain(text: str) -> str:
    """Lower-case words without accents."""
    letters = unicodedata.normalize("NFKD", text).casefold()
    return " ".join(re.findall(r"\w+", "".join(c for c in letters if not unicodedata.combining(c))))
