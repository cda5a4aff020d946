"""JMESPath expressions over decoded bodies, whose numbers are `Decimal`.

jmespath looks at the name of a value's class, so its functions know neither `Decimal` nor how to
keep digits. `Expression` compares and computes exactly: `` total == `129.90` ``, `sum(items[].x)`.

`primary_first(emails, primary_email_id)` is a function of ours: JMESPath cannot look for an id that
stands outside of the list.
"""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.functions import Functions, signature
from jmespath.visitor import TreeInterpreter

from relay.inbound.payload import json_body, json_bytes
from relay.processor_time import ProcessorTime

# The stubs leave out the methods that are overridden.
_BASE: Final[Any] = Functions


class _ExactFunctions(Functions):
    """jmespath's functions, for which a `Decimal` is a number."""

    def _get_allowed_pytypes(self, types: Sequence[str]) -> tuple[list[str], list[list[str]]]:
        allowed, subtypes = _BASE._get_allowed_pytypes(self, types)  # noqa: SLF001  overridden
        return _with_decimal(allowed), [_with_decimal(names) for names in subtypes]

    def _convert_to_jmespath_type(self, pyobject: str) -> str:
        known = "float" if pyobject == "Decimal" else pyobject
        name: str = _BASE._convert_to_jmespath_type(self, known)  # noqa: SLF001  overridden
        return name

    @signature({"types": ["array-number"]})
    def _func_sum(self, numbers: list[Any]) -> Any:
        return sum(map(_exact, numbers))

    @signature({"types": ["array-number"]})
    def _func_avg(self, numbers: list[Any]) -> Any:
        return sum(map(_exact, numbers)) / Decimal(len(numbers)) if numbers else None

    @signature({"types": []})
    def _func_to_string(self, value: Any) -> str:
        return value if isinstance(value, str) else json_bytes(value).decode()

    @signature({"types": []})
    def _func_to_number(self, value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, str):
            return value if type(value) in (int, float, Decimal) else None
        try:
            number = Decimal(value)
        except InvalidOperation:
            return None
        return number if number.is_finite() else float(number)

    @signature({"types": []}, {"types": []})
    def _func_primary_first(self, items: Any, primary_id: Any) -> Any:
        """The list with the object whose `id` is the given one in front; null for no list."""
        if not isinstance(items, list):
            return None
        return sorted(
            items, key=lambda item: not (isinstance(item, dict) and item.get("id") == primary_id)
        )

    @signature({"types": []})
    def _func_type(self, value: Any) -> Any:
        known = 0 if isinstance(value, Decimal) else value
        return _BASE._func_type(self, known)  # noqa: SLF001  overridden


_TIME_MAX_S: Final = 0.25
_OPTIONS: Final = jmespath.Options(custom_functions=_ExactFunctions())


class _Interpreter(TreeInterpreter):
    """Looks at the time at each step: how many there are depends on what a sender wrote."""

    def __init__(self) -> None:
        super().__init__(_OPTIONS)
        self._time = ProcessorTime(_TIME_MAX_S)

    def visit(self, node: Any, *arguments: Any, **options: Any) -> Any:
        if self._time.is_used_up:
            raise JMESPathError(f"takes more than {_TIME_MAX_S} s")
        return super().visit(node, *arguments, **options)


class Expression:
    """A compiled JMESPath expression.

    Raises:
        JMESPathError: the text is no expression.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._compiled = jmespath.compile(text)
        _make_literals_exact(self._compiled.parsed)

    def __str__(self) -> str:
        return self._text

    def search(self, value: Any) -> Any:
        """What the expression selects in a decoded body, None when it selects nothing.

        Raises:
            JMESPathError: the expression does not fit the value, as `length(number)`, or takes more
                than a quarter of a second of the processor.
        """
        try:
            return _Interpreter().visit(self._compiled.parsed, value)
        except ArithmeticError as error:
            raise JMESPathError(f"cannot compute with these numbers: {error}") from error


def _with_decimal(names: Sequence[str]) -> list[str]:
    return [*names, "Decimal"] if "float" in names else list(names)


def _exact(number: Any) -> Any:
    return Decimal(number) if isinstance(number, float) else number


def _make_literals_exact(node: Any) -> None:
    """Decode the literals of an expression anew, as bodies are: `129.9` is compared exactly."""
    if node["type"] == "literal":
        node["value"] = json_body(json_bytes(node["value"]))
    for child in node["children"]:
        if isinstance(child, dict):
            _make_literals_exact(child)
