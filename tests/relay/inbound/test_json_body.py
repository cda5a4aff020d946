"""`json_body` returns the same values as the standard library, whatever is in a body."""

import json
import math

import pytest
from hypothesis import given, settings, strategies as st

from relay.errors import Unreadable
from relay.inbound.contract import json_body

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=-(10**400), max_value=10**400)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=20,
)


def same(found, expected) -> bool:
    """Equal, and of the same types: 1, 1.0 and True are equal to Python."""
    if type(found) is not type(expected):
        return False
    if isinstance(found, dict):
        return list(found) == list(expected) and all(same(found[k], expected[k]) for k in found)
    if isinstance(found, list):
        return len(found) == len(expected) and all(map(same, found, expected))
    return found == expected or (found != found and expected != expected)  # noqa: PLR0124  NaN


@settings(max_examples=300, deadline=None)
@given(VALUES, st.booleans(), st.sampled_from([None, 1]))
def test_whatever_json_can_say_is_read_as_the_standard_library_reads_it(value, ascii_only, indent):
    body = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode()
    assert same(json_body(body), json.loads(body))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60) | st.text('{}[]",:0123456789.-+eE \\u"abtrufalsn').map(str.encode))
def test_whatever_the_standard_library_does_not_read_is_unreadable(body):
    """And nothing else is; half a character apart, of which it makes a text that nobody can write."""
    try:
        expected = json.loads(body)
    except (ValueError, RecursionError):
        with pytest.raises(Unreadable):
            json_body(body)
        return
    text = json.dumps(expected, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        expected = json.loads(text.encode(errors="replace"))
    assert same(json_body(body), expected)


READ = {
    "long_integer": (b"[12345678901234567890123456789]", [12345678901234567890123456789]),
    "over_64_bits": (b"[18446744073709551616]", [2**64]),
    "below_64_bits": (b"[-9223372036854775809]", [-(2**63) - 1]),
    "exact_decimal": (b'{"total": 20.10}', {"total": 20.1}),
    "many_digits": (b"[0.1000000000000000055511151231257827]", [0.1]),
    "too_large_a_float": (b"[1e400]", [math.inf]),
    "minus_nothing": (b"[-0, -0.0]", [0, -0.0]),
    "exponent": (b"[1E3, 1e-2]", [1000.0, 0.01]),
    "surrogate_pair": (rb'["\ud83d\ude00"]', ["\U0001f600"]),
    "half_a_character": (rb'["Ana \ud83d"]', ["Ana ?"]),
    "halves_the_wrong_way_round": (rb'["\ude00\ud83d"]', ["??"]),
    "half_in_bytes": (b'["\xed\xa0\xbd"]', ["?"]),
    "half_in_a_name": (rb'{"\uD83D": 1}', {"?": 1}),
    "not_a_number": (b"[NaN, Infinity, -Infinity]", [math.nan, math.inf, -math.inf]),
    "utf_8_with_a_mark": ("\ufeff[1]".encode(), [1]),
    "utf_16": ('{"ñ": "№"}'.encode("utf-16"), {"ñ": "№"}),
    "utf_16_without_a_mark": ('["ñ"]'.encode("utf-16-le"), ["ñ"]),
    "utf_32": ('["ñ"]'.encode("utf-32"), ["ñ"]),
    "same_name_twice": (b'{"a": 1, "a": 2}', {"a": 2}),
    "spaces": (b" \t\r\n[ 1 ]\n ", [1]),
    "scalar": (b"7", 7),
    "deep_enough": (b"[" * 50 + b"]" * 50, json.loads("[" * 50 + "]" * 50)),
}


@pytest.mark.parametrize(("body", "value"), READ.values(), ids=READ)
def test_values_are_exact(body, value):
    assert same(json_body(body), value)


REFUSED = {
    "empty": (b"", "expected JSON, unreadable at byte 0"),
    "cut": (b'{"id": 1', "expected JSON, unreadable at byte 8"),
    "more_after_it": (b"{} {}", "expected JSON, unreadable at byte 3"),
    "control_character": (b'["a\x00"]', "expected JSON, unreadable at byte 3"),
    "single_quotes": (b"{'id': 1}", "expected JSON, unreadable at byte 1"),
    "invalid_first": (b"\xff{}", "expected UTF-8, byte 0 is not"),
    "invalid_in_a_text": (b'{"name": "Jos\xe9"}', "expected UTF-8, byte 13 is not"),
    "digits_without_end": (b"[" + b"9" * 5000 + b"]", "expected JSON, unreadable"),
}


@pytest.mark.parametrize(("body", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_read_is_told_by_its_place(body, message):
    with pytest.raises(Unreadable) as error_info:
        json_body(body)
    assert error_info.value.reasons == {"body": message}


@pytest.mark.parametrize("bracket", [b"[", b'{"a":'])
def test_nested_without_end_is_unreadable_and_ends_nothing(bracket):
    with pytest.raises(Unreadable, match="unreadable"):
        json_body(bracket * 200_000)
