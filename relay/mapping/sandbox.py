"""The sandbox that templates run in, bounded in time and output.

Whatever loops looks at the time, and what could make a long text of a short one is refused before
it is made: which of them a template comes upon may depend on what a sender wrote.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from decimal import Decimal
from typing import Any, Final

from jinja2 import filters, nodes
from jinja2.nodes import EvalContext
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing, pass_eval_context

from relay.processor_time import ProcessorTime

TIME_MAX_S: Final = 0.25
TEXT_MAX: Final = 100_000
_POWER_MAX: Final = 100
_BITS_MAX: Final = 100_000
DIGITS_MAX: Final = 1_000
_INDENT_MAX: Final = 8
_TIME: Final[ContextVar[ProcessorTime | None]] = ContextVar("time", default=None)
_WIDENING: Final = frozenset(
    ("center", "expandtabs", "format", "format_map", "ljust", "rjust", "translate", "zfill")
)
_WIDTH: Final = re.compile(r"%[^%a-zA-Z]*(\d{3}|\*)")


class TooCostly(Exception):
    """A template takes too long, or makes too much."""


class Variables(Context):
    """Those of one rendering, read from the mapping that it was given and then from the globals.

    Jinja copies both for each template, which takes longer than most templates do.
    """

    def resolve_or_missing(self, key: str) -> Any:
        if key in self.vars:
            return self.vars[key]
        if key in self.parent:
            return self.parent[key]
        return self.environment.globals.get(key, missing)


class Sandbox(ImmutableSandboxedEnvironment):
    """Looks at the time whenever a template reads, calls, computes or loops."""

    context_class = Variables
    intercepted_binops = frozenset(("+", "*", "**", "%"))

    def getattr(self, obj: Any, attribute: str) -> Any:
        _check_time()
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        _check_time()
        return super().getitem(obj, argument)

    def call(self, context: Any, function: Any, /, *arguments: Any, **options: Any) -> Any:
        _check_time()
        if isinstance(text := getattr(function, "__self__", None), str):
            if function.__name__ == "join":
                arguments = tuple([list(_each_in_time(each)) for each in arguments])
            _require_short(function.__name__, text, arguments)
        return super().call(context, function, *arguments, **options)

    def call_filter(self, *arguments: Any, **options: Any) -> Any:
        """A filter or test for each item of a list, as in `map`."""
        _check_time()
        return super().call_filter(*arguments, **options)

    def call_test(self, *arguments: Any, **options: Any) -> Any:
        _check_time()
        return super().call_test(*arguments, **options)

    def _parse(self, *arguments: Any) -> nodes.Template:
        """Has loops look at the time at each item, and `~` at the length of the text."""
        template = super()._parse(*arguments)
        for loop in template.find_all(nodes.For):
            loop.iter = _filtered(loop.iter, "_in_time")
        for holder in template.find_all(nodes.Node):
            for name, value in holder.iter_fields():
                if isinstance(value, nodes.Concat):
                    setattr(holder, name, _joined(value))
                elif isinstance(value, list):
                    value[:] = [_joined(v) if isinstance(v, nodes.Concat) else v for v in value]
        return template

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        is_widening = isinstance(obj, str) and attr in _WIDENING
        return not is_widening and super().is_safe_attribute(obj, attr, value)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        _check_time()
        if _is_costly(operator, left, right):
            raise TooCostly(operator)
        return super().call_binop(context, operator, left, right)


def _check_time() -> None:
    if (left := _TIME.get()) and left.used_up():
        raise TooCostly("time")


def _filtered(node: nodes.Node, name: str) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)


def _joined(node: nodes.Concat) -> nodes.Filter:
    return _filtered(nodes.List(node.nodes, lineno=node.lineno), "join")


def _each_in_time(items: Iterable[Any]) -> Iterator[Any]:
    for item in items:
        _check_time()
        yield item


def _is_costly(operator: str, left: Any, right: Any) -> bool:
    if operator == "+":
        parts = (left, right)
        return all(isinstance(each, str | list | tuple) for each in parts) and (
            sum(map(len, parts)) > TEXT_MAX
        )
    if operator == "**":
        return isinstance(right, int | float | Decimal) and not -_POWER_MAX < right < _POWER_MAX
    if operator == "%":
        return isinstance(left, str) and _WIDTH.search(left) is not None
    for many, times in ((left, right), (right, left)):
        if isinstance(many, str | bytes | list | tuple) and isinstance(times, int):
            return len(many) * times > TEXT_MAX
    return any(isinstance(each, int) and each.bit_length() > _BITS_MAX for each in (left, right))


def _require_short(name: str, text: str, arguments: tuple[Any, ...]) -> None:
    """Refuse a text's `replace` or `join` that makes a long one."""
    size = 0
    if name == "replace" and all(isinstance(each, str) for each in arguments[:2]):
        size = _replaced_size(text, *arguments[:2])
    elif name == "join" and arguments and isinstance(arguments[0], list | tuple):
        size = _joined_size(text, arguments[0])
    if size > TEXT_MAX:
        raise TooCostly(name)


def _replaced_size(text: str, old: str, new: str) -> int:
    return len(text) + text.count(old) * max(len(new) - len(old), 0)


def _joined_size(separator: str, parts: list[Any] | tuple[Any, ...]) -> int:
    return len(separator) * len(parts) + sum(len(each) for each in parts if isinstance(each, str))


def _formatted(value: str, *args: Any, **kwargs: Any) -> str:
    if _WIDTH.search(value):
        raise TooCostly("%")
    return filters.do_format(value, *args, **kwargs)


@pass_eval_context
def _replaced(
    context: EvalContext, value: Any, old: str, new: str, count: int | None = None
) -> str:
    _require_short("replace", str(value), (str(old), str(new)))
    return filters.do_replace(context, value, old, new, count)


@pass_eval_context
def _joined_up(
    context: EvalContext, value: Iterable[Any], d: str = "", attribute: str | int | None = None
) -> str:
    parts = list(_each_in_time(value))
    _require_short("join", str(d), (parts,))
    return filters.sync_do_join(context, parts, d, attribute)


@pass_eval_context
def _as_json(context: EvalContext, value: Any, indent: int | None = None) -> str:
    if indent and indent > _INDENT_MAX:
        raise TooCostly("indent")
    return filters.do_tojson(context, value, indent)


def _rounded(value: Any, precision: int = 0, method: Any = "common") -> Any:
    if abs(precision) > _POWER_MAX:
        raise TooCostly("round")
    return filters.do_round(value, precision, method)


def _whole(value: Any, default: int = 0, base: int = 10) -> int:
    if isinstance(value, Decimal) and value.is_finite() and value.adjusted() > DIGITS_MAX:
        raise TooCostly("int")
    return filters.do_int(value, default, base)


FILTERS: Final[dict[str, Callable[..., Any]]] = {
    "_in_time": _each_in_time,
    "format": _formatted,
    "int": _whole,
    "join": _joined_up,
    "replace": _replaced,
    "round": _rounded,
    "tojson": _as_json,
}
# For pages, or of no use in a line of text.
_FILTERS_LEFT_OUT: Final = ("batch", "center", "indent", "slice", "urlize", "wordwrap", "xmlattr")
_GLOBALS_LEFT_OUT: Final = ("lipsum", "cycler", "joiner", "namespace")


def limit(environment: Sandbox) -> None:
    """Put the limits on the environment's filters and globals."""
    for name in _GLOBALS_LEFT_OUT:
        del environment.globals[name]
    for name in _FILTERS_LEFT_OUT:
        del environment.filters[name]
    environment.filters |= FILTERS


class InTime(ProcessorTime):
    """The time of a template, which is over where its block ends."""

    __slots__ = ("_before",)

    def __enter__(self) -> None:
        self._before = _TIME.set(self)

    def __exit__(self, *_: object) -> None:
        _TIME.reset(self._before)
