"""Phone numbers as people and shops write them, country by country. Every number is invented."""

import pytest
from hypothesis import given, strategies as st

from relay.mapping.phone import to_e164, variants

# E.164, then the spellings that must come to it when the country is known.
SPELLINGS = {
    "EC": {
        "+593999000001": ["0999000001", "099 900 0001", "999000001", "(09) 9900-0001", "593999000001",
                          "+593 99 900 0001", "+593 0999000001", "00593999000001", "tel:+593999000001"],
        "+59322345678": ["(02) 234-5678", "022345678", "+593 2 234 5678", "59322345678"],
    },
    "CO": {
        "+573009000002": ["300 900 0002", "3009000002", "+57 300 900 0002", "573009000002"],
        "+576012345678": ["(601) 234 5678", "6012345678", "+57 601 2345678"],
    },
    "MX": {
        "+525599000003": ["55 9900 0003", "5599000003", "+52 55 9900 0003", "525599000003",
                          "+52 1 55 9900 0003", "+5215599000003", "5215599000003", "52 1 55 9900-0003"],
    },
    "PE": {
        "+51999000004": ["999 000 004", "999000004", "+51 999 000 004", "51999000004"],
        "+5112345678": ["(01) 234 5678", "+51 1 2345678"],
    },
    "CL": {
        "+56987654321": ["9 8765 4321", "987654321", "+56 9 8765 4321", "56987654321"],
        "+56223456789": ["2 2345 6789", "+56 2 2345 6789"],
    },
    "AR": {
        "+5491123456789": ["011 15-2345-6789", "11 15 2345 6789", "9 11 2345 6789", "+54 9 11 2345 6789",
                           "5491123456789", "+54 9 11 2345-6789"],
        "+541123456789": ["11 2345-6789", "(011) 2345-6789", "+54 11 2345 6789", "541123456789"],
    },
}  # fmt: skip
TABLE = [
    (country, written, e164)
    for country, numbers in SPELLINGS.items()
    for e164, spellings in numbers.items()
    for written in [*spellings, e164, f"  {e164} ", e164.replace("+", "+ ")]
]


@pytest.mark.parametrize(("country", "written", "e164"), TABLE)
def test_spelling_comes_to_e164(country, written, e164):
    assert to_e164([written], country) == (e164, "")


@pytest.mark.parametrize(("country", "e164"), sorted({(c, e) for c, _, e in TABLE}))
def test_number_with_its_plus_needs_no_country(country, e164):
    others = {"EC": "AR", "AR": "EC"}
    assert to_e164([e164], others.get(country, "EC")) == (e164, "")
    assert to_e164([e164], "") == (e164, "")


@pytest.mark.parametrize(
    ("written", "country", "reason"),
    [
        ("555-555-SHIP", "EC", "not_valid_in_EC"),
        ("123", "EC", "not_valid_in_EC"),
        ("099900000", "EC", "not_valid_in_EC"),
        ("09990000011", "EC", "not_valid_in_EC"),
        ("0000000000", "EC", "not_valid_in_EC"),
        ("0999000001", "CO", "not_valid_in_CO"),
        ("+593123", "CO", "not_valid_in_CO"),
        ("+593123", "", "not_valid_in_any_country"),
        ("sin teléfono", "EC", "not_a_number"),
        ("N/A", "EC", "not_a_number"),
        ("-", "EC", "not_a_number"),
        ("+", "EC", "not_a_number"),
        ("1", "EC", "not_a_number"),
        ("ana@example.com", "EC", "not_a_number"),
        ("+999 123456789", "EC", "not_a_number"),
        ("9" * 300, "EC", "not_a_number"),
        ("0999000001", "", "not_a_number"),
    ],
)
def test_what_is_no_phone_is_told_why(written, country, reason):
    assert to_e164([written], country) == ("", reason)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ([], ("", "")),
        ([""], ("", "")),
        (["", "   "], ("", "")),
        (["junk", "0999000001"], ("+593999000001", "")),
        (["123", "", "+57 300 900 0002", "0999000001"], ("+573009000002", "")),
        (["junk", "123"], ("", "not_a_number")),
        (["", "123", "junk"], ("", "not_valid_in_EC")),
    ],
)
def test_first_usable_number_wins_and_the_first_reason_is_kept(written, expected):
    assert to_e164(written, "EC") == expected


@pytest.mark.parametrize(
    ("e164", "expected"),
    [
        ("+593999000001", ("+593999000001", "593999000001")),
        ("+573009000002", ("+573009000002", "573009000002")),
        ("+51999000004", ("+51999000004", "51999000004")),
        ("+56987654321", ("+56987654321", "56987654321")),
        ("+525599000003", ("+525599000003", "525599000003", "+5215599000003", "5215599000003")),
        ("+5215599000003", ("+5215599000003", "5215599000003", "+525599000003", "525599000003")),
        ("+521234567890", ("+521234567890", "521234567890", "+5211234567890", "5211234567890")),
        ("+541123456789", ("+541123456789", "541123456789", "+5491123456789", "5491123456789")),
        ("+5491123456789", ("+5491123456789", "5491123456789", "+541123456789", "541123456789")),
        ("+549123456789", ("+549123456789", "549123456789", "+5499123456789", "5499123456789")),
        ("+5255990000", ("+5255990000", "5255990000")),
        ("+14155552671", ("+14155552671", "14155552671")),
    ],
)
def test_variants_are_looked_up_likeliest_first(e164, expected):
    assert variants(e164) == expected


@pytest.mark.parametrize("e164", ["+525599000003", "+541123456789", "+593999000001"])
def test_variants_of_a_twin_are_the_same_numbers(e164):
    for spelling in variants(e164)[::2]:
        assert sorted(variants(spelling)) == sorted(variants(e164))


@given(st.lists(st.text(max_size=40), max_size=3), st.sampled_from(["EC", "MX", "", "XX", "ec"]))
def test_any_text_is_a_number_or_has_a_reason(written, country):
    number, reason = to_e164(written, country)
    assert not (number and reason)
    assert bool(number or reason) == any(text.strip() for text in written)
    if number:
        assert number[0] == "+"
        assert number[1:].isascii()
        assert number[1:].isdigit()
        assert number in variants(number)
