"""Commands that look and change nothing: check, doctor, platforms, transform, history."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.table import Table

from config.fault_texts import in_console_language
from config.language import localized
from relay import operations, sources
from relay.cli import context as cli
from relay.cli.labels import missing_check
from relay.cli.output import at_terminal, echo_json, echo_row, escaped, json_text
from relay.inbound import samples
from relay.inbound.contract import Handshake, Source
from relay.mapping.default_rules import default_rule
from relay.operations import Translation
from relay.platforms import discovered
from relay.store.durability import Durability
from relay.store.readiness import missing
from relay.store.schema import find_mismatch
from worker.reply import NoResponse

_HIDDEN: Final = "••••"


@click.command(
    help=localized(
        "Revisa la configuración y la muestra sin secretos.",
        "Checks the configuration and shows it without secrets.",
    )
)
@click.pass_context
def check(context: click.Context) -> None:
    settings = cli.settings(context)
    relay = cli.relay(settings)
    click.echo(f"# {settings.config_file}")
    click.echo(f'language = "{relay.language}"')
    for destination in relay.destinations.values():
        values = asdict(destination) | {"api_key": _HIDDEN, "timezone": str(destination.timezone)}
        _print_toml(f"destinations.{values.pop('name')}", values)
    for source in relay.sources.values():
        _print_toml(f"sources.{source.name}", _effective_values(source))
    shared: Mapping[str, Any] = {}
    for source in relay.sources.values():
        rules = {name: rule.written for name, rule in source.rules.items()}
        if rules != shared:
            key = f"sources.{source.name}.events" if shared else "events"
            _print_toml(key, {f'"{name}"': rule for name, rule in rules.items()})
            shared = shared or rules
    if not relay.sources:
        click.echo(
            localized(
                "Ninguna fuente: defina <PLATAFORMA>_SECRET o [sources] en relay.toml.",
                "No source: set <PLATFORM>_SECRET or [sources] in relay.toml.",
            )
        )
    _print_inherited(relay.inherited)
    for warning in relay.warnings:
        click.echo(f"{localized('aviso', 'warning')}: {warning}", err=True)


def _print_inherited(inherited: Mapping[str, str]) -> None:
    """The types that `[events]` does not name, and whose rule each has."""
    followers = [f"{name} ({parent})" for name, parent in sorted(inherited.items()) if parent]
    by_default = sorted(name for name, parent in inherited.items() if not parent)
    told = [name for name in by_default if default_rule(name)]
    if followers:
        start = localized("[events] no nombra, siguen a", "[events] does not name, they follow")
        click.echo(f"\n# {start}: {', '.join(followers)}")
    if told:
        start = localized(
            "[events] no nombra, con su regla por omisión",
            "[events] does not name, with their default rule",
        )
        click.echo(f"\n# {start}: {', '.join(told)}")


def _effective_values(source: Source) -> dict[str, Any]:
    """A source as it will behave: what was left out has its default here."""
    return {
        "url": f"/webhooks/{source.name}",
        "title": source.title,
        "platform": source.platform.name,
        "destination": source.destination.name,
        "signature": source.scheme.label.replace("`", ""),
        "tolerance_s": getattr(source.scheme, "tolerance_s", None),
        "secrets": [
            in_console_language(source.scheme.examine(secret).kind) for secret in source.secrets
        ],
        "topics": source.topics or ["*, but opens"],
        "machine_events": source.machine_events,
        "on_invalid": source.on_invalid,
        "on_nobody": source.on_nobody,
        "customer_id": source.customer_id,
        "public_url": source.public_url,
        "options": source.options or None,
    }


def _print_toml(key: str, values: Mapping[str, Any]) -> None:
    click.echo(f"\n[{key}]")
    for name, value in values.items():
        if value not in ("", None, ()):
            click.echo(f"{name} = {json_text(value)}")


@click.command(
    help=localized(
        "Explica qué garantiza un 200 con este Redis y qué falta.",
        "Says what a 200 guarantees with this Redis, and what is missing.",
    )
)
@click.pass_context
def doctor(context: click.Context) -> None:
    settings = cli.settings(context)
    store = cli.store(settings, any_schema=True)
    click.echo(Durability.of(store.redis).statement(settings.durability))
    failed_checks = missing(store.redis, store.queue, settings.durability)
    for code in failed_checks:
        click.echo(missing_check(code))
    if mismatch := find_mismatch(store.redis):
        click.echo(str(mismatch))
    context.exit(1 if failed_checks else 0)


@click.command(help=localized("Las plataformas y sus temas.", "The platforms and their topics."))
def platforms() -> None:
    table = Table(
        localized("plataforma", "platform"),
        localized("firma", "signature"),
        localized("temas", "topics"),
        localized("documentación", "docs"),
    )
    for platform in discovered().values():
        scheme = platform.scheme
        signature = localized("a elegir", "chosen in config") if callable(scheme) else scheme.label
        topics = [f"{theirs} -> {ours}" for theirs, ours in platform.topics.items()]
        if at_terminal():
            table.add_row(platform.name, signature, "\n".join(topics) or "JMESPath", platform.docs)
            continue
        for topic in topics or ["JMESPath"]:
            echo_row([platform.name, signature, topic, platform.docs])
    if at_terminal():
        Console().print(table)


@click.command(
    help=localized(
        "Muestra el evento y la llamada que resultarían de un cuerpo guardado en un archivo, o de "
        "una petición completa (.http). Sin archivo usa la muestra del tema. No envía nada.",
        "Shows the event and the call that a body in a file would become, or a whole request "
        "(.http). Without a file it takes the sample of the topic. Sends nothing.",
    )
)
@click.argument("platform")
@click.argument("topic")
@click.argument(
    "file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False
)
@click.option(
    "--source",
    default="",
    help=localized("Con sus reglas y opciones.", "With its rules and options."),
)
@click.pass_context
def transform(
    context: click.Context, platform: str, topic: str, file: Path | None, source: str
) -> None:
    declared = discovered().get(platform)
    if declared is None:
        raise click.BadParameter(f"{platform}: {', '.join(discovered())}")
    settings = cli.settings(context)
    offline = cli.configured(
        lambda: sources.offline_source(settings.config_file, settings.environ, declared, source)
    )
    path = file or samples.FOLDER / declared.name / f"{samples.file_name(topic)}.http"
    if not path.is_file():
        raise click.ClickException(no_sample(declared.name, topic))
    request = operations.request_from_file(
        path.name, path.read_bytes(), offline, topic, datetime.now(UTC)
    )
    translations = operations.transform(request, offline)
    if isinstance(translations, Handshake):
        echo_json({"handshake": translations.response.status}, indent=None)
        return
    echo_json([_as_object(translation) for translation in translations])


def _as_object(translation: Translation) -> dict[str, Any]:
    kind = type(translation.translated).__name__.lower()
    content: dict[str, Any] = {"outcome": kind, kind: asdict(translation.translated)}
    if translation.event is not None:
        content["event"] = asdict(translation.event)
        content["event"].pop("raw")
    return content


def no_sample(platform: str, topic: str) -> str:
    names = ", ".join(samples.names(platform))
    return localized(
        f"{platform} no tiene una muestra de {topic}; hay: {names}",
        f"{platform} has no sample of {topic}; there are: {names}",
    )


@click.command(
    help=localized(
        "Los eventos que Mercately guarda de un cliente.",
        "The events Mercately keeps of a customer.",
    )
)
@click.argument("customer_id")
@click.option("--page", default=1, show_default=True)
@click.option("--results-per-page", default=20, show_default=True)
@click.option("--destination", default="")
@click.pass_context
def history(
    context: click.Context, customer_id: str, page: int, results_per_page: int, destination: str
) -> None:
    settings = cli.settings(context)
    destinations = cli.relay(settings).destinations
    name = destination or next(iter(destinations))
    if name not in destinations:
        raise click.BadParameter(", ".join(destinations), param_hint="destination")
    try:
        reply = operations.history(
            destinations[name], settings, customer_id, page, results_per_page
        )
    except NoResponse as error:
        server = destinations[name].server
        raise click.ClickException(
            localized(f"{server} no responde: ", f"{server} does not answer: ") + error.reason
        ) from error
    content = reply.json()
    if content is None:
        click.echo(escaped(reply.text))
    else:
        echo_json(content)
    context.exit(0 if reply.ok else 1)
