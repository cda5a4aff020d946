"""`json_body` returns the values of the standard library, but numbers with all their digits."""

import json
import math
from decimal import Decimal
from fractions import Fraction

import pytest
from cases import all_of
from hypothesis import given, settings, strategies as st

from relay.errors import Unreadable
from relay.inbound.payload import embedded_object, json_body, json_bytes, text_of

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


def same(actual, expected) -> bool:
    """Equal, and of the same types: 1, 1.0 and True are equal to Python."""
    if type(actual) is not type(expected):
        return False
    if isinstance(actual, dict):
        return list(actual) == list(expected) and all(same(actual[k], expected[k]) for k in actual)
    if isinstance(actual, list):
        return len(actual) == len(expected) and all(map(same, actual, expected))
    if isinstance(actual, Decimal):
        return str(actual) == str(expected)
    return actual == expected or (actual != actual and expected != expected)  # noqa: PLR0124  NaN


def exact(text: str) -> Decimal | int | float:
    """What a number with a fraction or exponent is decoded to, by other means than ours."""
    value = Decimal(text)
    if abs(value.adjusted()) >= 400:
        return float(text)
    fraction = Fraction(text)
    return int(fraction) if "e" in text.lower() and fraction.denominator == 1 else value


def standard(body: bytes | str):
    return json.loads(body, parse_float=exact, strict=False)


@settings(max_examples=300, deadline=None)
@given(VALUES, st.booleans(), st.sampled_from([None, 1]))
def test_whatever_json_can_say_is_read_as_the_standard_library_reads_it(value, ascii_only, indent):
    body = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode()
    assert same(json_body(body), standard(body))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60) | st.text('{}[]",:0123456789.-+eE \\u"abtrufalsn').map(str.encode))
def test_whatever_the_standard_library_does_not_read_is_unreadable(body):
    """And nothing else is; half a character apart, of which it makes a text that nobody can write."""
    try:
        expected = standard(body)
    except (ValueError, RecursionError):
        with pytest.raises(Unreadable):
            json_body(body)
        return
    text = json.dumps(json.loads(body, strict=False), ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        expected = standard(text.encode(errors="replace"))
    assert same(json_body(body), expected)


READ = {
    "long_integer": (b"[12345678901234567890123456789]", [12345678901234567890123456789]),
    "over_64_bits": (b"[18446744073709551616]", [2**64]),
    "below_64_bits": (b"[-9223372036854775809]", [-(2**63) - 1]),
    "exact_decimal": (b'{"total": 20.10}', {"total": Decimal("20.10")}),
    "many_digits": (
        b"[0.1000000000000000055511151231257827]",
        [Decimal("0.1000000000000000055511151231257827")],
    ),
    "too_large_a_float": (b"[1e400, -1E+999999999999999999999]", [math.inf, -math.inf]),
    "too_small_a_float": (b"[1e-400, 1e-999999999999999999999, 0e999]", [0.0, 0.0, 0.0]),
    "minus_nothing": (b"[-0, -0.0]", [0, Decimal("-0.0")]),
    "exponent": (
        b"[1E3, 1e-2, 1.5e3, 1e16]",
        [1000, Decimal("0.01"), 1500, 10**16],
    ),
    "exact_beside_half_a_character": (
        rb'["\ud83d", 20.10, 1e3]',
        ["?", Decimal("20.10"), 1000],
    ),
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


@all_of(("body", "value"), READ.values())
def test_values_are_exact(body, value):
    assert same(json_body(body), value)


REFUSED = {
    "empty": (b"", "expected JSON, unreadable at byte 0"),
    "cut": (b'{"id": 1', "expected JSON, unreadable at byte 8"),
    "more_after_it": (b"{} {}", "expected JSON, unreadable at byte 3"),
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


@settings(max_examples=300, deadline=None)
@given(VALUES | st.decimals(allow_nan=False, allow_infinity=False, places=2))
def test_what_is_written_again_is_read_as_the_same(value):
    read = json_body(json_bytes(value))
    assert same(json_body(json_bytes(read)), read)


@pytest.mark.parametrize("number", ["129.90", "0.10", "15990.0", "1E-7", "10000000000000000", "-3"])
def test_part_of_a_batch_keeps_its_digits(number):
    body = b'{"total": %s, "name": "\xc3\xb1"}' % number.encode()
    assert json_bytes(json_body(body)) == body


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        (b"129.90", "129.90"), (b"1.5e3", "1500"), (b"1e16", "1" + "0" * 16), (b"1e-7", "0.0000001"),
        (b"7", "7"), (b'"x"', "x"), (b"true", ""), (b"null", ""), (b"[1]", ""), (b"{}", ""),
    ],
)  # fmt: skip
def test_number_as_text_has_the_digits_that_were_sent(sent, text):
    assert text_of(json_body(sent)) == text


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('{"total": 129.90}', {"total": Decimal("129.90")}),
        ({"total": 1}, {"total": 1}),
        ('{"name": "Luc\\u00eda \\ud800"}', {"name": "Lucía ?"}),
        ("{}", {}),
    ],
)
def test_object_in_a_text_is_read_as_any_other(value, expected):
    assert embedded_object(value) == expected


@pytest.mark.parametrize("value", ["", "[1]", "text", "\ud800", "[" * 100_000, None, 1, [{}], True])
def test_what_is_no_object_in_a_text_is_unreadable(value):
    with pytest.raises(Unreadable):
        embedded_object(value)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\t", "\x0b", "\x00"])
def test_text_may_have_line_ends_that_a_template_did_not_escape(end):
    assert json_body(f'{{"message": "Hola{end}y\u00f1"}}'.encode()) == {
        "message": f"Hola{end}y\u00f1"
    }
