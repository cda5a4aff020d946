"""The fields of options that are JMESPath expressions, compiled when relay.toml is loaded."""

from typing import Any

from jmespath.exceptions import JMESPathError
from marshmallow import ValidationError, fields

from relay.inbound.expression import Expression


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


class JMESPathField(fields.Field[Expression]):
    """A JMESPath expression."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Expression:
        return compiled(value)
