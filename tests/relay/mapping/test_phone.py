"""Phone numbers as people and shops write them, country by country. Every number is invented."""

import random

import phonenumbers
import pytest
from cases import all_of
from hypothesis import given, strategies as st
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from relay.mapping.phone import to_e164 as phones_to_e164, variants
from relay.model import Phone


def to_e164(texts: list[str], country: str) -> tuple[str, str]:
    return phones_to_e164([Phone(text) for text in texts], country)


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


@all_of(("country", "written", "e164"), TABLE)
def test_spelling_comes_to_e164(country, written, e164):
    assert to_e164([written], country) == (e164, "")


@pytest.mark.parametrize(("country", "e164"), sorted({(c, e) for c, _, e in TABLE}))
def test_number_with_its_plus_needs_no_country(country, e164):
    others = {"EC": "AR", "AR": "EC"}
    assert to_e164([e164], others.get(country, "EC")) == (e164, "")
    assert to_e164([e164], "") == (e164, "")


@all_of(
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
        ("ana0999000001@example.com", "EC", "not_a_number"),
        ("5.9399E+11", "EC", "not_a_number"),  # rounded by a spreadsheet
        ("5.7315555E11", "CO", "not_valid_in_CO"),  # as a number of half the precision is written
        ("593990000000.0", "EC", "not_valid_in_EC"),
        ("-593999000001.0", "EC", "not_valid_in_EC"),
        ("tel. 12345678.0, llamar", "EC", "not_valid_in_EC"),
        ("12345678901 123456", "EC", "not_valid_in_EC"),  # a part that is no number
        ("1.5E99", "EC", "not_a_number"),
        ("9E9", "EC", "not_a_number"),
        ("9E", "EC", "not_a_number"),
        ("1", "EC", "not_a_number"),
        ("ana@example.com", "EC", "not_a_number"),
        ("+999 123456789", "EC", "not_a_number"),
        ("9" * 300, "EC", "not_a_number"),
        ("0999000001", "", "not_a_number"),
        ("593999000001", "", "not_a_number"),
        ("09\u00b79900\u00b7000", "EC", "not_valid_in_EC"),
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


# A number and its extension, without a word between them.
_EXTENDED = ("{} - 101", "{} - 22", "{} \u2013 101", "{} (101)", "{} * 101", "{}; 101", "{} / 22")
_WORDS = (
    "{} ext 12", "{} Ext. 12", "{} ext: 12", "{}ext12", "{} x 22", "{} X12", "{} extensi\u00f3n 123",
    "{} extensi\u00f3n: 101", "{} int. 4", "{} interno 12", "{} (int. 1234)", "{} anexo 123",
    "{} anx. 123", "{} ramal 3", "{} opci\u00f3n 2", "{} # 45", "{} ext 101/102", "{} ext. 12 y 13",
)  # fmt: skip
EXTENDED = [
    ("EC", "099 123 4567", "+593991234567"),
    ("EC", "+593 99 123 4567", "+593991234567"),
    ("EC", "0991234567", "+593991234567"),
    ("EC", "04-2345678", "+59342345678"),
    ("CO", "315 555 0121", "+573155550121"),
    ("CO", "+57 315 5550121", "+573155550121"),
    ("CO", "(601) 3456789", "+576013456789"),
    ("PE", "912 122 244", "+51912122244"),  # with 101 behind it, a number of India
    ("PE", "+51 912 122 244", "+51912122244"),
    ("PE", "(01) 444-5555", "+5114445555"),
    ("MX", "55 5123 4567", "+525551234567"),  # with 10 behind it, a number of Brazil
    ("MX", "+52 55 5123 4567", "+525551234567"),
    ("CL", "9 8765 4321", "+56987654321"),
    ("CL", "+56 9 8765 4321", "+56987654321"),
    ("AR", "+54 9 11 2345-6789", "+5491123456789"),
    ("AR", "011 4444-5555", "+541144445555"),
]
_DIRECTLY = ("{}-101", "{}-22", "{} 101", "{} 22")

# As people, spreadsheets and phones write them.
WRITTEN = [
    *((text.format(n), c, e164) for c, n, e164 in EXTENDED for text in (*_EXTENDED, *_WORDS)),
    *((text.format("912122244"), "PE", "+51912122244") for text in _DIRECTLY),
    *((text.format("+573155550121"), "CO", "+573155550121") for text in _DIRECTLY),
    *((text.format("0991234567"), "EC", "+593991234567") for text in (*_DIRECTLY, "{} - 1012")),
    ("912 122 244-101", "PE", "+51912122244"),
    ("55 5123 4567 - 10", "MX", "+525551234567"),
    ("57 315 555 0121 - 12", "EC", "+573155550121"),
    # The last group of a whole number, here or of another country.
    ("57 315 555 - 0121", "EC", "+573155550121"),  # not 5731 5555 of Manab\u00ed
    ("57 315 555-0121", "EC", "+573155550121"),
    ("34 612 345-678", "EC", "+34612345678"),
    ("34 612 34 56-78", "CL", "+34612345678"),
    ("34 612 345 678", "EC", "+34612345678"),
    ("55 11 98765-4321", "CL", "+5511987654321"),
    ("49 30 123456-78", "EC", "+493012345678"),
    ("030 123456 - 78", "DE", "+493012345678"),
    ("+1 305 555 01-31", "EC", "+13055550131"),
    ("56 98765432 - 1", "CL", "+56987654321"),
    ("+56 9 8765 43 - 21", "CL", "+56987654321"),
    ("09 91 20 12 - 19", "EC", "+593991201219"),
    ("0057 301 555 0133", "CO", "+573015550133"),
    ("00593 99 1201211", "CO", "+593991201211"),
    ("0055 51 99999-0121", "BR", "+5551999990121"),
    ("0034 612 345 142", "CO", "+34612345142"),
    ("0054 9 11 15 2345 6789", "EC", "+5491123456789"),
    ("011 593 99 120 1211", "US", "+593991201211"),
    ("011 47 92 34 56 78", "US", "+4792345678"),  # Norway, not area 479
    ("0593 99 120 1211", "EC", "+593991201211"),
    ("0991201214 / 022345678", "EC", "+593991201214"),
    ("022345678/79", "EC", "+59322345678"),
    ("099/1201214", "EC", "+593991201214"),
    ("991,201,214", "EC", "+593991201214"),
    ("(02) 234-5678 | 0991201214", "EC", "+59322345678"),
    ("0991201214, 0987654321", "EC", "+593991201214"),
    ("0991201214;0987654321", "EC", "+593991201214"),
    ("0991201214 y 0987654321", "EC", "+593991201214"),
    ("0991201214o0987654321", "EC", "+593991201214"),
    ("11 99999-0121 e 11 98888-0121", "BR", "+5511999990121"),
    ("0991201214 0987654321", "EC", "+593991201214"),
    ("0991201214-0987654321", "EC", "+593991201214"),
    ("0991201214.0987654321", "EC", "+593991201214"),
    ("0991201214 0987654321 - Ana", "EC", "+593991201214"),
    ("2001234 2001235", "PA", "+5072001234"),
    ("Piso 6: 200-1234", "PA", "+5072001234"),  # not the mobile 6200 1234
    ("+593991201214 +593987654321", "EC", "+593991201214"),
    ("+593991201214+593987654321", "EC", "+593991201214"),
    ("(+47) 92 34 56 78", "US", "+4792345678"),
    ("  +4792345678", "US", "+4792345678"),
    ("no tengo / 0987654321", "EC", "+593987654321"),
    ("0991201215 (WhatsApp)", "EC", "+593991201215"),
    ("0991201215 wsp", "EC", "+593991201215"),
    ("0991201216 - Juan", "EC", "+593991201216"),
    ("Cel. 099 120 1216", "EC", "+593991201216"),
    ("casa 2: 022345678", "EC", "+59322345678"),
    ("https://wa.me/593991201214", "EC", "+593991201214"),
    ("+0991201217", "EC", "+593991201217"),
    ("+00593991201217", "EC", "+593991201217"),
    ("++593991201217", "EC", "+593991201217"),
    ("+593 (0)99 120 1217", "EC", "+593991201217"),
    ("+57 (0)301 555 0133", "CO", "+573015550133"),
    ("+507 (0) 6123-4567", "EC", "+50761234567"),  # of a country without such a zero
    ("+34 (0)612 345 142", "EC", "+34612345142"),
    ("\u202a+52 1 55 9900 0131\u202c", "MX", "+525599000131"),
    ("+593 99\u200e1201219", "EC", "+593991201219"),
    ("099\u00a0120\u202f1219", "EC", "+593991201219"),
    ("+52&nbsp;55&nbsp;9900&nbsp;0121", "MX", "+525599000121"),
    ("&#43;57 315&#160;555&#8209;0121", "EC", "+573155550121"),
    ("099\u00ad1201219\ufeff", "EC", "+593991201219"),
    ("099\u20111201219", "EC", "+593991201219"),
    ("099\x001201219", "EC", "+593991201219"),
    ("\uff10\uff19\uff19\uff11\uff12\uff10\uff11\uff12\uff11\uff19", "EC", "+593991201219"),
    ("\uff0b593991201219", "EC", "+593991201219"),
    ("\uff0b4792345678", "US", "+4792345678"),
    ("0991201219\u00b2", "EC", "+593991201219"),
    ("099\u00b7120\u00b71219", "EC", "+593991201219"),
    ("099\u2212120\u22121219", "EC", "+593991201219"),
    ("0\ufe0f\u20e3991201219 \U0001f4f1", "EC", "+593991201219"),
    ("\u0660\u0669\u0669\u0661\u0662\u0660\u0661\u0662\u0661\u0669", "EC", "+593991201219"),
    ("099_120_1219", "EC", "+593991201219"),
    ("022345678\n0991201219", "EC", "+59322345678"),
    ("593991201222.0", "EC", "+593991201222"),
    ("593991201222,00", "EC", "+593991201222"),
    ("+593991201222.00", "EC", "+593991201222"),
    ("2001234.0", "PA", "+5072001234"),
    ("5.73155550144E11", "CO", "+573155550144"),
    ("5,73155550144e+11", "CO", "+573155550144"),
    ("2.001234E6", "PA", "+5072001234"),
    # In full, without the zero at the end; some programs write numbers so.
    ("5.7315555014E11", "CO", "+573155550140"),
    ("5.7315555014e+11", "CO", "+573155550140"),
    ("3,155,550,121", "CO", "+573155550121"),
    ("593,991,201,222.00", "EC", "+593991201222"),
    # The calling code twice, as where the form adds it to what was typed; or by itself.
    ("+57 57 315 555 0121", "EC", "+573155550121"),
    ("+593593991201222", "EC", "+593991201222"),
    ("593593991201222", "EC", "+593991201222"),
    ("+593 00593991201222", "EC", "+593991201222"),
    ("+34 0034 612 345 142", "ES", "+34612345142"),
    ("+54 54 9 11 15 2345 6789", "AR", "+5491123456789"),
    ("+55 55 51 99999-0121", "BR", "+5551999990121"),
    ("+55 55 99999-0121", "BR", "+5555999990121"),  # of area 55
    ("+57+3155550121", "EC", "+573155550121"),
    ("+593 +593991201222", "CO", "+593991201222"),
    ("+57 / 3155550121", "EC", "+573155550121"),
    ("+57 +593991201222", "CO", "+593991201222"),
    ("0315 555 0121", "CO", "+573155550121"),
    ("+57 0315 555 0121", "EC", "+573155550121"),
    ("+55 11 9999-0121", "EC", "+5511999990121"),
    ("(51) 9999-0121", "BR", "+5551999990121"),
    ("315 5550121 - 316 5550122", "CO", "+573155550121"),
    ("1 - 315 5550121 - 316 5550122", "CO", "+573155550121"),
    ("315 5550121  316 5550122", "CO", "+573155550121"),
    ("315 5550121  316 5550122  - 77", "CO", "+573155550121"),
    ("1) 0987000121 2) 0987000122", "EC", "+593987000121"),
    ("Cel. 593991201222.0", "EC", "+593991201222"),
    ("0991201313 ext. 4", "EC", "+593991201313"),
    ("022345678 x12", "EC", "+59322345678"),
    ("022345678 anexo 123", "EC", "+59322345678"),
    ("022345678 extensi\u00f3n: 12 / 0991201313", "EC", "+59322345678"),
    ("tel:+593991201313;ext=4", "EC", "+593991201313"),
    ("044 55 9900 0121", "MX", "+525599000121"),
    ("045 55 9900 0121", "MX", "+525599000121"),
    ("01 55 9900 0121", "MX", "+525599000121"),
    ("+52 044 55 9900 0121", "MX", "+525599000121"),
    ("0052 1 55 9900 0121", "EC", "+525599000121"),
    ("1 55 9900 0121", "MX", "+525599000121"),
    ("09 8765 4321", "CL", "+56987654321"),
    ("+56 09 8765 4321", "EC", "+56987654321"),
    ("02 2345 6789", "CL", "+56223456789"),
    ("011 15-2345-6789", "AR", "+5491123456789"),
    ("+54 11 15-2345-6789", "EC", "+5491123456789"),
    ("+54 9 11 15 2345 6789", "AR", "+5491123456789"),
    *((f"+57 {area} 2345678", "EC", f"+5760{area}2345678") for area in (1, 2, 4, 5, 6, 7, 8)),
    # Home numbers that begin like the own calling code.
    ("5025 1234", "GT", "+50250251234"),
    ("(051) 351234", "PE", "+5151351234"),
    ("(55) 99999-0121", "BR", "+5555999990121"),
    ("593991201222", "CO", "+593991201222"),  # another country's, without the plus
    # Dots between the groups that are no full stops.
    *(
        (dot.join(("099", "120", "1219")), "EC", "+593991201219")
        for dot in "\u00b7\u2022\u2027\u2219\u22c5\u30fb"
    ),
    ("099 \u2022 120 \u2022 1219", "EC", "+593991201219"),
    # Two fields in one, the calling code without its plus.
    ("57+3155550121", "CO", "+573155550121"),
    ("593+991201222", "CO", "+593991201222"),
    ("593+0991201222", "EC", "+593991201222"),
    ("593+593991201222", "EC", "+593991201222"),
    ("5 +593991201222", "EC", "+593991201222"),  # a count of numbers, not a code
    # Accounts of WhatsApp.
    ("593991201222@s.whatsapp.net", "EC", "+593991201222"),
    ("+573155550121:12@S.WhatsApp.net", "EC", "+573155550121"),
    (" 573155550121@c.us ", "EC", "+573155550121"),
    # Without the 9 that a form shows beside the field; 15 and 0 of home behind the 9 of abroad.
    ("8765 4321", "CL", "+56987654321"),
    ("+56 8765 4321", "EC", "+56987654321"),
    ("+56 9 9 8765 4321", "CL", "+56987654321"),
    # Written as in Brazil, wherever it is.
    ("(51) 99999-0121", "EC", "+5551999990121"),
    ("(11)98888-0121", "CO", "+5511988880121"),
    ("(51) 99999-0121", "PE", "+51999990121"),
    ("(51) 999 990 121", "EC", "+51999990121"),
    ("(56) 98765-4321", "EC", "+56987654321"),
    ("9 9 8765 4321", "CL", "+56987654321"),
    ("(031) 234 5678", "CO", "+576012345678"),
    ("034 2345678", "CO", "+576042345678"),
    ("03 315 555 0121", "CO", "+573155550121"),
    ("+57 (031) 2345678", "EC", "+576012345678"),
    ("01 999000004", "PE", "+51999000004"),
    ("+51 01 999000004", "EC", "+51999000004"),
    ("+54 9 011 2345 6789", "EC", "+5491123456789"),
    ("+54 9 15 11 2345 6789", "AR", "+5491123456789"),
    ("51999000004", "CO", "+51999000004"),
    ("(02) 22345 6789", "CL", "+56223456789"),
    # Links to an account of WhatsApp have the calling code, whatever the country.
    ("https://wa.me/5215599000121", "EC", "+525599000121"),
    ("wa.me/13055550131?text=Hola%2020", "CO", "+13055550131"),
    ("https://api.whatsapp.com/send?phone=5215599000121&text=Hola", "CO", "+525599000121"),
    ("https://web.whatsapp.com/send/?phone=%2B13055550131", "CO", "+13055550131"),
    ("whatsapp://send?text=Hola&phone=0013055550131", "CO", "+13055550131"),
    ("https://wa.me/0991201222", "EC", "+593991201222"),
    # Counted numbers, and what stands in brackets behind one.
    *(
        (text.format("0991201222"), "EC", "+593991201222")
        for text in (
            "1. {}",
            "1) {}",
            "(1) {}",
            "#1 {}",
            "Cel1 {}",
            "Ana2 {}",
            "{} (1)",
            "{} (101)",
            "{}(2)",
            "1. {} 2. 0987654321",
            "#1 {} #2 0987654321",
            "{} (1) / 0987654321 (2)",
        )
    ),
    ("(02) 234-5678 (101)", "EC", "+59322345678"),
    ("1. 315 555 0121", "CO", "+573155550121"),
    # What would be another number with its count or extension.
    ("6. 200-1234", "PA", "+5072001234"),
    ("200 123 6173 (101)", "MX", "+522001236173"),
    ("+593 99 120 (1222)", "EC", "+593991201222"),
]


@all_of(("written", "country", "e164"), WRITTEN)
def test_number_is_read_as_it_is_written(written, country, e164):
    assert to_e164([written], country) == (e164, "")


@pytest.mark.parametrize(
    ("written", "country"),
    [
        ("31555501219", "CO"),  # a mobile with a digit too many; with a plus it is Dutch
        ("13055550131", "CO"),  # 305 in Florida, or in Colombia with a 1 before it
        ("5730155501", "CO"),
        ("88887777", "CO"),
        ("011 15 2345-6789", "PE"),  # of home in Argentina; not 115 2345 of Lima
        ("15 2345 6789", "AR"),  # the 15 of home without an area
        ("4915123456715", "DE"),  # valid both with and without its first digits as calling code
        ("04915123456715", "DE"),
        ("+011 593 99 120 1211", "US"),
        ("1230 593 99 120 1211", "CL"),  # a carrier of Chile, then another country
        ("+562234567/89", "CL"),
        ("5025123/4", "GT"),
        ("+3155550121", "CO"),
        ("2.001234E+10", "PA"),  # rounded: not 200 1234, though that is a number
        ("2,001234e10", "PA"),
        ("1 305 555 0131", "CO"),
        ("(1) 305 555 0131", "CO"),
        ("0612345678", "ES"),  # a French mobile as dialled in France
    ],
)
def test_number_of_which_another_could_be_meant_is_none(written, country):
    assert to_e164([written], country)[0] == ""


@pytest.mark.parametrize(
    ("written", "country"),
    [
        ("0999999999", "EC"), ("999999999", "EC"), ("+593 99 999 9999", "CO"), ("999999999", "CL"),
        ("9999 9999", "CL"), ("999 999 999", "PE"), ("55 5555 5555", "MX"), ("5500000000", "MX"),
        ("(11) 99999-9999", "BR"), ("11 1111-1111", "AR"), ("311 1111111", "CO"),
        ("8888-8888", "CR"),
    ],
)  # fmt: skip
def test_number_of_one_digit_is_what_many_type_who_have_none(written, country):
    assert to_e164([written], country)[0] == ""
    assert to_e164([written, "+593991201222"], country) == ("+593991201222", "")


def test_phone_is_read_by_its_own_country_before_the_default():
    assert phones_to_e164([Phone("301 555 0131", "Colombia")], "US") == ("+573015550131", "")
    assert phones_to_e164([Phone("301 555 0131", "Narnia")], "CO") == ("+573015550131", "")
    assert phones_to_e164([Phone("123", "CO")], "US") == ("", "not_valid_in_CO")


COUNTRIES = (
    "EC", "CO", "MX", "PE", "CL", "AR", "BR", "UY", "PY", "BO",
    "VE", "PA", "CR", "GT", "SV", "HN", "NI", "DO", "US", "ES",
)  # fmt: skip


def numbers_of(country: str) -> list[phonenumbers.PhoneNumber]:
    """Valid mobile and fixed numbers: the examples of the library, and others like them."""
    digits = random.Random(country)
    numbers = []
    for kind in (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE):
        example = phonenumbers.example_number_for_type(country, kind)
        national = phonenumbers.national_significant_number(example)
        for kept in range(3, len(national) + 1):
            text = national[:kept] + "".join(digits.choices("0123456789", k=len(national) - kept))
            number = phonenumbers.parse(f"+{example.country_code}{text}")
            if phonenumbers.is_valid_number_for_region(number, country):
                numbers.append(number)
    return numbers


def spellings_of(number: phonenumbers.PhoneNumber) -> tuple[list[str], list[str]]:
    """(spellings with the prefix of abroad, spellings that need the number's own country)."""
    e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    abroad = phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)
    home = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
    code, national = str(number.country_code), phonenumbers.national_significant_number(number)
    digits = e164[1:]
    wide = "".join(chr(ord(c) + 0xFEE0) if c.isdigit() else c for c in home)
    prefixed = [
        e164, abroad, f"00{digits}", f"00 {abroad[1:]}", f"tel:{e164}", f"\u202a{abroad}\u202c",
        f"(+{code}) {national}", f"+{code} (0){national}", f"{abroad} ext. 12",
        f"{abroad} (WhatsApp)", f"{digits}@s.whatsapp.net", f"+{e164}", f"{e164} / {e164}", f"{e164[:5]}\u200e{e164[5:]}",
        f"https://wa.me/{digits}", f"https://api.whatsapp.com/send?phone={digits}&text=Hola%2020",
        f"1. {abroad}", f"{abroad} (2)",
    ]  # fmt: skip
    own = [
        home, national, digits, abroad[1:], f"0{digits}", f"{home} - Juan", f"Cel. {home}",
        f"{national} wsp", f"{digits}.0", f"{digits[0]}.{digits[1:]}E{len(digits) - 1}",
        f"{home} / {home}", f"{home},{home}", f"{home} y {home}", f"{national}o{national}",
        f"{national} {national}", f"{home}\n{home}", home.replace(" ", "\u00a0"), wide,
        f"{national[:4]}\u200e{national[4:]}", f"{home} ext 4", f"{national}x123",
        f"{national[:2]}/{national[2:]}", f"{code}+{national}", "\u2022".join(
            (national[:3], national[3:6], national[6:])
        ), ".".join((national[:3], national[3:6], national[6:])),
        f"+{code} {home}", f"1. {home}", f"#2 {home}", f"Cel1 {home}", f"(1) {home}", f"{home} (101)",
    ]  # fmt: skip
    if home.startswith("0"):
        own.append(f"+{home}")
    if code == "52":
        own += [f"{prefix} {national}" for prefix in ("044", "045", "01", "1", "52 1", "+52 01")]
    return prefixed, own


@all_of("country", COUNTRIES)
def test_every_spelling_is_the_right_number_or_none(country):
    read, asked = 0, 0
    for number in numbers_of(country):
        e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
        prefixed, own = spellings_of(number)
        cases = [(text, country) for text in own + prefixed]
        cases += [(text, other) for text in prefixed[:4] for other in COUNTRIES]
        for text, read_in in cases:
            result, _ = to_e164([text], read_in)
            assert result in {e164, ""}, (text, read_in)
            asked, read = asked + 1, read + bool(result)
    assert asked > 1000
    assert read > 0.97 * asked


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
        ("+5551999990121", ("+5551999990121", "5551999990121", "+555199990121", "555199990121")),
        ("+555199990121", ("+555199990121", "555199990121", "+5551999990121", "5551999990121")),
        ("+555133334444", ("+555133334444", "555133334444")),  # a landline
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
