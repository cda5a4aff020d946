"""The leaves of a payload schema: every path that it reads in a body, and what makes sense there.

An odd value may then be put at each. It knows all fields of `relay/inbound/payload_schema.py` and
`composite_fields.py`.
"""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from relay.inbound.composite_fields import (
    Amount,
    Documents,
    Emails,
    FirstOf,
    Items,
    JoinedText,
    Person,
    Texts,
)
from relay.inbound.payload_fields import Flag, Id, Number, PathField, Text, Time
from relay.inbound.payload_schema import JoinedReferences, ListOf, Object, PayloadSchema, References

PHP_DATE = {"date": "2026-11-20 15:00:00.000000", "timezone_type": 3, "timezone": "UTC"}
ODD = {
    "empty_list": [],
    "empty_object": {},
    "false": False,
    "true": True,
    "empty_text": "",
    "text": "n/a",
    "number": 5,
    "fraction": -1.5,
    "not_a_number": float("nan"),
    "php_date": PHP_DATE,
    "list": [{"x": [1]}],
    "object": {"x": [1]},
}
OBJECTS = {"empty_object", "php_date", "object"}
# Of these, what makes sense to a field.
TAKES: Mapping[type, set[str]] = {
    Text: {"empty_text", "text", "number", "fraction"},
    Emails: {"empty_text", "text", "number", "fraction"},
    Id: {"text", "number"},
    Number: {"number", "fraction"},
    Time: {"empty_text", "text", "number", "fraction", "php_date"},
    Flag: {"false", "true"},
    Amount: {"empty_text", "number", "fraction"},
    Object: OBJECTS,
    Person: OBJECTS,
    ListOf: {"empty_list", "empty_text", "text", "number", "fraction"},
    References: {"empty_list", "empty_text", "text", "number", "fraction"},
    JoinedReferences: {"empty_list", "empty_text", "text", "number", "fraction"},
    Items: {"empty_list", "list"},
    Documents: set(ODD),  # anything may stand among the notes of an order
}


@dataclass(frozen=True)
class Leaf:
    """A path that is read, and which odd values make sense there.

    `before` are paths that are read first; this one counts when they are null. `beside` are values
    without which it is not read.
    """

    path: str
    takes: set[str]
    before: tuple[str, ...] = ()
    beside: Mapping[str, Any] = ()  # type: ignore[assignment]


def leaves_of(schema: PayloadSchema, prefix: str = "") -> Iterator[Leaf]:
    """The leaves of all fields but those that are the key."""
    key = {path for field in schema.load_fields.values() if field.required for path in _own(field)}
    for field in schema.load_fields.values():
        for leaf in _leaves(field, prefix, ()):
            if leaf.path.removeprefix(prefix) not in key:
                yield leaf


def _leaves(field: PathField, prefix: str, before: tuple[str, ...]) -> Iterator[Leaf]:
    match field:
        case Person() if not field.paths:
            yield from leaves_of(field._schema, prefix)
        case Texts():
            for each in field._fields:
                yield from _leaves(each, prefix, before)
        case JoinedText():
            for parts in field._fields:
                for part in parts:
                    yield from _leaves(part, prefix, before)
                before += tuple(prefix + path for part in parts for path in _own(part))
        case FirstOf():
            for choice in field._choices:
                yield from _leaves(choice, prefix, before)
                before += tuple(prefix + path for path in _own(choice))
        case _:
            yield from _leaves_of_paths(field, prefix, before)


def _leaves_of_paths(field: PathField, prefix: str, before: tuple[str, ...]) -> Iterator[Leaf]:
    paths = _own(field)
    for path in paths:
        whole = prefix + path
        yield from _ways(path, prefix, before, is_named=not isinstance(field, Documents))
        skipped = {"empty_text"} if len(paths) > 1 else set()
        yield Leaf(whole, _takes(field) | skipped, before)
        yield from _inner(field, whole)
        before += (whole,)
    if isinstance(field, Documents) and field._country:
        for leaf in _leaves(field._country, prefix, ()):
            yield replace(leaf, takes=set(ODD))
    if isinstance(field, Amount) and field._currency:
        amount = {f"{prefix}{paths[0]}": "1.00"}
        for leaf in _leaves(field._currency, prefix, ()):
            yield replace(leaf, beside=amount)


def _ways(path: str, prefix: str, before: tuple[str, ...], *, is_named: bool) -> Iterator[Leaf]:
    """The objects and lists on the way to a path."""
    keys = path.split(".")
    for depth in range(1, len(keys)):
        lists = {"empty_list", "list"} if keys[depth].isdecimal() else set()
        takes = OBJECTS | lists | {"empty_text"} if is_named else set(ODD)
        yield Leaf(prefix + ".".join(keys[:depth]), takes, before)


def _inner(field: PathField, path: str) -> Iterator[Leaf]:
    """The leaves in an object, or in the first item of a list."""
    match field:
        case Object():
            yield from leaves_of(field.schema, f"{path}.")
        case Person():
            yield from leaves_of(field._schema, f"{path}.")
        case Items():
            yield from _inner(field._lines, path)
        case References():
            yield Leaf(f"{path}.0", TAKES[Text] | {"empty_list"})  # a list in a list is as good
        case ListOf():
            yield Leaf(f"{path}.0", _takes(field.item))
            yield from _inner(field.item, f"{path}.0")


def _takes(field: PathField) -> set[str]:
    is_of_objects = isinstance(field, ListOf) and isinstance(field.item, Object)
    return TAKES[Items if is_of_objects else type(field)]


def _own(field: PathField) -> list[str]:
    return [".".join(path) for path in field.paths] or [field.data_key or field.name]


def with_value(body: Any, path: str, value: Any) -> Any:
    """The body with a value at a path; what is missing on the way there is made."""
    key, _, rest = path.partition(".")
    if key.isdecimal():
        items = list(body) if isinstance(body, list) and body else [None]
        items[int(key)] = with_value(items[int(key)], rest, value) if rest else value
        return items
    part = dict(body) if isinstance(body, dict) else {}
    part[key] = with_value(part.get(key), rest, value) if rest else value
    return part


def odd_bodies(
    schema: PayloadSchema, body: Any, not_tried: set[str]
) -> Iterator[tuple[Leaf, str, Any]]:
    """(leaf, name of the odd value, body with that value there) of all leaves."""
    for leaf in leaves_of(schema):
        if leaf.path in not_tried:
            continue
        base = copy.deepcopy(body)
        for path in leaf.before:
            base = with_value(base, path, None)
        for path, value in dict(leaf.beside).items():
            base = with_value(base, path, value)
        for name, value in ODD.items():
            yield leaf, name, with_value(base, leaf.path, value)
