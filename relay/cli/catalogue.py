"""The command that shows the platforms: a list, a page of one, or all of it for a machine."""

from itertools import groupby

import click

from config.language import console_language, localized
from config.relay_toml import ConfigError
from relay import sources
from relay.cli import context as cli
from relay.cli.output import at_terminal, echo_json, echo_row
from relay.cli.terminal import say
from relay.inbound.contract import Platform, Source
from relay.operations import catalogue
from relay.operations.impossible import IMPOSSIBLE
from relay.platforms import discovered

_GROUPS = {
    "shops": ("Tiendas", "Shops"),
    "payments": ("Pagos", "Payments"),
    "delivery": ("Entregas", "Delivery"),
    "accounting": ("Contabilidad", "Accounting"),
    "email": ("Correo y marketing", "E-mail and marketing"),
    "forms": ("Formularios, prospectos y citas", "Forms, leads and bookings"),
    "crm": ("CRM", "CRM"),
    "formats": ("Formatos", "Formats"),
}


@click.command(
    help=localized(
        "Las plataformas que el relay entiende; con un nombre, cómo conectarla y qué llega.",
        "The platforms that the relay understands; with a name, how to connect it and what comes.",
    )
)
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help=localized("Todo, en JSON.", "All, as JSON."))
@click.pass_context
def platforms(context: click.Context, name: str | None, as_json: bool) -> None:  # noqa: FBT001  click's
    if as_json:
        asked_for = _asked_for(name)
        found = [catalogue.entry(each) for each in asked_for]
        echo_json(found if name else found + catalogue.impossible_entries())
    elif name:
        (platform,) = _asked_for(name)
        say(catalogue.page(platform, _source(context, platform), console_language()))
    elif at_terminal():
        _list()
    else:
        for platform in discovered().values():
            proof = catalogue.verification(platform) or localized("a elegir", "to be chosen")
            for theirs, ours in platform.event_types.items() or [("JMESPath", "*")]:
                echo_row([platform.name, proof, f"{theirs} -> {ours}", platform.docs])


def _asked_for(name: str | None) -> list[Platform]:
    """The platform of that name, all without one; one that cannot be had is explained."""
    if name is None:
        return list(discovered().values())
    wanted = name.lower().replace("-", "_")
    for each in IMPOSSIBLE:
        if each.name == wanted:
            raise click.ClickException(f"{each.title}: {each.why[console_language()]}")
    if wanted not in discovered():
        raise click.BadParameter(f"{name}: {cli.expected_one_of(discovered())}")
    return [discovered()[wanted]]


def _source(context: click.Context, platform: Platform) -> Source | None:
    """What translates its samples by the merchant's own rules; None where it needs options."""
    settings = cli.settings(context)
    try:
        return sources.offline_source(settings.config_file, settings.environ, platform)
    except ConfigError:
        return None


def _list() -> None:
    """By group: the name, how many topics, and what stands out."""
    order = list(_GROUPS)
    ranked = sorted(discovered().values(), key=lambda each: (order.index(each.group), each.title))
    for group, members in groupby(ranked, key=lambda each: each.group):
        click.secho(f"\n{localized(*_GROUPS[group])}", bold=True)
        for platform in members:
            notes = [localized("{} temas", "{} topics").format(len(platform.event_types))]
            notes += [localized("con consultas", "with look-ups")] * catalogue.needs_api(platform)
            say(f"  {platform.name:20} {platform.title}: {', '.join(notes)}")
    click.secho(f"\n{localized('No se puede', 'Not possible')}", bold=True)
    for each in IMPOSSIBLE:
        say(f"  {each.name:20} {each.title}: {each.why[console_language()]}")
    say(localized("\nUna en detalle: ", "\nOne in detail: ") + "mercately-relay platforms NAME")
