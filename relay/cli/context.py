"""What commands need of the rest: settings, configuration and Redis, with clear faults."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click
from redis import Redis, RedisError

from config.language import localized
from config.relay_toml import ConfigError
from config.settings import Settings, SettingsError, load as load_settings
from relay import sources
from relay.sources import Relay
from relay.store.connection import connect
from relay.store.job_store import JobStore
from relay.store.ledger import Ledger
from relay.store.queue import open_queue
from relay.store.schema import SchemaMismatch, require_schema

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
        heading = localized("La configuración tiene errores:", "The configuration has faults:")
        raise click.ClickException(f"{heading}\n{lines}") from error


class Store:
    """Queue, ledger and intake over a Redis that answers, with data in this version's format."""

    def __init__(self, found: Settings, *, any_schema: bool = False) -> None:
        self.redis: Redis = connect(found)
        try:
            self.redis.ping()
            if not any_schema:
                require_schema(self.redis)
        except SchemaMismatch as mismatch:
            raise click.ClickException(str(mismatch)) from mismatch
        except RedisError as error:
            said = localized("Redis no responde (REDIS_URL)", "Redis does not answer (REDIS_URL)")
            raise click.ClickException(f"{said}: {type(error).__name__}") from error
        self.queue = open_queue(self.redis, found.queue, found.job_timeout_s)
        self.ledger = Ledger.open(self.redis, found)
        self.intake = JobStore.open(self.queue, found)
