"""The language of the console: `RELAY_LANGUAGE`, else the locale, else English."""

import os
from typing import Literal


def console_language() -> Literal["es", "en"]:
    names = ("RELAY_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")
    chosen = next((value for name in names if (value := os.environ.get(name))), "")
    return "es" if chosen.lower().startswith("es") else "en"


def localized(es: str, en: str) -> str:
    """One of two wordings of what a person reads."""
    return es if console_language() == "es" else en
