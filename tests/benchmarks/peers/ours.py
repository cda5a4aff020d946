"""Ours: what the web half would have accepted, waiting for `python -m worker`."""

from tests.benchmarks import backlog


def fill(count: int) -> None:
    backlog.fill(count)
