"""`value` is a dataclass whose immutability mypy proves."""

import sys
from dataclasses import fields, replace
from subprocess import run

import pytest

from relay.value import value

_ASSIGNMENT = """
from relay.model import Money
def change(money: Money) -> None:
    money.currency = "USD"
"""


@value(frozen=True, slots=True)
class Pair:
    one: int
    other: str = ""


def test_is_equal_and_hashed_by_its_fields():
    assert Pair(1) == Pair(1, "") != Pair(1, "x")
    assert {Pair(1): "here"}[Pair(1)] == "here"


def test_is_a_dataclass():
    assert [field.name for field in fields(Pair)] == ["one", "other"]
    assert replace(Pair(1), other="x") == Pair(1, "x")


def test_has_no_other_attribute():
    with pytest.raises(AttributeError):
        Pair(1).another = 2


@pytest.mark.slow  # mypy reads the whole model
def test_mypy_refuses_an_assignment_to_a_field(tmp_path):
    file = tmp_path / "assignment.py"
    file.write_text(_ASSIGNMENT, "utf-8")
    cache = tmp_path / "cache"
    command = [sys.executable, "-m", "mypy", "--config-file=", f"--cache-dir={cache}", str(file)]
    checked = run(command, capture_output=True, text=True, check=False)
    assert 'Property "currency" defined in "Money" is read-only' in checked.stdout
