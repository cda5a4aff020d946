"""A test of many cases fails with each of them that does."""

import inspect

import pytest
from cases import all_of, check_each


def test_each_case_that_fails_is_named_and_the_others_are_tried():
    tried = []

    @all_of(("left", "right"), [(1, 1), (1, 2), (2, 1), (2, 2)])
    def check(left, right):
        tried.append((left, right))
        assert left == right

    with pytest.raises(BaseExceptionGroup, match="2 of 4 cases") as raised:
        check()
    assert len(tried) == 4
    assert raised.value.exceptions[0].__notes__ == ["in the case {'left': 1, 'right': 2}"]


def test_what_should_have_raised_and_did_not_is_a_failure_too():
    def check(value):
        with pytest.raises(ValueError, match="invalid literal"):
            int(value)

    with pytest.raises(BaseExceptionGroup, match="1 of 2 cases"):
        check_each([{"value": "x"}, {"value": "1"}], check)


def test_no_case_is_a_failure():
    with pytest.raises(AssertionError, match="no case"):
        check_each([], lambda: None)


def test_other_parameters_are_left_to_pytest():
    @all_of("value", [1, 2])
    def check(value, zone):
        """What it is about."""
        assert value < zone

    assert [*inspect.signature(check).parameters] == ["zone"]
    assert check.__doc__ == "What it is about."
    check(zone=3)
