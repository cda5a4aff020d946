"""Whether an order has lost lines, from the two quantities of each."""

import pytest

from relay.inbound.line_quantities import LostLines
from relay.inbound.payload_schema import PayloadSchema

LINES = PayloadSchema.of({"lost": LostLines("lines", ordered="quantity", current="left")})


@pytest.mark.parametrize(
    ("lines", "has_lost"),
    [
        ([], False),
        ([{"quantity": 2, "left": 2}], False),
        ([{"quantity": 2, "left": 2}, {"quantity": 3, "left": 1}], True),
        ([{"quantity": 1, "left": 0}], True),
        ([{"quantity": "2", "left": 2}], False),
        ([{"quantity": "2", "left": "1"}], True),
        ([{"quantity": 2}], False),
        ([{"quantity": None, "left": None}], False),
        ([{"quantity": 2, "left": []}], False),
        (["odd", {"quantity": 2, "left": 2}], False),
        (["odd", {"quantity": 2, "left": 1}], True),
        ({"0": {"quantity": 2, "left": 1}}, True),
    ],
)
def test_line_with_another_quantity_than_ordered_is_lost(lines, has_lost):
    assert LINES.load({"lines": lines}).data == {"lost": has_lost}


def test_odd_lines_are_named():
    payload = LINES.load({"lines": ["odd", {"quantity": 2, "left": []}]})
    assert payload.data == {"lost": False}
    assert payload.omitted_fields == {"lines.0": "not_an_object", "lines.1.left": "not_a_number"}
