"""JMESPath over exact numbers."""

import itertools
import time
from decimal import Decimal

import pytest
from cases import all_of
from jmespath.exceptions import JMESPathError

from relay.inbound.expression import Expression
from relay.inbound.payload import json_body, text_of

BODY = json_body(
    b'{"total": 129.90, "count": 3, "text": "12.50", "nan": NaN, "none": null, "yes": true,'
    b'"items": [{"n": "b", "p": 10.10}, {"n": "a", "p": 0.20}, {"n": "c", "p": 5}]}'
)


@all_of(
    ("expression", "expected"),
    [
        ("total", Decimal("129.90")),
        ("total == `129.90`", True),
        ("total == `129.9`", True),
        ("total > `129.89`", True),
        ("total < `100`", False),
        ("items[?p == `0.2`].n | [0]", "a"),
        ("items[?p > `0.2`].n", ["b", "c"]),
        ("items[0:2].n", ["b", "a"]),
        ("contains([`0.2`, `0.3`], items[1].p)", True),
        ("sum(items[].p)", Decimal("15.30")),
        ("sum([total, `0.10`])", Decimal("130.00")),
        ("avg(items[].p)", Decimal("5.10")),
        ("avg(`[]`)", None),
        ("max(items[].p)", Decimal("10.10")),
        ("min(items[].p)", Decimal("0.20")),
        ("sort(items[].p)", [Decimal("0.20"), 5, Decimal("10.10")]),
        ("sort_by(items, &p)[].n", ["a", "c", "b"]),
        ("sort_by(items, &n)[].n", ["a", "b", "c"]),
        ("max_by(items, &p).n", "b"),
        ("min_by(items, &p).n", "a"),
        ("abs(`-1.5`)", Decimal("1.5")),
        ("ceil(total)", 130),
        ("floor(total)", 129),
        ("type(total)", "number"),
        ("type(text)", "string"),
        ("type(none)", "null"),
        ("to_number(text)", Decimal("12.50")),
        ("to_number(total)", Decimal("129.90")),
        ("to_number('1e3')", Decimal(1000)),
        ("to_number('x')", None),
        ("to_number(none)", None),
        ("to_number(yes)", None),
        ("to_number(items)", None),
        ("to_string(total)", "129.90"),
        ("to_string(text)", "12.50"),
        ("to_string(items[1])", '{"n": "a", "p": 0.20}'),
        ("join(' ', [to_string(total), 'USD'])", "129.90 USD"),
        ("not_null(none, total)", Decimal("129.90")),
        ("{a: total, b: `1.50`}", {"a": Decimal("129.90"), "b": Decimal("1.5")}),
    ],
)
def test_numbers_are_compared_and_computed_exactly(expression, expected):
    found = Expression(expression).search(BODY)
    assert found == expected
    assert type(found) is type(expected)
    assert text_of(found) == text_of(expected)


def test_expression_that_was_compiled_before_works_again():
    assert Expression("total == `129.90`").search(BODY)
    assert Expression("total == `129.90`").search(BODY)


def test_not_a_number_among_the_others_is_no_crash():
    assert Expression("sum([nan, total])").search(BODY) != Decimal("129.90")
    assert Expression("to_number('nan')").search(BODY) is not None


@pytest.mark.parametrize("expression", ["length(total)", "sum(items[].n)", "sort_by(items, &none)", "abs(text)", "join(' ', [total])"])  # fmt: skip
def test_what_does_not_fit_is_told_as_by_jmespath(expression):
    with pytest.raises(JMESPathError):
        Expression(expression).search(BODY)


def test_calculation_that_has_no_result_is_told_too():
    body = json_body(b'{"n": [NaN, 1.5]}')
    with pytest.raises(JMESPathError, match="cannot compute"):
        Expression("max(n)").search(body)


@pytest.mark.parametrize("text", ["", "a[", "`1.5"])
def test_text_that_is_no_expression_is_told(text):
    with pytest.raises(JMESPathError):
        Expression(text)


@pytest.mark.parametrize(
    ("items", "primary_id", "ids"),
    [
        ([{"id": 1}, {"id": 2}, {"id": 3}], 2, [2, 1, 3]),
        ([{"id": 1}, {"id": 2}], 9, [1, 2]),
        ([{"id": 1}, "x", None, {"id": 2}], 2, [2, 1]),
        ([], 1, None),
        (None, 1, None),
        ({"id": 1}, 1, None),
    ],
)
def test_primary_of_a_list_is_named_outside_of_it(items, primary_id, ids):
    expression = Expression("primary_first(items, chosen)[].id")
    assert (expression.search({"items": items, "chosen": primary_id}) or None) == ids


def test_expression_is_shown_as_it_was_written():
    """`check` prints the options of each source."""
    assert str(Expression("lead.email || email")) == "lead.email || email"


@pytest.mark.parametrize(
    "text", ["@" + " | [@, @][]" * 40, "[*].[a == `1`, b == `2`, c == `3`]", "map(&[a, b, c], @)"]
)
def test_time_is_bounded_whatever_a_sender_writes(text):
    expression, value = Expression(text), [{"a": 1}] * 1_000_000
    began_at = time.process_time()
    with pytest.raises(JMESPathError, match=r"takes more than 0\.25 s"):
        expression.search(value)
    assert time.process_time() - began_at < 2


def test_time_in_which_others_have_the_processor_does_not_count(monkeypatch):
    moments = itertools.count(step=10)
    monkeypatch.setattr(time, "monotonic", lambda: next(moments))
    assert Expression("lead.email || email").search({"email": "ana@example.com"})
