"""The fields of an event that a source's options select: as lenient as those of a schema.

A value that makes no sense in a field of the event's family (`[]` or `false` of PHP for "nothing",
a date object for a text) is left out and named. Fields of other names are the source's own, and
stay as they came.
"""

import re
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from typing import Any, Final

from marshmallow import ValidationError

from relay.inbound.money import currency_code, parse_minor_units, parse_written_money
from relay.inbound.payload import text_of
from relay.inbound.payload_fields import Flag, OmittedFields, PathField, Text, Time
from relay.inbound.payload_schema import ListOf
from relay.mapping.event_fields import family_of
from relay.model import Money

# A thing that is selected whole is told by its name.
_NAMES: Final = ("name", "title", "label")


class _Line(Text):
    """A text; of several texts all, of an object its name."""

    def read(self, value: Any, path: str, omitted_fields: OmittedFields) -> Any:
        if isinstance(value, dict):
            value = next((value[name] for name in _NAMES if text_of(value.get(name))), value)
        if isinstance(value, list) and value and all(text_of(part) for part in value):
            return value
        return super().read(value, path, omitted_fields)


class _Lines(ListOf):
    """A list of texts, or of lines of an order, which are objects with names."""

    def read(self, value: Any, path: str, omitted_fields: OmittedFields) -> Any:
        is_object = isinstance(value, dict) and any(text_of(value.get(name)) for name in _NAMES)
        if is_object or (isinstance(value, list) and any(isinstance(p, dict) and p for p in value)):
            return value
        texts = super().read(value, path, omitted_fields)
        if not texts:
            raise ValidationError("expected texts")
        return texts


class _Answers(Text):
    """Questions and answers, or a text."""

    reason = "not_answers"

    def read(self, value: Any, path: str, omitted_fields: OmittedFields) -> Any:
        if isinstance(value, dict | list) and value:
            return value
        return super().read(value, path, omitted_fields)


_TEXT, _TIME, _FLAG, _ANSWERS, _LINES = _Line(), Time(), Flag(), _Answers(), _Lines(Text())


@cache
def _readers(event_type: str) -> Mapping[str, PathField]:
    """What reads each field of the family of a type; amounts have their own rules."""
    family = fields(family_of(event_type))
    readers = {field.name: reader_of(field.name, field.type) for field in family}
    return {name: reader for name, reader in readers.items() if reader is not None}


def reader_of(name: str, declared: Any) -> PathField | None:
    """What reads a field of this name and type, None for an amount and what is no field."""
    if declared == (str | None):
        return _TIME if name.endswith("_at") else _TEXT
    if declared == (list[str] | None):
        return _LINES
    if declared is bool:
        return _FLAG
    return _ANSWERS if name == "answers" else None


@cache
def _amount_names(event_type: str) -> tuple[str, ...]:
    """The fields of the family of a type that are amounts."""
    return tuple(f.name for f in fields(family_of(event_type)) if f.type == (Money | None))


def lenient_fields(
    values: Mapping[str, Any], event_type: str
) -> tuple[dict[str, Any], OmittedFields]:
    """The values without those that make no sense, and the paths of these with a reason code."""
    omitted_fields = OmittedFields()
    readers = _readers(event_type)
    kept: dict[str, Any] = {}
    for name, value in values.items():
        reader = readers.get(name)
        if reader is None or value is None or value == "":
            kept[name] = value
            continue
        try:
            kept[name] = reader.read(value, f"fields.{name}", omitted_fields)
        except ValidationError:
            omitted_fields.name(f"fields.{name}", reader.reason)
    return kept, omitted_fields


def with_amounts(
    values: Mapping[str, Any],
    event_type: str,
    omitted_fields: OmittedFields,
    *,
    minor_units: bool,
) -> dict[str, Any]:
    """The values with each amount as `Money`, as it was sent where it could be two.

    What is no amount at all is left out and named.
    """
    parse_amount = parse_minor_units if minor_units else parse_written_money
    currency = currency_code(values.get("currency"))
    found = dict(values)
    if not text_of(found.get("total")) and text_of(found.get("amount")):
        found["total"] = found["amount"]
    for name in ("total", *_amount_names(event_type)):
        value = found.get(name)
        if value in (None, ""):
            continue
        if not re.search(r"\d", text_of(value)):
            omitted_fields.name(f"fields.{name}", "not_an_amount")
            del found[name]
            continue
        amount = parse_amount(value, currency)
        if amount is None and minor_units:  # as it was sent it would be a hundred times too much
            omitted_fields.name(f"fields.{name}", "not_an_amount")
            del found[name]
        elif name != "total":
            found[name] = amount or text_of(value)
    if "total" in found:
        found["amount"] = parse_amount(found["total"], currency)
    return found
