"""The Jinja2 sandbox of all templates: exact numbers, no errors for what is missing.

Numbers with a fraction come as `Decimal` from the bodies. Templates calculate with them as with
any number (`{{ total * 1.12 }}`), and write them with the digits they were sent with.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from jinja2 import ChainableUndefined, Template
from jinja2.sandbox import ImmutableSandboxedEnvironment


class _Number(Decimal):
    """A `Decimal` that takes floats, such as the literals of a template, by their digits."""

    __hash__ = Decimal.__hash__

    def __eq__(self, other: object) -> bool:
        return Decimal.__eq__(self, _exact(other))


def _exact(value: Any) -> Any:
    return Decimal(repr(value)) if isinstance(value, float) else value


def _exact_operator(name: str) -> Callable[[Decimal, Any], Any]:
    of_decimal = getattr(Decimal, name)

    def operate(self: Decimal, other: Any) -> Any:
        result = of_decimal(self, _exact(other))
        return _Number(result) if isinstance(result, Decimal) else result

    return operate


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow"):
    for _method in (f"__{_name}__", f"__r{_name}__"):
        setattr(_Number, _method, _exact_operator(_method))


def _written(value: Any) -> Any:
    """What `{{ value }}` writes: nothing for None, and never 1E-7 for a small number."""
    if value is None:
        return ""
    return f"{value:f}" if isinstance(value, Decimal) else value


_ENVIRONMENT: Final = ImmutableSandboxedEnvironment(
    undefined=ChainableUndefined,
    finalize=_written,
    autoescape=False,  # the output is JSON text, never HTML
)


@lru_cache(maxsize=1024)
def compiled(text: str) -> Template:
    """A template; compiling takes a millisecond, and destinations share most of their texts.

    Raises:
        TemplateSyntaxError: with the line.
    """
    return _ENVIRONMENT.from_string(text)


def template_values(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a body as templates may use them."""
    return {name: v if type(v) is str else _template_value(v) for name, v in fields.items()}


def _template_value(value: Any) -> Any:
    if isinstance(value, Decimal):
        return _Number(value)
    if isinstance(value, list):
        return [_template_value(part) for part in value]
    if isinstance(value, dict):
        return {name: _template_value(part) for name, part in value.items()}
    return value


def render(template: Template, context: Mapping[str, Any]) -> str:
    """Render a template and strip white space from both ends."""
    return template.render(context).strip()
