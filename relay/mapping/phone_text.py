"""The pieces of a text that may be phone numbers, cleaned of everything that people write around.

A piece is digits, with a leading plus where one was written, and a `;` before the last of them
where they may be an extension. This module knows calling codes, but no country's numbers: whether a
piece is one is for `relay/mapping/phone.py` to say.
"""

import html
import re
import unicodedata
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

import phonenumbers

CALLING_CODES: Final = frozenset(map(str, phonenumbers.COUNTRY_CODE_TO_REGION_CODE))
# Shorter than any number of a subscriber.
_DIGITS_MIN: Final = 7
# Written as nothing but one number.
_PLAIN: Final = re.compile(r"\s*\+?[0-9 ()-]{7,20}", re.ASCII)
# A spreadsheet's decimal number, and one with an exponent.
_DECIMAL: Final = re.compile(r"([+-]?)(\d{7,15})[.,]0+")
_THOUSANDS: Final = re.compile(r"\+?\d{1,3}(?:,\d{3}){2,4}(?:\.0+)?")
_EXPONENT: Final = re.compile(r"\+?(\d)(?:[.,](\d+))?[eE]\+?(\d{1,2})")
_ROUNDED: Final = "000000"
# Programs that write a number in full leave its last zeros away; what is rounded for a display or
# kept in half the precision has at most so many digits less one.
_EXACT_DIGITS: Final = 9
# An extension behind a number. A mere "x" or "#" is one only behind a digit.
_EXTENSION: Final = re.compile(
    r"(?:\b|(?<=\d))(?:ext(?:ensi[oó]n|ensão|ension)?|anexo|interno|int|ramal|opci[oó]n)"
    r"[\s.:#]*\d{1,6}(?![\s.()-]*\d)"
    r"|(?<=\d)\s*[x#]\s*\d{1,6}(?![\s.()-]*\d)",
    re.IGNORECASE,
)
# An extension without a word, set apart as no other group: `912 122 244 - 101`, `912 122 244-101`,
# `912122244 101`. Four digits are the end of many numbers, but not behind a whole mobile.
_APART: Final = re.compile(
    r"(?P<head>(?:(?! +- ).)+?)(?: +- +|(?<=[0-9]{8})[ -])(?P<last>[0-9]{2,5})"
    r"|(?P<spaced>[^-]+[0-9])-(?P<end>[0-9]{2,5})"
)
_LAST_MAX: Final = 3
# So many digits have the shortest numbers of whole countries, and the beginnings of others that are
# written with their calling code but without its plus: `57 315 555 - 0121`; one more where it has
# two digits, as `34 612 34 56-78`.
_SHORT_MAX: Final = 8
_RUN_MAX: Final = 40
# What counts numbers or follows one without being dialled: `1. 099…`, `#1 099…`, `Cel1 099…`,
# `099… (2)`. A mere "1" or "(1)" before a number is the calling code of the United States, unless
# a zero follows.
_COUNT: Final = re.compile(
    r"(?:(?<!\S)\d[.)]+|(?<=#)\d|(?<=[^\W\d_])\d|(?<!\S)\(\d\)(?=\s+0))\s+(?=[\d(+])"
    r"|(?<=\d)\s*\(\d{1,4}\)(?![\s.()-]*\d)"
)
_INSIDE: Final = frozenset("+0123456789().- ")
_NOT_DIGITS: Final = re.compile(r"[^0-9]+")
_GROUPS: Final = re.compile(r"[ .-]+")
_DASH: Final = re.compile(r" +-+ +| {2,}")
# What people put between groups of digits as they put a full stop.
_DOTS: Final = frozenset("\u00b7\u2022\u2027\u2219\u22c5\u30fb\uff65")
# The address of an account of WhatsApp is its number.
_WHATSAPP: Final = re.compile(r"\+?(\d{7,15})(?::\d+)?@(?:s\.whatsapp\.net|c\.us)", re.IGNORECASE)
# So is the one in a link to it, always with its calling code.
_LINK: Final = re.compile(
    r"(?:\bwa\.me/|[?&]phone=)(?:\+|%2B|00)?([1-9]\d{6,14})(?!\d)", re.IGNORECASE
)


def pieces(text: str) -> Iterator[str]:
    """The pieces, in the order in which they are worth trying; each once."""
    if "@" in text:  # an e-mail address in the wrong field
        if account := _WHATSAPP.fullmatch(text.strip()):
            yield f"+{account[1]}"
        return
    if _PLAIN.fullmatch(text):
        if ")" in text and _COUNT.search(text):
            yield from _numbers(_COUNT.sub(" ", text))
        yield from _numbers(text)
        return
    clean = _clean(html.unescape(text))  # `+52&nbsp;55…`, of a form that escapes for a page
    number = _spreadsheet(clean)
    if number is not None:
        yield from filter(None, [number])
        return
    seen = set()
    for piece in _all_pieces(clean):
        if piece not in seen:
            seen.add(piece)
            yield piece


def _all_pieces(text: str) -> Iterator[str]:
    if link := _LINK.search(text):
        yield f"+{link[1]}"
    without_extension = _EXTENSION.sub(" ", text)
    if _COUNT.search(without_extension):
        yield from _split(_COUNT.sub(" ", without_extension))
    yield from _split(without_extension)


def _clean(text: str) -> str:
    """ASCII digits and plain spaces, without invisible characters, marks and line ends."""
    characters = []
    for character in text:
        if character.isascii() and character.isprintable():
            characters.append(character)
            continue
        category = unicodedata.category(character)
        if category == "Nd":
            characters.append(str(unicodedata.digit(character)))
        elif character in "\n\r\t\v\f\u2028\u2029":
            characters.append("|")
        elif category == "Zs" or character in _DOTS:
            characters.append(" ")
        elif category == "Pd" or character == "\u2212":
            characters.append("-")
        elif category[0] not in "CM":
            characters.append(unicodedata.normalize("NFKC", character) if category != "No" else "|")
    return "".join(characters).replace("_", " ").strip()


def _spreadsheet(text: str) -> str | None:
    """The digits of a number that has been in a spreadsheet; empty when it was rounded there,
    None when the text is no such number.
    """
    if _THOUSANDS.fullmatch(text):
        return text.partition(".")[0].replace(",", "")
    if match := _DECIMAL.fullmatch(text):
        sign, digits = match.groups()
        rounded = digits.endswith(_ROUNDED) or sign == "-"
        return "" if rounded else sign + digits
    if match := _EXPONENT.fullmatch(text):
        whole, fraction, exponent = match[1], match[2] or "", int(match[3])
        is_exact = len(fraction) == exponent or _EXACT_DIGITS <= len(whole + fraction) <= exponent
        if not is_exact or not _DIGITS_MIN <= exponent + 1 <= 15:
            return ""
        return str(int(Decimal(f"{whole}.{fraction}").scaleb(exponent)))
    return None


def _split(text: str) -> Iterator[str]:
    """Runs of digits between words and separators, then parts of them where a run is no number."""
    runs = _runs(text)
    short = ""  # an area code before a slash or comma
    code = ""  # a calling code by itself, before the rest of its number
    for run, separator in runs:
        digits = _digits(run)
        if code:
            yield code + digits.lstrip("+")
        code = digits if re.fullmatch(r"\+\d{1,3}", digits) else ""
        if separator == "+" and re.fullmatch(r"\d{1,3}", run):  # `57+315…`
            code = f"+{run}"
        if short:
            yield short + digits.lstrip("+")
        yield from _numbers(run)
        joins = separator in ("/", ",") and not digits.startswith("+")
        short = short + digits if joins and len(short + digits) < _DIGITS_MIN else ""


def _runs(text: str) -> list[tuple[str, str]]:
    """(run, the separator behind it); letters and all other characters are separators. A plus
    begins a run.
    """
    runs: list[tuple[str, str]] = []
    start = 0
    for index, character in enumerate(text):
        if character == "+":
            runs.append((text[start:index], "+"))
            start = index
        elif character not in _INSIDE:
            runs.append((text[start:index], character))
            start = index + 1
    runs.append((text[start:], ""))
    return [(run, separator) for run, separator in runs if _digits(run)]


def _numbers(run: str) -> Iterator[str]:
    """The run as one number, then each of its groups if all are long enough for one."""
    if match := _DECIMAL.fullmatch(run.strip().lstrip(".- ")):
        yield match[1] + match[2]
        return
    digits = _digits(run)
    if len(digits) >= _DIGITS_MIN:
        yield _with_extension(run) or digits
    if "(0)" in run:  # a zero that is not dialled behind a calling code
        yield _digits(run.replace("(0)", ""))
    if len(digits) >= 2 * _DIGITS_MIN:
        groups = [_digits(group) for group in _GROUPS.split(run.strip()) if _digits(group)]
        # A single digit counts the numbers: `1) … 2) …`.
        if all(len(group) >= _DIGITS_MIN or len(group) == 1 for group in groups):
            yield from (group for group in groups if len(group) >= _DIGITS_MIN)
        for part in _DASH.split(run):  # `315 555 0121 - 316 555 0122`
            if len(own := _digits(part)) >= _DIGITS_MIN:
                yield own


def _with_extension(run: str) -> str:
    """The piece of a run whose last group may be an extension, empty for any other."""
    match = _APART.fullmatch(run.strip()) if len(run) <= _RUN_MAX else None
    if match is None:
        return ""
    head, last = match["head"] or match["spaced"], match["last"] or match["end"]
    digits = _digits(head)
    first = re.split(r"[ ().-]+", head.lstrip(" ("))[0]
    is_beginning = first in CALLING_CODES and len(digits) <= _SHORT_MAX + (len(first) == 2)
    is_whole = len(digits) < _DIGITS_MIN or is_beginning
    is_long = digits[0] == "+" or (digits[0] == "0" and len(digits) > _SHORT_MAX + 1)
    if is_whole or (len(last) > _LAST_MAX and not is_long):
        return ""
    return f"{digits};{last}"


def _digits(text: str) -> str:
    digits = _NOT_DIGITS.sub("", text)
    return f"+{digits}" if digits and text.lstrip(" ().-").startswith("+") else digits
