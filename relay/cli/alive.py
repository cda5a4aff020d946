"""`mercately-relay alive`: what a worker's liveness probe runs, in the worker's container."""

import socket
from contextlib import closing

import click
from redis import RedisError

from config.language import localized
from relay.cli import context as cli
from relay.cli.terminal import say
from relay.store.connection import connect
from relay.store.liveness import stale_workers
from relay.store.redis_fault import redis_fault


@click.command(
    help=localized(
        "Termina con 0 si los workers de esta máquina siguen dando señales de vida: para la sonda "
        "de vida de un worker. Si no se puede preguntar a Redis, también: reiniciar no ayudaría.",
        "Exits 0 while the workers of this machine send their heartbeat: for a worker's liveness "
        "probe. Also where Redis cannot be asked: a restart would not help.",
    )
)
@click.pass_context
def alive(context: click.Context) -> None:
    settings = cli.settings(context)
    host = socket.gethostname()
    try:
        with closing(connect(settings)) as redis:
            stale = stale_workers(redis, settings.queue, host)
    except RedisError as error:
        say(redis_fault(error, settings.redis_url))
        return
    if stale is None:
        say(localized(f"ningún worker en {host}", f"no worker on {host}"))
        context.exit(1)
    for pid, age_s in sorted(stale.items()):
        say(
            localized(
                f"worker {pid}: sin señales desde hace {age_s:.0f} s",
                f"worker {pid}: no heartbeat for {age_s:.0f} s",
            )
        )
    context.exit(1 if stale else 0)
