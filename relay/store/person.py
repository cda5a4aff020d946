"""Whether a record names a person, in whatever writing: a body is kept as it came."""

import html
import re
from base64 import urlsafe_b64decode
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote_plus

import phonenumbers

from relay.mapping.phone import variants
from relay.model import Customer
from relay.store.record import Record, compact_json

_BETWEEN_DIGITS: Final = r"[\s()./\-]{0,3}"
# What is dialled before a national number: trunk prefixes, and those of mobiles.
_TRUNK: Final = r"(?:044|045|01|15|0|1|9)?"
# Characters of which an address is made: without them `ana@` would be found in `mariana@`.
_BEFORE_ADDRESS: Final = r"(?<![\w.+%'-])"
_BEHIND_ADDRESS: Final = r"(?![\w-]|\.\w)"
# A run of backslashes is looked at once, however long it is.
_JSON_ESCAPE: Final = re.compile(r'(?<!\\)\\++(?:u([0-9a-fA-F]{4})|[bfnrt"/])')
# Long enough for an address or a number within an object.
_BASE64: Final = re.compile(r"[\w+/-]{16,}={0,2}", re.ASCII)


class Person:
    """A person by a phone in E.164 or an e-mail.

    Texts that were sent count too: a held body may name a person whom no call names.
    """

    def __init__(self, phone: str = "", email: str = "") -> None:
        self.phone = phone
        self.email = email.lower()
        written = _phone_pattern(phone) if phone else _email_pattern(email)
        self._written = re.compile(written, re.IGNORECASE)

    @property
    def references(self) -> tuple[str, ...]:
        """What they are looked up by."""
        return variants(self.phone) if self.phone else (self.email,)

    def is_customer(self, customer: Customer) -> bool:
        """Whether an event is delivered to them."""
        if self.phone:
            return customer.phone in self.references
        return customer.email.lower() == self.email

    def is_named_in(self, record: Record) -> bool:
        """Whether the record's customer is the person, or a text of it names them."""
        return self.is_customer(record.customer) or self.is_written_in(texts_of(record))

    def is_written_in(self, texts: Iterable[str]) -> bool:
        """Whether one of the texts names them, in any writing of a number or an address."""
        return any(self._written.search(text) for text in texts)


def texts_of(record: Record) -> Iterator[str]:
    """All texts of a record that may name somebody, also without escapes and encodings."""
    parts: tuple[Mapping[str, Any], ...] = (
        record.body,
        record.reasons,
        record.headers,
        record.omitted_fields,
        record.step,
    )
    texts = [record.answer, record.key, *map(compact_json, parts)]
    for text in (*texts, *_decoded(record.raw)):
        yield from _writings(text)


def _email_pattern(email: str) -> str:
    return _BEFORE_ADDRESS + re.escape(email) + _BEHIND_ADDRESS


def _phone_pattern(phone: str) -> str:
    """The number as it is written at home and abroad, and no part of a longer one."""
    numbers = {number for number in variants(phone) if number.startswith("+")}
    alternatives = []
    for number in sorted(numbers):
        parsed = phonenumbers.parse(number)
        code = _BETWEEN_DIGITS.join(str(parsed.country_code))
        national = phonenumbers.national_significant_number(parsed)
        trunk = f"{_TRUNK}{_BETWEEN_DIGITS}"
        digits = _BETWEEN_DIGITS.join(national)
        alternatives.append(f"(?:(?:00|011)?{code}{_BETWEEN_DIGITS})?{trunk}{digits}")
    return rf"(?<!\d)(?:{'|'.join(alternatives)})(?!\d)"


def _decoded(raw: bytes) -> Iterator[str]:
    yield raw.decode(errors="replace")
    if b"\0" in raw:
        yield raw.decode("utf-16", errors="replace")


def _writings(text: str) -> Iterator[str]:
    """A text as it is, and without the escapes of forms, JSON and HTML, and what base64 holds."""
    yield text
    plain = html.unescape(_JSON_ESCAPE.sub(_unescaped, unquote_plus(text)))
    if plain != text:
        yield plain
    for run in _BASE64.findall(plain.replace(" ", "+")):
        packed = run.rstrip("=").replace("+", "-").replace("/", "_")
        whole = packed[: len(packed) - (len(packed) % 4 == 1)]
        content = urlsafe_b64decode(whole + "=" * (-len(whole) % 4))
        yield _JSON_ESCAPE.sub(_unescaped, content.decode(errors="replace"))


def _unescaped(match: re.Match[str]) -> str:
    return chr(int(match[1], 16)) if match[1] else " "
