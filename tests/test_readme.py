"""The README lags behind the code only until the next test run."""

import re
from pathlib import Path

from click import Context

from relay.cli import main
from relay.inbound.signature import Scheme
from relay.platforms import discovered

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def row(name: str) -> str:
    """The line the README must have for a platform."""
    platform = discovered()[name]
    scheme = platform.scheme
    needs = (
        f"`{name.upper()}_SECRET`" if not platform.needs_options else "`[sources.…]` in relay.toml"
    )
    signature = "chosen in config" if callable(scheme) else scheme.label
    nouns = {event_type.partition(".")[0] for event_type in platform.event_types.values()}
    arrives = ", ".join(sorted(nouns)) or "anything, by JMESPath"
    return f"| {platform.title} | {needs} | {signature} | {arrives} |"


def test_every_platform_has_its_row(request):
    before, heading, rest = README.partition("\n## Platforms\n\n")
    table, end, after = rest.partition("\n\n")
    rows = sorted(map(row, discovered()), key=str.lower)
    head = ["| Platform | Source needs | Proof | What arrives |", "|---|---|---|---|"]
    expected = "\n".join([*head, *rows])
    if request.config.getoption("--update-golden"):
        (ROOT / "README.md").write_text(before + heading + expected + end + after, "utf-8")
    assert table == expected


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
