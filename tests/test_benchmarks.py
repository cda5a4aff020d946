"""The arithmetic and the load of the benchmarks; the benchmarks themselves are no tests."""

import json
import math

import pytest

from tests.benchmarks import orders
from tests.benchmarks.figures import (
    Bar,
    Line,
    middle,
    percentile,
    rate_after_start,
    ratio,
)
from tests.benchmarks.load import Load, requests_of


@pytest.mark.parametrize(("percent", "expected"), [(50, 50), (99, 99), (100, 100), (0, 1)])
def test_a_percentile_is_a_value_that_was_seen(percent, expected):
    assert percentile(range(1, 101), percent) == expected


def test_there_is_no_percentile_of_nothing():
    with pytest.raises(ValueError, match="no values"):
        percentile([], 50)


def test_a_round_that_came_to_nothing_does_not_count():
    assert middle([3.0, None, 1.0, 2.0]) == 2.0
    assert middle([None]) is None


def test_the_rate_leaves_out_the_start():
    started_late = [0.0, *(10 + number / 100 for number in range(19))]

    assert rate_after_start(started_late, skipped=0.1) == pytest.approx(100)
    assert rate_after_start([1.0]) is None


def test_a_ratio_needs_both_sides():
    assert ratio(3.0, 2.0) == 1.5
    assert ratio(None, 2.0) is None
    assert ratio(3.0, None) is None


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        (Line("rate", 10.0, ratio=1.2, bar=Bar(1.0)), "ok"),
        (Line("rate", 10.0, ratio=0.9, bar=Bar(1.0)), "short"),
        (Line("p99", 61.0, ratio=0.1, bar=Bar(60, at_least=False), absolute=True), "short"),
        (Line("bytes", 60.0, bar=Bar(60, at_least=False), absolute=True), "ok"),
        (Line("no peer", 10.0, bar=Bar(1.0)), ""),
        (Line("no figure", math.nan, bar=Bar(1.0), absolute=True), ""),
        (Line("no bar", 10.0, ratio=0.1), ""),
    ],
)
def test_a_bar_is_cleared_or_not_or_cannot_be_judged(line, verdict):
    assert line.verdict == verdict


def test_no_two_orders_are_the_same_delivery(tmp_path):
    order = tmp_path / "order.json"
    orders.write(order)
    made = requests_of(Load(port=1, order=str(order), secret="s", first=7, limit=2))

    (first, one), (second, other) = next(made), next(made)

    assert (first, second) == (7, 8)
    head, _, body = one.partition(b"\r\n\r\n")
    assert json.loads(body)["id"] == 6120000000007
    assert 10_000 <= len(body) < 11_500
    assert b"X-Shopify-Webhook-Id: benchmark-000000007" in head
    assert body != other.partition(b"\r\n\r\n")[2]
