"""Templates calculate with exact numbers, and write the digits that were sent."""

import contextlib
import time
from decimal import Decimal

import pytest
from cases import all_of
from jinja2 import UndefinedError
from jinja2.sandbox import SecurityError

from relay.mapping.templates import TooCostly, compiled, condition, render, template_values

FIELDS = {
    "total": Decimal("129.90"),
    "small": Decimal("1E-7"),
    "count": 3,
    "none": None,
    "items": [{"price": Decimal("0.10")}, {"price": Decimal("0.20")}],
}


@all_of(
    ("template", "written"),
    [
        ("{{ total }}", "129.90"),
        ("{{ total ~ ' USD' }}", "129.90 USD"),
        ("{{ small }}", "0.0000001"),
        ("{{ none }}", ""),
        ("{% set note = 'x' %}{% block b %}{{ note }}{{ count }}{% endblock %}", "x3"),
        ("{{ total * 1.12 }}", "145.4880"),
        ("{{ 1.12 * total }}", "145.4880"),
        ("{{ total + 0.10 }}", "130.00"),
        ("{{ 200 - total }}", "70.10"),
        ("{{ 200.5 - total }}", "70.60"),
        ("{{ total / 2 }}", "64.95"),
        ("{{ total // 100 }} {{ total % 100 }}", "1 29.90"),
        ("{{ total * count }}", "389.70"),
        ("{{ (total * 1.12) | round(2) }}", "145.49"),
        ("{{ (total * 1.12) * 0.5 }}", "72.74400"),
        ("{{ total | float * 2 }}", "259.8"),
        ("{{ total | int }}", "129"),
        ("{{ '%.1f' | format(total) }}", "129.9"),
        ("{{ '{:,.2f}'.format(total) }}", "129.90"),
        ("{% if total == 129.90 %}same{% endif %}", "same"),
        ("{% if total > 129.5 and total < 130 %}between{% endif %}", "between"),
        ("{% if total >= 129.9 and total <= 129.9 and 129.9 <= total %}same{% endif %}", "same"),
        ("{% if total < 129.9 or total > 129.9 %}other{% endif %}", ""),
        ("{{ items[0].price + items[1].price }}", "0.30"),
        ("{{ items | sum(attribute='price') }}", "0.30"),
        ("{{ items | map(attribute='price') | join(';') }}", "0.10;0.20"),
        ("{{ {total: 1}[total] }}", "1"),
    ],
)
def test_number_keeps_its_digits(template, written):
    assert render(compiled(template), template_values(FIELDS)) == written


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        "{{ 'x' * 50000000 }}",
        "{{ '*' * n }}",
        "{{ n * '*' }}",
        "{{ [0] * n }}",
        "{{ 10 ** 100000 }}",
        "{{ 2 ** n }}",
        "{{ '%0999999999d' % 1 }}",
        "{{ '%*d' % (n, 1) }}",
        "{{ '%999999d' | format(1) }}",
        "{{ '{:>99999999}'.format(1) }}",
        "{{ 'x'.ljust(n) }}",
        "{{ lipsum(n=200000) }}",
        "{% for a in many %}{{ 'x' * 1000 }}{% endfor %}",
        "{% for a in many %}{% for b in many %}{% if b.x %}{% endif %}{% endfor %}{% endfor %}",
        "{% for a in range(90000) %}{% for b in range(90000) %}{% endfor %}{% endfor %}",
    ],
)
def test_template_is_bounded_in_time_and_output(text):
    template = compiled(text)
    started_at = time.process_time()
    with contextlib.suppress(TooCostly, SecurityError, UndefinedError, OverflowError):
        assert len(render(template, {"n": 50_000_000, "many": list(range(20_000))})) < 100_000
    assert time.process_time() - started_at < 5


@pytest.mark.parametrize(
    "text", ["'x' * n == ''", "2 ** n > 1", "many | map('abs') | sum > n ** n"]
)
def test_condition_is_bounded_too(text):
    with pytest.raises(TooCostly):
        condition(text)({"n": 50_000_000, "many": [1]})


def test_what_is_constant_is_not_computed_while_it_is_compiled():
    with pytest.raises(TooCostly):
        render(compiled("{{ 10 ** 100000 }}"), {})


def test_ordinary_calculations_are_not_bounded():
    text = "{{ '-' * 20 }}{{ total * 2 }}{{ 2 ** 10 }}{{ '%.1f' % total }}{{ '%5.1f' | format(total) }}"
    assert render(compiled(text), {"total": 1.5}) == "-" * 20 + "3.010241.5  1.5"
