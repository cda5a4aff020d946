"""JMESPath expressions over decoded bodies, whose numbers are `Decimal`.

jmespath looks at the name of a value's class, so its functions know neither `Decimal` nor how to
keep digits. `Expression` compares and computes exactly: `` total == `129.90` ``, `sum(items[].x)`.

`FirstUsable` is a list of them for one value. Errors quote values: `fault_text` does not.

`primary_first(emails, primary_email_id)` is a function of ours: JMESPath cannot look for an id that
stands outside of the list.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import jmespath
from jmespath.exceptions import JMESPathError, JMESPathTypeError
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


_FUNCTIONS: Final[Mapping[str, Any]] = _ExactFunctions.FUNCTION_TABLE
_TIME_MAX_S: Final = 0.25
# What these begin with reads the value; the rest reads what that gave.
_CHAINS: Final = frozenset(
    ("subexpression", "index_expression", "projection", "value_projection", "filter_projection",
     "flatten", "pipe")
)  # fmt: skip
_OPTIONS: Final = jmespath.Options(custom_functions=_ExactFunctions())


class TooSlow(JMESPathError):
    """An expression takes longer than one may."""


class _Interpreter(TreeInterpreter):
    """Looks at the time at each step: how many there are depends on what a sender wrote."""

    def __init__(self) -> None:
        super().__init__(_OPTIONS)
        self._time = ProcessorTime(_TIME_MAX_S)

    def visit(self, node: Any, *arguments: Any, **options: Any) -> Any:
        if self._time.used_up():
            raise TooSlow(f"takes more than {_TIME_MAX_S} s")
        return super().visit(node, *arguments, **options)


class Expression:
    """A compiled JMESPath expression.

    Raises:
        JMESPathError: the text is no expression, or calls a function that there is not.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._compiled = jmespath.compile(text)
        _require_functions(self._compiled.parsed)
        _make_literals_exact(self._compiled.parsed)

    def __str__(self) -> str:
        return self._text

    def names(self) -> set[tuple[str, ...]]:
        """The names, one below the other, by which the expression begins to read a value.

        Of `event.items[0].x > body.y` these are `("event", "items")` and `("body", "y")`.
        """
        return set(_names(self._compiled.parsed))

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

    def attempts(self, value: Any) -> Iterator["Attempt"]:
        yield attempt(self, value, is_something)


def is_something(value: Any) -> bool:
    """Whether an expression has given anything: `false` is something."""
    return value not in (None, "", [], {})


@dataclass(frozen=True, slots=True)
class Attempt:
    """What one expression gave, or why it does not fit the value."""

    expression: str
    value: Any = None
    error: JMESPathError | None = None
    is_usable: bool = False


def attempt(expression: Expression, value: Any, is_usable: Callable[[Any], bool]) -> Attempt:
    try:
        found = expression.search(value)
    except JMESPathError as error:
        return Attempt(str(expression), error=error)
    return Attempt(str(expression), found, is_usable=is_usable(found))


@dataclass(frozen=True, slots=True)
class FirstUsable:
    """Several expressions for one value, of which the first counts that gives a usable one."""

    expressions: tuple[Expression, ...]
    is_usable: Callable[[Any], bool] = is_something

    def search(self, value: Any) -> Any:
        """As `Expression.search`; where nothing is usable, the first that is there at all.

        Raises:
            JMESPathError: nothing is there, and an expression does not fit the value.
            TooSlow: at once, since each may take as long.
        """
        failed = None
        rest = None
        for each in self.attempts(value):
            if each.is_usable:
                return each.value
            if isinstance(each.error, TooSlow):
                raise each.error
            failed = failed or each.error
            rest = each.value if rest is None and is_something(each.value) else rest
        if rest is None and failed is not None:
            raise failed
        return rest

    def attempts(self, value: Any) -> Iterator[Attempt]:
        """What each gives, in order, made one by one."""
        return (attempt(each, value, self.is_usable) for each in self.expressions)


Selector = Expression | FirstUsable


def fault_text(error: JMESPathError) -> str:
    """Why an expression does not fit a value, which is not quoted."""
    if isinstance(error, JMESPathTypeError):
        return f"{error.function_name}() takes no {error.actual_type}"
    return str(error)


def _with_decimal(names: Sequence[str]) -> list[str]:
    return [*names, "Decimal"] if "float" in names else list(names)


def _exact(number: Any) -> Any:
    return Decimal(number) if isinstance(number, float) else number


def _names(node: Any) -> Iterator[tuple[str, ...]]:
    kind, children = node["type"], node["children"]
    is_chain = kind == "field" or kind in _CHAINS
    path = _path(node)[0] if is_chain else ()
    if path:
        yield path
    elif kind != "expref":
        for child in children[:1] if is_chain else children:
            yield from _names(child)


def _path(node: Any) -> tuple[tuple[str, ...], bool]:
    """The names that a node begins with, and whether these are all of it."""
    kind, children = node["type"], node["children"]
    if kind == "field":
        return (node["value"],), True
    if kind != "subexpression":
        return (_path(children[0])[0] if kind in _CHAINS else ()), False
    path: tuple[str, ...] = ()
    for child in children:
        names, is_whole = _path(child)
        path += names
        if not is_whole:
            return path, False
    return path, True


def _require_functions(node: Any) -> None:
    """Raises JMESPathError: jmespath itself finds out only when it is called."""
    if node["type"] == "function_expression":
        name, found = node["value"], len(node["children"])
        known = _FUNCTIONS.get(name)
        if known is None:
            raise JMESPathError(f"there is no function {name}()")
        expected = len(known["signature"])
        is_variadic = bool(expected and known["signature"][-1].get("variadic"))
        if found < expected or (found > expected and not is_variadic):
            raise JMESPathError(f"{name}() takes {expected} values, found {found}")
    for child in node["children"]:
        if isinstance(child, dict):
            _require_functions(child)


def _make_literals_exact(node: Any) -> None:
    """Decode the literals of an expression anew, as bodies are: `129.9` is compared exactly."""
    if node["type"] == "literal":
        node["value"] = json_body(json_bytes(node["value"]))
    for child in node["children"]:
        if isinstance(child, dict):
            _make_literals_exact(child)
