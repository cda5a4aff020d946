"""What commands need of the rest: settings, configuration and Redis, with clear faults."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click
from redis import Redis, RedisError

from config.language import text
from config.relay_toml import ConfigError
from config.settings import Settings, SettingsError, load as load_settings
from relay import sources
from relay.connection import connect
from relay.intake import JobStore
from relay.ledger import Ledger
from relay.queue import open_queue
from relay.sources import Relay

_T = TypeVar("_T")


def settings(context: click.Context) -> Settings:
    env_file: Path | None = context.obj
    try:
        return load_settings(env_file)
    except SettingsError as error:
        raise click.ClickException(str(error)) from error


def relay(found: Settings) -> Relay:
    return configured(lambda: sources.load(found.config_file, found.environ))


def configured(load: Callable[[], _T]) -> _T:
    """What `load` reads, or its faults, a line each."""
    try:
        return load()
    except ConfigError as error:
        lines = "\n".join(f"  {error.file}: {fault}" for fault in error.faults)
        heading = text("La configuración tiene errores:", "The configuration has faults:")
        raise click.ClickException(f"{heading}\n{lines}") from error


class Store:
    """Queue, ledger and intake over a Redis that answers."""

    def __init__(self, found: Settings) -> None:
        self.redis: Redis = connect(found)
        try:
            self.redis.ping()
        except RedisError as error:
            said = text("Redis no responde (REDIS_URL)", "Redis does not answer (REDIS_URL)")
            raise click.ClickException(f"{said}: {type(error).__name__}") from error
        self.queue = open_queue(self.redis, found.queue, found.job_timeout_s)
        self.ledger = Ledger.open(self.redis, found)
        self.intake = JobStore.open(self.queue, found)
