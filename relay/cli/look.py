"""Commands that only look: check, platforms, transform, events, show."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from config.language import text
from relay import sample, sources
from relay.cli import room
from relay.contract import Fault, Handshake, Nothing
from relay.model import Delivery, Event, State, Translated
from relay.pipeline import read, translate_item
from relay.platforms import discovered


@click.command(
    help=text(
        "Revisa la configuración y la muestra sin secretos.",
        "Checks the configuration and shows it without secrets.",
    )
)
@click.pass_context
def check(context: click.Context) -> None:
    found = room.settings(context)
    relay = room.relay(found)
    console = Console()
    console.print(f"[bold]{found.config_file}[/]  language = {relay.language}", highlight=False)
    table = Table("", *text("destino,servidor,ritmo,si falta,zona,país", "destination,server,rate,on_absent,time zone,country").split(","))  # fmt: skip  # noqa: E501
    for destination in relay.destinations.values():
        table.add_row(
            "->", destination.name, destination.server, f"{destination.rate_per_s:g}/s",
            destination.on_absent, str(destination.timezone), destination.country,
        )  # fmt: skip
    console.print(table)
    table = Table("", *text("fuente,plataforma,firma,secretos,destino,temas", "source,platform,signature,secrets,destination,topics").split(","))  # fmt: skip  # noqa: E501
    for source in relay.sources.values():
        table.add_row(
            "<-", f"/webhooks/{source.name}", source.platform.title, source.scheme.label,
            " ".join("••••" for _ in source.secrets), source.destination.name,
            " ".join(source.topics) or "*",
        )  # fmt: skip
    console.print(table)
    if not relay.sources:
        click.echo(
            text(
                "Ninguna fuente: defina <PLATAFORMA>_SECRET o [sources] en relay.toml.",
                "No source: set <PLATFORM>_SECRET or [sources] in relay.toml.",
            )
        )
    for warning in relay.warnings:
        click.echo(f"{text('aviso', 'warning')}: {warning}", err=True)


@click.command(help=text("Las plataformas y sus temas.", "The platforms and their topics."))
def platforms() -> None:
    table = Table("platform", text("firma", "signature"), text("temas", "topics"), "docs")
    for platform in discovered().values():
        scheme = platform.scheme
        label = text("a elegir", "chosen in config") if callable(scheme) else scheme.label
        topics = "\n".join(f"{theirs} -> {ours}" for theirs, ours in platform.topics.items())
        table.add_row(platform.name, label, topics or "JMESPath", platform.docs)
    Console().print(table)


@click.command(
    help=text(
        "Muestra el evento y la llamada que salen de un cuerpo en disco. No envía nada.",
        "Shows the event and the call that come of a body on disk. Sends nothing.",
    )
)
@click.argument("platform")
@click.argument("topic")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--source", default="", help=text("Con sus reglas y opciones.", "With its rules and options."))  # fmt: skip  # noqa: E501
@click.pass_context
def transform(context: click.Context, platform: str, topic: str, file: Path, source: str) -> None:
    found = discovered().get(platform)
    if found is None:
        raise click.BadParameter(f"{platform}: {', '.join(discovered())}")
    settings = room.settings(context)
    dry = room.configured(
        lambda: sources.dry(settings.config_file, settings.environ, found, source)
    )
    body = file.read_bytes()
    topic = sample.topic_named(topic, found.topics)
    delivery = Delivery(
        method="POST",
        url=f"http://localhost/webhooks/{dry.name}",
        headers=dict(found.stamp(topic, body)),
        body=body,
        received_at=datetime.now(UTC),
    )
    items = read(delivery, dry)
    if isinstance(items, Handshake):
        click.echo(json.dumps({"handshake": items.reply.status}))
        return
    told = [_told(item, translate_item(item, delivery, dry, "es")) for item in items]
    click.echo(json.dumps(told, ensure_ascii=False, indent=2, default=_plain))


def _told(item: Event | Fault | Nothing, translated: Translated) -> dict[str, Any]:
    kind = type(translated).__name__.lower()
    told: dict[str, Any] = {"outcome": kind, kind: asdict(translated)}
    if isinstance(item, Event):
        told["event"] = asdict(item)
        told["event"].pop("raw")
    return told


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return dict(value) if isinstance(value, Mapping) else str(value)


@click.command(help=text("Los eventos guardados.", "The events kept."))
@click.option("--state", type=click.Choice([*(s.value for s in State), "ignored"]), multiple=True)
@click.option("--source", default="")
@click.option("--limit", default=50, show_default=True)
@click.pass_context
def events(context: click.Context, state: tuple[str, ...], source: str, limit: int) -> None:
    store = room.Store(room.settings(context))
    console = Console()
    table = Table("id", *text("estado,fuente,tema,tipo,destino,intentos,motivo,hace", "state,source,topic,type,destination,attempts,reason,age").split(","))  # fmt: skip  # noqa: E501
    now = datetime.now(UTC).timestamp()
    wanted = [State(name) for name in state if name != "ignored"] if state else list(State)
    for record in store.ledger.records(wanted, source=source, limit=limit):
        table.add_row(
            record.id, record.state.value, record.source, record.topic, record.event_type,
            record.destination, str(record.attempts), record.reason,
            f"{now - record.accepted_at:.0f} s",
        )  # fmt: skip
    if not state or "ignored" in state:
        for entry in store.ledger.ignored(limit):
            if source in ("", entry["source"]):
                age_s = now - datetime.fromisoformat(entry["at"]).timestamp()
                table.add_row(
                    "-", "ignored", entry["source"], entry["topic"], entry["type"], "-", "-",
                    entry["reason"], f"{age_s:.0f} s",
                )  # fmt: skip
    console.print(table)
    for name, count in store.ledger.counts().items():
        click.echo(f"{name} {count}")


@click.command(
    help=text("Un evento entero, con sus intentos.", "One event, whole, with its attempts.")
)
@click.argument("record_id")
@click.pass_context
def show(context: click.Context, record_id: str) -> None:
    store = room.Store(room.settings(context))
    record = store.ledger.get(record_id)
    if record is None:
        raise click.ClickException(text("No existe ese evento.", "There is no such event."))
    told = asdict(record) | {"attempt_log": store.ledger.attempts(record_id)}
    for name in ("accepted_at", "occurred_at", "settled_at"):
        told[name] = datetime.fromtimestamp(told[name], UTC).isoformat() if told[name] else ""
    click.echo(json.dumps(told, ensure_ascii=False, indent=2, default=_plain))
