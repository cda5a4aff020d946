"""`mercately-relay`: commands that parse arguments, call `relay.operations`, and print."""

from pathlib import Path
from typing import Final

import click

from config.language import localized
from relay.cli import click_texts  # noqa: F401  before the commands, whose texts it translates
from relay.cli.actions import discard, replay, send
from relay.cli.context import RelayGroup
from relay.cli.inspect import check, doctor, history, platforms, transform
from relay.cli.listing import events, show
from relay.cli.migrate import migrate
from relay.cli.serve import dashboard, demo, standin, web, worker

_OPTIONS: Final = localized("[OPCIONES]", "[OPTIONS]")
_COMMANDS: Final[tuple[click.Command, ...]] = (
    *(demo, web, worker, standin, dashboard),
    *(check, doctor, platforms, send, transform),
    *(events, show, replay, discard, history, migrate),
)


@click.group(
    cls=RelayGroup,
    help=localized(
        "Recibe webhooks firmados de tiendas y herramientas de correo y los entrega a Mercately.",
        "Receives signed webhooks from shops and e-mail tools and delivers them to Mercately.",
    ),
    context_settings={"help_option_names": ["-h", "--help"]},
    options_metavar=_OPTIONS,
    subcommand_metavar=localized("COMANDO [ARGUMENTOS]...", "COMMAND [ARGS]..."),
)
@click.option(
    "--env",
    "env_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    envvar="RELAY_ENV_FILE",
    help=localized("Archivo con variables de entorno.", "File with environment variables."),
)
@click.version_option(package_name="mercately-relay")
@click.pass_context
def main(context: click.Context, env_file: Path | None) -> None:
    context.obj = env_file


for _command in _COMMANDS:
    _command.options_metavar = _OPTIONS
    main.add_command(_command)
