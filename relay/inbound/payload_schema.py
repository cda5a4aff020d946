"""Marshmallow schemas for the bodies of platforms, lenient by construction.

A schema is the only declaration of a body's fields, `data_key` theirs, `attribute` ours; unknown
fields are ignored. Only a `required` field can fail a load. In any other field a value that makes
no sense there (`[]` or `false` of PHP for "nothing", a date object for a text) is left out, and its
path is named with a reason code. null is the same as absent.

`PayloadSchema.load` runs its own loop over the declared fields: marshmallow's takes three times as
long, and cannot say which part of a nested object was left out.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any, Final, Literal

from marshmallow import EXCLUDE, Schema, ValidationError, fields, missing

_Kind = Literal["text", "object", "list", "other"]
_Field = fields.Field[Any]
# Paths named of one body: a list of a thousand odd items must not fill the record.
_NAMED_MAX: Final = 20
# Powers of ten within which a number is written without an exponent.
_EXPONENT_MAX: Final = 40
_EXACT_FLOAT_MAX: Final = 2**53
_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)", re.ASCII)
_FLAGS: Final[Mapping[Any, bool]] = {
    **dict.fromkeys(("true", "1", "yes", "on"), True),
    **dict.fromkeys(("false", "0", "no", "off"), False),
}


@dataclass(frozen=True, slots=True)
class Payload:
    """The values of a body, and the path of each field that was left out with a reason code.

    A path has the sender's names, with numbers for items of lists: `line_items.0.price`.
    """

    data: dict[str, Any]
    omitted_fields: dict[str, str]


class Text(fields.Field[str]):
    """A text; a number becomes one, with its digits as they came."""

    reason = "not_a_text"

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        text = value if isinstance(value, str) else _number_text(value)
        if text is None:
            raise ValidationError("expected a text")
        return text


class Id(fields.Field[str]):
    """An id, from a whole number or a text, as a text; integers of any length are exact."""

    reason = "not_an_id"

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        text = value.strip() if isinstance(value, str) else _whole_number_text(value)
        if not text:
            raise ValidationError("expected an id")
        return text


class Number(fields.Field[str]):
    """A number, from a number or a text, as a text with its digits as they came."""

    reason = "not_a_number"

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        text = value.strip() if isinstance(value, str) else _number_text(value)
        if text is None or not _NUMBER.fullmatch(text):
            raise ValidationError("expected a number")
        return text


class Time(fields.Field[Any]):
    """A time as `parse_timestamp` reads it: a text, a number or PHP's date object."""

    reason = "not_a_time"

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        is_object = isinstance(value, dict) and isinstance(value.get("date"), str)
        if not (is_object or isinstance(value, str) or _number_text(value) is not None):
            raise ValidationError("expected a time")
        return value


class Flag(fields.Field[bool]):
    """A boolean, from a boolean, 0, 1, or a word for one (`"true"`, `"no"`)."""

    reason = "not_a_flag"

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> bool:
        if isinstance(value, str | int):
            flag = _FLAGS.get(str(value).strip().lower())
            if flag is not None:
                return flag
        raise ValidationError("expected true or false")


class Object(fields.Nested):
    """An object with a schema of its own."""

    reason = "not_an_object"


class ListOf(fields.Field[list[Any]]):
    """A list of texts, objects or other fields; odd items are left out one by one.

    An object with numbers for names is PHP's list; a single text or number is a list of one.
    """

    reason = "not_a_list"

    def __init__(self, item: _Field, **options: Any) -> None:
        super().__init__(**options)
        self.item = item


class PayloadSchema(Schema):
    """A lenient schema: `load` returns a `Payload`. It may have no hooks and defaults."""

    class Meta:
        unknown = EXCLUDE

    def load(self, data: Any, **_: Any) -> Any:
        """The `Payload` of a JSON value.

        Raises:
            ValidationError: it is no object, or a required field is missing or odd; with the
                messages of all such fields.
        """
        omitted_fields: dict[str, str] = {}
        return Payload(self._load_object(data, "", omitted_fields), omitted_fields)

    def _load_object(self, data: Any, path: str, omitted_fields: dict[str, str]) -> dict[str, Any]:
        """The values of the declared fields; `path` is this object's, with a dot at its end."""
        if not isinstance(data, dict):
            raise ValidationError({"_schema": [self.error_messages["type"]]})
        values: dict[str, Any] = {}
        errors: dict[str, Any] = {}
        for key, name, kind, field in self._declared:
            value = data.get(key)
            if value is None:
                continue
            if kind == "text" and type(value) is str:  # most values
                values[name] = value
                continue
            try:
                values[name] = _load_value(kind, field, value, f"{path}{key}", omitted_fields)
            except ValidationError as error:
                if field.required:
                    errors[key] = error.messages
                else:
                    _name_omitted(omitted_fields, f"{path}{key}", field)
        for key, field in self._required:
            if data.get(key) is None:
                errors[key] = [field.error_messages["null" if key in data else "required"]]
        if errors:
            raise ValidationError(errors)
        return values

    @cached_property
    def _declared(self) -> list[tuple[str, str, _Kind, _Field]]:
        """(name in the body, name in the result, kind, field) of each field.

        Raises:
            TypeError: the schema has hooks or defaults.
        """
        declared = [
            (field.data_key or name, field.attribute or name, _kind(field), field)
            for name, field in self.load_fields.items()
        ]
        if any(self._hooks.values()) or any(f.load_default is not missing for *_, f in declared):
            raise TypeError(f"{type(self).__name__}: a PayloadSchema takes no hooks or defaults")
        return declared

    @cached_property
    def _required(self) -> list[tuple[str, _Field]]:
        return [(key, field) for key, _, _, field in self._declared if field.required]


def _kind(field: _Field) -> _Kind:
    if isinstance(field, Object):
        return "object"
    if isinstance(field, ListOf):
        return "list"
    return "text" if type(field) is Text and not field.validators else "other"


def _load_value(
    kind: _Kind, field: Any, value: Any, path: str, omitted_fields: dict[str, str]
) -> Any:
    if kind == "object":
        return field.schema._load_object(value, f"{path}.", omitted_fields)  # noqa: SLF001  a PayloadSchema
    if kind == "list":
        return _load_list(field.item, value, path, omitted_fields)
    if field.validators:
        return field.deserialize(value)
    return field._deserialize(value, None, None)  # noqa: SLF001  null and absent are dealt with


def _load_list(field: _Field, value: Any, path: str, omitted_fields: dict[str, str]) -> list[Any]:
    kind = _kind(field)
    if isinstance(value, dict) and value and all(key.isdecimal() for key in value):
        value = list(value.values())
    is_scalar = isinstance(value, str | int | float | Decimal) and not isinstance(value, bool)
    if kind != "object" and is_scalar:
        value = [value]
    if not isinstance(value, list):
        raise ValidationError("expected a list")
    items = []
    for i, item in enumerate(value):
        if item is None:
            continue
        try:
            items.append(_load_value(kind, field, item, f"{path}.{i}", omitted_fields))
        except ValidationError:
            _name_omitted(omitted_fields, f"{path}.{i}", field)
    return items


def _name_omitted(omitted_fields: dict[str, str], path: str, field: _Field) -> None:
    if len(omitted_fields) < _NAMED_MAX:
        omitted_fields[path] = getattr(field, "reason", "not_valid")


def _number_text(value: Any) -> str | None:
    """The digits of a number without an exponent, None for anything else and for absurd ones."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return str(value) if abs(value) < 10**_EXPONENT_MAX else None
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        value = Decimal(repr(value))
    if not isinstance(value, Decimal) or not value.is_finite():
        return None
    small = abs(value.adjusted()) < _EXPONENT_MAX and len(value.as_tuple().digits) < _EXPONENT_MAX
    return f"{value:f}" if small else None


def _whole_number_text(value: Any) -> str | None:
    if isinstance(value, float) and not abs(value) < _EXACT_FLOAT_MAX:
        return None
    text = _number_text(value)
    if text is None or isinstance(value, int):
        return text
    whole, _, fraction = text.partition(".")
    return None if fraction.strip("0") else whole
