"""`python -m relay.devtools.platform_pages`: the pages of `config/platforms/`, one a platform.

Each has what `mercately-relay platforms NAME` shows, in Spanish and then in English, with the
default notes.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from config.relay_toml import ConfigError
from relay import sources
from relay.inbound.contract import Platform, Source
from relay.mapping.event_types import Language
from relay.operations import catalogue
from relay.platforms import discovered

FOLDER: Final = Path(__file__).parents[2] / "config" / "platforms"
_CONFIGURATION: Final = """language = "{language}"
[destinations.mercately]
server = "https://app.mercately.com"
api_key = "0123456789abcdef0123456789abcdef"
"""
_LANGUAGES: Final[tuple[Language, ...]] = ("es", "en")


def pages() -> Iterator[tuple[str, str]]:
    """(file name, content) of each page."""
    with tempfile.TemporaryDirectory() as folder:
        files = {language: Path(folder) / f"{language}.toml" for language in _LANGUAGES}
        for language, file in files.items():
            file.write_text(_CONFIGURATION.format(language=language), "utf-8")
        for platform in discovered().values():
            texts = (
                catalogue.page(platform, _source(file, platform), language)
                for language, file in files.items()
            )
            yield f"{platform.name}.md", "\n".join(texts)


def _source(file: Path, platform: Platform) -> Source | None:
    try:
        return sources.offline_source(file, {}, platform)
    except ConfigError:  # it needs options
        return None


def write() -> None:
    """Write the pages, and remove those of platforms that are no more."""
    FOLDER.mkdir(exist_ok=True)
    content = dict(pages())
    for file in FOLDER.glob("*.md"):
        if file.name not in content:
            file.unlink()
    for name, text in content.items():
        (FOLDER / name).write_text(text, "utf-8")


if __name__ == "__main__":
    write()
