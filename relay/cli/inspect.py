"""Commands that look and change nothing: check, doctor, history."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import click

from config.fault_texts import in_console_language
from config.language import localized
from config.settings import Settings
from relay import operations
from relay.cli import context as cli
from relay.cli.destinations import print_paused
from relay.cli.diagnosis import print_diagnosis
from relay.cli.labels import missing_check
from relay.cli.limits import print_connections, print_limits
from relay.cli.listing import dropped_soon
from relay.cli.lost_data import lost_sentence
from relay.cli.output import echo_json, json_text
from relay.cli.terminal import say
from relay.inbound.contract import Source
from relay.mapping.default_rules import default_rule
from relay.operations import Store
from relay.store.generation import latest_notice
from relay.store.lists import waiting_counts
from relay.store.memory import memory_size
from relay.store.readiness import check_all, warnings
from relay.store.redis_fault import advice
from relay.store.schema import find_mismatch
from worker.reply import NoResponse

_HIDDEN: Final = "••••"
# The share of RELAY_HELD_MAX from which a source is named.
_NEARLY: Final = 0.8


@click.command(
    help=localized(
        "Revisa la configuración y la muestra sin secretos.",
        "Checks the configuration and shows it without secrets.",
    )
)
@click.pass_context
def check(context: click.Context) -> None:
    settings = cli.settings(context, with_relay_faults=True)
    relay = cli.relay(settings)
    say(f"# {settings.config_file}")
    say(f'language = "{relay.language}"')
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
        say(
            localized(
                "Ninguna fuente: defina <PLATAFORMA>_SECRET o [sources] en relay.toml.",
                "No source: set <PLATFORM>_SECRET or [sources] in relay.toml.",
            )
        )
    _print_inherited(relay.inherited)
    print_limits(settings)
    for warning in (*settings.warnings, *relay.warnings):
        say(f"{localized('aviso', 'warning')}: {warning}", err=True)
    if not settings.pseudonym_keys:
        say(f"{localized('aviso', 'warning')}: {_pseudonyms(settings)}", err=True)


def _print_inherited(inherited: Mapping[str, str]) -> None:
    """The types that `[events]` does not name, and whose rule each has."""
    followers = [f"{name} ({parent})" for name, parent in sorted(inherited.items()) if parent]
    by_default = sorted(name for name, parent in inherited.items() if not parent)
    defaults = [name for name in by_default if default_rule(name)]
    if followers:
        start = localized("[events] no nombra, siguen a", "[events] does not name, they follow")
        say(f"\n# {start}: {', '.join(followers)}")
    if defaults:
        start = localized(
            "[events] no nombra, con su regla por omisión",
            "[events] does not name, with their default rule",
        )
        say(f"\n# {start}: {', '.join(defaults)}")


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
        "echo": _echo(source),
        "on_invalid": source.on_invalid,
        "on_nobody": source.on_nobody,
        "on_redaction": source.on_redaction,
        "customer_id": source.customer_id,
        "public_url": source.public_url,
        "when": source.when.written if source.when else None,
        "options": source.options or None,
    }


def _echo(source: Source) -> str:
    """What becomes of what the platform's API wrote, empty where it has no mark."""
    echo = source.platform.echo
    if echo is None or source.echo:
        return source.echo
    return f"deliver, but {', '.join(echo.ignored)}" if echo.ignored else "deliver"


def _print_toml(key: str, values: Mapping[str, Any]) -> None:
    say(f"\n[{key}]")
    for name, value in values.items():
        if value not in ("", None, ()):
            say(f"{name} = {json_text(value)}")


@click.command(
    help=localized(
        "Explica qué garantiza un 200 con este Redis y qué falta. Con SOURCE y un archivo .http "
        "(una muestra, o una petición como la escribe un proxy) dice por qué su firma no encaja.",
        "Says what a 200 guarantees with this Redis, and what is missing. With SOURCE and a file "
        ".http (a sample, or a request as a proxy writes it) it says why its proof does not fit.",
    )
)
@click.argument("source", required=False)
@click.argument(
    "file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False
)
@click.pass_context
def doctor(context: click.Context, source: str | None, file: Path | None) -> None:
    settings = cli.settings(context)
    if source:
        context.exit(print_diagnosis(settings, source, file))
    store = cli.store(settings, any_schema=True)
    found = check_all(store.redis, store.queue, settings)
    say(found.durability.statement(settings.durability))
    print_connections(store.redis, settings.redis_connections)
    failed_checks = found.missing + warnings(store.redis, settings.held_max)
    for code in failed_checks:
        say(missing_check(code))
    if found.redis:
        say(f"Redis, {found.redis}: {advice(found.redis)}")
    if lost := latest_notice(store.redis):
        say(lost_sentence(lost))
    mismatch = find_mismatch(store.redis)
    if mismatch:
        say(str(mismatch))
    else:
        for sentence in _what_waits(store, settings):
            say(sentence)
        print_paused(settings, store.redis)
    say(_pseudonyms(settings))
    context.exit(1 if failed_checks else 0)


def _what_waits(store: Store, settings: Settings) -> Iterator[str]:
    """What a person has to act on, and how much is remembered of things."""
    for source, count in waiting_counts(store.redis).items():
        if count >= settings.held_max * _NEARLY:
            yield localized(
                f"{source}: {count} eventos esperan a una persona, de {settings.held_max} "
                "(RELAY_HELD_MAX)",
                f"{source}: {count} events wait for a person, of at most {settings.held_max} "
                "(RELAY_HELD_MAX)",
            )
    if sentence := dropped_soon(store.ledger):
        yield sentence
    count, size = memory_size(store.redis)
    if count:
        megabytes = f"{size / 1e6:.1f}"
        yield localized(
            f"memoria de pedidos y otras cosas: unas {count}, unos {megabytes} MB, 400 días",
            f"memory of orders and other things: about {count}, about {megabytes} MB, 400 days",
        )


def _pseudonyms(settings: Settings) -> str:
    """Which key the digests have, and what its change would cost."""
    if settings.pseudonym_keys:
        count = len(settings.pseudonym_keys)
        return localized(
            f"RELAY_PSEUDONYM_KEY: {count} clave(s); escribe la primera, se leen todas",
            f"RELAY_PSEUDONYM_KEY: {count} key(s); the first writes, all are read",
        )
    return localized(
        "RELAY_PSEUDONYM_KEY no está definida: los resúmenes que representan a personas y pedidos "
        "dependen de la api_key de cada destino. Cambiarla cuesta: se olvida lo contado de cada "
        "pedido (un paso puede contarse otra vez), los clientes se buscan de nuevo, los eventos "
        "anteriores no se encuentran por número ni teléfono, y los que estén en cola pueden "
        "adelantarse a los nuevos del mismo cliente o al revés.",
        "RELAY_PSEUDONYM_KEY is not set: the digests that stand for people and orders depend on "
        "each destination's api_key. Changing one costs: the reported states of each order are "
        "forgotten (a step may be reported again), customers are looked up anew, earlier events "
        "are not found by number or phone, and those waiting and new ones of one customer may "
        "overtake each other.",
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
        raise click.BadParameter(cli.expected_one_of(destinations), param_hint="destination")
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
        say(reply.text)
    else:
        echo_json(content)
    context.exit(0 if reply.ok else 1)
