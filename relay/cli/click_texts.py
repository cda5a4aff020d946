"""click's own texts ("Usage", "Missing argument", …) in the language of the console.

click passes each of its texts through gettext, which its modules import as `_` and `ngettext`.
Importing this module, before any command is declared, replaces these two names; the Spanish is in
`config/es.toml`. gettext itself would need compiled catalogues, and looks at the locale alone,
never at `RELAY_LANGUAGE`.
"""

from importlib import import_module
from typing import Final

from config.language import console_language, spanish_texts

MODULES: Final = ("core", "decorators", "exceptions", "formatting", "parser", "types")


def translate(text: str) -> str:
    """One of click's texts; those without a Spanish text stay in English."""
    return spanish_texts("click").get(text, text) if console_language() == "es" else text


def translate_plural(singular: str, plural: str, count: int) -> str:
    return translate(singular if count == 1 else plural)


def _install() -> None:
    for name in MODULES:
        module = import_module(f"click.{name}")
        for gettext_name, function in (("_", translate), ("ngettext", translate_plural)):
            if hasattr(module, gettext_name):
                setattr(module, gettext_name, function)


_install()
