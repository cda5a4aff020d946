"""Phone numbers to E.164, and the spellings under which Mercately may have stored one."""

import re
from collections.abc import Iterable
from typing import Final

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat

# (prefix, prefix with the extra digit, digits after it). Mexican mobiles had a 1 after the 52 until
# 2019 and are still stored so; Argentine mobiles have a 9 after the 54 abroad and on WhatsApp.
_SPELLINGS: Final = (("+52", "+521", 10), ("+54", "+549", 10))
_MEXICAN_1: Final = re.compile(r"^(?:\+|00)?521(?=\d{10}$)")


def to_e164(phones: Iterable[str], country: str) -> tuple[str, str]:
    """(E.164, "") of the first valid number, else ("", reason code of the first invalid one).

    The rules of `country` (ISO 3166 alpha-2) apply to numbers without a prefix. No number at all
    gives no reason.
    """
    reason = ""
    for phone in phones:
        if not phone or not phone.strip():
            continue
        digits = re.sub(r"[\s().-]", "", phone)
        try:
            number = phonenumbers.parse(_MEXICAN_1.sub("+52", digits), country or None)
        except NumberParseException:
            reason = reason or "not_a_number"
            continue
        if phonenumbers.is_valid_number(number):
            return phonenumbers.format_number(number, PhoneNumberFormat.E164), ""
        reason = reason or f"not_valid_in_{country or 'any_country'}"
    return "", reason


def variants(e164: str) -> tuple[str, ...]:
    """All spellings to look a number up by, most likely first: with plus, digits only, and both
    again with or without the extra digit of Mexican and Argentine mobiles.
    """
    spellings = [e164]
    for shorter, longer, digits in _SPELLINGS:
        if e164.startswith(longer) and len(e164) == len(longer) + digits:
            spellings.append(shorter + e164[len(longer) :])
        elif e164.startswith(shorter) and len(e164) == len(shorter) + digits:
            spellings.append(longer + e164[len(shorter) :])
    return tuple(variant for spelling in spellings for variant in (spelling, spelling[1:]))
