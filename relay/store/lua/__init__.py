"""Lua scripts, each one atomic step, and the loader and argument notation that they share.

The head of each script names its keys, its arguments with units, and what it returns.
"""

from collections.abc import Mapping
from importlib.resources import files
from typing import Any


def script(*names: str, package: str = __package__) -> str:
    """Read `<name>.lua` of each name from `package` and join the texts in this order."""
    folder = files(package)
    return "\n".join(folder.joinpath(f"{name}.lua").read_text("utf-8") for name in names)


def flat_pairs(fields: Mapping[str, Any]) -> list[Any]:
    """Names and values in turn, as HSET takes them."""
    return [part for pair in fields.items() for part in pair]


def counted_pairs(fields: Mapping[str, Any]) -> list[Any]:
    """`flat_pairs` after its length, for scripts that take several groups of fields."""
    return [2 * len(fields), *flat_pairs(fields)]
