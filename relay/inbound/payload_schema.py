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

from collections.abc import Iterable, KeysView, Mapping
from decimal import Decimal
from functools import cached_property
from typing import Any, Final, cast

from marshmallow import EXCLUDE, Schema, ValidationError, fields, missing

from relay.errors import Unreadable
from relay.inbound.payload_fields import (
    ByType,
    OmittedFields,
    Path,
    PathField,
    Text,
    Time,
    value_at,
)
from relay.value import value

_Field = fields.Field[Any]
# Names that senders give to an e-mail or a phone in an object of its own, in small letters.
EMAIL_NAMES: Final = ("email", "address", "email_address", "emailaddress", "mail", "value")
PHONE_NAMES: Final = ("phone", "number", "phone_number", "phonenumber", "e164", "value")
_SCALARS: Final = (str, int, float, Decimal)
# Of a field: name, first path, also as a key where it is one, whether that is its only one, whether
# it takes any text, its `by_type`, and itself.
_Row = tuple[str, str, Path, bool, bool, ByType, PathField]


@value(frozen=True, slots=True)
class Payload:
    """The values of a body, and the path of each field that was left out with a reason code.

    A path has the sender's names, with numbers for items of lists: `line_items.0.price`.
    """

    data: dict[str, Any]
    omitted_fields: dict[str, str]


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
        read = self.item.read_checked
        items = []
        for i, item in enumerate(value if type(value) is list else self._listed(value)):
            if item is None:
                continue
            try:
                items.append(read(item, f"{path}.{i}", omitted_fields))
            except ValidationError:
                omitted_fields.name(f"{path}.{i}", self.item.reason)
        return items

    def _listed(self, value: Any) -> list[Any]:
        """The list that a value stands for."""
        if isinstance(value, dict) and value and all(key.isdecimal() for key in value):
            return list(value.values())
        is_scalar = isinstance(value, _SCALARS) and not isinstance(value, bool)
        if is_scalar and not isinstance(self.item, Object):
            return [value]
        raise ValidationError("expected a list")


class References(ListOf):
    """E-mails or phones: texts, or objects with one under one of `names`, alone or in a list."""

    def __init__(self, names: tuple[str, ...], *paths: str, **options: Any) -> None:
        super().__init__(_Reference(names), *paths, **options)

    def read(self, value: Any, path: str, omitted_fields: OmittedFields) -> list[Any]:
        if isinstance(value, dict) and not all(key.isdecimal() for key in value):
            value = [value]
        elif isinstance(value, list) and any(isinstance(item, list) for item in value):
            value = [part for one in value for part in (one if isinstance(one, list) else [one])]
        return super().read(value, path, omitted_fields)


class JoinedReferences(References):
    """All texts of such a list as one, each once: `gift_card + visa`. Names in small letters."""

    def read(self, value: Any, path: str, omitted_fields: OmittedFields) -> Any:
        texts = [text.strip() for text in super().read(value, path, omitted_fields)]
        return " + ".join(dict.fromkeys(filter(None, texts))) or None


class _Reference(Text):
    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__()
        self._names = names

    def read(self, value: Any, path: str, omitted_fields: OmittedFields) -> str:
        if isinstance(value, dict):
            small = {name.lower(): part for name, part in value.items()}
            parts = (small.get(name) for name in self._names)
            value = next((part for part in parts if part not in (None, "", False)), None)
        return super().read(value, path, omitted_fields)


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
        for name, key, path, is_only, is_text, by_type, field in self._declared:
            if path:
                value = data.get(key) if key else value_at(data, path, prefix, omitted_fields)
                if is_text and type(value) is str and (value or is_only):  # most values
                    values[name] = value
                    continue
                if value is None and is_only:
                    continue
                make = by_type.get(type(value))
                if make and (made := make(value)) is not None:
                    values[name] = made
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

    def shown(
        self, names: Iterable[str], values: Mapping[str, Any], body: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The values of fields by their names, without those that the body does not have at all.

        A field that is a person has several.
        """
        shown: dict[str, Any] = {}
        for name in names:
            self._by_name[name].show(shown, name, values.get(name), body)
        return shown

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
    def _declared(self) -> list[_Row]:
        """A row for each field; the path is empty where only `find` may look.

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
            path = field.places[0][0] if field.is_at_paths and not field.required else ()
            is_only, is_text = len(field.places) == 1, field.takes_any_text
            if len(path) > 1 and not is_only:  # `find` would walk it once more
                path = ()
            key = path[0] if len(path) == 1 else ""
            by_type = PathField.by_type if field.validators else field.by_type
            own_name = field.attribute or name
            declared.append((own_name, key, path, is_only, is_text, by_type, field))
        return declared

    @cached_property
    def _by_name(self) -> dict[str, PathField]:
        return {name: field for name, *_, field in self._declared}


def validate(schema: PayloadSchema, value: Any) -> Payload:
    """Load a JSON value with a schema.

    Raises:
        Unreadable: it is no object, or a required field is missing or odd; with the schema's
            messages by field.
    """
    if not isinstance(value, dict):
        raise Unreadable({"body": "expected a JSON object"})
    try:
        payload: Payload = schema.load(value)
    except ValidationError as error:
        raise Unreadable(error.messages_dict) from error
    return payload
