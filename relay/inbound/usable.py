"""Whether a value that an expression selected can be used for what it is meant for."""

import re
from collections.abc import Callable, Iterator
from dataclasses import fields
from datetime import UTC
from functools import cache
from typing import Any, Final

from marshmallow import ValidationError

from relay.inbound.expression import is_something
from relay.inbound.option_fields import reader_of
from relay.inbound.payload import text_of
from relay.inbound.payload_fields import Flag, Number, OmittedFields, PathField
from relay.inbound.timestamps import parse_timestamp
from relay.mapping.email import to_email
from relay.mapping.event_fields import FAMILIES
from relay.model import Money

# What forms and tools write where there is no id: two events that have it are two.
_NO_ID: Final = frozenset({"0", "null", "none", "undefined", "nan", "n/a", "-"})
_PHONE_DIGITS_MIN: Final = 7


def is_text(value: Any) -> bool:
    return bool(text_of(value).strip())


def is_id(value: Any) -> bool:
    text = text_of(value).strip()
    return bool(text) and text.lower() not in _NO_ID


def is_time(value: Any) -> bool:
    return parse_timestamp(value, UTC) is not None


def is_flag(value: Any) -> bool:
    return _reads(Flag(), value)


def is_number(value: Any) -> bool:
    return _reads(Number(), value)


def is_list_or_object(value: Any) -> bool:
    return isinstance(value, list | dict)


def has_email(value: Any) -> bool:
    return any(to_email(text)[0] for text in _texts(value))


def has_phone(value: Any) -> bool:
    return any(len(re.findall(r"\d", text)) >= _PHONE_DIGITS_MIN for text in _texts(value))


@cache
def usable_as(name: str) -> Callable[[Any], bool]:
    """Whether a value is usable as the field of events that has this name, or as one of others."""
    types = {field.name: field.type for family in FAMILIES for field in fields(family)}
    declared = types.get(name)
    if declared == (Money | None) or name == "total":
        return lambda value: bool(re.search(r"\d", text_of(value)))
    if declared == (str | None) and name.endswith("_at"):
        return is_time
    reader = reader_of(name, declared)
    if reader is None:
        return is_something
    return lambda value: is_something(value) and _reads(reader, value)


def _reads(reader: PathField, value: Any) -> bool:
    try:
        reader.read(value, "", OmittedFields())
    except ValidationError:
        return False
    return True


def _texts(value: Any) -> Iterator[str]:
    for part in value if isinstance(value, list) else [value]:
        yield text_of(part)
