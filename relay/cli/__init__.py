"""`mercately-relay`: commands that parse arguments, call `relay.operations`, and print.

A command's module is imported when the command is asked for: web and worker start without what
prints tables.
"""

from importlib import import_module
from pathlib import Path
from typing import Final

import click

from config.language import localized
from relay.cli import click_texts  # noqa: F401  before the commands, whose texts it translates
from relay.cli.context import RelayGroup

_OPTIONS: Final = localized("[OPCIONES]", "[OPTIONS]")
_MODULES: Final = {
    "actions": ("send", "replay", "discard"),
    "alive": ("alive",),
    "catalogue": ("platforms",),
    "destinations": ("destinations", "pause", "probe", "resume"),
    "forget": ("forget",),
    "inspect": ("check", "doctor", "history"),
    "listing": ("events", "show"),
    "migrate": ("migrate",),
    "transform": ("transform",),
    "serve": ("demo", "web", "worker", "standin", "dashboard"),
}


class LazyGroup(RelayGroup):
    """Imports a command when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        return sorted(name for names in _MODULES.values() for name in names)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  same
        for module, names in _MODULES.items():
            if cmd_name in names:
                command: click.Command = getattr(import_module(f"{__name__}.{module}"), cmd_name)
                command.options_metavar = _OPTIONS
                return command
        return None


@click.group(
    cls=LazyGroup,
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
