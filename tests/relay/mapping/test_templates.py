"""Templates calculate with exact numbers, and write the digits that were sent."""

from decimal import Decimal

import pytest

from relay.mapping.templates import compiled, render, template_values

FIELDS = {
    "total": Decimal("129.90"),
    "small": Decimal("1E-7"),
    "count": 3,
    "none": None,
    "items": [{"price": Decimal("0.10")}, {"price": Decimal("0.20")}],
}


@pytest.mark.parametrize(
    ("template", "written"),
    [
        ("{{ total }}", "129.90"),
        ("{{ total ~ ' USD' }}", "129.90 USD"),
        ("{{ small }}", "0.0000001"),
        ("{{ none }}", ""),
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
