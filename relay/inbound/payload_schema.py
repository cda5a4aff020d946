"""Marshmallow schemas for platform bodies: fields we use are checked, unknown ones are ignored.

Fast path: if every declared field has the expected JSON type, `load` returns the values without
running marshmallow (about three times as fast). Any deviation falls back to `Schema.load`, which
produces the error messages.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Any, Final, Literal

from marshmallow import EXCLUDE, Schema, ValidationError, fields, missing

_Kind = Literal["text", "anything", "object", "other"]
_Field = fields.Field[Any]
_FALLBACK: Final = ValidationError("not on the fast path")


class Text(fields.String):
    """A string or null."""

    def __init__(self) -> None:
        super().__init__(allow_none=True)


class PayloadSchema(Schema):
    class Meta:
        unknown = EXCLUDE

    def load(self, data: Any, **options: Any) -> Any:
        """As `Schema.load`, by the fast path where it applies.

        Raises:
            ValidationError: from marshmallow.
        """
        if self._fast_fields is not None and not any(options.values()):
            try:
                return self._fast_load(data)
            except ValidationError:  # marshmallow collects the messages of all fields
                pass
        return super().load(data, **options)

    def _fast_load(self, data: Any) -> dict[str, Any]:  # noqa: C901  a function call per kind would cost more than the check
        if type(data) is not dict:
            raise _FALLBACK
        values = {}
        for name, kind, load, field in self._fast_fields or ():
            value = data.get(name, missing)
            if value is missing:
                if field.required:
                    raise _FALLBACK
                continue
            if value is None:
                if not field.allow_none:
                    raise _FALLBACK
            elif kind == "text":
                if type(value) is not str:
                    raise _FALLBACK
            elif kind == "object":
                value = load(value)
            elif kind == "other":
                value = load(value, name, data)
            values[name] = value
        return values

    @cached_property
    def _fast_fields(self) -> list[tuple[str, _Kind, Callable[..., Any], _Field]] | None:
        """(name, kind, load function, field) per field; None if the schema needs marshmallow
        (hooks, defaults, renamed fields, `many`).
        """
        plain = all(
            field.load_default is missing and not field.data_key and not field.attribute
            for field in self.load_fields.values()
        )
        if self.many or any(self._hooks.values()) or not plain:
            return None
        return [(name, *_fast_loader(field), field) for name, field in self.load_fields.items()]


def _fast_loader(field: _Field) -> tuple[_Kind, Callable[..., Any]]:
    if not field.validators:
        if type(field) is Text:
            return "text", field.deserialize
        if type(field) is fields.Raw:
            return "anything", field.deserialize
        if type(field) is fields.Nested and field.unknown is None:
            schema = field.schema
            if isinstance(schema, PayloadSchema) and schema._fast_fields is not None:  # noqa: SLF001  our own
                return "object", schema._fast_load  # noqa: SLF001  same
    return "other", field.deserialize
