"""The command that forgets a person."""

import click

from config.language import localized
from relay import operations
from relay.cli import context as cli
from relay.cli.labels import label
from relay.cli.terminal import say
from relay.store.pseudonyms import Pseudonyms


@click.command(
    help=localized(
        "Borra todo lo que Redis guarda de una persona: TELÉFONO con código de país, o CORREO. "
        "Sin --yes solo dice cuánto hay.",
        "Deletes all that Redis keeps of a person: PHONE with its country code, or EMAIL. Without "
        "--yes it only says how much there is.",
    )
)
@click.argument("person", metavar=localized("TELÉFONO|CORREO", "PHONE|EMAIL"))
@click.option(
    "--yes",
    is_flag=True,
    help=localized("Borrar (sin esta opción solo cuenta).", "Delete (without it, only count)."),
)
@click.pass_context
def forget(context: click.Context, person: str, *, yes: bool) -> None:
    settings = cli.settings(context)
    store = cli.store(settings)
    named = operations.person_of(person)
    if named is None:
        raise click.BadParameter(
            localized(
                "se esperaba un correo, o un teléfono con + y código de país",
                "expected an e-mail, or a phone with + and its country code",
            ),
            param_hint="person",
        )
    found = operations.forget(store, Pseudonyms.open(settings), named, dry_run=not yes)
    for state, count in sorted(found.records.items()):
        say(f"{label(state)}: {count}")
    say(f"{localized('a la espera de su hora', 'waiting for their time')}: {found.waiting}")
    say(f"{localized('ids de cliente guardados', 'cached customer ids')}: {found.cached}")
    if yes:
        say(
            localized(
                "Borrado. Lo que un worker tenía en sus manos pudo salir todavía; lo que ya está "
                "en Mercately se borra allí.",
                "Deleted. What a worker had in its hands may still have been sent; what Mercately "
                "has is to be deleted there.",
            )
        )
    else:
        say(localized("Repita con --yes para borrarlo.", "Repeat with --yes to delete it."))
