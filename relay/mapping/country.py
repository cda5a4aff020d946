"""Countries as people and shops write them, to ISO 3166 alpha-2."""

import re
from functools import cache, lru_cache
from typing import Final

from babel import Locale
from babel.core import get_global
from phonenumbers import (
    SUPPORTED_REGIONS,
    country_code_for_region,
    region_code_for_country_code,
)

from relay.mapping.plain_text import without_accents

_LANGUAGES: Final = ("es", "en", "pt", "es_MX", "pt_PT", "fr")
# What CLDR does not list as a name: everyday short forms, and official names in another order.
_ALSO: Final = {
    "ee uu": "US",
    "eeuu": "US",
    "eua": "US",
    "united states of america": "US",
    "estados unidos de america": "US",
    "estados unidos mexicanos": "MX",
    "great britain": "GB",
    "gran bretana": "GB",
    "england": "GB",
    "inglaterra": "GB",
    "holanda": "NL",
    "holland": "NL",
    "rep dominicana": "DO",
    "r dominicana": "DO",
    "rep dom": "DO",
    "dominican rep": "DO",
    "u s": "US",
    "santo domingo": "DO",
    "rd": "DO",
    "mejico": "MX",
}
# Currencies of one country each.
_OF_CURRENCY: Final = {
    "ARS": "AR", "BOB": "BO", "BRL": "BR", "CLP": "CL", "COP": "CO", "CRC": "CR", "DOP": "DO",
    "GTQ": "GT", "HNL": "HN", "MXN": "MX", "NIO": "NI", "PAB": "PA", "PEN": "PE", "PYG": "PY",
    "UYU": "UY", "VES": "VE",
}  # fmt: skip
# "República de Colombia", "la República Argentina".
_OFFICIAL: Final = re.compile(
    r"^(?:la |el |the )?(?:(?:republica|republic|estado|state|commonwealth)"
    r"(?: bolivariana| oriental| plurinacional| federativa)? ?(?:de la |del |de |do |da |of )?)"
)
# "Santiago de Chile", "Edo. de México".
_PLACE_OF: Final = re.compile(r"^.+ del? ")
# `+57`, `(+57)`, `0057`; two digits alone are one too, since numeric codes have three.
_CALLING_CODE: Final = re.compile(r"\(?(?:(?:\+|00) ?)?([1-9]\d{1,2})\)?|\(?\+ ?(1)\)?")
# `EC +593`, `EC (+593)`: what lists of calling codes show.
_WITH_CALLING_CODE: Final = re.compile(r"([A-Z]{2})\W*\+ ?(\d{1,3})\)?")
# A part of a country by ISO 3166-2, `MX-CMX`, and a language in a country, `es-PE`, `pt_BR`.
_PART: Final = re.compile(r"([A-Z]{2})-[A-Z0-9]{1,3}")
_LOCALE: Final = re.compile(r"(?:es|en|pt|fr)[-_]([A-Za-z]{2}|\d{3})")
_BESIDE: Final = re.compile(r"[,(/|+:\d]| [-\N{EN DASH}] |(?<=[A-Z]{3})-")
_STATE: Final = 2
_NUMERIC: Final = 3
_FLAG_A: Final = ord("\N{REGIONAL INDICATOR SYMBOL LETTER A}")


def _key(text: str) -> str:
    """Lower case, without accents, every other character a single space."""
    return " ".join(re.findall(r"[a-z0-9]+", without_accents(text).casefold()))


@cache
def _codes() -> dict[str, str]:
    """Normalized name, alpha-3 and numeric code -> alpha-2."""
    codes: dict[str, str] = {}
    for language in reversed(_LANGUAGES):  # the first language wins where names collide
        territories = Locale.parse(language).territories
        codes |= {_key(name): code for code, name in territories.items()}
    for alias, replacements in get_global("territory_aliases").items():
        if len(replacements) == 1 and (len(alias) == 3 or alias == "UK"):
            codes[alias.lower()] = replacements[0]
    codes |= _ALSO
    codes = {key.replace(" ", ""): code for key, code in codes.items()} | codes
    return {key: code for key, code in codes.items() if code in SUPPORTED_REGIONS}


@lru_cache(maxsize=1024)
def iso2(text: str) -> str:
    """The ISO 3166 alpha-2 code of a country's code or name, empty when it is none.

    Takes alpha-2, alpha-3 and numeric codes and names in Spanish, English, Portuguese and French,
    in any case, with or without accents; a calling code, a flag, a part of a country (`MX-CMX`), a
    locale (`es-PE`), and a name beside something else (`Colombia (+57)`, `CO - Colombia`, `Cali,
    Colombia`).
    """
    if text in SUPPORTED_REGIONS:
        return text
    code = text.strip().upper()
    if code in SUPPORTED_REGIONS:
        return code
    if region := _coded(text.strip(), code):
        return region
    key = _key(text)
    # Two letters beside something else may be those of a state: Denver, CO.
    parts = [part for part in map(_key, _BESIDE.split(text)) if len(part) > _STATE]
    codes = _codes()
    whole = (key, _OFFICIAL.sub("", key), key.replace(" ", ""))
    for name in (*whole, *reversed(parts), _PLACE_OF.sub("", key)):
        if name in codes:
            return codes[name]
    return _flag(text)


def of_currency(code: str) -> str:
    """The country of a currency of Latin America that no other country pays in, else empty."""
    return _OF_CURRENCY.get(code, "")


def _coded(text: str, capitals: str) -> str:
    """The country of a calling code, a locale or the code of a part of a country."""
    if match := _LOCALE.fullmatch(text):
        region = match[1].upper()
    elif match := _WITH_CALLING_CODE.fullmatch(capitals):
        region = match[1] if country_code_for_region(match[1]) == int(match[2]) else ""
    elif match := _PART.fullmatch(capitals):
        region = match[1]
    elif match := _CALLING_CODE.fullmatch(capitals):
        is_numeric = len(capitals) == _NUMERIC and capitals in _codes()
        code = int(match[1] or match[2])
        region = "" if is_numeric else region_code_for_country_code(code)
    else:
        return ""
    return region if region in SUPPORTED_REGIONS else ""


def _flag(text: str) -> str:
    """The country of the first flag in a text: two letters of their own alphabet."""
    letters = "".join(chr(ord(c) - _FLAG_A + ord("A")) for c in text if 0 <= ord(c) - _FLAG_A < 26)
    return letters[:2] if letters[:2] in SUPPORTED_REGIONS else ""
