"""The fields of options that are JMESPath expressions, compiled when relay.toml is loaded."""

from collections.abc import Callable
from typing import Any, Final

from jmespath.exceptions import JMESPathError
from marshmallow import ValidationError, fields

from relay.inbound.expression import Expression, FirstUsable, Selector, is_something

_LIST_MAX: Final = 10


def compiled(text: Any) -> Expression:
    """The expression in a text.

    Raises:
        ValidationError: it is no text, or no expression.
    """
    if not isinstance(text, str):
        raise ValidationError("expected a JMESPath expression")
    try:
        return Expression(text)
    except JMESPathError as error:
        raise ValidationError(f"expected a JMESPath expression: {error}") from error


class SelectorField(fields.Field[Selector]):
    """A JMESPath expression, or a list of them, of which the first counts whose value is usable."""

    def __init__(self, is_usable: Callable[[Any], bool] = is_something, **options: Any) -> None:
        super().__init__(**options)
        self._is_usable = is_usable

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Selector:
        if not isinstance(value, list):
            return compiled(value)
        if not 1 <= len(value) <= _LIST_MAX:
            raise ValidationError(f"expected 1 to {_LIST_MAX} JMESPath expressions")
        return FirstUsable(tuple(compiled(text) for text in value), self._is_usable)
