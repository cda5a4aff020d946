"""The contact of an event: one of the people whom a body names, never a mixture of two.

Two parties are the same person when their e-mail, their phone or their name is the same (or the
e-mail of one spells the full name of the other) and nothing contradicts; different names do, and so
do different e-mails of parties that share neither a phone nor a full name. The buyer, the billing
address and the account of an order are one person unless something contradicts; a recipient is that
person only if something is the same.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Final

from relay.mapping.plain_text import without_accents
from relay.model import Address, Contact, Phone
from relay.value import value

# Behind the same name they mean another person of the family.
_GENERATIONS: Final = frozenset(
    ("jr", "junior", "sr", "senior", "hijo", "hija", "padre", "madre", "nieto", "ii", "iii")
)
_PHONE_DIGITS_MIN: Final = 7
_EMAIL_LETTERS_MIN: Final = 6
_WORDS: Final = re.compile(r"\w+")
_NO_DIGIT: Final = re.compile(r"\D")


@value(frozen=True, slots=True, kw_only=True)
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


_NOBODY: Final = Party()


class _Named:
    """A party that names somebody, with what it is compared by."""

    __slots__ = ("email", "is_buyer", "party", "words")

    def __init__(self, party: Party, *, is_buyer: bool) -> None:
        self.party = party
        self.is_buyer = is_buyer
        self.email = party.email.strip().lower()
        self.words = _words(party.full_name)

    def phones(self) -> list[str]:
        return [_NO_DIGIT.sub("", phone).lstrip("0") for phone in self.party.phones]

    def email_letters(self) -> str:
        """The letters before the at sign: "anainventada" for Ana.Inventada88@example.com."""
        return "".join(c for c in _plain(self.email.partition("@")[0]) if c.isalpha())


def contact_of(parties: Sequence[Party], recipients: Sequence[Party] = ()) -> Contact:
    """The contact of an event.

    `parties` are those who buy, in the platform's order of buyer, billing address, account: the
    first one that can be reached is the contact, completed from others of the same person.
    `recipients` (the delivery address first, then an address book) are the contact only when the
    body names nobody else. The postal address is the delivery address, else the person's own.
    """
    buyers = [party for party in parties if party.full_name or party.is_reachable]
    others = [party for party in recipients if party.full_name or party.is_reachable]
    person = [*buyers, *others]
    if not _is_one(person):
        person = _first_reachable(buyers, others)
    for party in (*recipients[:1], *person, *parties, *recipients[1:]):
        if party.address:
            return _merged(person, party.address)
    return _merged(person, None)


def _is_one(parties: Sequence[Party]) -> bool:
    """Whether all have one name and no two another e-mail or number, and one can be reached.

    So it is in most orders.
    """
    name = parties[0].full_name if parties else ""
    email = id_number = customer_id = ""
    for party in parties:
        own_email = party.email.strip().lower()
        email = email or own_email
        id_number, customer_id = id_number or party.id_number, customer_id or party.customer_id
        if (
            (own_email and own_email != email)
            or (party.id_number and party.id_number != id_number)
            or (party.customer_id and party.customer_id != customer_id)
            or party.full_name != name
        ):
            return False
    is_reachable = email or id_number or customer_id or any(any(p.phones) for p in parties)
    return bool(is_reachable and _words(name))


def _first_reachable(parties: Sequence[Party], recipients: Sequence[Party]) -> list[Party]:
    """All parties of the first person that can be reached, else the first one alone."""
    buyers = [_Named(party, is_buyer=True) for party in parties]
    others = [_Named(party, is_buyer=False) for party in recipients]
    for first in buyers or others:
        person = _person(first, [*buyers, *others])
        if any(party.is_reachable for party in person):
            return person
    return list(parties[:1])


def parted(
    buyer: Party | None, own_phone: str, account_email: str, named: Party | None
) -> dict[str, Party]:
    """`buyer` and `account` of a sale that has another e-mail than the account it was made with.

    `buyer` has the account's name and maybe its phones beside `own_phone`. The buyer's name is then
    that of `named`, the bill, by which the two may be one person after all. {} where the e-mails
    are one.
    """
    email = account_email.strip()
    if buyer is None or not email or buyer.email.strip().lower() == email.lower():
        return {}
    own = tuple(phone for phone in buyer.phones if phone == own_phone)
    others = tuple(phone for phone in buyer.phones if phone != own_phone)
    names = {part: getattr(named or Party(), part) for part in ("first_name", "last_name", "name")}
    return {
        "buyer": Party(email=buyer.email, phones=own, **names),
        "account": replace(buyer, email=email, phones=others),
    }


def _person(first: _Named, everybody: Sequence[_Named]) -> list[Party]:
    """All parties that are the same person as the first, in the order of everybody."""
    person = [first]
    candidates = [named for named in everybody if named is not first]
    while candidates:
        candidates = [named for named in candidates if not _contradicts(named, person[-1])]
        same = next((c for c in candidates if any(_agrees(c, known) for known in person)), None)
        if same is None and first.is_buyer:
            same = next((c for c in candidates if c.is_buyer), None)
        if same is None:
            break
        person.append(same)
        candidates.remove(same)
    return [named.party for named in everybody if named in person]


def _merged(person: Sequence[Party], address: Address | None) -> Contact:
    """Of each part the first that somebody has; all phones, each once."""
    customer_id = email = country = ""
    named = document = _NOBODY
    phones: dict[tuple[str, str], None] = {}
    for party in person:
        customer_id, country = customer_id or party.customer_id, country or party.country
        if not email and party.email.strip():
            email = party.email
        if named is _NOBODY and party.full_name:
            named = party
        if document is _NOBODY and party.id_number:
            document = party
        for text in party.phones:
            if text:
                phones[text, party.country] = None
    return Contact(
        customer_id=customer_id,
        email=email,
        phones=tuple([Phone(text, of) for text, of in phones]),
        country=country,
        first_name=named.first_name if named.first_name or named.last_name else named.name,
        last_name=named.last_name,
        id_type=document.id_type,
        id_number=document.id_number,
        address=address,
    )


def _agrees(one: _Named, other: _Named) -> bool:
    """Whether the e-mail, the name or a phone of both is the same."""
    return (
        bool(one.email and one.email == other.email)
        or _same_name(one.words, other.words)
        or _same_phone(one, other)
        or _spells(one, other)
        or _spells(other, one)
    )


def _contradicts(one: _Named, other: _Named) -> bool:
    """Whether the two cannot be one person."""
    words, others = one.words, other.words
    if words and others and words != others and _are_different_names(words, others):
        return True
    party, known = one.party, other.party
    if party.id_number and known.id_number and _plain(party.id_number) != _plain(known.id_number):
        return True
    if party.customer_id and known.customer_id and party.customer_id != known.customer_id:
        return True
    if one.email and other.email and one.email != other.email:
        return not (_same_phone(one, other) or len(words & others) > 1)
    return False


def _are_different_names(words: frozenset[str], others: frozenset[str]) -> bool:
    is_part = words <= others or others <= words
    return not is_part or bool((words ^ others) & _GENERATIONS)


def _same_name(words: frozenset[str], others: frozenset[str]) -> bool:
    """The same name, or one with more names or surnames that has at least two in common."""
    if not words or not others:
        return False
    is_part = words <= others or others <= words
    return words == others or (is_part and len(words & others) > 1)


def _spells(one: _Named, other: _Named) -> bool:
    """Whether the e-mail of one is two words of the other's name, such as anainventada88@…"""
    if not one.email or len(other.words) < 2:
        return False
    letters, words = one.email_letters(), other.words
    return len(letters) >= _EMAIL_LETTERS_MIN and any(
        letters == word + another for word in words for another in words - {word}
    )


def _same_phone(one: _Named, other: _Named) -> bool:
    """Whether both have a number with the same last digits, of one country as far as is known."""
    phones, others = one.party.phones, other.party.phones
    if not phones or not others:
        return False
    if one.party.country and other.party.country and one.party.country != other.party.country:
        return any(phone in others for phone in phones if phone.startswith("+"))
    return any(
        min(len(digits), len(known)) >= _PHONE_DIGITS_MIN
        and (digits.endswith(known) or known.endswith(digits))
        for digits in one.phones()
        for known in other.phones()
    )


@lru_cache(maxsize=256)
def _words(name: str) -> frozenset[str]:
    """The words of a name; most parties of an order have the same."""
    return frozenset(_plain(name).split())


def _plain(text: str) -> str:
    """Lower-case words without accents."""
    return " ".join(_WORDS.findall(without_accents(text.casefold())))
