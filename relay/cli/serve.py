"""Commands that start something and stay: demo, web, worker, standin, dashboard."""

import os
import sys
from pathlib import Path

import click

from config.language import localized
from relay.cli import context as cli


@click.command(
    help=localized(
        "Arranca todo aquí, envía una muestra firmada por fuente y muestra lo que llegó.",
        "Starts everything on this machine, sends a signed sample per source, shows what arrived.",
    )
)
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".relay"),
    show_default=True,
    help=localized("Dónde guardar los datos.", "Where to keep the data."),
)
def demo(folder: Path) -> None:
    from relay.devtools.demo import run

    sys.exit(run(folder))


@click.command(help=localized("El proceso web, con gunicorn.", "The web process, under gunicorn."))
@click.pass_context
def web(context: click.Context) -> None:
    found = cli.settings(context)
    cli.relay(found)  # faults here, not from inside a gunicorn worker
    conf = Path(__file__).parents[2] / "config" / "gunicorn.conf.py"
    _become("gunicorn", "-c", str(conf), "relay.web:create_app()")


@click.command(help=localized("Entrega lo aceptado.", "Delivers what was accepted."))
@click.pass_context
def worker(context: click.Context) -> None:
    cli.relay(cli.settings(context))
    _become("worker")


@click.command(
    help=localized(
        "Un doble local de Mercately, para probar sin tocar una cuenta.",
        "A local stand-in for Mercately, to try things without touching an account.",
    )
)
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=9000, show_default=True)
def standin(host: str, port: int) -> None:
    from relay.devtools.standin import Standin, demo_customers, serve

    click.echo(f"http://{host}:{port}")
    serve(host, port, Standin(customers=demo_customers()))


@click.command(
    help=localized(
        "rq-dashboard sobre la cola; sin contraseña, solo en esta máquina.",
        "rq-dashboard on the queue; without a password, on this machine only.",
    )
)
@click.option(
    "--port", type=int, help=localized("Por defecto PORT o 9181.", "PORT or 9181 by default.")
)
@click.pass_context
def dashboard(context: click.Context, port: int | None) -> None:
    found = cli.settings(context)
    host = found.host if found.dashboard_password else "127.0.0.1"
    chosen = port or (found.port if "PORT" in found.environ else 9181)
    click.echo(f"http://{host}:{chosen}")
    _become(
        "gunicorn", "-b", f"{host}:{chosen}", "--threads", "4", "relay.web.dashboard:create_app()"
    )


def _become(module: str, *arguments: str) -> None:
    """Replace this process, so that signals reach the one that does the work."""
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", module, *arguments])  # noqa: S606  no shell
