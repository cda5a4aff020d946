"""The fields of payload schemas: a text, an id, a number, a time or a flag at a path of a body.

A value that makes no sense in a field is left out, and its path is named with a reason code;
`relay/inbound/payload_schema.py` says more of paths.
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final

from marshmallow import ValidationError, fields

from relay.inbound.payload import number_text, whole_number_text
from relay.inbound.timestamps import is_time_object

Path = tuple[str, ...]
ByType = Mapping[type, Callable[[Any], Any]]
_WHOLE_NUMBERS: Final[ByType] = {int: number_text}
_NUMBERS: Final[ByType] = {int: number_text, Decimal: number_text}
# Paths named of one body: a list of a thousand odd items must not fill the record.
_NAMED_MAX: Final = 20
_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)", re.ASCII)
_FLAGS: Final[Mapping[Any, bool]] = {
    **dict.fromkeys(("true", "1", "yes", "on"), True),
    **dict.fromkeys(("false", "0", "no", "off"), False),
}


class OmittedFields(dict[str, str]):
    """Paths that were left out, each with a reason code; of many the first ones."""

    def name(self, path: str, reason: str) -> None:
        if len(self) < _NAMED_MAX:
            self[path] = reason


Read = Callable[[Any, str, OmittedFields], Any]


class PathField(fields.Field[Any]):
    """A field that is found at one of several paths of a body.

    `read` makes its value, or raises ValidationError; `reason` is the code for one left out. With
    `takes_any_text` a text is the value as it stands. `by_type` makes the value of one of exactly
    that type at once, or None where `read` has to say.
    """

    reason = "not_valid"
    takes_any_text = False
    by_type: ByType = MappingProxyType({})

    def __init__(self, *paths: str, **options: Any) -> None:
        super().__init__(**options)
        self.paths = tuple(tuple(path.split(".")) for path in paths)

    @cached_property
    def places(self) -> tuple[tuple[Path, str], ...]:
        """Each path, and the same with dots; of a field without one it is its own name."""
        paths = self.paths or ((self.data_key or self.name or "",),)
        return tuple((path, ".".join(path)) for path in paths)

    def find(self, data: dict[str, Any], prefix: str, omitted_fields: OmittedFields) -> Any:
        """The value in an object; None when it says nothing. `prefix` is the object's own path.

        Of several paths one with an empty text counts for nothing.

        Raises:
            ValidationError: the field is required and there is no usable value.
        """
        fault = None
        for path, dotted in self.places:
            if len(path) == 1:
                value = data.get(path[0])
            else:
                value = value_at(data, path, prefix, omitted_fields)
            if value is None or (value == "" and len(self.places) > 1):
                continue
            if self.takes_any_text and type(value) is str:  # nearly always
                return value
            try:
                return self.read_checked(value, prefix + dotted, omitted_fields)
            except ValidationError as error:
                fault = error
                if not self.required:
                    omitted_fields.name(prefix + dotted, self.reason)
        if self.required:
            raise fault or ValidationError(self.error_messages["required"])
        return None

    @property
    def is_at_paths(self) -> bool:
        """Whether its value is one that stands at one of its paths, as `find` here takes it."""
        return type(self).find is PathField.find

    def show(self, shown: dict[str, Any], name: str, value: Any, body: Mapping[str, Any]) -> None:
        """Add the value, for `PayloadSchema.shown`."""
        for path, _ in self.places:
            if path[0] in body:
                shown[name] = value
                break

    @property
    def read_checked(self) -> Read:
        """`read`, and the field's validators where it has any, as few have."""
        return self._read_and_check if self.validators else self.read

    def _read_and_check(self, value: Any, path: str, omitted_fields: OmittedFields) -> Any:
        result = self.read(value, path, omitted_fields)
        for validator in self.validators:
            validator(result)
        return result

    def read(self, value: Any, path: str, omitted_fields: OmittedFields) -> Any:
        """The value as our type.

        Raises:
            ValidationError: it makes no sense here.
        """
        raise NotImplementedError


def value_at(data: dict[str, Any], path: Path, prefix: str, omitted_fields: OmittedFields) -> Any:
    """The value at a path, None when there is none; an odd value on the way is named.

    An empty text is none: forms have it in the place of an absent object.
    """
    node: Any = data
    for depth, key in enumerate(path):
        if isinstance(node, dict):
            node = node.get(key)
        elif isinstance(node, list) and key.isdecimal():
            place = int(key)
            node = node[place] if place < len(node) else None
        else:
            if node != "":
                omitted_fields.name(f"{prefix}{'.'.join(path[:depth])}", "not_an_object")
            return None
        if node is None:
            return None
    return node


class Text(PathField):
    """A text; a number becomes one, with its digits as they came."""

    reason = "not_a_text"
    by_type = _NUMBERS

    def __init__(self, *paths: str, **options: Any) -> None:
        super().__init__(*paths, **options)
        self.takes_any_text = not self.validators

    def read(self, value: Any, _path: str, _omitted_fields: OmittedFields) -> str:
        text = value if isinstance(value, str) else number_text(value)
        if text is None:
            raise ValidationError("expected a text")
        return text


class Id(PathField):
    """An id, from a whole number or a text, as a text; integers of any length are exact."""

    reason = "not_an_id"
    by_type = _WHOLE_NUMBERS

    def read(self, value: Any, _path: str, _omitted_fields: OmittedFields) -> str:
        text = value.strip() if isinstance(value, str) else whole_number_text(value)
        if not text:
            raise ValidationError("expected an id")
        return text


class Number(PathField):
    """A number, from a number or a text, as a text with its digits as they came."""

    reason = "not_a_number"
    by_type = _NUMBERS

    def read(self, value: Any, _path: str, _omitted_fields: OmittedFields) -> str:
        if isinstance(value, str):
            text = value.strip()
            if _NUMBER.fullmatch(text):
                return text
        elif (digits := number_text(value)) is not None:
            return digits
        raise ValidationError("expected a number")


class Time(PathField):
    """A time as `parse_timestamp` reads it: a text, a number or a date object."""

    reason = "not_a_time"

    def __init__(self, *paths: str, **options: Any) -> None:
        super().__init__(*paths, **options)
        self.takes_any_text = not self.validators

    def read(self, value: Any, _path: str, _omitted_fields: OmittedFields) -> Any:
        if not isinstance(value, str) and number_text(value) is None and not is_time_object(value):
            raise ValidationError("expected a time")
        return value


class Flag(PathField):
    """A boolean, from a boolean, 0, 1, or a word for one (`"true"`, `"no"`)."""

    reason = "not_a_flag"

    def read(self, value: Any, _path: str, _omitted_fields: OmittedFields) -> bool:
        if isinstance(value, str | int):
            flag = _FLAGS.get(str(value).strip().lower())
            if flag is not None:
                return flag
        raise ValidationError("expected true or false")
