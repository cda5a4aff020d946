"""Sections as tables for a person to read."""

import itertools
import math

from rich.console import Console
from rich.table import Table

from tests.benchmarks.figures import Line, Section

_COLORS = {"ok": "green", "short": "red"}


def show(console: Console, section: Section) -> None:
    console.print(table(section))
    for remark in section.remarks:
        console.print(f"  {remark}", highlight=False)
    console.print()


def table(section: Section) -> Table:
    made = Table(title=f"{section.name}: {section.title}", title_justify="left")
    made.add_column("what")
    made.add_column("ours", justify="right")
    made.add_column("against")
    made.add_column("theirs", justify="right")
    made.add_column("ratio", justify="right")
    made.add_column("bar", justify="right")
    made.add_column("")
    for _, lines in itertools.groupby(section.lines, key=lambda each: each.what):
        group = list(lines)
        for number, line in enumerate(group):
            made.add_row(*_cells(line, repeated=number > 0))
        if len(group) > 1:
            made.add_section()
    return made


def _cells(line: Line, *, repeated: bool) -> list[str]:
    verdict = line.verdict
    color = _COLORS.get(verdict)
    theirs = amount(line.theirs, line.unit) if line.peer else ""
    return [
        "" if repeated else line.what,
        "" if repeated else amount(line.ours, line.unit),
        line.peer,
        theirs,
        "" if line.ratio is None else f"{line.ratio:.2f}",
        "" if line.bar is None else str(line.bar),
        f"[{color}]{verdict}[/{color}]" if color else verdict,
    ]


def amount(value: float | None, unit: str) -> str:
    """A figure with its unit; a peer that could not run is absent."""
    if value is None or math.isnan(value):
        return "absent"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}{f' {unit}' if unit else ''}"
