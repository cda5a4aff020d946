"""Commands that do something: send, replay, discard."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from config.language import localized
from relay import operations, sources
from relay.cli import context as cli
from relay.cli.labels import StateChoice, label, outcome_text
from relay.cli.listing import SINCE, SINCE_HELP, ambiguous, no_such_event
from relay.cli.output import json_text
from relay.cli.terminal import say
from relay.cli.transform import no_sample
from relay.model import OPEN_STATES, State
from relay.operations import AmbiguousId, RelayUnreachable, Selection
from relay.store.ledger import Ledger


@click.command(
    help=localized(
        "Firma una muestra, o cualquier cuerpo, como lo hace la plataforma y lo envía al relay.",
        "Signs a sample, or any body, as the platform does, and posts it to the relay.",
    )
)
@click.argument("source")
@click.argument("topic")
@click.option(
    "--file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help=localized("Un cuerpo, o una petición .http.", "A body, or a request as .http."),
)
@click.option("--url", default="", help=localized("Dirección del relay.", "Address of the relay."))
@click.pass_context
def send(context: click.Context, source: str, topic: str, file: Path | None, url: str) -> None:
    settings = cli.settings(context)
    signer = cli.configured(
        lambda: sources.signing_source(settings.config_file, settings.environ, source)
    )
    if signer is None:
        raise click.BadParameter(
            localized("fuente desconocida", "unknown source"), param_hint="source"
        )
    address = url or settings.public_url or f"http://127.0.0.1:{settings.port}"
    body = operations.body_of_file(file.name, file.read_bytes()) if file else None
    try:
        answer = operations.send(signer, topic, address, body)
    except RelayUnreachable as error:
        raise click.ClickException(
            localized(
                f"Ningún relay responde en {error.address}. Inícielo con «mercately-relay web» o "
                "indique su dirección con --url.",
                f'No relay answers at {error.address}. Start one with "mercately-relay web", or '
                "give its address with --url.",
            )
        ) from error
    except LookupError as error:
        raise click.ClickException(no_sample(signer.platform.name, topic)) from error
    except (ValueError, TypeError) as error:
        raise click.ClickException(
            localized(
                f"{source} no se puede firmar: {error}", f"{source} cannot be signed: {error}"
            )
        ) from error
    say(f"{answer.status} {answer.text}")
    context.exit(0 if answer.ok else 1)


def _selection_options(*states: State) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Adds the ids and options that choose events, and ``--yes``, to a command over ``states``."""
    parameters = (
        click.argument("ids", nargs=-1),
        click.option("--state", type=StateChoice(*states)),
        click.option("--source", default=""),
        click.option("--reason", default=""),
        click.option("--since", type=SINCE, default=0.0, help=SINCE_HELP),
        click.option(
            "--yes",
            is_flag=True,
            help=localized(
                "Ejecutar (sin esta opción solo cuenta).", "Do it (without it, only count)."
            ),
        ),
    )

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        for parameter in reversed(parameters):
            command = parameter(command)
        return command

    return decorate


@click.command(
    help=localized(
        "Vuelve a enviar eventos. Sin --yes solo dice cuántos son. IDS pueden ser comienzos de "
        "identificadores.",
        "Sends events again. Without --yes it only says how many there are. IDS may be beginnings "
        "of ids.",
    )
)
@_selection_options(*(s for s in State if s not in OPEN_STATES))
@click.pass_context
def replay(
    context: click.Context,
    *,
    ids: tuple[str, ...],
    state: str | None,
    source: str,
    reason: str,
    since: float,
    yes: bool,
) -> None:
    _require_ids_or_state(ids, state)
    settings = cli.settings(context)
    store = cli.store(settings)
    selection = _selection(
        store.ledger, ids, state=state, source=source, reason=reason, since_s=since
    )
    if not yes:
        _print_counts(context, selection)
        return
    relay = cli.relay(settings)
    outcomes: Counter[str] = Counter()
    for record, result in operations.replay_all(selection.records, store.jobs, relay.sources):
        outcomes[result.outcome] += 1
        if result.outcome != "requeued":
            reasons = json_text(result.reasons) if result.reasons else ""
            say(f"{record.id}: {outcome_text(result.outcome)} {reasons}".rstrip())
    for outcome, count in outcomes.items():
        say(f"{outcome_text(outcome)}: {count}")
    complete = outcomes["requeued"] == len(selection.records) and not selection.absent
    context.exit(0 if complete else 1)


@click.command(
    help=localized(
        "Descarta eventos retenidos o muertos. Sin --yes solo dice cuántos son. IDS pueden ser "
        "comienzos de identificadores.",
        "Discards held or dead events. Without --yes it only says how many there are. IDS may be "
        "beginnings of ids.",
    )
)
@_selection_options(State.HELD, State.DEAD)
@click.pass_context
def discard(
    context: click.Context,
    *,
    ids: tuple[str, ...],
    state: str | None,
    source: str,
    reason: str,
    since: float,
    yes: bool,
) -> None:
    _require_ids_or_state(ids, state)
    store = cli.store(cli.settings(context))
    selection = _selection(
        store.ledger, ids, state=state, source=source, reason=reason, since_s=since
    )
    if not yes:
        _print_counts(context, selection)
        return
    discarded_ids = operations.discard(selection.records, store.ledger)
    for record in selection.records:
        if record.id not in discarded_ids:
            say(f"{record.id}: {label(record.state.value)}")
    say(f"{label('discarded')}: {len(discarded_ids)}")
    complete = len(discarded_ids) == len(selection.records) and not selection.absent
    context.exit(0 if complete else 1)


def _require_ids_or_state(ids: tuple[str, ...], state: str | None) -> None:
    if not ids and not state:
        raise click.UsageError(
            localized("Indique uno o más identificadores, o --state.", "Give ids or --state.")
        )


def _selection(
    ledger: Ledger, ids: tuple[str, ...], *, state: str | None, **filters: Any
) -> Selection:
    """The records that the arguments name; absent ids are listed on standard error."""
    try:
        selection = operations.select_records(
            ledger, ids, state=State(state) if state else None, **filters
        )
    except AmbiguousId as error:
        raise click.ClickException(ambiguous(error)) from error
    for text in selection.absent:
        say(no_such_event(text), err=True)
    return selection


def _print_counts(context: click.Context, selection: Selection) -> None:
    states = Counter(record.state.value for record in selection.records)
    for state, count in states.items():
        say(f"{label(state)}: {count}")
    count = len(selection.records)
    spanish = "1 evento" if count == 1 else f"{count} eventos"
    english = "1 event" if count == 1 else f"{count} events"
    say(
        localized(
            f"{spanish} en total; repita con --yes para ejecutarlo.",
            f"{english} in all; repeat with --yes to do it.",
        )
    )
    context.exit(1 if selection.absent else 0)
