"""Default notes as an agent reads them: sources in both languages, and their golden files."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import senders

from relay.calls import translate_item
from relay.mapping.event_types import EVENT_TYPES, Language
from relay.mapping.rules import compile_rules
from relay.model import Call, Contact, Event
from relay.sources import Source

GOLDEN = Path(__file__).parent / "golden"
LANGUAGES: list[Language] = ["es", "en"]


def source_in(language: Language, title: str = "Tienda Norte") -> Source:
    plain = senders.source_of("shopify")
    rules, faults, _ = compile_rules(
        [("events", {name: {"notes": True} for name in EVENT_TYPES})], language
    )
    assert faults == []
    return Source(
        name="s", platform=plain.platform, scheme=plain.scheme, secrets=(), title=title, topics=("*",),
        destination=plain.destination, rules=rules, timezone=plain.timezone, language=language,
    )  # fmt: skip


SOURCES = {language: source_in(language) for language in LANGUAGES}


def note_of(event_type: str, fields: dict[str, Any], source: Source) -> str:
    event = Event(
        type=event_type,
        topic="t",
        key="k",
        occurred_at=datetime(2026, 11, 2, 15, 4, tzinfo=UTC),
        contact=Contact(email="ana@example.com"),
        extra=fields,
    )
    call = translate_item(event, senders.delivery({}, b"{}"), source)
    assert isinstance(call, Call)
    note: str = call.body["notes"]
    return note


def variants(fields: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Field sets by what is in them: all, all but one, one alone, none."""
    alone = {name: {name: fields[name]} for name in fields}
    without = {f"without {name}": {n: fields[n] for n in fields if n != name} for name in fields}
    return {"all": dict(fields), **without, **alone, "nothing": {}}


def check_golden(
    name: str, fields: Mapping[str, Mapping[str, Any]], language: Language, *, update: bool
) -> None:
    """Each note with and without each of its fields, as in `golden/<name>.<language>.txt`."""
    lines = []
    for event_type, own in fields.items():
        shown = {n: note_of(event_type, f, SOURCES[language]) for n, f in variants(own).items()}
        lines += [event_type, *(f"  {n}: {note}" for n, note in shown.items()), ""]
    text = "\n".join(lines)
    file = GOLDEN / f"{name}.{language}.txt"
    if update:
        file.write_text(text, "utf-8")
    assert text == file.read_text("utf-8")
