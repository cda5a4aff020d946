"""How commands print: JSON, tables and lines in which no text of a sender controls a terminal."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import click
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from relay.cli.terminal import escaped, plain, say
from relay.inbound.expression import FirstUsable

# What a table adds to each column, and once: two spaces and a rule.
_COLUMN_PADDING: Final = 3
_TABLE_PADDING: Final = 1
_CELL_MAX: Final = 40
_AGES: Final = ((86_400, "d"), (3_600, "h"), (60, "min"))


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table. The lower its `rank`, the sooner it gets room; 0 is shown whole."""

    heading: str
    rank: int


def json_text(value: Any, *, indent: int | None = None) -> str:
    """A value as JSON, escaped for a terminal; on one line unless `indent` is given."""
    return escaped(json.dumps(value, ensure_ascii=False, indent=indent, default=_as_json))


def echo_json(value: Any, *, indent: int | None = 2) -> None:
    """Print a value as JSON: indented, or on one line when `indent` is None."""
    say(json_text(value, indent=indent))


def _as_json(value: Any) -> Any:
    """For `json.dumps`: bytes as text, mappings as objects, anything else as its text."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, FirstUsable):
        return [str(expression) for expression in value.expressions]
    return dict(value) if isinstance(value, Mapping) else str(value)


def age(seconds: float) -> str:
    """How long ago, in its largest whole unit: `5 s`, `3 min`, `2 h` or `7 d`."""
    for unit_s, name in _AGES:
        if seconds >= unit_s:
            return f"{seconds // unit_s:.0f} {name}"
    return f"{max(seconds, 0) // 1:.0f} s"


def utc_time(unix_s: float) -> str:
    """ISO 8601 in UTC, empty for 0."""
    return datetime.fromtimestamp(unix_s, UTC).isoformat() if unix_s else ""


def at_terminal() -> bool:
    """Whether a person reads along; a program may have been started without any output."""
    return sys.stdout is not None and sys.stdout.isatty()


def echo_row(cells: Sequence[str]) -> None:
    """Print one line of cells separated by tabs, `-` for an empty one."""
    click.echo("\t".join(plain(cell) or "-" for cell in cells))


def print_table(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    """Print the columns that fit into the width of the terminal."""
    cells = [
        [_cell(column, text) for column, text in zip(columns, row, strict=True)] for row in rows
    ]
    headings = [column.heading for column in columns]
    widths = [max(map(cell_len, texts)) for texts in zip(headings, *cells, strict=True)]
    shown = _columns_that_fit(columns, widths, Console().width)
    table = Table(*(columns[index].heading for index in shown))
    for row_cells in cells:
        table.add_row(*(Text(row_cells[index], no_wrap=True) for index in shown))
    # As wide as it has to be, or rich would cut the ids in a terminal narrower than these.
    Console(width=_table_width(widths, shown)).print(table)


def _cell(column: Column, text: str) -> str:
    text = plain(text) or "-"
    if column.rank and len(text) > _CELL_MAX:
        return text[: _CELL_MAX - 1] + "…"
    return text


def _columns_that_fit(columns: Sequence[Column], widths: Sequence[int], width: int) -> list[int]:
    """Indices of the columns to show: by rank, each that still fits beside those before it."""
    shown: list[int] = []
    for index in sorted(range(len(columns)), key=lambda i: columns[i].rank):
        if not columns[index].rank or _table_width(widths, [*shown, index]) <= width:
            shown.append(index)
    return sorted(shown)


def _table_width(widths: Sequence[int], shown: Sequence[int]) -> int:
    return sum(widths[index] + _COLUMN_PADDING for index in shown) + _TABLE_PADDING
