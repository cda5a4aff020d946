"""Amounts of money as people write them: `$49,90` in Quito, `$1,299.00 MXN` in Mexico City.

Separators, signs and their places are those of the locale of note language and country, from
CLDR by way of Babel. The amount itself is never computed as a float.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from functools import lru_cache
from typing import Any, Final

from babel import Locale, UnknownLocaleError
from babel.core import get_global
from babel.numbers import (
    NumberPattern,
    format_decimal,
    get_currency_symbol,
    get_decimal_symbol,
    get_group_symbol,
    list_currencies,
    parse_pattern,
)

from relay.mapping.event_types import Language
from relay.model import Money

# Digits after the point of a currency's minor unit by ISO 4217, list one, where it is not 2. CLDR
# has other numbers for some (COP, IQD): those that people write, not those that machines count in.
_EXPONENTS: Final[Mapping[str, int]] = {
    "BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "ISK": 0, "JPY": 0, "KMF": 0, "KRW": 0, "PYG": 0,
    "RWF": 0, "UGX": 0, "UYI": 0, "VND": 0, "VUV": 0, "XAF": 0, "XOF": 0, "XPF": 0,
    "BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3,
    "CLF": 4, "UYW": 4,
}  # fmt: skip
# XXX is the code of "no currency".
_CODES: Final[frozenset[str]] = frozenset(list_currencies()) - {"XXX"}
# Without a country that CLDR knows in that language: Latin America's Spanish, the US's English.
_FALLBACKS: Final[Mapping[Language, str]] = {"es": "es_419", "en": "en_US"}
# Fields that are amounts given back, and the ends of types whose whole amount is.
_GIVEN_BACK: Final = ("refund_amount",)
_REFUNDS: Final = (".refunded", ".partially_refunded", ".charged_back")
_EXACT: Final = Context(prec=400, rounding=ROUND_HALF_UP)
# More have amounts that are no money.
_USUAL_DIGITS: Final = 30
_Writer = Callable[[Decimal], str]


def is_currency_code(text: str) -> bool:
    """Whether a text is the code of a currency, present or past, in capitals."""
    return text in _CODES


def exponent(currency: str) -> int:
    """The number of digits of the minor unit: 2 for cents, 0 for Chilean pesos."""
    return _EXPONENTS.get(currency, 2)


def is_written_whole(currency: str) -> bool:
    """Whether people write whole amounts of it without decimals: CLP, PYG, but also COP."""
    fractions = get_global("currency_fractions")
    digits, _, cash_digits, _ = fractions.get(currency, fractions["DEFAULT"])
    return exponent(currency) == 0 or digits == 0 or cash_digits == 0


def shown_amount(money: Money, language: Language, country: str) -> str:
    """The amount for a person who reads `language` in `country` (ISO 3166 alpha-2).

    Without a currency it has the digits that were sent, hundredths in the place of tenths. A
    currency that is no ISO code stands behind it as the sender wrote it, a sign such as `$` before.
    """
    amount, currency = money.amount, money.currency
    if not is_currency_code(currency):
        amount = amount if currency else _in_cents(amount)
        digits = max(0, -int(amount.as_tuple().exponent))
        text = _writer(language, country, "", digits)(amount)
        is_sign = unicodedata.category(currency[-1]) == "Sc" if currency else False
        return f"{currency}{text}" if is_sign else f"{text} {currency}".rstrip()
    unit, written, written_whole = _ways(language, country, currency)
    amount = amount.quantize(unit, context=_EXACT)
    if written_whole is not None and amount == amount.to_integral_value():
        return written_whole(amount)
    return written(amount)


def _in_cents(amount: Decimal) -> Decimal:
    """An amount with the number of digits that programs write, as people write it.

    Tenths become hundredths or none, and zeros behind the hundredths go: 49900.0, 129.9, 61.800000.
    """
    digits = -int(amount.as_tuple().exponent)
    if digits <= 2 and digits != 1:
        return amount
    if digits == 1 and amount == amount.to_integral_value():
        return amount.quantize(Decimal(1), context=_EXACT)
    in_cents = amount.quantize(Decimal("0.01"), context=_EXACT)
    return in_cents if in_cents == amount else amount


def given_back(fields: Mapping[str, Any], event_type: str) -> dict[str, Any]:
    """The fields with amounts given back as positive ones: many ledgers keep them below zero."""
    names = ("amount", *_GIVEN_BACK) if event_type.endswith(_REFUNDS) else _GIVEN_BACK
    given = dict(fields)
    for name in names:
        if isinstance(amount := fields.get(name), Money):
            given[name] = Money(abs(amount.amount), amount.currency)
    return given


def shown_amounts(fields: Mapping[str, Any], language: Language, country: str) -> dict[str, Any]:
    """Event fields with every `Money` as text; `amount` is what was sent when none could be read.

    A `total` that no parser is sure of, such as "1.299" dollars, is not guessed at.
    """
    shown = dict(fields)
    for name, value in fields.items():
        if isinstance(value, Money):
            shown[name] = shown_amount(value, language, country)
    if not shown.get("amount") and "total" in fields:
        total, currency = fields.get("total"), fields.get("currency")
        if isinstance(total, str | int | float | Decimal) and re.search(r"\d", str(total)):
            suffix = currency if isinstance(currency, str) else ""
            shown["amount"] = " ".join(f"{total} {suffix}".split())
    return shown


@lru_cache(maxsize=512)
def _ways(
    language: Language, country: str, currency: str
) -> tuple[Decimal, _Writer, _Writer | None]:
    """(the unit that amounts are rounded to, how to write them, how to write whole ones if people
    do so without decimals).
    """
    digits = max(2, exponent(currency))
    whole = _writer(language, country, currency, 0) if is_written_whole(currency) else None
    return Decimal(1).scaleb(-digits), _writer(language, country, currency, digits), whole


@lru_cache(maxsize=512)
def _writer(language: Language, country: str, currency: str, digits: int) -> _Writer:
    """What writes amounts of so many digits behind the point."""
    locale = locale_of(language, country)
    decimals = f"0.{'0' * digits}" if digits else "0"
    if not currency:
        return _of_pattern(parse_pattern(f"#,##{decimals}"), locale, digits)
    symbol = _symbol(currency, locale)
    written = locale.currency_formats["standard"].pattern.replace("0.00", decimals)
    # CLDR parts a symbol that ends in no sign from the number; Babel leaves that to its caller.
    if unicodedata.category(symbol[-1])[0] not in "SZ":
        written = re.sub(r"¤(?=[-#0-9])", "¤ ", written)
    # In Mexico a plain $ may be dollars too, so that shops write the code behind.
    suffix = " MXN" if (currency, symbol) == ("MXN", "$") else ""
    return _of_pattern(parse_pattern(written), locale, digits, symbol, suffix)


def _of_pattern(
    pattern: NumberPattern, locale: Locale, digits: int, symbol: str = "", suffix: str = ""
) -> _Writer:
    """What writes amounts by a pattern with `¤` in the place of the symbol."""

    def by_babel(amount: Decimal) -> str:
        with localcontext(_EXACT):  # the usual 28 digits are too few to round a longer amount
            number = format_decimal(amount, format=pattern, locale=locale)
        return _plain(number.replace("¤", symbol) + suffix)

    if not _is_usual(pattern, digits):
        return by_babel
    spec = f",.{digits}f"
    separators = {
        ord(","): _plain(get_group_symbol(locale)), ord("."): _plain(get_decimal_symbol(locale)),
    }  # fmt: skip
    before = [_plain(each.replace("¤", symbol)) for each in pattern.prefix]
    behind = [_plain(each.replace("¤", symbol) + suffix) for each in pattern.suffix]

    def at_once(amount: Decimal) -> str:
        """The same as Babel writes, in a tenth of its time."""
        if amount.adjusted() > _USUAL_DIGITS:
            return by_babel(amount)
        sign = amount.is_signed()
        number = format(amount.copy_abs(), spec).translate(separators)
        return f"{before[sign]}{number}{behind[sign]}"

    return at_once


def _is_usual(pattern: NumberPattern, digits: int) -> bool:
    """Whether a pattern is thousands in groups and so many digits, with nothing to be unquoted."""
    around = "".join((*pattern.prefix, *pattern.suffix))
    return (
        re.fullmatch(r"#,##0(?:\.0*)?", pattern.number_pattern or "") is not None
        and pattern.grouping == (3, 3)
        and pattern.frac_prec == (digits, digits)
        and digits <= _USUAL_DIGITS
        and pattern.scale == 0
        and "'" not in around
    )


def _plain(text: str) -> str:
    """With plain spaces: an agent searches for what a keyboard types."""
    return text if text.isascii() else re.sub(r"\s", " ", text)


def _symbol(currency: str, locale: Locale) -> str:
    """The locale's symbol; where it has only the code, the world's, unless many share it (`$`)."""
    symbol = get_currency_symbol(currency, locale)
    if symbol != currency:
        return symbol
    elsewhere = get_currency_symbol(currency, "en_US")
    return currency if "$" in elsewhere else elsewhere


def locale_of(language: Language, country: str) -> Locale:
    """The locale of a language in a country (ISO 3166), of a wider region where CLDR has none."""
    try:
        return Locale.parse(f"{language}_{country}")
    except (UnknownLocaleError, ValueError):
        return Locale.parse(_FALLBACKS[language])
