"""Commands that start something and stay: demo, web, worker, standin, dashboard."""

import os
import sys
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

import click
import structlog
from redis import RedisError

from config import log
from config.language import localized
from config.settings import Settings
from relay.cli import context as cli
from relay.cli.terminal import say
from relay.store.connection import connect
from relay.store.redis_fault import fault_word, redis_fault


@click.command(
    help=localized(
        "Inicia todo en esta máquina, envía una muestra firmada por fuente y muestra lo que llegó.",
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
    _require_extra("demo")
    from relay.devtools.demo import run

    sys.exit(run(folder))


@click.command(help=localized("El proceso web, con gunicorn.", "The web process, under gunicorn."))
@click.pass_context
def web(context: click.Context) -> None:
    settings = cli.settings(context, with_relay_faults=True)
    _log_redis_fault(settings)
    from relay.web.server import serve

    serve(settings)


@click.command(
    help=localized(
        "Entrega a Mercately los eventos aceptados.", "Delivers accepted events to Mercately."
    )
)
@click.option(
    "--processes",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help=localized(
        "Cuántos procesos entregan; cada uno usa un núcleo y RELAY_REDIS_CONNECTIONS conexiones.",
        "How many processes deliver; each uses one core and RELAY_REDIS_CONNECTIONS connections.",
    ),
)
@click.pass_context
def worker(context: click.Context, processes: int) -> None:
    settings = cli.settings(context, with_relay_faults=True)
    cli.relay(settings)
    _log_redis_fault(settings)
    if processes > 1:
        _become("worker.supervisor", str(processes), str(settings.shutdown_grace_s))
    from worker.process import main as deliver

    sys.stdout.flush()
    deliver()


@click.command(
    help=localized(
        "Un simulador local de Mercately, para probar sin tocar una cuenta.",
        "A local stand-in for Mercately, to try things without touching an account.",
    )
)
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=9000, show_default=True)
def standin(host: str, port: int) -> None:
    from relay.devtools.standin import demo_standin, serve

    say(f"http://{host}:{port}")
    sys.stdout.flush()
    serve(host, port, demo_standin())


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
    _require_extra("dashboard")
    settings = cli.settings(context)
    from relay.web.dashboard import PASSWORD_MIN

    if settings.dashboard_password and len(settings.dashboard_password) < PASSWORD_MIN:
        raise click.ClickException(
            "RELAY_DASHBOARD_PASSWORD: "
            + localized(
                f"se esperaban al menos {PASSWORD_MIN} caracteres",
                f"expected at least {PASSWORD_MIN} characters",
            )
        )
    host = settings.host if settings.dashboard_password else "127.0.0.1"
    listen_port = port or (settings.port if "PORT" in settings.environ else 9181)
    say(f"http://{host}:{listen_port}")
    _become(
        "relay.web.gunicorn_app",
        "-b",
        f"{host}:{listen_port}",
        "--workers",
        "1",  # whatever WEB_CONCURRENCY says: wrong passwords are counted by process
        "--threads",
        "4",
        "relay.web.dashboard:create_app()",
    )


def _log_redis_fault(settings: Settings) -> None:
    """Log once, in words, why Redis cannot be used; both processes then wait for it."""
    try:
        with closing(connect(settings)) as redis:
            redis.ping()
    except RedisError as error:
        log.configure(settings.log_level)
        reason = redis_fault(error, settings.redis_url)
        word = fault_word(error).value
        structlog.get_logger().warning("redis.unusable", redis=word, reason=reason)


def _require_extra(extra: str) -> None:
    """Exit with a sentence when what an extra installs is not there."""
    if all(find_spec(package) for package in ("rq_dashboard", "six")):
        return
    install = f"pip install 'mercately-relay[{extra}]'"
    raise click.ClickException(
        localized(
            f"Falta rq-dashboard. Instálelo con: {install}",
            f"rq-dashboard is not installed. Install it: {install}",
        )
    )


def _become(module: str, *arguments: str) -> None:
    """Replace this process, so that signals reach the one that does the work.

    `-P`: nothing is imported from the working directory, which may have a `config` of its own.
    """
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-P", "-m", module, *arguments])  # noqa: S606  no shell
