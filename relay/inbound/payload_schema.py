"""Schemas for what platforms send: strict in what we use, blind to the rest.

An order has a hundred fields, and nearly all that a schema names are texts, null or objects of
such, as they should be. That is seen at a glance; whatever else comes, marshmallow reads.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Any, Final, Literal

from marshmallow import EXCLUDE, Schema, ValidationError, fields, missing

_Takes = Literal["text", "anything", "object", "other"]
_Field = fields.Field[Any]
_FALLBACK: Final = ValidationError("to be read field by field")


class Text(fields.String):
    """A text or null, which most of what platforms send is."""

    def __init__(self) -> None:
        super().__init__(allow_none=True)


class PayloadSchema(Schema):
    class Meta:
        unknown = EXCLUDE

    def load(self, data: Any, **options: Any) -> Any:
        """What marshmallow makes of it, and most often without asking it.

        Raises:
            ValidationError: marshmallow's.
        """
        if self._fast_fields is not None and not any(options.values()):
            try:
                return self._fast_load(data)
            except ValidationError:  # what is wrong, and all of it, is marshmallow's to say
                pass
        return super().load(data, **options)

    def _fast_load(self, data: Any) -> dict[str, Any]:  # noqa: C901  a call a kind costs more than the look
        if type(data) is not dict:
            raise _FALLBACK
        found = {}
        for name, takes, read, field in self._fast_fields or ():
            value = data.get(name, missing)
            if value is missing:
                if field.required:
                    raise _FALLBACK
                continue
            if value is None:
                if not field.allow_none:
                    raise _FALLBACK
            elif takes == "text":
                if type(value) is not str:
                    raise _FALLBACK
            elif takes == "object":
                value = read(value)
            elif takes == "other":
                value = read(value, name, data)
            found[name] = value
        return found

    @cached_property
    def _fast_fields(self) -> list[tuple[str, _Takes, Callable[..., Any], _Field]] | None:
        """Each field and how to read it; None for a schema that asks for more than this can do."""
        fields_of = self.load_fields.items()
        plain = all(
            field.load_default is missing and not field.data_key and not field.attribute
            for _, field in fields_of
        )
        if self.many or any(self._hooks.values()) or not plain:
            return None
        return [(name, *_fast_reader(field), field) for name, field in fields_of]


def _fast_reader(field: _Field) -> tuple[_Takes, Callable[..., Any]]:
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
