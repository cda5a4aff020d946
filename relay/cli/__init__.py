"""`mercately-relay`: every command is a few lines that call a room of the product."""

from pathlib import Path

import click

from config.language import localized
from relay.cli.actions import discard, history, replay, send
from relay.cli.inspect import check, doctor, events, platforms, show, transform
from relay.cli.migrate import migrate
from relay.cli.serve import dashboard, demo, standin, web, worker


@click.group(
    help=localized(
        "Recibe webhooks firmados de tiendas y herramientas de correo y los entrega a Mercately.",
        "Receives signed webhooks from shops and e-mail tools and delivers them to Mercately.",
    ),
    context_settings={"help_option_names": ["-h", "--help"]},
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


for _command in (
    demo, web, worker, standin, dashboard, check, doctor, platforms, send, transform, events, show,
    replay, discard, history, migrate,
):  # fmt: skip
    main.add_command(_command)
