"""What was measured, as data: figures, what they are held against, and the bars they should clear."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Bar:
    """What a figure should reach (`at_least`) or stay under."""

    limit: float
    at_least: bool = True

    def cleared(self, value: float) -> bool:
        return value >= self.limit if self.at_least else value <= self.limit

    def __str__(self) -> str:
        return f"{'>=' if self.at_least else '<='} {self.limit:,g}"


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a table. The bar is for the ratio, or for our figure itself (`absolute`)."""

    what: str
    ours: float
    unit: str = ""
    peer: str = ""
    theirs: float | None = None
    ratio: float | None = None
    bar: Bar | None = None
    absolute: bool = False

    @property
    def verdict(self) -> str:
        """`ok`, `short`, or nothing where there is no bar or nothing to hold to it."""
        judged = self.ours if self.absolute else self.ratio
        if self.bar is None or judged is None or math.isnan(judged):
            return ""
        return "ok" if self.bar.cleared(judged) else "short"


@dataclass(frozen=True, slots=True)
class Section:
    """One benchmark's table, the remarks under it, and what it leaves in `bench.json`.

    Keys of `results` are paths: `0ms.ratio_dramatiq`.
    """

    name: str
    title: str
    lines: Sequence[Line]
    results: Mapping[str, Any]
    remarks: Sequence[str] = ()


def ratio(ours: float | None, theirs: float | None) -> float | None:
    """Ours in units of theirs; None where either is missing or nothing."""
    return ours / theirs if ours and theirs else None


def percentile(values: Iterable[float], percent: float) -> float:
    """The nearest-rank percentile: a value that was really seen.

    Raises:
        ValueError: there are no values.
    """
    ranked = sorted(values)
    if not ranked:
        raise ValueError("no values")
    return ranked[max(math.ceil(len(ranked) * percent / 100), 1) - 1]


def middle(rounds: Iterable[float | None]) -> float | None:
    """The median of the rounds that came to anything; None where none did."""
    found = [value for value in rounds if value is not None]
    return median(found) if found else None


def rate_after_start(times: Sequence[float], skipped: float = 0.1) -> float | None:
    """Arrivals a second from the one after the first `skipped` part on to the last.

    What comes before is a process that starts: it opens connections and fills its threads.
    """
    ordered = sorted(times)
    first = int(len(ordered) * skipped)
    if len(ordered) - first < 2 or ordered[-1] <= ordered[first]:
        return None
    return (len(ordered) - 1 - first) / (ordered[-1] - ordered[first])


def compared(
    what: str,
    ours: float | None,
    unit: str,
    peers: Mapping[str, float | None],
    bars: Mapping[str, Bar],
) -> tuple[list[Line], dict[str, Any]]:
    """A row for each peer, and the figures by name with `ratio_<peer>` beside each absolute."""
    lines = []
    results: dict[str, Any] = {"ours": rounded(ours)}
    for peer, theirs in peers.items():
        held_against = ratio(ours, theirs)
        results[peer] = rounded(theirs)
        results[f"ratio_{peer}"] = rounded(held_against)
        own = math.nan if ours is None else ours
        lines.append(Line(what, own, unit, peer, theirs, held_against, bars.get(peer)))
    return lines, results


def rounded(value: float | None) -> float | None:
    """Four significant digits: more would only be noise."""
    return None if value is None or math.isnan(value) else float(f"{value:.4g}")


def under(prefix: str, results: Mapping[str, Any]) -> dict[str, Any]:
    """The same results, one level further down."""
    return {f"{prefix}.{path}": value for path, value in results.items()}


def nested(results: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted paths as objects in objects."""
    tree: dict[str, Any] = {}
    for path, value in results.items():
        *parents, leaf = path.split(".")
        place = tree
        for parent in parents:
            place = place.setdefault(parent, {})
        place[leaf] = value
    return tree
