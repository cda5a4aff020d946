"""Commands that show events: events, show."""

import re
import time
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final

import click

from config.language import localized
from relay import operations
from relay.cli import context as cli
from relay.cli.labels import StateChoice, label, reason_text
from relay.cli.output import Column, age, at_terminal, echo_json, echo_row, print_table, utc_time
from relay.cli.terminal import escaped, say
from relay.model import State
from relay.operations import AmbiguousId, EventPage, EventSummary, UnknownRecord
from relay.store.ledger import Ledger

_IGNORED: Final = "ignored"
_NOTICE_S: Final = 7 * 24 * 3600.0
_UNITS: Final = {"m": 60, "h": 3600, "d": 86_400}


class _Since(click.ParamType[float]):
    """How long ago, or a date and time, as unix seconds."""

    name = "since"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if isinstance(value, float):
            return value
        if match := re.fullmatch(r"(\d{1,6})([mhd])", value):
            return time.time() - int(match[1]) * _UNITS[match[2]]
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            expected = localized("se esperaba 2h, 3d o 2026-11-20", "expected 2h, 3d or 2026-11-20")
            self.fail(expected, param, ctx)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


SINCE: Final = _Since()
SINCE_HELP: Final = localized(
    "Aceptados desde hace 30m, 2h o 3d, o desde una fecha.",
    "Accepted within the last 30m, 2h or 3d, or since a date.",
)


@click.command(
    help=localized(
        "Los eventos guardados. Una tabla o, si la salida no es una terminal, una línea por evento "
        "separada por tabuladores (id, estado, fuente, tema, tipo, destino, intentos, motivo, "
        "hora). TEXT busca un número de pedido, un teléfono con su código de país o un correo.",
        "The events kept. A table or, when the output is no terminal, a line per event separated "
        "by tabs (id, state, source, topic, type, destination, attempts, reason, time). TEXT looks "
        "for an order number, a phone with its country code, or an e-mail.",
    )
)
@click.argument("text", metavar="[TEXT]", default="")
@click.option("--state", type=StateChoice(*State, _IGNORED), multiple=True)
@click.option("--source", default="")
@click.option(
    "--reason",
    default="",
    help=localized(
        "Los que esperan a una persona por este motivo.",
        "Those that wait for a person for this reason.",
    ),
)
@click.option("--since", type=SINCE, default=0.0, help=SINCE_HELP)
@click.option(
    "--causes",
    is_flag=True,
    help=localized(
        "Cuántos esperan a una persona, por fuente y motivo.",
        "How many wait for a person, by source and reason.",
    ),
)
@click.option("--limit", default=50, show_default=True)
@click.option(
    "--before",
    default="",
    help=localized(
        "Los anteriores a este id: la página siguiente.", "Those before this id: the next page."
    ),
)
@click.option(
    "--json",
    "json_lines",
    is_flag=True,
    help=localized("Un objeto JSON por línea.", "One JSON object per line."),
)
@click.pass_context
def events(  # noqa: PLR0913  one for each option
    context: click.Context,
    *,
    text: str,
    state: tuple[str, ...],
    source: str,
    reason: str,
    since: float,
    causes: bool,
    limit: int,
    before: str,
    json_lines: bool,
) -> None:
    store = cli.store(cli.settings(context))
    if causes:
        _print_causes(store.ledger, source, json_lines=json_lines)
        return
    if text:
        page = EventPage(operations.find_events(store.ledger, text, limit=limit))
    else:
        filters = {"source": source, "reason": reason, "since_s": since, "before": before}
        page = _page(store.ledger, state, limit, filters)
    _print_events(page.events, json_lines=json_lines)
    if page.next:
        say(f"{localized('más', 'more')}: --before {page.next}", err=True)
    if json_lines:
        return
    for name, count in store.ledger.counts().items():
        say(f"{name} {count}", err=not at_terminal())
    if sentence := dropped_soon(store.ledger):
        say(sentence, err=True)


def _page(
    ledger: Ledger, state: tuple[str, ...], limit: int, filters: Mapping[str, Any]
) -> EventPage:
    """A page of records, and on the first one the latest ignored events too."""
    states = frozenset(State(name) for name in state if name != _IGNORED)
    page = EventPage([])
    if states or not state:
        page = operations.list_events(ledger, states or frozenset(State), limit=limit, **filters)
    if (state and _IGNORED not in state) or filters["reason"] or filters["before"]:
        return page
    ignored = operations.list_ignored(ledger, source=filters["source"], limit=limit)
    recent = [row for row in ignored if row.accepted_at >= filters["since_s"]]
    return EventPage(page.events + recent, page.next)


def _print_events(rows: list[EventSummary], *, json_lines: bool) -> None:
    if json_lines:
        for row in rows:
            echo_json(_as_object(row), indent=None)
    elif at_terminal():
        _print_table(rows)
    else:
        for row in rows:
            echo_row([*_cells(row), utc_time(row.accepted_at)])


def _print_causes(ledger: Ledger, source: str, *, json_lines: bool) -> None:
    for cause in ledger.causes():
        if source not in ("", cause.source):
            continue
        if json_lines:
            echo_json(asdict(cause), indent=None)
            continue
        state = label(cause.state.value) if at_terminal() else cause.state.value
        reason = reason_text(cause.reason) if at_terminal() else cause.reason
        echo_row([str(cause.count), state, cause.source, reason, cause.latest])


def dropped_soon(ledger: Ledger) -> str:
    """A sentence about events that will have waited too long within a week, or nothing."""
    count, first_at = ledger.dropped_within(_NOTICE_S)
    if not count:
        return ""
    day = utc_time(first_at)[:10]
    return localized(
        f"{count} eventos que esperan a una persona se descartarán dentro de una semana, el "
        f"primero el {day} (RELAY_HELD_KEEP_DAYS); véalos con: mercately-relay events --causes",
        f"{count} events that wait for a person will be discarded within a week, the first on "
        f"{day} (RELAY_HELD_KEEP_DAYS); see them with: mercately-relay events --causes",
    )


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
        f"{row.reason} (+{row.repeats})" if row.repeats else row.reason,
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
        "Un evento entero, con sus intentos. ID puede ser el comienzo de un identificador, un "
        "número de pedido, un teléfono o un correo.",
        "One event, whole, with its attempts. ID may be the beginning of an id, an order number, "
        "a phone or an e-mail.",
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
        f"Varios eventos corresponden a {escaped(error.text)}:",
        f"Several events match {escaped(error.text)}:",
    )
    return "\n".join([heading, *(f"  {match}" for match in error.matches)])
