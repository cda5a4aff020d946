"""JMESPath over exact numbers."""

import itertools
import time
from decimal import Decimal
from types import NoneType

import pytest
from cases import all_of
from jmespath.exceptions import JMESPathError

from relay.inbound.expression import Expression, FirstUsable, TooSlow, fault_text
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


@pytest.mark.slow
@pytest.mark.parametrize(
    "text", ["@" + " | [@, @][]" * 40, "[*].[a == `1`, b == `2`, c == `3`]", "map(&[a, b, c], @)"]
)
def test_time_is_bounded_whatever_a_sender_writes(text):
    expression, value = Expression(text), [{"a": 1}] * 1_000_000
    began_at = time.process_time()
    with pytest.raises(JMESPathError, match=r"takes more than 0\.25 s"):
        expression.search(value)
    assert time.process_time() - began_at < 2


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("lenght(text)", "there is no function lenght()"),
        ("items[].lenght(n)", "there is no function lenght()"),
        ("length(text, count)", "length() takes 1 values, found 2"),
        ("not_null()", "not_null() takes 1 values, found 0"),
        ("primary_first(items)", "primary_first() takes 2 values, found 1"),
    ],
)
def test_function_that_cannot_be_called_is_no_expression(text, fault):
    with pytest.raises(JMESPathError) as caught:
        Expression(text)
    assert str(caught.value) == fault


def test_function_may_take_as_many_values_as_it_wants():
    assert Expression("not_null(none, nothing, count)").search(BODY) == 3
    assert Expression("merge({a: count}, {b: text})").search(BODY) == {"a": 3, "b": "12.50"}


def test_text_of_a_fault_does_not_quote_the_value():
    with pytest.raises(JMESPathError) as caught:
        Expression("abs(text)").search(BODY)
    assert "12.50" in str(caught.value)
    assert fault_text(caught.value) == "abs() takes no string"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("event.items[0].x > body.y", {("event", "items"), ("body", "y")}),
        ("contains(a.b, 'x') && !(c)", {("a", "b"), ("c",)}),
        ("a.b[?c > d].e | [0].f", {("a", "b")}),
        ("{x: a, y: [b.c, `1`]}", {("a",), ("b", "c")}),
        ("sort_by(a, &b)[].c", {("a",)}),
        ("*.a", set()),
        ("@.a", set()),
        ("(a || b.c).d", {("a",), ("b", "c")}),
        ("to_number(a.b.c)", {("a", "b", "c")}),
    ],
)
def test_names_are_those_that_are_read_of_the_value_itself(text, names):
    assert Expression(text).names() == names


def first(*texts: str, **options) -> FirstUsable:
    return FirstUsable(tuple(map(Expression, texts)), **options)


def is_number(value) -> bool:
    return type(value) in (int, Decimal)


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        (first("nothing", "count"), 3),
        (first("none", "''", "`[]`", "text", "count"), "12.50"),
        (first("text", "count", "total", is_usable=is_number), 3),
        (first("nothing", "text", "yes", is_usable=is_number), "12.50"),
        (first("abs(text)", "count"), 3),
        (first("nothing", "none"), None),
        (first("items[?n == 'x']", "`false`"), False),
    ],
)
def test_first_usable_value_counts(selector, expected):
    assert selector.search(BODY) == expected


def test_list_of_which_nothing_fits_is_a_fault_only_where_nothing_else_is_there():
    assert first("abs(text)", "text", is_usable=is_number).search(BODY) == "12.50"
    with pytest.raises(JMESPathError, match="abs"):
        first("nothing", "abs(text)").search(BODY)


def test_later_expressions_of_a_list_are_not_tried():
    attempts = first("count", "text").attempts(BODY)
    assert (next(attempts).value, next(attempts).value) == (3, "12.50")
    later = Expression("nothing")
    later.search = None  # type: ignore[method-assign]
    assert FirstUsable((Expression("count"), later)).search(BODY) == 3


def test_time_in_which_others_have_the_processor_does_not_count(monkeypatch):
    moments = itertools.count(step=10)
    monkeypatch.setattr(time, "monotonic", lambda: next(moments))
    assert Expression("lead.email || email").search({"email": "ana@example.com"})


def test_list_ends_at_an_expression_that_takes_too_long(monkeypatch):
    monkeypatch.setattr("relay.inbound.expression._TIME_MAX_S", -1)
    slow = first("items[].n", "count")
    body = {"items": [{"n": number} for number in range(100)], "count": 3}
    with pytest.raises(TooSlow):
        slow.search(body)
    assert [type(each.error) for each in slow.attempts(body)] == [TooSlow, NoneType]


def test_few_steps_take_no_time_that_counts(monkeypatch):
    """A collection of garbage may fall into any of them."""
    monkeypatch.setattr("relay.inbound.expression._TIME_MAX_S", -1)
    assert first("count").search({"count": 3}) == 3
