"""What a template does is bounded, whatever a sender writes into the values that it uses."""

import itertools
import time
import tracemalloc
from decimal import Decimal

import pytest

from relay.mapping.templates import TooCostly, compiled, condition, render, template_values

VALUES = template_values(
    {
        "many": list(range(3000)),
        "text": "x" * 60_000,
        "total": Decimal("1e99999999"),
        "small": Decimal("1e-99999999"),
        "price": Decimal("12.50"),
    }
)
COSTLY = [
    "{% for a in many %}{% for b in many %}{% for c in many %}{% endfor %}{% endfor %}{% endfor %}",
    "{% set a %}{% for b in many %}{% for c in many %}{{ b }}{% endfor %}{% endfor %}{% endset %}",
    "{{ many|select('in', [many, text])|list }}" * 2000,
    "{{ total|int }}",
    "{{ total|round(99999999, 'floor') }}",
    "{{ price|round(99999999, 'floor') }}",
    "{{ text|replace('x', text) }}",
    "{{ text.replace('x', text) }}",
    "{{ many|join(text) }}",
    "{{ text.join(many|map('string')) }}",
    "{{ [1]|tojson(indent=99999999) }}",
    "{% set a = text ~ text %}{% set a = a ~ a %}{% set a = a ~ a %}{{ a|length }}",
    "{% set a = text + text %}{% set a = a + a %}{% set a = a + a %}{{ a|length }}",
    "{% set a = many * 30 %}{% set a = a + a %}{% set a = a + a %}{{ a|length }}",
]


@pytest.mark.slow
@pytest.mark.parametrize("text", COSTLY)
def test_costly_template_ends_soon_and_takes_little_memory(text):
    template = compiled(text)
    began_at = time.process_time()
    tracemalloc.start()
    try:
        with pytest.raises(TooCostly):
            render(template, VALUES)
        assert tracemalloc.get_traced_memory()[1] < 20 * 2**20
    finally:
        tracemalloc.stop()
    assert time.process_time() - began_at < 2


@pytest.mark.parametrize("text", ["total|int > 1", "many|join(text) == ''"])
def test_costly_condition_too(text):
    with pytest.raises(TooCostly):
        condition(text)(VALUES)


def test_number_of_a_million_zeros_is_written_in_short():
    written = render(compiled("{{ total }} {{ small }} {{ price }}"), VALUES)
    assert written == "1E+99999999 1E-99999999 12.50"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("{% for k, v in {'a': 1}.items() %}{{ k }}{{ v }}{% endfor %}", "a1"),
        ("{% for x in nothing %}{% else %}none{% endfor %}", "none"),
        ("{% for x in [4, 5] %}{{ loop.index }}/{{ loop.length }} {% endfor %}", "1/2 2/2"),
        ("{{ 'n: ' ~ price ~ nothing }}", "n: 12.50"),
        ("{{ [1, 'b']|join(', ') }} {{ '-'.join(['a', 'b']) }}", "1, b a-b"),
        ("{{ ['a', 'b']|join }}{{ [{'n': 1}, {'n': 2}]|join('+', attribute='n') }}", "ab1+2"),
        ("{{ '0991'|replace('09', '+5939') }}{{ 'a-b'.replace('-', '') }}", "+593991ab"),
        (
            "{{ price|round(1) }} {{ price|int }} {{ '7'|int + 1 }} {{ [1]|tojson }}",
            "12.5 12 8 [1]",
        ),
        ("{{ 'a'.upper() }} {{ '-'.join('ab') }}", "A a-b"),
        ("{{ [1] + [2] }} {{ 'a' + 'b' }} {{ price + 1 }}", "[1, 2] ab 13.50"),
    ],
)
def test_what_is_usual_is_as_ever(text, written):
    assert render(compiled(text), VALUES) == written


def test_time_in_which_others_have_the_processor_does_not_count(monkeypatch):
    moments = itertools.count(step=10)
    monkeypatch.setattr(time, "monotonic", lambda: next(moments))
    template = compiled("{% for x in [4, 5] %}{{ price * x }} {% endfor %}")
    assert render(template, VALUES) == "50.00 62.50"
    assert condition("price > 12")(VALUES)
