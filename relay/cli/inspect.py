"""Commands that only look: check, doctor, platforms, transform, events, show."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click
from jmespath.parser import ParsedResult
from rich.console import Console
from rich.table import Table
from rich.text import Text

from config.language import localized
from relay import sources
from relay.cli import context as cli
from relay.inbound import samples
from relay.inbound.contract import Handshake, Skipped, Source, Unparsable
from relay.model import Event, State, Translated, WebhookRequest
from relay.pipeline import parse, translate_item
from relay.platforms import discovered
from relay.store.durability import Durability
from relay.store.readiness import missing
from relay.store.schema import find_mismatch

_HIDDEN: Final = "••••"


@click.command(
    help=localized(
        "Revisa la configuración y la muestra sin secretos.",
        "Checks the configuration and shows it without secrets.",
    )
)
@click.pass_context
def check(context: click.Context) -> None:
    found = cli.settings(context)
    relay = cli.relay(found)
    click.echo(f"# {found.config_file}")
    click.echo(f'language = "{relay.language}"')
    for destination in relay.destinations.values():
        told = asdict(destination) | {"api_key": _HIDDEN, "timezone": str(destination.timezone)}
        _table(f"destinations.{told.pop('name')}", told)
    for source in relay.sources.values():
        _table(f"sources.{source.name}", _told_of(source))
    shared: Mapping[str, Any] = {}
    for source in relay.sources.values():
        written = {name: rule.written for name, rule in source.rules.items()}
        if written != shared:
            key = f"sources.{source.name}.events" if shared else "events"
            _table(key, {f'"{name}"': rule for name, rule in written.items()})
            shared = shared or written
    if not relay.sources:
        click.echo(
            localized(
                "Ninguna fuente: defina <PLATAFORMA>_SECRET o [sources] en relay.toml.",
                "No source: set <PLATFORM>_SECRET or [sources] in relay.toml.",
            )
        )
    for warning in relay.warnings:
        click.echo(f"{localized('aviso', 'warning')}: {warning}", err=True)


def _told_of(source: Source) -> dict[str, Any]:
    """A source as it will behave: what was left out has its default here."""
    return {
        "url": f"/webhooks/{source.name}",
        "platform": source.platform.name,
        "destination": source.destination.name,
        "signature": source.scheme.label.replace("`", ""),
        "tolerance_s": getattr(source.scheme, "tolerance_s", None),
        "secrets": [_HIDDEN for _ in source.secrets],
        "topics": source.topics or ["*, but opens"],
        "machine_events": source.machine_events,
        "on_invalid": source.on_invalid,
        "customer_id": source.customer_id,
        "public_url": source.public_url,
        "options": source.options or None,
    }


def _table(key: str, values: Mapping[str, Any]) -> None:
    click.echo(f"\n[{key}]")
    for name, value in values.items():
        if value not in ("", None, ()):
            click.echo(f"{name} = {json.dumps(value, ensure_ascii=False, default=_as_json)}")


@click.command(
    help=localized(
        "Dice con palabras qué vale un 200 con este Redis y qué falta.",
        "Says in words what a 200 is worth with this Redis, and what is missing.",
    )
)
@click.pass_context
def doctor(context: click.Context) -> None:
    found = cli.settings(context)
    store = cli.Store(found, any_schema=True)
    click.echo(Durability.of(store.redis).statement(found.durability))
    faults = missing(store.redis, store.queue, found.durability)
    for fault in faults:
        click.echo(f"{localized('falta', 'missing')}: {fault}")
    if mismatch := find_mismatch(store.redis):
        click.echo(str(mismatch))
    context.exit(1 if faults else 0)


@click.command(help=localized("Las plataformas y sus temas.", "The platforms and their topics."))
def platforms() -> None:
    table = Table("platform", localized("firma", "signature"), localized("temas", "topics"), "docs")
    for platform in discovered().values():
        scheme = platform.scheme
        label = localized("a elegir", "chosen in config") if callable(scheme) else scheme.label
        topics = "\n".join(f"{theirs} -> {ours}" for theirs, ours in platform.topics.items())
        table.add_row(platform.name, label, topics or "JMESPath", platform.docs)
    Console().print(table)


@click.command(
    help=localized(
        "Muestra el evento y la llamada que salen de un cuerpo en disco. No envía nada.",
        "Shows the event and the call that come of a body on disk. Sends nothing.",
    )
)
@click.argument("platform")
@click.argument("topic")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--source", default="", help=localized("Con sus reglas y opciones.", "With its rules and options."))  # fmt: skip  # noqa: E501
@click.pass_context
def transform(context: click.Context, platform: str, topic: str, file: Path, source: str) -> None:
    found = discovered().get(platform)
    if found is None:
        raise click.BadParameter(f"{platform}: {', '.join(discovered())}")
    settings = cli.settings(context)
    offline = cli.configured(
        lambda: sources.offline_source(settings.config_file, settings.environ, found, source)
    )
    body = file.read_bytes()
    topic = samples.topic_named(topic, found.topics)
    request = WebhookRequest(
        method="POST",
        url=f"http://localhost/webhooks/{offline.name}",
        headers=dict(found.sample_headers(topic, body)),
        body=body,
        received_at=datetime.now(UTC),
    )
    items = parse(request, offline)
    if isinstance(items, Handshake):
        click.echo(json.dumps({"handshake": items.response.status}))
        return
    told = [_told(item, translate_item(item, request, offline)) for item in items]
    click.echo(json.dumps(told, ensure_ascii=False, indent=2, default=_as_json))


def _told(item: Event | Unparsable | Skipped, translated: Translated) -> dict[str, Any]:
    kind = type(translated).__name__.lower()
    told: dict[str, Any] = {"outcome": kind, kind: asdict(translated)}
    if isinstance(item, Event):
        told["event"] = asdict(item)
        told["event"].pop("raw")
    return told


def plain(topic: str) -> Text:
    """A sender's text, with nothing in it that a terminal or a table would act on."""
    return Text("".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in topic))


def _as_json(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, ParsedResult):
        return value.expression
    return dict(value) if isinstance(value, Mapping) else str(value)


@click.command(help=localized("Los eventos guardados.", "The events kept."))
@click.option("--state", type=click.Choice([*(s.value for s in State), "ignored"]), multiple=True)
@click.option("--source", default="")
@click.option("--limit", default=50, show_default=True)
@click.pass_context
def events(context: click.Context, state: tuple[str, ...], source: str, limit: int) -> None:
    store = cli.Store(cli.settings(context))
    console = Console()
    table = Table("id", *localized("estado,fuente,tema,tipo,destino,intentos,motivo,hace", "state,source,topic,type,destination,attempts,reason,age").split(","))  # fmt: skip  # noqa: E501
    now = datetime.now(UTC).timestamp()
    wanted = [State(name) for name in state if name != "ignored"] if state else list(State)
    for record in store.ledger.records(wanted, source=source, limit=limit):
        table.add_row(
            record.id, record.state.value, record.source, plain(record.topic), record.event_type,
            record.destination, str(record.attempts), record.reason,
            f"{now - record.accepted_at:.0f} s",
        )  # fmt: skip
    if not state or "ignored" in state:
        for entry in store.ledger.ignored(limit):
            if source in ("", entry["source"]):
                age_s = now - datetime.fromisoformat(entry["at"]).timestamp()
                table.add_row(
                    "-", "ignored", entry["source"], plain(entry["topic"]), entry["type"], "-", "-",
                    entry["reason"], f"{age_s:.0f} s",
                )  # fmt: skip
    console.print(table)
    for name, count in store.ledger.counts().items():
        click.echo(f"{name} {count}")


@click.command(
    help=localized("Un evento entero, con sus intentos.", "One event, whole, with its attempts.")
)
@click.argument("record_id")
@click.pass_context
def show(context: click.Context, record_id: str) -> None:
    store = cli.Store(cli.settings(context))
    record = store.ledger.get(record_id)
    if record is None:
        raise click.ClickException(localized("No existe ese evento.", "There is no such event."))
    told = asdict(record) | {"attempt_log": store.ledger.attempts(record_id)}
    for name in ("accepted_at", "occurred_at", "settled_at"):
        told[name] = datetime.fromtimestamp(told[name], UTC).isoformat() if told[name] else ""
    click.echo(json.dumps(told, ensure_ascii=False, indent=2, default=_as_json))
