"""Fields of payload schemas that make one value of several: people, amounts, items, documents.

buyer = Person(email="email", phones=("phone", "customer.phone"), first_name="customer.name")
recipient = Person("shipping_address", **ADDRESS)
amount = Amount("total_price", "currency")
items = Items("line_items", name="title")
"""

import re
from collections.abc import Mapping
from dataclasses import fields
from functools import cached_property
from operator import attrgetter
from typing import Any, Final, cast

from relay.inbound.contact import Party
from relay.inbound.money import parse_minor_units, parse_money, parse_written_money
from relay.inbound.payload_fields import Id, Number, OmittedFields, Path, PathField, Text, value_at
from relay.inbound.payload_schema import (
    EMAIL_NAMES,
    PHONE_NAMES,
    ListOf,
    Object,
    PayloadSchema,
    References,
)
from relay.mapping.amounts import is_written_whole
from relay.mapping.country import iso2
from relay.mapping.identity import document_in, named_values
from relay.mapping.plain_text import is_one_line, without_html
from relay.model import Address, Money

# Items of which the names are kept; a note has three at most.
_ITEMS_MAX: Final = 50
_GROUPED: Final = re.compile(r"\s*[1-9]\d{0,2}\.\d{3}\s*")
_BLANKS: Final = re.compile(r"[\s\x00-\x1f\x7f]+")
_ADDRESS_PARTS: Final = frozenset(("lines", "city", "state", "zip_code", "latitude", "longitude"))
# Parts of the person that a whole body is about, of which a change is worth an update.
_SHOWN_PARTS: Final = ("first_name", "last_name", "email", "phones")
_PARTY_PARTS: Final = tuple(part.name for part in fields(Party))
_shown_address: Final = attrgetter("address", "city", "state", "zip_code", "country")
_NOBODY: Final = Party()
Paths = str | tuple[str, ...]
_USUAL: Final[Mapping[str, Paths]] = {
    "phones": "phone",
    **{name: name for name in ("first_name", "last_name", "name", "email")},
    **{name: name for name in ("city", "state", "zip_code", "country", "latitude", "longitude")},
}


class Person(PathField):
    """A `Party`, from the object at a path, or from the whole body without one.

    Each part of a party is found at the first of its paths, relative to the object, that has it;
    of `phones` all count. A path `area + number` joins two texts. `lines` are those of the address.
    `fixed` are parts that the platform always means, such as its only country.
    """

    reason = "not_an_object"

    def __init__(
        self, path: str = "", /, fixed: Mapping[str, str] | None = None, **parts: Paths
    ) -> None:
        super().__init__(*([path] if path else ()))
        self._fixed = dict(fixed or {})
        self._has_address = not _ADDRESS_PARTS.isdisjoint(parts)
        self._schema = PayloadSchema.of(
            {name: _part(name, _all(paths)) for name, paths in parts.items()}
        )

    @cached_property
    def _shown_parts(self) -> list[tuple[str, PathField]]:
        fields = self._schema.load_fields
        return [(part, cast("PathField", fields[part])) for part in _SHOWN_PARTS if part in fields]

    @property
    def is_at_paths(self) -> bool:
        return bool(self.paths)

    def find(self, data: dict[str, Any], prefix: str, omitted_fields: OmittedFields) -> Any:
        if self.paths:
            return super().find(data, prefix, omitted_fields)
        return self._party(data, prefix, omitted_fields)

    def read(self, value: Any, path: str, omitted_fields: OmittedFields) -> Party | None:
        return self._party(value, f"{path}.", omitted_fields)

    def show(self, shown: dict[str, Any], name: str, value: Any, body: Mapping[str, Any]) -> None:
        if self.paths:
            super().show(shown, name, _filled(value), body)
            return
        party = value or _NOBODY
        for part, field in self._shown_parts:
            field.show(shown, "phone" if part == "phones" else part, getattr(party, part), body)

    def _party(self, data: Any, prefix: str, omitted_fields: OmittedFields) -> Party | None:
        parts = self._schema.values_of(data, prefix, omitted_fields)
        if not any(parts.values()):
            return None
        for name, text in self._fixed.items():
            parts[name] = parts.get(name) or text
        if "phones" in parts:
            phones = parts["phones"]
            parts["phones"] = tuple(dict.fromkeys(phones) if len(phones) > 1 else phones)
        address = self._address(parts) if self._has_address else None
        return Party(address=address, **parts)

    def _address(self, parts: dict[str, Any]) -> Address | None:
        """Takes its parts out of those of a person."""
        pop = parts.pop
        lines, city, state = pop("lines", ()), pop("city", ""), pop("state", "")
        zip_code, latitude, longitude = (
            pop("zip_code", ""), pop("latitude", ""), pop("longitude", "")
        )  # fmt: skip
        if not (lines or city or state or zip_code or latitude or longitude):
            return None
        text, country = ", ".join(lines), parts.get("country", "")
        return Address(text, city, state, zip_code, "", latitude, longitude, country)


def address(**parts: Paths) -> dict[str, Any]:
    """The parts of a `Person` that is an address; those not given have their usual names."""
    return {**_USUAL, **parts}


def _filled(party: Party | None) -> dict[str, Any] | None:
    """The parts that say something: one that a later version adds changes nothing of what was."""
    if party is None:
        return None
    filled: dict[str, Any] = {}
    for name in _PARTY_PARTS:
        if part := getattr(party, name):
            filled[name] = part
    if party.address:
        filled["address"] = list(_shown_address(party.address))
    return filled


def _part(name: str, paths: tuple[str, ...]) -> PathField:
    if name == "phones":
        return Texts(*paths, names=PHONE_NAMES)
    if name == "lines":
        return Texts(*paths)
    if name in ("latitude", "longitude"):
        return Number(*paths)
    if name == "email":
        return Emails(*paths)
    return JoinedText(*paths) if any("+" in path for path in paths) else Text(*paths)


class Emails(Text):
    """A text; several, or objects with an address, become one, of which the first one counts."""

    def read(self, value: Any, path: str, omitted_fields: OmittedFields) -> str:
        if isinstance(value, dict | list):
            texts = [text for text in _EMAILS.read(value, path, omitted_fields) if "@" in text]
            value = "; ".join(texts) or None
        return super().read(value, path, omitted_fields)


_EMAILS: Final = References(EMAIL_NAMES)


class Texts(PathField):
    """Every text at the paths that is not empty; a list there is taken one by one.

    `names` are those of the text where it is in an object.
    """

    reason = "not_a_text"

    def __init__(self, *paths: str, names: tuple[str, ...] = ()) -> None:
        super().__init__(*(part for path in paths for part in _parts(path)))
        self._fields = [
            JoinedText(path) if "+" in path else References(names, path) for path in paths
        ]
        # With the path of a single text, which is taken at once; a joined one has none.
        self._by_path: list[tuple[Path, PathField]] = [
            (() if isinstance(field, JoinedText) else field.paths[0], field)
            for field in self._fields
        ]

    def find(self, data: dict[str, Any], prefix: str, omitted_fields: OmittedFields) -> Any:
        texts: list[str] = []
        for path, field in self._by_path:
            if len(path) == 1:
                value = data.get(path[0])
            else:
                value = value_at(data, path, prefix, omitted_fields) if path else ...
            if value is None or value == "":
                continue
            if type(value) is not str:
                value = field.find(data, prefix, omitted_fields)
            if type(value) is str:
                texts.append(value)
            elif value:
                texts += [text for text in value if text]
        return texts


class JoinedText(PathField):
    """The texts of a path such as `area_code + number`, joined by spaces."""

    reason = "not_a_text"

    def __init__(self, *paths: str) -> None:
        super().__init__(*(part for path in paths for part in _parts(path)))
        self._fields = [[Text(part) for part in _parts(path)] for path in paths]

    def find(self, data: dict[str, Any], prefix: str, omitted_fields: OmittedFields) -> Any:
        for parts in self._fields:
            texts = [part.find(data, prefix, omitted_fields) for part in parts]
            if text := " ".join(text for text in texts if text):
                return text
        return None


class Amount(PathField):
    """`Money`, from the path of an amount and that of its currency.

    A text that is no decimal number is read as people write it, which some shops' plugins do.

    `minor` counts the currency's minor units, `digits` is the platform's own number of decimals for
    them, or for those of single currencies. `written` is for amounts that people write. `fixed` is
    the currency of a platform that has only one.
    """

    reason = "not_an_amount"

    def __init__(
        self,
        path: str,
        currency: Paths = "",
        *,
        fixed: str = "",
        minor: bool = False,
        digits: int | Mapping[str, int] | None = None,
        written: bool = False,
    ) -> None:
        super().__init__(path)
        self._currency = Text(*_all(currency)) if currency else None
        self._fixed = fixed
        self._minor = minor or digits is not None
        self._digits = digits
        self._parse = parse_written_money if written else parse_money

    def find(self, data: dict[str, Any], prefix: str, omitted_fields: OmittedFields) -> Any:
        path = self.paths[0]
        value = value_at(data, path, prefix, omitted_fields)
        if value is None or value == "":
            return None
        currency = self._fixed
        if self._currency is not None:
            currency = self._currency.find(data, prefix, omitted_fields) or currency
        money = (self._of_units if self._minor else self._parse)(value, currency)
        is_text = isinstance(value, str) and not self._minor
        if is_text and (money is None or _is_grouped(value, money.currency)):
            money = parse_written_money(value, currency)
        if money is None:
            omitted_fields.name(f"{prefix}{'.'.join(path)}", self.reason)
        return money

    def _of_units(self, value: Any, currency: str) -> Money | None:
        digits = self._digits
        if isinstance(digits, Mapping):
            digits = digits.get(currency.upper())
        return parse_minor_units(value, currency, digits)


class FirstOf(PathField):
    """The first of several fields that has a value."""

    def __init__(self, *choices: PathField) -> None:
        super().__init__(*(".".join(path) for field in choices for path in field.paths))
        self._choices = choices

    def find(self, data: dict[str, Any], prefix: str, omitted_fields: OmittedFields) -> Any:
        for field in self._choices:
            value = field.find(data, prefix, omitted_fields)
            if value or value not in (None, ""):
                return value
        return None


class Items(PathField):
    """The lines of an order or cart as texts of quantity and name, without those removed.

    `name` and `quantity` are paths in a line; one with a value at `part_of` is a part of another
    line, which is told as a whole.
    """

    reason = "not_a_list"

    def __init__(
        self, path: str, *, name: Paths = "name", quantity: Paths = "quantity", part_of: Paths = ()
    ) -> None:
        super().__init__(path)
        parts: dict[str, PathField] = {
            "name": _part("name", _all(name)),
            "quantity": Number(*_all(quantity)),
        }
        if part_of:
            parts["part_of"] = Id(*_all(part_of))
        self._lines = ListOf(Object(PayloadSchema.of(parts)))

    def read(self, value: Any, path: str, omitted_fields: OmittedFields) -> list[str]:
        texts: list[str] = []
        for line in self._lines.read(value, path, omitted_fields):
            quantity = _shown_quantity(line.get("quantity") or "")
            if quantity == "0" or line.get("part_of") or len(texts) == _ITEMS_MAX:
                continue
            if name := _shown_name(line.get("name", "")):
                texts.append(f"{quantity} \N{MULTIPLICATION SIGN} {name}" if quantity else name)
        return texts


class Documents(PathField):
    """(kind, number) of an identity document among named values, such as `note_attributes`.

    The paths are of objects, or of lists of name and value; `country` is that of the country whose
    documents count.
    """

    def __init__(self, *paths: str, country: Paths = ()) -> None:
        super().__init__(*paths)
        self._country = Text(*_all(country)) if country else None

    def find(self, data: dict[str, Any], prefix: str, _omitted_fields: OmittedFields) -> Any:
        pairs: list[tuple[str, Any]] = []
        for path in self.paths:
            if value := value_at(data, path, prefix, OmittedFields()):
                pairs += named_values(value)
        if not pairs:
            return None
        country = self._country.find(data, prefix, OmittedFields()) if self._country else ""
        kind, number = document_in(pairs, iso2(country or ""))
        return (kind, number) if number else None


def _is_grouped(text: str, currency: str) -> bool:
    """Whether a full stop stands before thousands: `129.900` of COP or CLP, which have no mills."""
    return bool(_GROUPED.fullmatch(text)) and is_written_whole(currency)


def _shown_name(name: str) -> str:
    """A product's name without the HTML that shops keep in it, in one line."""
    text = without_html(name)
    return (text if is_one_line(text) else _BLANKS.sub(" ", text)).strip()


def _shown_quantity(text: str) -> str:
    """A number without decimals that say nothing: 2 for the `2.0000` of Magento."""
    return text.rstrip("0").rstrip(".") if "." in text else text


def _parts(path: str) -> list[str]:
    """The paths of a path such as `area_code + number`."""
    return [part.strip() for part in path.split("+")]


def _all(paths: Paths) -> tuple[str, ...]:
    return (paths,) if isinstance(paths, str) else paths
