"""What `check` and `doctor` say of connections."""

from typing import Final

from redis import Redis, ResponseError

from config.language import localized
from config.settings import Settings
from relay.cli.terminal import say
from relay.web.connection_limit import possible_connections

# Two web processes, a worker, the dashboard and a command line.
_PROCESSES: Final = 5


def print_limits(settings: Settings) -> None:
    """Connections of senders to a web process, and of any process to Redis."""
    senders = possible_connections()
    say(
        localized(
            f"\n# cada proceso web: hasta {senders} conexiones de remitentes; cada proceso: hasta "
            f"{settings.redis_connections} conexiones a Redis (RELAY_REDIS_CONNECTIONS)",
            f"\n# each web process: up to {senders} connections of senders; each process: up to "
            f"{settings.redis_connections} connections to Redis (RELAY_REDIS_CONNECTIONS)",
        )
    )


def print_connections(redis: Redis, per_process: int) -> None:
    """Connections that Redis has and allows, beside what two web processes and others need."""
    try:
        info = redis.info("clients")
    except ResponseError:  # a user who may not
        return
    allowed = info.get("maxclients")
    if not allowed:  # a host that does not tell
        return
    needed = _PROCESSES * per_process
    used = info["connected_clients"]
    say(
        localized(
            f"Redis admite {allowed} conexiones y tiene {used}; dos procesos web, un worker, el "
            f"panel y una consola necesitan hasta {needed}.",
            f"Redis allows {allowed} connections and has {used}; two web processes, a worker, the "
            f"dashboard and a command line need up to {needed}.",
        )
    )
    if allowed < needed:
        say(
            localized(
                "Son muy pocas: baje RELAY_REDIS_CONNECTIONS (mínimo 3) o contrate más conexiones.",
                "Those are too few: lower RELAY_REDIS_CONNECTIONS (3 at least) or buy more.",
            )
        )
