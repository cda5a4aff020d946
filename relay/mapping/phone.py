"""Phone numbers to E.164, and the spellings under which Mercately may have stored one."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import chain
from typing import Final

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat

from relay.mapping.country import iso2
from relay.mapping.phone_text import CALLING_CODES, pieces
from relay.model import Phone

# (prefix, prefix with the extra digit, digits after it). Mexican mobiles had a 1 after the 52 until
# 2019 and are still stored so; Argentine mobiles have a 9 after the 54 abroad and on WhatsApp.
_SPELLINGS: Final = (("+52", "+521", 10), ("+54", "+549", 10))
# Brazilian mobiles have a ninth digit since 2016; many are still known to WhatsApp without it.
_BRAZILIAN: Final = re.compile(r"(\+55[1-9]\d)(9?)([6-9]\d{7})")
# As mobiles are written there and nowhere else; the area 51 is the calling code of Peru too.
_AS_IN_BRAZIL: Final = re.compile(r"\s*\(\d\d\) ?9\d{4}-\d{4}\s*", re.ASCII)
# What a plain number looks like. With a Mexican 1 it needs the full treatment.
_E164: Final = re.compile(r"\+(?!521\d{10}$)[1-9]\d{6,14}", re.ASCII)
_LONGEST: Final = 19
# Calling code -> (national number with a prefix that is no longer dialled, without it).
_RETIRED: Final = {
    "52": ((re.compile(r"(?:0(?:1|44|45)|1)(\d{10})"), r"\1"),),  # 01, 044, 045; the mobile 1
    "56": (
        (re.compile(r"0(\d{9})"), r"\1"),  # 09 and the area codes with 0
        (re.compile(r"02(2\d{8})"), r"\1"),  # 02 before the 2 that came to Santiago's numbers
        (re.compile(r"([89]\d{7})"), r"9\1"),  # mobiles before 2013; forms show the 9 beside them
        (re.compile(r"9(9\d{8})"), r"\1"),  # with the 9 that a form shows, and their own
    ),
    "57": (
        (re.compile(r"03?(3\d{9})"), r"\1"),  # 03, or the 0 of elsewhere, before a mobile
        (re.compile(r"03([124-8]\d{7})"), r"60\1"),  # 03 before the areas of before 2021
    ),
    "51": ((re.compile(r"01(9\d{8})"), r"\1"),),  # Lima's code before a mobile
    # Mobiles before the ninth digit.
    "55": ((re.compile(r"0?([1-9]\d)([6-9]\d{7})"), r"\g<1>9\2"),),
    # The mobile 9 of abroad and the 15 or 0 of home.
    "54": (
        (re.compile(r"9(0?\d+15\d+)"), r"\1"),
        (re.compile(r"9(?:0|15)([1-9]\d{9})"), r"9\1"),
    ),
}
# The same behind a written calling code only: without it these may be another country's numbers.
_RETIRED_ABROAD: Final = {
    "57": ((re.compile(r"([124-8]\d{7})"), r"60\1"),),  # areas before 2021
}
# One digit as often as nobody's number has it: what is typed where a form wants a phone.
_PLACEHOLDER: Final = re.compile(r"(\d)\1{7}$")


def to_e164(phones: Iterable[Phone], country: str) -> tuple[str, str]:
    """(E.164, "") of the first valid number, else ("", reason code of the first invalid one).

    A number without a prefix is read by the rules of its own country, else of `country` (ISO 3166
    alpha-2). No number at all gives no reason.
    """
    reason = ""
    for phone in phones:
        if not phone.text or not phone.text.strip():
            continue
        region = (iso2(phone.country) if phone.country else "") or country
        number, fault = _read(phone.text, region)
        if number:
            return number, ""
        reason = reason or fault
    return "", reason


@lru_cache(maxsize=1024)
def _read(text: str, region: str) -> tuple[str, str]:
    """(E.164, "") or ("", reason code) of one text; the next webhook of an order has it again."""
    if _E164.fullmatch(text) and (number := _valid(text, "")):
        return number, ""
    if region != "PE" and _AS_IN_BRAZIL.fullmatch(text):
        region = "BR"
    tried = []
    for piece in pieces(text):
        tried.append(piece)
        if len(piece) <= _LONGEST and (number := _number(piece, region)):
            return number, ""
    is_number = any(_is_possible(piece, region) for piece in tried or [text])
    return "", f"not_valid_in_{region or 'any_country'}" if is_number else "not_a_number"


def _number(piece: str, region: str) -> str:
    """The number in one piece, of whose last digits the `;` says that they may be an extension:
    with them or without as dialled here, then as dialled of abroad.
    """
    number, _, extension = piece.partition(";")
    if not extension:
        return _dialled(piece, region)
    readings = (number + extension, number)
    here = (_dialled(digits, region, abroad=False) for digits in readings)
    abroad = (_dialled(digits, region) for digits in readings)
    return next((e164 for e164 in chain(here, abroad) if e164), "")


def _dialled(piece: str, region: str, *, abroad: bool = True) -> str:
    """The number in digits: national first, then with the country's own calling code, then
    with that of another country, if `abroad`; never one of another where the own code leads.
    """
    own = _calling_code(region)
    digits = piece.lstrip("+")
    prefixed = piece.startswith("+")
    if digits.startswith("00"):  # the prefix of abroad nearly everywhere, and understood everywhere
        digits, prefixed = digits[2:], True
    elif own == "1" and digits.startswith("011") and not prefixed:
        digits, prefixed = digits[3:], True
    if prefixed and not digits.startswith("0"):
        return _first_valid(_international(digits), "")
    if not own:
        return ""
    if number := _first_valid(_national(digits, own), region):
        return "" if _is_ambiguous(digits, own, number) else number
    if not abroad or digits.startswith(("0", own)) or _is_typing_error(digits, region):
        return ""
    return _valid(f"+{digits}", "")


def _international(digits: str) -> Iterator[str]:
    yield f"+{digits}"
    for retired in (_RETIRED, _RETIRED_ABROAD):
        for code, prefixes in retired.items():
            if digits.startswith(code):
                national = digits[len(code) :]
                yield from (f"+{code}{number}" for number in _without_prefix(national, prefixes))
    if twice := _without_second_code(digits):
        yield from _international(twice)


def _without_second_code(digits: str) -> str:
    """The digits without a calling code that is written twice, as where a form adds it too."""
    code = next((digits[:n] for n in (1, 2, 3) if digits[:n] in CALLING_CODES), "")
    rest = digits[len(code) :].removeprefix("00")
    return rest if code and rest.startswith(code) else ""


def _national(digits: str, own: str) -> Iterator[str]:
    """The digits as dialled at home, with and without retired prefixes and the own calling code."""
    yield digits
    yield from _without_prefix(digits, _RETIRED.get(own, ()))
    if digits.removeprefix("0").startswith(own):
        yield from _international(digits.removeprefix("0"))


def _without_prefix(digits: str, prefixes: Iterable[tuple[re.Pattern[str], str]]) -> Iterator[str]:
    for pattern, replacement in prefixes:
        if match := pattern.fullmatch(digits):
            yield match.expand(replacement)


def _first_valid(candidates: Iterable[str], region: str) -> str:
    return next((number for text in candidates if (number := _valid(text, region))), "")


def _valid(text: str, region: str) -> str:
    """E.164 of a text that is a valid number, of `region`'s calling code if one is given."""
    try:
        number = phonenumbers.parse(text, region or None)
    except NumberParseException:
        return ""
    # A prefix of abroad that the library knows may lead to a third country.
    if region and str(number.country_code) != _calling_code(region):
        return ""
    if not phonenumbers.is_valid_number(number):
        return ""
    e164: str = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    return "" if _PLACEHOLDER.search(e164) else e164


def _is_ambiguous(digits: str, own: str, national: str) -> bool:
    """Whether the digits are another number when their start is the own calling code: where
    numbers have no fixed length, such as in Germany.
    """
    abroad = digits.removeprefix("0")
    if not abroad.startswith(own):
        return False
    return _first_valid(_international(abroad), "") not in ("", national)


def _is_typing_error(digits: str, region: str) -> bool:
    """Whether it is a national number with one digit too many rather than one of abroad."""
    return bool(_valid(digits[:-1], region) or _valid(digits[1:], region))


def _is_possible(piece: str, region: str) -> bool:
    """Whether the piece has a calling code or a country to be read by."""
    try:
        phonenumbers.parse(piece, region or None)
    except NumberParseException:
        return False
    return True


@lru_cache(maxsize=512)
def _calling_code(region: str) -> str:
    code = phonenumbers.country_code_for_region(region) if region else 0
    return str(code) if code else ""


def variants(e164: str) -> tuple[str, ...]:
    """All spellings to look a number up by, most likely first: with plus, digits only, and both
    again with or without the extra digit of Mexican, Argentine and Brazilian mobiles.
    """
    spellings = [e164]
    for shorter, longer, digits in _SPELLINGS:
        if e164.startswith(longer) and len(e164) == len(longer) + digits:
            spellings.append(shorter + e164[len(longer) :])
        elif e164.startswith(shorter) and len(e164) == len(shorter) + digits:
            spellings.append(longer + e164[len(shorter) :])
    if match := _BRAZILIAN.fullmatch(e164):
        area, ninth, rest = match.groups()
        spellings.append(f"{area}{'' if ninth else '9'}{rest}")
    return tuple(variant for spelling in spellings for variant in (spelling, spelling[1:]))
