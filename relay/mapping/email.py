"""E-mail addresses as people and forms write them, cleaned; one verdict for every platform."""

import html
import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

from email_validator import EmailNotValidError, validate_email

# Longer texts are no address and no short list of them.
_TEXT_MAX: Final = 1_000
_SEPARATORS: Final = re.compile(r"[;,|\n]| [-/\N{EN DASH}\N{BULLET}] ")
# `Ana <ana@example.com>`; `Ana (ana@example.com)` and `[ana@example.com](mailto:…)`.
_ANGLES: Final = re.compile(r"<([^<>]*)>")
_BRACKETS: Final = re.compile(r"[(\[]([^()\[\]]*)[)\]]")
_AROUND_AT: Final = re.compile(r" *@ *")
# `ana@example. com`, as keyboards of phones put a blank behind a full stop.
_AROUND_DOT: Final = re.compile(r"(?<=@)([\w-]+) *\. *([a-z]{2,4})(?![\w.@-])")
# A phone beside an address.
_PHONE: Final = re.compile(r"\+?\d{7,15}")
# What shops and people enter where a form wants an address and there is none, without separators.
_NOBODY: Final = frozenset(
    (
        "consumidorfinal", "clientefinal", "clientegeneral", "noaplica", "nocorreo", "noemail",
        "nomail", "notengo", "notengocorreo", "notengoemail", "notiene", "notienecorreo",
        "notieneemail", "sincorreo", "sincorreoelectronico", "sinemail", "sinmail", "withoutemail",
    )
)  # fmt: skip
_NOBODY_BEGINS: Final = frozenset(word[:2] for word in _NOBODY)
_NOT_LETTERS: Final = re.compile(r"[^a-z]+")
# By so much full-width characters lie behind those of ASCII.
_WIDER: Final = 0xFEE0
_MAILTO: Final = re.compile(r"mailto:", re.IGNORECASE)
# `Correo electrónico:`; an address has no colon.
_LABEL: Final = re.compile(r"(?:^|(?<=\s))[^@:]*(?<!mailto):(?=[^:]*@)", re.IGNORECASE)
_BETWEEN: Final = frozenset({"y", "e", "o", "u", "y/o", "and", "or", "and/or"})
# `ana@example.com/otra@example.com`; before the at sign a slash may be part of an address.
_SLASH: Final = re.compile(r"(@[\w.-]+)/+(?=[^/@\s]+@)")
# `ana,perez@example.com` is no address of perez.
_COMMA: Final = re.compile(r"(?<![^\s;|])([\w.+-]+),(?=[\w.+-]+@)")
_LEADING: Final = " =*\u2022\u00b7\"'`´“”‘’«»<>:/"  # noqa: RUF001  as people type and paste them
_TRAILING: Final = _LEADING + "."
# What is valid when its domain is, and is written as it stands: the library changes only capitals,
# Unicode and punycode.
_PLAIN: Final = re.compile(
    r"(?=.{1,254}$)(?=.{1,64}@)[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*@(?!.*xn--)([a-z0-9.-]+)"
)


def to_email(text: str) -> tuple[str, str]:
    """(address, "") of the first valid address in a text, else ("", reason code).

    White space and invisible characters around it, `mailto:`, display names and further addresses
    are left out. A text without any address gives no reason. The domain becomes lower case; one
    written in Unicode stays so.
    """
    if (whole := _PLAIN.fullmatch(text)) and _is_domain(whole[1]) and not _is_nobodys(text):
        return text, ""  # most: nothing of it is to be cleaned
    plain = _plain(text)
    if not plain:
        return "", ""
    for candidate in _candidates(plain):
        if (address := _valid(_trimmed(candidate))) and not _is_nobodys(address):
            return address, ""
    return "", "not_an_email"


def _is_nobodys(address: str) -> bool:
    """Whether an address says that there is none: `sin-correo@example.com`."""
    if address[:2].lower() not in _NOBODY_BEGINS:  # nearly all
        return False
    return _NOT_LETTERS.sub("", address.partition("@")[0].lower()) in _NOBODY


def _valid(text: str) -> str:
    """The address that a text is, empty when it is none."""
    if plain := _PLAIN.fullmatch(text):
        return text if _is_domain(plain[1]) else ""
    try:
        address = validate_email(text, check_deliverability=False)
    except EmailNotValidError:
        return ""
    # The library turns punycode into Unicode; the sender's own spelling is looked up.
    return (address.ascii_email if text.isascii() else None) or address.normalized


@lru_cache(maxsize=4096)
def _is_domain(domain: str) -> bool:
    """Whether addresses there are valid; remembered, since most customers share a few."""
    try:
        validate_email(f"a@{domain}", check_deliverability=False)
    except EmailNotValidError:
        return False
    return True


def _plain(text: str) -> str:
    """The text without invisible characters, with single spaces; line ends stay."""
    if "&" in text:
        text = html.unescape(text)
    if "%40" in text and "@" not in text:
        text = unquote(text)
    if text.isascii() and text.isprintable():
        return text.strip()[:_TEXT_MAX]
    shown = []
    for written in text[:_TEXT_MAX]:
        is_wide = "\uff01" <= written <= "\uff5e"
        character = chr(ord(written) - _WIDER) if is_wide else written
        category = unicodedata.category(character)
        if character in "\r\n\u2028\u2029":
            shown.append("\n")
        elif character.isspace() or category in ("Zs", "Cc"):
            shown.append(" ")
        elif category != "Cf":
            shown.append(character)
    return "".join(shown).strip()


def _candidates(text: str) -> Iterator[str]:
    """The texts that may be addresses, the likeliest first."""
    if not re.search(r"[\s;,|<(\[:]|/.*@", text):  # the usual case
        yield text
        return
    text = _SLASH.sub(r"\1;", _COMMA.sub(r"\1..", text))
    for part in _SEPARATORS.split(text):
        rest = _ANGLES.sub(" ", part)
        parts = [*_ANGLES.findall(part), _BRACKETS.sub(" ", rest), *_BRACKETS.findall(rest)]
        for candidates in map(_addresses, parts):
            yield from candidates


def _addresses(text: str) -> list[str]:
    """The words of a text when each could be an address, or stands between two.

    A word beside an address may be a piece of it: `ana maria@example.com` must not become
    `maria@example.com`, which is somebody else's.
    """
    plain = _AROUND_DOT.sub(r"\1.\2", _AROUND_AT.sub("@", _without_mailto(_trimmed(text))))
    words = [
        word
        for word in _LABEL.sub("", plain).split()
        if any(map(str.isalnum, word))
        and word.lower() not in _BETWEEN
        and not _PHONE.fullmatch(word)
    ]
    if not all("@" in word for word in words):
        return []
    return [_trimmed(_without_mailto(_trimmed(word))) for word in words]


def _trimmed(text: str) -> str:
    return text.lstrip(_LEADING).rstrip(_TRAILING)


def _without_mailto(text: str) -> str:
    """The address in a `mailto:` link, any other text as it is."""
    if not (match := _MAILTO.match(text)):
        return text
    return unquote(text[match.end() :].partition("?")[0]).strip()
