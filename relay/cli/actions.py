"""Commands that do something: send, replay, discard, history."""

import json
from collections import Counter
from pathlib import Path

import click
import requests

from config.language import localized
from relay.cli import context as cli
from relay.inbound import samples
from relay.model import OPEN_STATES, State
from relay.operations import replay as replay_record
from relay.store.record import Record
from worker.client import Client
from worker.reply import NoResponse


@click.command(
    help=localized(
        "Firma una muestra, o cualquier cuerpo, como lo hace la plataforma y lo envía.",
        "Signs a sample, or any body, as the platform does, and posts it.",
    )
)
@click.argument("source")
@click.argument("topic")
@click.option("--file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--url", default="", help=localized("Dirección del relay.", "Address of the relay."))
@click.pass_context
def send(context: click.Context, source: str, topic: str, file: Path | None, url: str) -> None:
    found = cli.settings(context)
    bound = cli.relay(found).sources.get(source)
    if bound is None:
        raise click.BadParameter(
            localized("fuente desconocida", "unknown source"), param_hint="source"
        )
    base = url or found.public_url or f"http://127.0.0.1:{found.port}"
    try:
        request = samples.signed(bound, topic, base, file.read_bytes() if file else None)
        response = requests.post(
            request.url, data=request.body, headers=dict(request.headers), timeout=30
        )
    except (LookupError, ValueError, requests.RequestException) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{response.status_code} {response.text}")
    context.exit(0 if response.ok else 1)


@click.command(
    help=localized(
        "Vuelve a enviar eventos. Sin --yes solo dice cuántos son.",
        "Sends events again. Without --yes it only says how many there are.",
    )
)
@click.argument("ids", nargs=-1)
@click.option("--state", type=click.Choice([s.value for s in State if s not in OPEN_STATES]))
@click.option("--source", default="")
@click.option("--yes", is_flag=True, help=localized("Hacerlo.", "Do it."))
@click.pass_context
def replay(
    context: click.Context, ids: tuple[str, ...], state: str | None, source: str, *, yes: bool
) -> None:
    found = cli.settings(context)
    store = cli.Store(found)
    records = _chosen(store, ids, state, source)
    if not yes:
        _count(records)
        return
    relay = cli.relay(found)
    outcomes: Counter[str] = Counter()
    for record in records:
        done = replay_record(record, store.intake, relay.sources)
        outcomes[done.outcome] += 1
        if done.outcome != "requeued":
            why = json.dumps(done.reasons) if done.reasons else ""
            click.echo(f"{record.id}: {done.outcome} {why}")
    for outcome, count in outcomes.items():
        click.echo(f"{outcome}: {count}")
    context.exit(0 if outcomes["requeued"] == len(records) else 1)


@click.command(
    help=localized(
        "Descarta eventos retenidos o muertos. Sin --yes solo dice cuántos son.",
        "Discards held or dead events. Without --yes it only says how many there are.",
    )
)
@click.argument("ids", nargs=-1)
@click.option("--state", type=click.Choice([State.HELD.value, State.DEAD.value]))
@click.option("--source", default="")
@click.option("--yes", is_flag=True, help=localized("Hacerlo.", "Do it."))
@click.pass_context
def discard(
    context: click.Context, ids: tuple[str, ...], state: str | None, source: str, *, yes: bool
) -> None:
    store = cli.Store(cli.settings(context))
    records = _chosen(store, ids, state, source)
    if not yes:
        _count(records)
        return
    done = sum(store.ledger.discard(record.id) for record in records)
    click.echo(f"discarded: {done}")
    context.exit(0 if done == len(records) else 1)


def _chosen(store: cli.Store, ids: tuple[str, ...], state: str | None, source: str) -> list[Record]:
    """The records a person means, by id or by state."""
    if not ids and not state:
        raise click.UsageError(localized("Dé ids o --state.", "Give ids or --state."))
    records: list[Record] = []
    for record_id in ids or store.ledger.ids([State(state or "")]):
        record = store.ledger.get(record_id)
        if record is None:
            click.echo(f"{record_id}: {localized('no existe', 'absent')}", err=True)
        elif source in ("", record.source):
            records.append(record)
    return records


def _count(records: list[Record]) -> None:
    for name, count in Counter(record.state.value for record in records).items():
        click.echo(f"{name}: {count}")
    click.echo(
        localized(
            f"{len(records)} eventos en total; repita con --yes para hacerlo.",
            f"{len(records)} events in all; repeat with --yes to do it.",
        )
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
    found = cli.settings(context)
    known = cli.relay(found).destinations
    chosen = known.get(destination) if destination else next(iter(known.values()))
    if chosen is None:
        raise click.BadParameter(", ".join(known), param_hint="destination")
    client = Client(
        chosen,
        user_agent=found.user_agent,
        connect_timeout_s=found.connect_timeout_s,
        read_timeout_s=found.read_timeout_s,
    )
    try:
        reply = client.history(customer_id, page, results_per_page)
    except NoResponse as error:
        raise click.ClickException(error.reason) from error
    finally:
        client.close()
    said = reply.json()
    click.echo(json.dumps(said, ensure_ascii=False, indent=2) if said is not None else reply.text)
    context.exit(0 if reply.ok else 1)
