"""Currencies of Latin America and around it by name: `dólares americanos`, `Chilean Peso`."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Final

from babel.numbers import get_currency_name

from relay.mapping.plain_text import without_accents

_CODES: Final = (
    "ARS", "BOB", "BRL", "CAD", "CLP", "COP", "CRC", "CUP", "DOP", "EUR", "GTQ", "HNL", "MXN",
    "NIO", "PAB", "PEN", "PYG", "USD", "UYU", "VES",
)  # fmt: skip
# What people say beside the names of CLDR.
_SPOKEN: Final = {
    **dict.fromkeys(("dolar", "dolares", "dollars"), "USD"),
    **dict.fromkeys(("dolar americano", "dolares americanos", "american dollars"), "USD"),
    **dict.fromkeys(("dolar estadounidense", "usa dollar", "dolar usa"), "USD"),
    **dict.fromkeys(("sol", "soles", "nuevo sol", "nuevos soles"), "PEN"),
    **dict.fromkeys(("euro", "euros"), "EUR"),
    **dict.fromkeys(("real", "reales", "reais"), "BRL"),
    **dict.fromkeys(("quetzal", "quetzales"), "GTQ"),
    **dict.fromkeys(("lempira", "lempiras"), "HNL"),
    **dict.fromkeys(("boliviano", "bolivianos"), "BOB"),
    **dict.fromkeys(("guarani", "guaranies"), "PYG"),
}
_LOCALES: Final = ("es_419", "en_US")
_LONGEST: Final = 40


def named_currency(text: str) -> str:
    """The code of a currency by its name in Spanish or English, empty where several share it."""
    return _names().get(_plain(text), "") if len(text) <= _LONGEST else ""


@cache
def _names() -> Mapping[str, str]:
    return {**dict(_of_cldr()), **_SPOKEN}


def _of_cldr() -> Iterator[tuple[str, str]]:
    for code in _CODES:
        for locale in _LOCALES:
            yield _plain(get_currency_name(code, locale=locale)), code
            for count in (1, 2):
                yield _plain(get_currency_name(code, count, locale)), code


def _plain(text: str) -> str:
    """Small letters without accents and points: `U.S. Dollar` is `us dollar`."""
    return " ".join(without_accents(text.casefold(), "NFD").replace(".", "").split())
