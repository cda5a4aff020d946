"""Bodies that tell of several things at once."""

import pytest

from relay.inbound.parts import each_of

DIVIDE = each_of("person", "bounce.people", "mail.to", text="email")


def test_body_is_divided_by_the_first_list_that_has_items():
    value = {"bounce": {"people": [{"email": "a"}, {"email": "b"}]}, "mail": {"to": ["c"]}}

    assert DIVIDE(value) == [{**value, "person": {"email": name}} for name in "ab"]
    empty = {**value, "bounce": {"people": []}}
    assert DIVIDE(empty) == [{**empty, "person": {"email": "c"}}]


def test_text_stays_one_where_it_has_no_name():
    value = {"to": ["a", None, 7]}

    assert DIVIDE({"mail": value}) == [
        {"mail": value, "person": item} for item in ({"email": "a"}, None, 7)
    ]
    assert each_of("person", "to")(value) == [{**value, "person": item} for item in ("a", None, 7)]


def test_part_is_its_own_only_part():
    for part in DIVIDE({"mail": {"to": ["a", "b"]}}):
        (again,) = DIVIDE(part)
        assert again is part


@pytest.mark.parametrize(
    "value", [{}, {"mail": None}, {"mail": {"to": "a"}}, {"mail": {"to": {}}}, [], None, "x", 7]
)
def test_body_without_a_list_is_its_only_part(value):
    (part,) = DIVIDE(value)

    assert part is value
