"""Commands that show events: events, show."""

import time
from dataclasses import asdict
from typing import Final

import click

from config.language import localized
from relay import operations
from relay.cli import context as cli
from relay.cli.labels import StateChoice, label
from relay.cli.output import (
    Column,
    age,
    at_terminal,
    echo_json,
    echo_row,
    escaped,
    print_table,
    utc_time,
)
from relay.model import State
from relay.operations import AmbiguousId, EventSummary, UnknownRecord

_IGNORED: Final = "ignored"


@click.command(
    help=localized(
        "Los eventos guardados. Una tabla o, si la salida no es una terminal, una línea por evento "
        "separada por tabuladores (id, estado, fuente, tema, tipo, destino, intentos, motivo, "
        "hora).",
        "The events kept. A table or, when the output is no terminal, a line per event separated "
        "by tabs (id, state, source, topic, type, destination, attempts, reason, time).",
    )
)
@click.option("--state", type=StateChoice(*State, _IGNORED), multiple=True)
@click.option("--source", default="")
@click.option("--limit", default=50, show_default=True)
@click.option(
    "--json",
    "json_lines",
    is_flag=True,
    help=localized("Un objeto JSON por línea.", "One JSON object per line."),
)
@click.pass_context
def events(
    context: click.Context, state: tuple[str, ...], source: str, limit: int, *, json_lines: bool
) -> None:
    store = cli.store(cli.settings(context))
    states = frozenset(State(name) for name in state if name != _IGNORED)
    rows: list[EventSummary] = []
    if states or not state:
        every = states or frozenset(State)
        rows += operations.list_events(store.ledger, every, source=source, limit=limit)
    if not state or _IGNORED in state:
        rows += operations.list_ignored(store.ledger, source=source, limit=limit)
    if json_lines:
        for row in rows:
            echo_json(_as_object(row), indent=None)
        return
    if at_terminal():
        _print_table(rows)
    else:
        for row in rows:
            echo_row([*_cells(row), utc_time(row.accepted_at)])
    for name, count in store.ledger.counts().items():
        click.echo(f"{name} {count}", err=not at_terminal())


def _as_object(row: EventSummary) -> dict[str, object]:
    content = asdict(row) | {"id": row.id or None, "accepted_at": utc_time(row.accepted_at)}
    content["type"] = content.pop("event_type")
    return content


def _cells(row: EventSummary) -> list[str]:
    return [
        row.id,
        row.state,
        row.source,
        row.topic,
        row.event_type,
        row.destination,
        str(row.attempts),
        row.reason,
    ]


def _print_table(rows: list[EventSummary]) -> None:
    columns = [
        Column("id", 0),
        Column(localized("estado", "state"), 1),
        Column(localized("fuente", "source"), 4),
        Column(localized("tema", "topic"), 5),
        Column(localized("tipo", "type"), 8),
        Column(localized("destino", "destination"), 7),
        Column(localized("intentos", "attempts"), 6),
        Column(localized("motivo", "reason"), 2),
        Column(localized("antigüedad", "age"), 3),
    ]
    now = time.time()
    cells = []
    for row in rows:
        record_id, state, *others = _cells(row)
        cells.append([record_id, label(state), *others, age(now - row.accepted_at)])
    print_table(columns, cells)


@click.command(
    help=localized(
        "Un evento entero, con sus intentos. ID puede ser el comienzo de un identificador.",
        "One event, whole, with its attempts. ID may be the beginning of an id.",
    )
)
@click.argument("record_id", metavar="ID")
@click.pass_context
def show(context: click.Context, record_id: str) -> None:
    store = cli.store(cli.settings(context))
    try:
        detail = operations.show_event(store.ledger, record_id)
    except UnknownRecord as error:
        raise click.ClickException(no_such_event(error.text)) from error
    except AmbiguousId as error:
        raise click.ClickException(ambiguous(error)) from error
    content = asdict(detail.record) | {"attempt_log": detail.attempts}
    for name in ("accepted_at", "occurred_at", "settled_at"):
        content[name] = utc_time(content[name])
    echo_json(content)


def no_such_event(text: str) -> str:
    shown = escaped(text)
    return localized(f"No existe el evento {shown}.", f"There is no event {shown}.")


def ambiguous(error: AmbiguousId) -> str:
    heading = localized(
        f"Varios identificadores comienzan con {error.text}:",
        f"Several ids begin with {error.text}:",
    )
    return "\n".join([heading, *(f"  {match}" for match in error.matches)])
