"""The language of the console: `RELAY_LANGUAGE`, else the locale, else English."""

import os
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal


def console_language() -> Literal["es", "en"]:
    """The language for what a person reads in a terminal; notes to Mercately have their own."""
    names = ("RELAY_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")
    setting = next((value for name in names if (value := os.environ.get(name))), "")
    return "es" if setting.lower().startswith("es") else "en"


def localized(es: str, en: str) -> str:
    """The wording in the language of the console."""
    return es if console_language() == "es" else en


def spanish_texts(table: str) -> Mapping[str, str]:
    """Spanish by English text: one table of `config/es.toml`, read once."""
    texts: dict[str, str] = _catalogue()[table]
    return texts


@cache
def _catalogue() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("es.toml").read_text("utf-8"))
