"""Texts as a person reads them: without the HTML that shops, forms and editors keep in them."""

import html
import re
import unicodedata
from typing import Final, Literal

# What shops write into names; any other `<` is the text's own.
_TAG: Final = re.compile(
    r"</?(?:a|b|br|div|em|font|i|img|p|small|span|strong|su[bp]|u)(?:\s[^<>]*)?/?>", re.IGNORECASE
)
# Without its semicolon it may be a part of a query.
_ESCAPE: Final = re.compile(r"&(?:#\d{1,7}|#[xX][\da-fA-F]{1,6}|[A-Za-z]{2,8}\d{0,2});")

# Of control characters only those that end a line or are a blank say anything, and databases do
# not store the first of them.
_CONTROLS: Final = "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f"
_CONTROL: Final = re.compile(f"[{_CONTROLS}]")
# Not the joiners, which hold an emoji together.
_HIDDEN: Final = re.compile(
    f"[{_CONTROLS}\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]"
)


def without_html(text: str) -> str:
    """The text without the tags of formatted text, and with the characters that were escaped."""
    if "<" in text:
        text = _TAG.sub(" ", text)
    if "&" in text:
        text = _ESCAPE.sub(lambda escape: html.unescape(escape[0]), text)
    return text


def without_accents(text: str, form: Literal["NFD", "NFKD"] = "NFKD") -> str:
    """The letters without their marks; NFKD also makes plain ones of ligatures and wide ones."""
    if text.isascii():
        return text
    return "".join(c for c in unicodedata.normalize(form, text) if not unicodedata.combining(c))


def without_controls(text: str) -> str:
    """The text without control characters, but for blanks and ends of lines."""
    return text if text.isprintable() else _CONTROL.sub("", text)


def without_hidden(text: str) -> str:
    """The text without controls, marks of direction, blanks of no width and byte order marks.

    Programs write them around the parts of dates and amounts, and pasting takes them along.
    """
    return text if text.isprintable() else _HIDDEN.sub("", text)


def is_one_line(text: str) -> bool:
    """Whether a text has single blanks and nothing that is not seen, as most have."""
    return text.isprintable() and "  " not in text


def one_line(text: str) -> str:
    """The text in one line with single blanks, without HTML and what nobody sees."""
    text = without_html(text)
    return text.strip() if is_one_line(text) else " ".join(without_hidden(text).split())
