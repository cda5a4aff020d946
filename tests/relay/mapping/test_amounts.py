"""Amounts as the agent reads them."""

from decimal import Decimal

import pytest
from babel.numbers import list_currencies
from cases import all_of
from hypothesis import example, given, strategies as st

from relay.mapping import amounts
from relay.mapping.amounts import (
    exponent,
    given_back,
    is_currency_code,
    is_written_whole,
    shown_amount,
    shown_amounts,
)
from relay.model import Money

SHOWN = [
    # amount, currency, language, country, shown
    ("49.90", "USD", "es", "EC", "$49,90"), ("49.9", "USD", "es", "EC", "$49,90"),
    ("1500", "USD", "es", "EC", "$1.500,00"), ("0", "USD", "es", "EC", "$0,00"),
    ("129900.00", "COP", "es", "CO", "$129.900"), ("129900.50", "COP", "es", "CO", "$129.900,50"),
    ("1299.00", "MXN", "es", "MX", "$1,299.00 MXN"), ("12990", "CLP", "es", "CL", "$12.990"),
    ("15990.0", "CLP", "es", "CL", "$15.990"), ("89.9", "PEN", "es", "PE", "S/ 89.90"),
    ("45300", "ARS", "es", "AR", "$45.300,00"), ("150000", "PYG", "es", "PY", "Gs. 150.000"),
    ("45300", "CRC", "es", "CR", "₡45 300"), ("1299", "EUR", "es", "ES", "1.299,00 €"),
    ("12.50", "BOB", "es", "BO", "Bs 12,50"), ("12.345", "KWD", "es", "EC", "KWD 12,345"),
    # Of another country: the code, or a sign that is of one currency only.
    ("129900", "COP", "es", "EC", "COP 129.900"), ("1299", "MXN", "es", "EC", "MXN 1.299,00"),
    ("33.98", "EUR", "es", "EC", "€33,98"), ("33.98", "EUR", "es", "PE", "€ 33.98"),
    ("100", "USD", "es", "MX", "USD 100.00"), ("100", "USD", "es", "CO", "US$100,00"),
    ("15990", "CLP", "es", "EC", "CLP 15.990"), ("5", "XOF", "es", "EC", "F CFA 5"),
    # English, of any country.
    ("49.90", "USD", "en", "EC", "$49.90"), ("33.98", "EUR", "en", "EC", "€33.98"),
    ("129900", "COP", "en", "CO", "COP 129,900"), ("1299", "MXN", "en", "MX", "MX$1,299.00"),
    ("49.90", "GBP", "en", "GB", "£49.90"), ("12990", "CLP", "en", "CL", "CLP 12,990"),
    # A country that the locale data do not have.
    ("1299.90", "USD", "es", "XX", "USD 1,299.90"), ("1299.90", "USD", "en", "XX", "$1,299.90"),
    # What the currency cannot have is not rounded away; the noise of a sender's floats is.
    ("12.99", "CLP", "es", "CL", "$12,99"), ("49.899999999999999", "USD", "es", "EC", "$49,90"),
    ("49.995", "USD", "en", "US", "$50.00"), ("49.985", "USD", "en", "US", "$49.99"),
    ("9" * 27 + ".5", "USD", "en", "US", "$" + ",".join(["999"] * 9) + ".50"),
    # Without a currency: the digits that were sent.
    ("129.90", "", "es", "EC", "129,90"), ("10", "", "es", "EC", "10"), ("1299.5", "", "en", "US", "1,299.50"), ("49900.0", "", "es", "CO", "49.900"), ("129.9", "", "es", "EC", "129,90"),
    ("61.800000", "", "es", "EC", "61,80"), ("10.00", "", "es", "EC", "10,00"), ("10.000", "", "es", "EC", "10,00"), ("0.125", "", "es", "EC", "0,125"),
    ("1500", "puntos", "es", "EC", "1.500 puntos"), ("1500.5", "puntos", "es", "MX", "1,500.5 puntos"),
    ("10", "$", "es", "CL", "$10"),
]  # fmt: skip


@all_of(("amount", "currency", "language", "country", "shown"), SHOWN)
def test_amount_is_written_as_in_language_and_country(amount, currency, language, country, shown):
    assert shown_amount(Money(Decimal(amount), currency), language, country) == shown


@example(Decimal("57752.880126425775631532574263"), "", "es", "EC")
@given(
    st.decimals(-(10**15), 10**15, allow_nan=False, allow_infinity=False),
    st.sampled_from([*sorted(list_currencies()), "", "puntos", "\u00a0"]),
    st.sampled_from(["es", "en"]),
    st.sampled_from(["EC", "CO", "MX", "CL", "PE", "AR", "CR", "UY", "VE", "US", "XX", ""]),
)
def test_no_amount_leaves_a_hole_in_the_sentence(amount, currency, language, country):
    shown = shown_amount(Money(amount, currency), language, country)
    assert shown == " ".join(shown.split())
    assert "¤" not in shown
    assert any(character.isdigit() for character in shown)


# ISO 4217, list one: the minor units that are not two digits.
MINOR_UNITS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}


def test_exponent_is_that_of_iso_4217():
    digits = {code: number for number, codes in MINOR_UNITS.items() for code in codes.split()}
    assert {code: exponent(code) for code in [*list_currencies(), "XYZ"]} == (
        dict.fromkeys([*list_currencies(), "XYZ"], 2) | digits
    )


def test_code_of_a_currency_is_in_capitals_and_not_that_of_none():
    assert is_currency_code("USD")
    assert not any(map(is_currency_code, ("usd", "$", "XYZ", "XXX", "")))


def test_currency_without_minor_unit_is_written_whole():
    assert {code for code in list_currencies() if exponent(code) == 0} <= {
        code for code in list_currencies() if is_written_whole(code)
    }
    assert is_written_whole("COP")
    assert not is_written_whole("USD")


@pytest.mark.parametrize(
    ("fields", "amount"),
    [
        ({"amount": Money(Decimal("49.90"), "USD"), "total": "49.90"}, "$49,90"),
        ({"amount": None, "total": "1.299", "currency": "USD"}, "1.299 USD"),
        ({"amount": None, "total": "1.299", "currency": None}, "1.299"),
        ({"total": Decimal("10.50"), "currency": "USD"}, "10.50 USD"),
        ({"amount": None, "total": "gratis", "currency": "USD"}, None),
        ({"amount": None, "total": [1], "currency": "USD"}, None),
        ({"total": ""}, None),
        ({}, None),
    ],
)
def test_amount_is_what_was_sent_when_nobody_is_sure_of_it(fields, amount):
    shown = shown_amounts(fields, "es", "EC")
    assert shown.get("amount") == amount
    assert shown.get("total") == fields.get("total")


def test_every_amount_among_the_fields_is_shown():
    fields = {"refunded": Money(Decimal("16.2"), "USD"), "number": "1", "list": [1]}
    assert shown_amounts(fields, "es", "EC") == {**fields, "refunded": "$16,20"}


@pytest.mark.parametrize(
    ("event_type", "amount", "refund"),
    [
        ("payment.refunded", "49.90", "16.20"),
        ("payment.charged_back", "49.90", "16.20"),
        ("order.partially_refunded", "49.90", "16.20"),
        ("order.updated", "-49.90", "16.20"),
    ],
)
def test_amount_given_back_is_told_without_a_minus(event_type, amount, refund):
    fields = {
        "amount": Money(Decimal("-49.90"), "USD"),
        "refund_amount": Money(Decimal("-16.20"), "USD"),
        "reference": "-7",
    }
    assert given_back(fields, event_type) == {
        "amount": Money(Decimal(amount), "USD"),
        "refund_amount": Money(Decimal(refund), "USD"),
        "reference": "-7",
    }


ODD = ["0", "-0.00", "-0.004", "0.005", "9.9", "999.995", "1000", "-1234567.891", "1E+5", "1E+40"]
LONG = ["1" * 29 + ".125", "1" * 40 + ".5", "1E-7", "1E-40"]
COUNTRIES = ["EC", "MX", "ES", "CH", "CR", "CL", "US", "ZA", "IN", "DO", "XX"]


@pytest.mark.parametrize("country", COUNTRIES)
@pytest.mark.parametrize("language", ["es", "en"])
def test_amount_is_written_as_by_babel(language, country, monkeypatch):
    moneys = [Money(Decimal(amount), currency)
              for amount in ODD + LONG
              for currency in ["", "puntos", *sorted(list_currencies())[::4]]]  # fmt: skip
    shown = [shown_amount(money, language, country) for money in moneys]
    monkeypatch.setattr(amounts, "_is_usual", lambda *_: False)
    _forget_writers()
    assert [shown_amount(money, language, country) for money in moneys] == shown
    _forget_writers()


def _forget_writers():
    amounts._writer.cache_clear()
    amounts._ways.cache_clear()
