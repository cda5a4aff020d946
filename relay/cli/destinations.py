"""Commands about destinations: destinations, pause, resume, probe."""

from dataclasses import asdict
from typing import Final

import click
from redis import Redis

from config import relay_toml
from config.language import localized
from config.relay_toml import ConfigError, Destination
from config.settings import Settings
from relay import operations
from relay.cli import context as cli
from relay.cli.output import echo_json
from relay.cli.terminal import say
from relay.operations.destinations import DestinationState, ProbeResult

_STATES: Final = {
    "open": ("entrega", "delivers"),
    "slowed": ("entrega más despacio", "delivers more slowly"),
    "credentials": ("en pausa: rechaza la clave", "paused: it refuses the key"),
    "redirected": ("en pausa: el servidor envía a otra dirección", "paused: the server has moved"),
    "outage": ("en pausa: no responde bien", "paused: it does not answer well"),
    "paused": ("en pausa por una persona", "paused by a person"),
}
_MEANINGS: Final[dict[ProbeResult, tuple[str, str]]] = {
    "works": ("la clave funciona", "the key works"),
    "refused": ("la clave no es válida", "the key is refused"),
    "forbidden": (
        "la clave no puede leer esa ruta; cambie `probe` en relay.toml",
        "the key may not read that path; change `probe` in relay.toml",
    ),
    "page": (
        "responde una página web y no la API; revise `server`",
        "a web page answers and not the API; look at `server`",
    ),
    "elsewhere": ("el servidor envía a otra dirección", "the server sends elsewhere"),
    "fails": ("responde con un error", "it answers with an error"),
    "no_answer": ("no responde", "it does not answer"),
}


@click.command(
    help=localized("Cómo está cada destino.", "How each destination does."),
)
@click.option("--json", "as_json", is_flag=True, help="JSON")
@click.pass_context
def destinations(context: click.Context, as_json: bool) -> None:  # noqa: FBT001  click passes it by name
    settings = cli.settings(context)
    known = cli.relay(settings).destinations
    states = operations.destination_states(cli.store(settings).redis, known)
    if as_json:
        echo_json([asdict(state) for state in states])
        return
    for state in states:
        text = _in_words(state)
        say(f"{state.name}  {state.server}  {text}  {state.rate_per_s:g}/s")


@click.command(
    help=localized(
        "Deja de entregar a un destino; lo que llega espera.",
        "Stops delivering to a destination; what comes in waits.",
    )
)
@click.argument("name")
@click.pass_context
def pause(context: click.Context, name: str) -> None:
    settings, destination = _chosen(context, name)
    operations.pause_destination(cli.store(settings).redis, destination)
    say(localized(f"{name}: en pausa", f"{name}: paused"))


@click.command(
    help=localized("Vuelve a entregar a un destino.", "Delivers to a destination again."),
)
@click.argument("name")
@click.pass_context
def resume(context: click.Context, name: str) -> None:
    settings, destination = _chosen(context, name)
    operations.resume_destination(cli.store(settings).redis, destination)
    say(localized(f"{name}: entrega", f"{name}: delivers"))


@click.command(
    help=localized(
        "Pregunta a Mercately si la clave de un destino funciona.",
        "Asks Mercately whether a destination's key works.",
    )
)
@click.argument("name")
@click.pass_context
def probe(context: click.Context, name: str) -> None:
    settings, destination = _chosen(context, name)
    meaning, status = operations.probe_destination(destination, settings)
    suffix = f" (HTTP {status})" if status else ""
    say(f"{name}: {localized(*_MEANINGS[meaning])}{suffix}")
    context.exit(0 if meaning == "works" else 1)


def print_paused(settings: Settings, redis: Redis) -> None:
    """A line for each destination to which nothing goes out; none for a file that is unusable."""
    try:
        known = relay_toml.load(settings.config_file, settings.environ).destinations
    except ConfigError:
        return
    for state in operations.destination_states(redis, known):
        if state.state not in ("open", "slowed"):
            say(f"{state.name}: {_in_words(state)} (mercately-relay destinations)")


def _in_words(state: DestinationState) -> str:
    return localized(*_STATES.get(state.state, (state.state, state.state)))


def _chosen(context: click.Context, name: str) -> tuple[Settings, Destination]:
    settings = cli.settings(context)
    known = cli.relay(settings).destinations
    if name not in known:
        raise click.BadParameter(cli.expected_one_of(known), param_hint="name")
    return settings, known[name]
