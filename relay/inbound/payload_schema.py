"""Marshmallow schemas for the bodies of platforms, lenient by construction.

A schema is the only declaration of a body's fields: the names are ours, the paths in the sender's
body stand in the field. A path has dots (`customer.email`) and numbers for places in lists
(`gateways.0`). Of several paths the first with a usable value counts; without a path it is our own
name.

    order_number = Text("name")
    email = Text("email", "customer.email")

Unknown fields are ignored. Only a `required` field can fail a load. In any other field a value that
makes no sense there (`[]` or `false` of PHP for "nothing", a date object for a text) is left out,
and its path is named with a reason code. null is the same as absent.

`PayloadSchema.load` runs its own loop over the declared fields: marshmallow's takes three times as
long, and cannot say which part of a nested object was left out.
"""

import re
from collections.abc import KeysView, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any, Final, cast

from marshmallow import EXCLUDE, Schema, ValidationError, fields, missing

from relay.inbound.payload import number_text, whole_number_text

_Field = fields.Field[Any]
Path = tuple[str, ...]
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


@dataclass(frozen=True, slots=True)
class Payload:
    """The values of a body, and the path of each field that was left out with a reason code.

    A path has the sender's names, with numbers for items of lists: `line_items.0.price`.
    """

    data: dict[str, Any]
    omitted_fields: dict[str, str]


class PathField(fields.Field[Any]):
    """A field that is found at one of several paths of a body.

    `read` makes its value, or raises ValidationError; `reason` is the code for one left out.
    """

    reason = "not_valid"

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
            try:
                return self.read_checked(value, prefix + dotted, omitted_fields)
            except ValidationError as error:
                fault = error
                if not self.required:
                    omitted_fields.name(prefix + dotted, self.reason)
        if self.required:
            raise fault or ValidationError(self.error_messages["required"])
        return None

    def shown(self, name: str, value: Any, body: Mapping[str, Any]) -> dict[str, Any]:
        """As `PayloadSchema.shown`."""
        return {name: value} if any(path[0] in body for path, _ in self.places) else {}

    def read_checked(self, value: Any, path: str, omitted_fields: OmittedFields) -> Any:
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
    if len(path) == 1:
        return data.get(path[0])
    node: Any = data
    for depth, key in enumerate(path):
        if isinstance(node, dict):
            node = node.get(key)
        elif isinstance(node, list) and key.isdecimal():
            node = node[int(key)] if int(key) < len(node) else None
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

    def find(self, data: dict[str, Any], prefix: str, omitted_fields: OmittedFields) -> Any:
        for path, _ in self.places:
            value = data.get(path[0]) if len(path) == 1 else ...
            if type(value) is str and value and not self.validators:  # nearly always
                return value
            if value is not None:
                break
        return super().find(data, prefix, omitted_fields)

    def read(self, value: Any, _path: str, _omitted_fields: OmittedFields) -> str:
        text = value if isinstance(value, str) else number_text(value)
        if text is None:
            raise ValidationError("expected a text")
        return text


class Id(PathField):
    """An id, from a whole number or a text, as a text; integers of any length are exact."""

    reason = "not_an_id"

    def read(self, value: Any, _path: str, _omitted_fields: OmittedFields) -> str:
        text = value.strip() if isinstance(value, str) else whole_number_text(value)
        if not text:
            raise ValidationError("expected an id")
        return text


class Number(PathField):
    """A number, from a number or a text, as a text with its digits as they came."""

    reason = "not_a_number"

    def read(self, value: Any, _path: str, _omitted_fields: OmittedFields) -> str:
        text = value.strip() if isinstance(value, str) else number_text(value)
        if text is None or not _NUMBER.fullmatch(text):
            raise ValidationError("expected a number")
        return text


class Time(PathField):
    """A time as `parse_timestamp` reads it: a text, a number or PHP's date object."""

    reason = "not_a_time"

    def read(self, value: Any, _path: str, _omitted_fields: OmittedFields) -> Any:
        is_object = isinstance(value, dict) and isinstance(value.get("date"), str)
        if not (is_object or isinstance(value, str) or number_text(value) is not None):
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


class Object(PathField):
    """An object with a schema of its own."""

    reason = "not_an_object"

    def __init__(
        self, schema: "type[PayloadSchema] | PayloadSchema", *paths: str, **options: Any
    ) -> None:
        super().__init__(*paths, **options)
        self.schema = schema() if isinstance(schema, type) else schema

    def read(self, value: Any, path: str, omitted_fields: OmittedFields) -> dict[str, Any]:
        return self.schema.values_of(value, f"{path}.", omitted_fields)


class ListOf(PathField):
    """A list of texts, objects or other fields; odd items are left out one by one.

    An object with numbers for names is PHP's list; a single text or number is a list of one.
    """

    reason = "not_a_list"

    def __init__(self, item: PathField, *paths: str, **options: Any) -> None:
        super().__init__(*paths, **options)
        if type(item).read is PathField.read:
            raise TypeError(f"{type(item).__name__} finds several values: an item of a list is one")
        self.item = item

    def read(self, value: Any, path: str, omitted_fields: OmittedFields) -> list[Any]:
        if isinstance(value, dict) and value and all(key.isdecimal() for key in value):
            value = list(value.values())
        is_scalar = isinstance(value, str | int | float | Decimal) and not isinstance(value, bool)
        if is_scalar and not isinstance(self.item, Object):
            value = [value]
        if not isinstance(value, list):
            raise ValidationError("expected a list")
        items = []
        for i, item in enumerate(value):
            if item is None:
                continue
            try:
                items.append(self.item.read_checked(item, f"{path}.{i}", omitted_fields))
            except ValidationError:
                omitted_fields.name(f"{path}.{i}", self.item.reason)
        return items


class PayloadSchema(Schema):
    """A lenient schema: `load` returns a `Payload`. It may have no hooks and defaults."""

    class Meta:
        unknown = EXCLUDE

    @classmethod
    def of(cls, declared: Mapping[str, PathField]) -> "PayloadSchema":
        """A schema of fields that are made by code."""
        return cast("PayloadSchema", cls.from_dict(dict[str, _Field](declared))())

    def load(self, data: Any, **_: Any) -> Any:
        """The `Payload` of a JSON value.

        Raises:
            ValidationError: it is no object, or a required field is missing or odd; with the
                messages of all such fields.
        """
        omitted_fields = OmittedFields()
        return Payload(self.values_of(data, "", omitted_fields), omitted_fields)

    def values_of(self, data: Any, prefix: str, omitted_fields: OmittedFields) -> dict[str, Any]:
        """The values of the declared fields; `prefix` is this object's path, with a dot behind.

        Raises:
            ValidationError: as `load`.
        """
        if not isinstance(data, dict):
            raise ValidationError({"_schema": [self.error_messages["type"]]})
        values: dict[str, Any] = {}
        errors: dict[str, Any] = {}
        for name, key, is_text, field in self._declared:
            if key:
                value = data.get(key)
                if value is None:
                    continue
                if is_text and type(value) is str:  # most values
                    values[name] = value
                    continue
            try:
                value = field.find(data, prefix, omitted_fields)
            except ValidationError as error:
                errors[field.places[0][1]] = error.messages
                continue
            if value is not None:
                values[name] = value
        if errors:
            raise ValidationError(errors)
        return values

    def shown(self, name: str, value: Any, body: Mapping[str, Any]) -> dict[str, Any]:
        """The value of a field by its name, {} where the body does not have it at all.

        A field that is a person has several.
        """
        return self._by_name[name].shown(name, value, body)

    @property
    def names(self) -> KeysView[str]:
        """The names of the values that it can find.

        Raises:
            TypeError: it has hooks, defaults, or fields of another kind.
        """
        return self._by_name.keys()

    @cached_property
    def time_names(self) -> tuple[str, ...]:
        """The names of the fields that are times."""
        return tuple(name for name, *_, field in self._declared if isinstance(field, Time))

    @cached_property
    def _declared(self) -> list[tuple[str, str, bool, PathField]]:
        """(name, the one key where it may be absent, whether it is a plain text, field) of each.

        The key is empty for fields with several paths or longer ones, and for required ones.

        Raises:
            TypeError: the schema has hooks, defaults, or fields of another kind.
        """
        declared = []
        for name, field in self.load_fields.items():
            if not isinstance(field, PathField):
                raise TypeError(f"{type(self).__name__}.{name}: expected a PathField")
            if any(self._hooks.values()) or field.load_default is not missing:
                message = "a PayloadSchema takes no hooks or defaults"
                raise TypeError(f"{type(self).__name__}: {message}")
            is_simple = type(field).find in (PathField.find, Text.find) and not field.required
            key = field.places[0][0][0] if is_simple and _is_one_key(field) else ""
            is_text = type(field) is Text and not field.validators
            declared.append((field.attribute or name, key, is_text, field))
        return declared

    @cached_property
    def _by_name(self) -> dict[str, PathField]:
        return {name: field for name, *_, field in self._declared}


def _is_one_key(field: PathField) -> bool:
    return len(field.places) == 1 and len(field.places[0][0]) == 1
