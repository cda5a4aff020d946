"""The README lags behind the code only until the next test run."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click import Context

from config.platform_texts import in_spanish
from relay.cli import main
from relay.inbound.signature import Scheme
from relay.mapping.event_types import Language
from relay.operations.impossible import IMPOSSIBLE
from relay.platforms import discovered

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
# What stands before the two tables of a README, their headings, and texts of its language.
TABLES = {
    "README.md": (
        ("## Platforms", "| Platform | Source needs | Proof | What arrives |"),
        ("Not possible, and what to do instead:", "| Service | Why, and the way round |"),
    ),
    "README.es.md": (
        ("## Plataformas", "| Plataforma | La fuente necesita | Prueba | Qué llega |"),
        ("No son posibles, y qué hacer en su lugar:", "| Servicio | Por qué, y qué hacer |"),
    ),
}
SPANISH = (ROOT / "README.es.md").read_text("utf-8")


def row(name: str, said: Callable[[str], str]) -> str:
    """The line the README must have for a platform, in its language."""
    platform = discovered()[name]
    in_toml = said("`[sources.…]` in relay.toml")
    needs = in_toml if platform.needs_options else f"`{name.upper()}_SECRET`"
    proof = "chosen in config" if callable(platform.scheme) else platform.scheme.label
    nouns = {event_type.partition(".")[0] for event_type in platform.event_types.values()}
    arrives = ", ".join(sorted(nouns)) or "anything, by JMESPath"
    return f"| {platform.title} | {needs} | {said(proof)} | {said(arrives)} |"


def rows_of(file: str) -> list[list[str]]:
    """The rows of its two tables."""
    is_spanish = file == "README.es.md"
    said = in_spanish if is_spanish else str
    platforms = sorted((row(name, said) for name in discovered()), key=str.lower)
    language: Language = "es" if is_spanish else "en"
    services = [f"| {each.title} | {each.why[language]} |" for each in IMPOSSIBLE]
    return [platforms, services]


def with_table(text: str, before: str, lines: list[str]) -> str:
    """The text with these lines for the table that stands after a line."""
    start, mark, rest = text.partition(f"\n{before}\n\n")
    assert mark, before
    return start + mark + "\n".join(lines) + "\n\n" + rest.partition("\n\n")[2]


def headings(text: str) -> list[int]:
    """The levels of the headings, in their order; what begins with # in a block is none."""
    return [len(marks) for marks in re.findall(r"(?m)^(#+) ", without_blocks(text))]


def blocks(text: str) -> list[str]:
    """The code blocks without their comments."""
    return [re.sub(r" *#.*", "", block) for block in re.findall(r"(?s)```.*?```", text)]


def without_blocks(text: str) -> str:
    return re.sub(r"(?s)```.*?```", "", text)


def words_of_code(text: str) -> list[list[str]]:
    """What stands in backticks, sorted, of each paragraph, item and row outside the blocks."""
    lines = [line for line in without_blocks(text).splitlines() if not line.startswith("*")]
    return [sorted(re.findall(r"`[^`]+`", line)) for line in lines if line.strip()]


def cells_of_rows(text: str) -> list[int]:
    """The number of cells of each row of a table."""
    return [line.count("|") for line in text.splitlines() if line.startswith("|")]


def test_the_spanish_readme_has_the_same_headings_commands_and_tables():
    assert headings(SPANISH) == headings(README)
    assert blocks(SPANISH) == blocks(README)
    assert cells_of_rows(SPANISH) == cells_of_rows(README)


def test_the_spanish_readme_names_the_same_files():
    links = [set(re.findall(r"\]\(((?!README)[^)]+)\)", text)) for text in (README, SPANISH)]

    assert links[0] == links[1]


def test_the_spanish_readme_has_the_paragraphs_of_the_english_one():
    for english, spanish in zip(words_of_code(README), words_of_code(SPANISH), strict=True):
        assert spanish == english


@pytest.mark.parametrize("file", TABLES)
def test_every_platform_has_its_row(request, file):
    path = ROOT / file
    text = expected = path.read_text("utf-8")
    for (before, head), cells in zip(TABLES[file], rows_of(file), strict=True):
        rule = "|" + "---|" * (head.count("|") - 1)
        expected = with_table(expected, before, [head, rule, *cells])
    if request.config.getoption("--update-golden"):
        path.write_text(expected, "utf-8")
    assert text == expected


def test_it_opens_with_one_sentence_and_the_two_commands():
    title, sentence, block = README.split("\n\n")[:3]

    assert title == "# mercately-relay"
    assert re.fullmatch(r"[^.]+( \(https://[^)]*\))?[^.]*(\.com\))?\.", sentence)
    commands = [
        line.split("#")[0].strip() for line in block.splitlines() if line.startswith("make")
    ]
    assert commands == ["make demo", "make test"]


def test_commands_it_names_exist():
    named = set(re.findall(r"mercately-relay ([a-z]+)", README))

    assert named <= set(main.list_commands(Context(main)))
    assert {"check", "send", "transform", "events", "show", "replay", "history"} <= named


def test_files_it_names_exist():
    for path in re.findall(r"\]\(((?!http)[^)#]+)\)", README):
        assert (ROOT / path).exists(), path


def test_make_targets_it_names_exist():
    makefile = (ROOT / "Makefile").read_text("utf-8")

    for target in set(re.findall(r"(?m)(?:`|^)make ([a-z]+)", README)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_a_scheme_that_depends_on_options_is_not_mistaken_for_one():
    """`callable` tells a scheme from what makes one: no scheme may be callable."""
    for platform in discovered().values():
        scheme = platform.scheme
        if not callable(scheme):
            made: Scheme = scheme
            assert made.label
