"""Amounts of money, exact, from the notations of senders to `Money`.

Each adapter names the notation of its platform, there is no rule for all: `parse_money` for
numbers and decimal texts (Shopify's "49.90"), `parse_minor_units` for cents (Stripe's 4990), and
`parse_written_money` where people or unknown programs write ("$ 12.990", "1.299,00"). All return
None for what is no amount, or for what could be two.
"""

import html
import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

from relay.inbound.currency_names import named_currency
from relay.inbound.payload import text_of
from relay.mapping.amounts import exponent, is_currency_code, is_written_whole
from relay.mapping.plain_text import without_hidden
from relay.model import Money

# Whole digits; more is an id in the wrong place.
_DIGITS_MAX: Final = 18
_TEXT_MAX: Final = 64
_DECIMAL: Final = re.compile(r"[+-]?\d{1,40}(?:\.\d{1,40})?(?:[eE][+-]?\d{1,2})?")
_PLAIN: Final = re.compile(r"\d+(?:\.\d+)?")
# Signs of one currency each, in capitals; a plain $ is of many.
_SIGNS: Final = {
    "US$": "USD", "U$S": "USD", "U$D": "USD", "MX$": "MXN", "AR$": "ARS", "CL$": "CLP",
    "COL$": "COP", "$U": "UYU", "R$": "BRL", "RD$": "DOP", "S/": "PEN", "S/.": "PEN", "B/": "PAB",
    "B/.": "PAB", "GS": "PYG", "GS.": "PYG", "Q": "GTQ", "LPS": "HNL", "LPS.": "HNL", "₲": "PYG",
    "₡": "CRC", "€": "EUR", "£": "GBP", "BS.S": "VES",
}  # fmt: skip
# Numeric codes of ISO 4217, as banks and their gateways write them.
_NUMERIC: Final = {
    "032": "ARS", "068": "BOB", "152": "CLP", "170": "COP", "188": "CRC", "214": "DOP",
    "320": "GTQ", "340": "HNL", "484": "MXN", "558": "NIO", "590": "PAB", "600": "PYG",
    "604": "PEN", "840": "USD", "858": "UYU", "928": "VES", "978": "EUR", "986": "BRL",
}  # fmt: skip
# `25 mil`, `2 millones`, `1.2M`: not the number that stands there.
_MULTIPLIERS: Final = frozenset(
    ("mil", "k", "m", "mm", "millon", "mill\u00f3n", "millones", "million", "thousand")
)
_HTML: Final = re.compile(r"<[^<>]*>")
# Of signs with a point inside there is one: `Bs.S` of Venezuela.
_WORD: Final = (
    r"(?:[Bb][Ss]\.[Ss]|[^\W\d_]{0,3}[$¢£¥\u20a0-\u20cf/][^\W\d_]?\.?"
    r"|[^\W\d_]{1,16}\.?(?![^\W\d_]))"
)
# `49.90-`, as ledgers write it; `12.990.-` and `49,--` have dashes in the place of cents.
_MINUS_BEHIND: Final = re.compile(r"(.*[.,]\d\d) ?-")
_WRITTEN: Final = re.compile(
    rf"(?P<minus>-?)\s*(?P<before>(?:{_WORD}\s*){{0,2}})(?P<minus_>-?)\s*"
    rf"(?P<number>\d(?:[\d.,'\u2019\s]*\d)?)\s*(?P<after>(?:{_WORD}\s*){{0,2}})"
)


def currency_code(value: Any) -> str:
    """The ISO 4217 code of a code or sign, else the text as it is; empty if it is no text."""
    if isinstance(value, str) and is_currency_code(value):  # the usual case
        return value
    text = " ".join(without_hidden(value).split()) if isinstance(value, str) else ""
    capitals = text.upper()
    number = capitals.zfill(3)  # 032 as a JSON number is 32
    if number in _NUMERIC:
        return _NUMERIC[number]
    for code in (_SIGNS.get(capitals, capitals), capitals.removesuffix("$")):
        if is_currency_code(code):
            return code
    if name := named_currency(text):
        return name
    return "" if code == "XXX" else text[:20]  # ISO's code of no currency


def parse_money(amount: Any, currency: Any = "") -> Money | None:
    """The amount of a JSON number, or of a text with at most a decimal point: "49.90"."""
    number = _decimal(amount)
    return None if number is None else Money(number, currency_code(currency))


def parse_minor_units(amount: Any, currency: Any, digits: int | None = None) -> Money | None:
    """The amount of a count of minor units: 4990 of USD is 49.90, 4990 of CLP is 4990.

    `digits` is the platform's own number of decimals where it does not follow ISO 4217, as in a
    field named `amount_in_cents`. Without it the currency has to be an ISO code.
    """
    units, code = _decimal(amount), currency_code(currency)
    if units is None or units != units.to_integral_value():
        return None
    if digits is None:
        if not is_currency_code(code):
            return None
        digits = exponent(code)
    return Money(Decimal(int(units)).scaleb(-digits), code)


def parse_written_money(amount: Any, currency: Any = "") -> Money | None:
    """The amount of a number or of a text as people write it: "$ 12.990", "1.299,00", "S/ 89.90".

    A code or a sign of one currency beside the number counts before `currency`: it is nearer. Other
    words there ("$", "pesos") are the currency where nothing else says it. What
    one separator with three digits behind it means is taken from the currency ("12.990" of CLP or
    COP is twelve thousand) or from a sign beside it; a bare "1.299" of USD is None.
    """
    if not isinstance(amount, str):
        return parse_money(amount, currency)
    if "&" in amount or "<" in amount:  # of a page's own formatting
        amount = html.unescape(_HTML.sub("", amount))
    text = re.sub(r"\s", " ", without_hidden(amount).strip()).replace("\u2212", "-")
    if len(text) > _TEXT_MAX:  # the patterns take the square of its length
        return None
    text = _MINUS_BEHIND.sub(r"-\1", text)
    text = re.sub(r"[.,]?-{1,2}$", "", text)
    in_parentheses = re.fullmatch(r"\((.*)\)", text)
    match = _WRITTEN.fullmatch(in_parentheses[1].strip() if in_parentheses else text)
    if match is None:  # perhaps with an exponent
        return parse_money(text, currency)
    around = [match["before"].strip(), match["after"].strip()]
    words = " ".join(around).split()
    if not _MULTIPLIERS.isdisjoint(word.lower().rstrip(".") for word in words):
        return None
    # "US $" is one, and a name before its words: Canada's dollars are none of the United States.
    codes = _codes(around) or _codes((*words, *(text.replace(" ", "") for text in around)))
    if len(codes) > 1:
        return None
    code = codes.pop() if codes else currency_code(currency) or currency_code(" ".join(words))
    number = _written_number(match["number"], code, is_marked=bool(words))
    if number is None:
        return None
    negative = in_parentheses or match["minus"] or match["minus_"]
    return Money(-number if negative else number, code)


def _codes(texts: Iterable[str]) -> set[str]:
    return {code for text in texts if is_currency_code(code := currency_code(text))}


def _decimal(value: Any) -> Decimal | None:
    if type(value) is str and len(value) < _DIGITS_MAX and _PLAIN.fullmatch(value):  # most
        return Decimal(value)
    text = without_hidden(text_of(value)).strip()
    if len(text) > 2 * _TEXT_MAX or not _DECIMAL.fullmatch(text):
        return None
    number = Decimal(text)
    if number.adjusted() >= _DIGITS_MAX or number.adjusted() < -_DIGITS_MAX:
        return None
    has_exponent = "e" in text or "E" in text
    return Decimal(f"{number:f}") if has_exponent else number


def _written_number(text: str, currency: str, *, is_marked: bool) -> Decimal | None:
    """The number in a text of digits, `.`, `,`, apostrophes and spaces; None if it may be two."""
    first, *rest = re.split(r"[.,'\u2019 ]", text)
    separators = re.findall(r"[.,'\u2019 ]", text)
    if len(first) > _DIGITS_MAX or not all(rest):
        return None
    if not separators:
        return Decimal(first)
    last = separators[-1]
    grouping = separators[:-1]
    has_groups = 1 <= len(first) <= 3 and all(len(part) == 3 for part in rest[:-1])
    if grouping:
        if set(grouping) <= {"'", "\u2019"} and last in ".," and has_groups and len(rest[-1]) == 3:
            return Decimal(first + "".join(rest))  # 1'299.000: the apostrophe marks the millions
        if last in grouping or last not in ".,":
            whole = has_groups and len(rest[-1]) == 3 and len(set(separators)) == 1
            return Decimal(first + "".join(rest)) if whole else None
        is_decimal = has_groups and len(set(grouping)) <= 2
        is_clear = len(rest[-1]) != 3 or exponent(currency) == 3
        number = f"{first}{''.join(rest[:-1])}.{rest[-1]}"
        return Decimal(number) if is_decimal and is_clear else None
    return _one_separator(first, last, rest[0], currency, is_marked=is_marked)


def _one_separator(
    first: str, separator: str, last: str, currency: str, *, is_marked: bool
) -> Decimal | None:
    as_group = Decimal(first + last)
    if separator not in ".,":
        return as_group if len(first) <= 3 and len(last) == 3 else None
    as_decimal = Decimal(f"{first}.{last}")
    if len(last) != 3 or len(first) > 3 or first == "0" or exponent(currency) == 3:
        return as_decimal
    # Three decimals that nobody writes, or a group of thousands.
    if separator == "," or is_marked or is_written_whole(currency):
        return as_group
    return None
