"""The Jinja2 sandbox of all templates: exact numbers, no errors for what is missing.

Numbers with a fraction come as `Decimal` from the bodies. Templates calculate with them as with
any number (`{{ total * 1.12 }}`), and write them with the digits they were sent with.

Rendering is bounded in time and output (`relay/mapping/sandbox.py`), and nothing is computed while
a template is compiled.

Two filters make a value fit for a note: `{{ subject | brief(45) }}` is one line of at most 45
characters, `{{ link | brief_url(70) }}` an address that gives up its query before its path.
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from jinja2 import ChainableUndefined, Template

from relay.mapping.plain_text import is_one_line, without_controls, without_html
from relay.mapping.sandbox import (
    DIGITS_MAX,
    TEXT_MAX,
    TIME_MAX_S,
    InTime,
    Sandbox,
    TooCostly,
    Variables,
    limit,
)


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
for _method in ("__lt__", "__le__", "__gt__", "__ge__"):
    setattr(_Number, _method, _exact_operator(_method))


def _written(value: Any) -> Any:
    """What `{{ value }}` writes: nothing for None, and never 1E-7 for a small number.

    One that would take a thousand zeros stays as it is.
    """
    if type(value) is str:  # most
        return value
    if value is None:
        return ""
    is_exact = isinstance(value, Decimal) and abs(value.adjusted()) <= DIGITS_MAX
    return f"{value:f}" if is_exact else value


_ENVIRONMENT: Final = Sandbox(
    undefined=ChainableUndefined,
    finalize=_written,
    autoescape=False,  # the output is JSON text, never HTML
    optimized=False,  # else it computes what is constant while it compiles
)
limit(_ENVIRONMENT)

# What a list shows at most.
_PARTS_MAX: Final = 5
# What form tools put in the place of a question that has no words: a field's number or name.
_NO_LABEL: Final = re.compile(
    r"(?:no[ _]label[ _]?)?(?:(?:(?:field|input|question|q|entry|campo)[ _.-]?)?\d[\d_.-]*)?",
    re.IGNORECASE,
)
_QUOTED: Final = re.compile(r"^([«\"\u201c'])([^«»\"\u201c\u201d']+)[»\"\u201d']$")
_CLOSING: Final = tuple("»\"\u201d'")
_INVISIBLE: Final = re.compile(r"[\s\x00-\x1f\x7f\u200b-\u200f\u2028-\u202e\u2060\ufeff]+")


def brief(value: Any, length: int) -> str:
    """A value as one line of at most `length` characters, "" when it says nothing.

    Of an object it is the name or title, else what is in it (`city Cuenca, units 50`).
    """
    line = without_html(_line(value))
    if not is_one_line(line):
        line = _INVISIBLE.sub(" ", line)
    line = line.strip().rstrip(".,;:")
    if line[-1:] in _CLOSING:
        line = _QUOTED.sub(r"\2", line)  # a note has its own
    if len(line) <= length:
        return line
    words = line[:length].rpartition(" ")[0]
    return (words if len(words) > length // 2 else line[: length - 1]).rstrip(" .,;:") + "…"


def _line(value: Any) -> str:
    if isinstance(value, dict):
        name = value.get("name") or value.get("label") or value.get("title") or ""
        if "value" in value or "answer" in value:
            value = {name: value.get("value") or value.get("answer")}
        elif name and isinstance(name, str):
            return name
        value = [_answer(str(k), line) for k, part in value.items() if (line := _line(part))]
    if isinstance(value, list | tuple):
        lines = [line for part in value[:_PARTS_MAX] if (line := _line(part))]
        return ", ".join(lines)
    if value is None or isinstance(value, bool | ChainableUndefined):
        return ""
    return str(_written(value))


def _answer(label: str, line: str) -> str:
    """An answer behind its question, where that is one: form tools put numbers of fields there."""
    return line if _NO_LABEL.fullmatch(label.strip()) else f"{label} {line}"


def brief_url(value: Any, length: int) -> str:
    """An address of at most `length` characters: without its query, else cut, where too long."""
    url = value.strip() if isinstance(value, str) else ""
    return brief(url if len(url) <= length else re.split(r"[?#]", url)[0], length)


_ENVIRONMENT.filters["brief"] = brief
_ENVIRONMENT.filters["brief_url"] = brief_url


@lru_cache(maxsize=1024)
def compiled(text: str) -> Template:
    """A template; compiling takes a millisecond, and destinations share most of their texts.

    Raises:
        TemplateSyntaxError: with the line.
    """
    return _ENVIRONMENT.from_string(text)


@lru_cache(maxsize=256)
def condition(text: str) -> Callable[[Mapping[str, Any]], bool]:
    """An expression over the variables of templates, such as `total > 100 and body.vip`.

    Raises:
        TemplateSyntaxError: with the line.
    """
    expression = _ENVIRONMENT.compile_expression(text)

    def is_met(context: Mapping[str, Any]) -> bool:
        with InTime(TIME_MAX_S):
            return bool(expression(context))

    return is_met


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


def render(template: Template, context: dict[str, Any]) -> str:
    """Render a template, without control characters and white space at both ends.

    Raises:
        TooCostly: it takes more than a quarter of a second of the processor, or makes over
            100,000 characters.
    """
    parts: list[str] = []
    size = 0
    variables = Variables(_ENVIRONMENT, context, template.name, template.blocks)
    with InTime(TIME_MAX_S):
        for part in template.root_render_func(variables):
            size += len(part)
            if size > TEXT_MAX:
                raise TooCostly("text")
            parts.append(part)
    return without_controls("".join(parts)).strip()
