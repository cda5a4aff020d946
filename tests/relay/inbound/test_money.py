"""Amounts of money: exact in, exact out, and none where it could be two."""

import re
import time
from decimal import Decimal

import pytest
from babel.numbers import list_currencies
from cases import all_of
from hypothesis import given, strategies as st

from relay.inbound.money import (
    currency_code,
    parse_minor_units,
    parse_money,
    parse_written_money,
)
from relay.mapping.amounts import exponent, is_currency_code, shown_amount
from relay.model import Money

CURRENCIES = sorted(filter(is_currency_code, list_currencies()))
currencies = st.sampled_from(CURRENCIES)
LATIN_AMERICA = [
    "AR", "BO", "BR", "CL", "CO", "CR", "CU", "DO", "EC", "GT", "HN", "MX", "NI", "PA", "PE", "PR",
    "PY", "SV", "UY", "VE",
]  # fmt: skip


def amounts(currency: str, least: int = 0):
    return st.decimals(least, 10**12, places=exponent(currency))


def plain(money: Money | None) -> str:
    return "" if money is None else f"{money.amount:f}"


@all_of(
    ("sent", "expected"),
    [
        ("49.90", "49.90"), (Decimal("129.90"), "129.90"), (7, "7"), ("0.00", "0.00"), ("-5", "-5"),
        (" 49.90 ", "49.90"), ("1.5e3", "1500"), (Decimal("1.5e3"), "1500"), (49.9, "49.9"),
        ("49.899999999999999", "49.899999999999999"), (10**17, "1" + "0" * 17),
        ("+49.90", "49.90"), ("15e-1", "1.5"), ("1.5E+3", "1500"), ("1e10", "10000000000"),
        # No amounts.
        ("49,90", ""), ("$49.90", ""), ("", ""), (None, ""), (True, ""), ([], ""), ({}, ""), ("x", ""),
        (10**18, ""), ("1e999", ""), ("9" * 1000, ""), (float("nan"), ""), (float("inf"), ""),
        ("1e-99", ""), ("NaN", ""), ("1_000", ""), ("1e", ""),
    ],
)  # fmt: skip
def test_decimal_text_or_number_is_exact(sent, expected):
    money = parse_money(sent, "USD")
    assert ("" if money is None else str(money.amount)) == expected


def test_amount_without_a_currency_has_none():
    assert parse_money("5") == parse_written_money("5") == Money(Decimal(5), "")


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ("USD", "USD"), ("usd", "USD"), (" Clp ", "CLP"), ("S/", "PEN"), ("US$", "USD"), ("R$", "BRL"),
        ("€", "EUR"), ("604", "PEN"), (" 152 ", "CLP"), ("032", "ARS"), ("999", "999"), ("$", "$"), ("puntos", "puntos"), ("XXX", ""), ("", ""), (None, ""), (840, ""), ([], ""),
        ("x" * 100, "x" * 20),
    ],
)  # fmt: skip
def test_currency_is_the_code_or_what_the_sender_wrote(sent, code):
    assert currency_code(sent) == code
    assert parse_money("1", sent) == Money(Decimal(1), code)


@pytest.mark.parametrize(
    ("sign", "code"),
    [
        ("US$", "USD"), ("U$S", "USD"), ("MX$", "MXN"), ("R$", "BRL"), ("RD$", "DOP"), ("S/", "PEN"),
        ("S/.", "PEN"), ("B/", "PAB"), ("B/.", "PAB"), ("Gs", "PYG"), ("Gs.", "PYG"), ("₲", "PYG"),
        ("₡", "CRC"), ("€", "EUR"), ("£", "GBP"),
    ],
)  # fmt: skip
def test_sign_of_one_currency_is_its_code_alone_and_beside_a_number(sign, code):
    assert currency_code(sign) == code
    for text in (f"{sign}49,90", f"{sign} 49,90", f"49,90 {sign}"):
        assert parse_written_money(text) == Money(Decimal("49.90"), code)


@all_of(
    ("name", "code"),
    [
        ("dólares americanos", "USD"), ("Dolares Americanos", "USD"), ("U.S. Dollar", "USD"), ("us dollars", "USD"),
        ("dólar estadounidense", "USD"), ("pesos colombianos", "COP"), ("Colombian Peso", "COP"), ("Peso chileno", "CLP"),
        ("PESOS MEXICANOS", "MXN"), ("pesos  argentinos", "ARS"), ("Uruguayan pesos", "UYU"), ("pesos dominicanos", "DOP"),
        ("nuevos soles", "PEN"), ("Sol peruano", "PEN"), ("guaraní paraguayo", "PYG"), ("bolivianos", "BOB"),
        ("real brasileño", "BRL"), ("quetzales guatemaltecos", "GTQ"), ("colón costarricense", "CRC"), ("euros", "EUR"),
        ("dólares canadienses", "CAD"), ("32", "ARS"), ("68", "BOB"), ("\u200eUSD", "USD"),
        # Of several countries.
        ("pesos", "pesos"), ("dólares de Belice", "dólares de Belice"), ("colones", "colones"),
    ],
)  # fmt: skip
def test_currency_is_known_by_its_name_in_spanish_and_english(name, code):
    assert currency_code(name) == code
    assert parse_money(1, name).currency == code
    if is_currency_code(code) and not re.search(r"[\d.]", name):
        assert parse_written_money(f"49,90 {name}") == Money(Decimal("49.90"), code)


@pytest.mark.parametrize("mark", ["\u200e", "\u200f", "\u202a", "\u2066", "\ufeff", "\u200b"])
def test_hidden_mark_is_no_part_of_an_amount(mark):
    for text in (f"{mark}49.90", f"49.90{mark}", f"49{mark}.90"):
        assert parse_money(text, "USD") == Money(Decimal("49.90"), "USD")
    assert parse_written_money(f"{mark}${mark}49,90{mark}", "USD") == Money(Decimal("49.90"), "USD")


@pytest.mark.parametrize(
    ("units", "currency", "digits", "expected"),
    [
        (4990, "USD", None, Money(Decimal("49.90"), "USD")),
        ("4990", "usd", None, Money(Decimal("49.90"), "USD")),
        (4990, "CLP", None, Money(Decimal(4990), "CLP")),
        (4990, "PYG", None, Money(Decimal(4990), "PYG")),
        (4990, "KWD", None, Money(Decimal("4.990"), "KWD")),
        (12990000, "COP", None, Money(Decimal("129900.00"), "COP")),
        (1299000, "CLP", 2, Money(Decimal("12990.00"), "CLP")),
        (0, "USD", None, Money(Decimal("0.00"), "USD")),
        (Decimal("4990.0"), "USD", None, Money(Decimal("49.90"), "USD")),
        (49.5, "USD", None, None),
        (4990, "", None, None),
        (4990, "puntos", None, None),
        (4990, "", 2, Money(Decimal("49.90"), "")),
        ("x", "USD", None, None),
    ],
)
def test_minor_units_are_those_of_the_currency_or_of_the_platform(
    units, currency, digits, expected
):
    money = parse_minor_units(units, currency, digits)
    assert money == expected
    assert plain(money) == plain(expected)


WRITTEN = [
    # As in Chile and Paraguay, where there are no cents.
    ("$ 12.990", "CLP", "12990"), ("$12.990", "CLP", "12990"), ("12.990", "CLP", "12990"),
    ("12990", "CLP", "12990"), ("$ 1.299.990", "CLP", "1299990"), ("12,990", "CLP", "12990"),
    ("12990-", "CLP", "12990"), ("12.990,--", "CLP", "12990"), ("CLP$ 12.990", "", "12990"),
    ("$12.990.-", "CLP", "12990"), ("12.990,-", "CLP", "12990"), ("Gs. 150.000", "PYG", "150000"),
    ("CLP 12.990", "", "12990"), ("12.990 CLP", "", "12990"), ("12990.00", "CLP", "12990.00"),
    # As in Colombia, where nobody writes them.
    ("$ 129.900", "COP", "129900"), ("129.900", "COP", "129900"), ("129.900,00", "COP", "129900.00"),
    ("129900.00", "COP", "129900.00"), ("$129.900 COP", "", "129900"),
    # As in Ecuador, Argentina, Brazil and Spain.
    ("1.299,00", "USD", "1299.00"), ("49,90", "USD", "49.90"), ("$49,9", "USD", "49.9"),
    ("45.300,00", "ARS", "45300.00"), ("R$ 1.299,00", "", "1299.00"), ("1.299,00 €", "", "1299.00"),
    # As in Mexico, Peru and the United States.
    ("1,299.00", "MXN", "1299.00"), ("$1,299.00 MXN", "", "1299.00"), ("1,299", "MXN", "1299"),
    ("S/ 89.90", "", "89.90"), ("S/.89.90", "", "89.90"), ("US$ 1,299.50", "", "1299.50"),
    ("1'299,000.00", "MXN", "1299000.00"), ("1\u2019299,000.00", "MXN", "1299000.00"),
    # Elsewhere.
    ("1 299,00", "EUR", "1299.00"), ("1\u202f299\u00a0€", "", "1299"), ("CHF 1'299.00", "", "1299.00"),
    ("129'000", "CHF", "129000"), ("1\u2019299", "CHF", "1299"), ("¢45.300", "CRC", "45300"),
    ("Q100.50", "GTQ", "100.50"), ("L. 1,299.00", "HNL", "1299.00"), ("1,299.000", "KWD", "1299.000"),
    # Machines.
    ("129.90", "USD", "129.90"), ("129.9000", "USD", "129.9000"), ("1299.000", "USD", "1299.000"),
    ("0.125", "USD", "0.125"), ("1.5e3", "USD", "1500"), (Decimal("129.90"), "USD", "129.90"),
    (15990, "CLP", "15990"), ("9" * 18, "CLP", "9" * 18),
    # Signs.
    ("-12,50", "USD", "-12.50"), ("$-12,50", "USD", "-12.50"), ("-$12.50", "USD", "-12.50"),
    ("(12.50)", "USD", "-12.50"), ("\u221212.50", "USD", "-12.50"), ("12.50-", "USD", "-12.50"),
    ("1.299,50 -", "USD", "-1299.50"), ("$12,50-", "USD", "-12.50"),
    ("Bs.S 1.299,50", "VES", "1299.50"), ("Bs.S1.299,50", "", "1299.50"),
    # Without a currency it stays an amount.
    ("10", "", "10"), ("10.00", "", "10.00"), ("$10", "", "10"), ("1.299,00", "", "1299.00"),
    ("$1.299", "", "1299"),
    # The apostrophe of Colombia's millions.
    ("1'299.000", "COP", "1299000"), ("$ 12'345.678", "COP", "12345678"), ("1'299,000", "MXN", "1299000"),
    # As pages format them.
    ('<span class="amount">&#36;49.90</span>', "USD", "49.90"), ("&nbsp;$&nbsp;12.990", "CLP", "12990"),
    # The number that stands there is not the one that is meant.
    ("25 mil", "COP", ""), ("25 mil pesos", "COP", ""), ("$ 25k", "COP", ""), ("1.2M", "COP", ""), ("25 K", "USD", ""),
    ("2 millones", "COP", ""), ("$2,5 mill\u00f3n", "COP", ""), ("3 MM.", "CLP", ""),
]  # fmt: skip


@all_of(("text", "currency", "expected"), WRITTEN)
def test_amount_is_read_as_people_write_it(text, currency, expected):
    assert plain(parse_written_money(text, currency)) == expected


@all_of(
    ("text", "currency"),
    [
        # Could be one and a third, or a thousand.
        ("1.299", "USD"), ("12.990", "PEN"), ("1.299,000", "USD"), ("1,299.000", "USD"), ("12.990", ""),
        # No amount, or more than one.
        ("1.29.000", "USD"), ("1,2990,00", "USD"), ("1234.567,89", "USD"), ("12.99.000,50", "USD"),
        ("1.299'299 299,00", "USD"), ("1.299.99,50", "USD"), ("1.299'50", "USD"), ("1.299,000.000", "USD"), ("1299'000", "CHF"),
        ("_10", "USD"), ("$_10", "USD"), ("_$10", "USD"), ("%$10", "USD"),
        ("1.299.00", "USD"), ("1 2", "USD"), ("1.2,3.4", "USD"),
        ("2 x 10", "USD"), ("10-20", "USD"), ("10/20", "USD"), ("EUR 10 USD", ""), ("gratis", "USD"),
        ("", "USD"), ("$", "USD"), (".50", "USD"), ("5.", "USD"), ("1,,5", "USD"), ("9" * 19, "USD"),
        ("50%", "USD"), ("02/11/2026", "USD"), ("+593999000001x", "USD"), ("$" * 99, "USD"),
        (True, "USD"), (None, "USD"), ([], "USD"), ({"amount": "1"}, "USD"),
    ],
)  # fmt: skip
def test_what_could_be_two_amounts_or_none_is_left_out(text, currency):
    assert parse_written_money(text, currency) is None


@pytest.mark.parametrize("text", ["1.234," * 20_000, "1,000" * 20_000, "099-900-" * 20_000])
def test_amount_of_any_length_takes_no_time(text):
    began_s = time.process_time()

    assert parse_written_money(text, "USD") is None
    assert time.process_time() - began_s < 5


@pytest.mark.parametrize(
    ("text", "currency", "expected"),
    [
        ("USD 49.90", "COP", "USD"), ("S/ 49.90", "", "PEN"), ("$49.90", "COP", "COP"), ("49.90 usd", "", "USD"),
        ("s/ 49.90", "", "PEN"), ("u$s 49,90", "", "USD"), ("US $49.90", "", "USD"), ("USD$ 49.90", "", "USD"),
        ("49.90 dólares", "", "USD"), ("89.90 soles", "", "PEN"), ("AR$ 45.300", "", "ARS"), ("Q129.90", "", "GTQ"),
        # Of several countries, so that it stays as it was written.
        ("$49.90", "", "$"), ("49.90 pesos", "", "pesos"), ("Bs. 129,90", "", "Bs."), ("49.90", "", ""),
    ],
)  # fmt: skip
def test_code_beside_the_number_counts_before_the_other(text, currency, expected):
    assert parse_written_money(text, currency).currency == expected


@given(st.data(), currencies)
def test_every_amount_of_every_currency_comes_back(data, currency):
    """From decimal text, from minor units and from JSON's number, with the digits it had."""
    amount = data.draw(amounts(currency))
    digits = exponent(currency)
    for money in (
        parse_money(f"{amount:f}", currency),
        parse_money(amount, currency.lower()),
        parse_minor_units(int(amount.scaleb(digits)), currency),
    ):
        assert money == Money(amount, currency)
        assert plain(money) == f"{amount:f}"


@given(
    st.data(),
    currencies,
    st.sampled_from(["es", "en"]),
    st.sampled_from([*LATIN_AMERICA, "ES", "US", "XX"]),
)
def test_what_is_shown_is_read_as_the_same_amount(data, currency, language, country):
    money = Money(data.draw(amounts(currency)), currency)
    shown = shown_amount(money, language, country)
    assert parse_written_money(shown, currency) == money, shown


@given(
    st.text() | st.text("0123456789.,' $-()Ee") | st.floats() | st.integers(), st.text(max_size=5)
)
def test_no_text_makes_it_fail(text, currency):
    for parse in (parse_money, parse_minor_units, parse_written_money):
        money = parse(text, currency)
        assert money is None or (money.amount.is_finite() and abs(money.amount) < 10**18)
