"""What commands need of the rest: settings, configuration and Redis, with faults in a sentence."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click
from redis import RedisError

from config.language import localized
from config.relay_toml import ConfigError
from config.settings import DEFAULT_CONFIG_FILE, Settings, SettingsError, load as load_settings
from relay import sources
from relay.cli.terminal import escaped
from relay.sources import Relay
from relay.store.redis_fault import redis_fault
from relay.store.schema import SchemaMismatch, require_schema

if TYPE_CHECKING:  # heavy, and not needed to start
    from relay.operations import Store

_T = TypeVar("_T")
_REDIS_URL: Final = "relay.redis_url"


class RelayGroup(click.Group):
    """The commands; a fault of Redis or relay.toml is a sentence and exit status 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ConfigError as error:
            raise click.ClickException(escaped(_faults(error))) from error
        except RedisError as error:
            fault = redis_fault(error, ctx.meta.get(_REDIS_URL, ""))
            raise click.ClickException(escaped(fault)) from error
        except click.ClickException as error:
            error.message = escaped(error.message)  # type: ignore[misc]  # it is no constant of click
            raise


def settings(context: click.Context, *, with_relay_faults: bool = False) -> Settings:
    """The environment, after the file of `--env`.

    With `with_relay_faults` what is wrong with relay.toml is told together with what is wrong here.
    """
    env_file: Path | None = context.obj
    try:
        loaded = load_settings(env_file)
    except SettingsError as error:
        more = _relay_faults() if with_relay_faults else ()
        raise click.ClickException(_list([*error.faults, *more])) from error
    context.meta[_REDIS_URL] = loaded.redis_url
    return loaded


def _relay_faults() -> list[str]:
    """Of relay.toml, where the settings cannot be used."""
    file = Path(os.environ.get("RELAY_CONFIG") or DEFAULT_CONFIG_FILE)
    try:
        sources.load(file, os.environ)
    except ConfigError as error:
        return [f"{error.file}: {fault}" for fault in error.faults]
    return []


def relay(settings: Settings) -> Relay:
    """The whole of relay.toml."""
    return configured(
        lambda: sources.load(settings.config_file, settings.environ, settings.dedup_s)
    )


def configured(load: Callable[[], _T]) -> _T:
    """What `load` reads from relay.toml, or its faults, a line each."""
    try:
        return load()
    except ConfigError as error:
        raise click.ClickException(_faults(error)) from error


def expected_one_of(names: Iterable[str]) -> str:
    """What is said of a name that is none of these."""
    listed = ", ".join(names)
    return localized(f"se esperaba uno de: {listed}", f"expected one of: {listed}")


def _faults(error: ConfigError) -> str:
    return _list([f"{error.file}: {fault}" for fault in error.faults])


def _list(faults: list[str] | tuple[str, ...]) -> str:
    heading = localized("La configuración tiene errores:", "The configuration has faults:")
    return "\n".join([heading, *(f"  {fault}" for fault in faults)])


def store(settings: Settings, *, any_schema: bool = False) -> "Store":
    """Records and jobs, in a Redis that answers and has data in this version's format."""
    from relay.operations import Store

    opened = Store.open(settings)
    opened.redis.ping()
    if not any_schema:
        try:
            require_schema(opened.redis)
        except SchemaMismatch as mismatch:
            raise click.ClickException(str(mismatch)) from mismatch
    return opened
