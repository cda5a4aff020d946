"""What is wrong with the configuration, in the language of the console.

Code states a fault in English. `in_console_language` is called where a person reads it; the
Spanish is in `config/es.toml`.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Final

from config.language import console_language, spanish_texts

# `%(name)s`, a part that varies.
_PART: Final = re.compile(r"%\((\w+)\)s")


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Each English text as a pattern, with its Spanish; the most specific first."""
    texts = spanish_texts("faults").items()
    return tuple((_pattern(english), spanish) for english, spanish in texts)


def _pattern(english: str) -> re.Pattern[str]:
    parts = _PART.split(english)
    texts = [re.escape(text) for text in parts[::2]]
    groups = [f"(?P<{name}>.+)" for name in parts[1::2]]
    pairs = zip(texts, [*groups, ""], strict=True)
    return re.compile("".join(part for pair in pairs for part in pair), re.DOTALL)


def in_spanish(text: str) -> str | None:
    """The Spanish of a fault's text, None when `config/es.toml` has none."""
    for pattern, spanish in _patterns():
        if match := pattern.fullmatch(text):
            return _substituted(spanish, match.groupdict())
    return None


def _substituted(spanish: str, parts: Mapping[str, str]) -> str:
    return _PART.sub(lambda part: parts[part[1]], spanish)


def in_console_language(fault: str) -> str:
    """A fault, `KEY: TEXT` or a text alone; one without a Spanish text stays in English."""
    if console_language() == "en":
        return fault
    key, separator, text = fault.partition(": ")
    spanish = in_spanish(text) if separator else None
    return f"{key}: {spanish}" if spanish else in_spanish(fault) or fault
