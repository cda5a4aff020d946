"""The environment, read once, as frozen settings. The only reader of `os.environ`.

`config/example.env` lists every variable with a safe value.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from dotenv import load_dotenv
from environs import Env, EnvError, validate

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the environment says. Units are in the names; secrets have no default."""

    redis_url: str = field(repr=False)
    redis_tls_verify: bool
    config_file: Path
    queue: str
    host: str
    port: int
    web_threads: int
    public_url: str
    body_max_bytes: int
    backlog_max: int
    memory_watermark: float
    durability: Literal["fsync", "relaxed"]
    dedup_s: int
    keep_delivered_s: int
    concurrency: int
    shutdown_grace_s: float
    sweep_s: float
    connect_timeout_s: float
    read_timeout_s: float
    user_agent: str
    log_level: str
    dashboard_user: str
    dashboard_password: str = field(repr=False)
    environ: Mapping[str, str] = field(repr=False)

    @property
    def job_timeout_s(self) -> int:
        """What the longest attempt may take, and some for Redis.

        It may ask six times: four spellings of a phone, an e-mail, and the event itself.
        """
        return int(6 * (self.connect_timeout_s + self.read_timeout_s)) + 20


class SettingsError(Exception):
    """One or more variables are unusable; the message names each."""


def load(env_file: Path | None = None) -> Settings:
    """Settings from the environment, after `env_file` (whose values never override it).

    Raises:
        SettingsError: naming every variable that cannot be used.
    """
    if env_file is not None:  # into os.environ, for the processes this one becomes or starts
        load_dotenv(env_file, override=False)
    env = Env(eager=False)
    values: dict[str, Any] = {
        "redis_url": env.str("REDIS_URL", "redis://127.0.0.1:6379/0"),
        "redis_tls_verify": env.bool("RELAY_REDIS_TLS_VERIFY", True),
        "config_file": env.path("RELAY_CONFIG", _HERE / "relay.toml"),
        "queue": env.str("RELAY_QUEUE", "mercately"),
        "host": env.str("RELAY_HOST", "0.0.0.0"),  # noqa: S104  a container's port is published by choice
        "port": env.int("PORT", 8000),
        "web_threads": env.int("RELAY_WEB_THREADS", 8, validate=validate.Range(1, 1000)),
        "public_url": env.str("RELAY_PUBLIC_URL", ""),
        "body_max_bytes": env.int("RELAY_BODY_MAX_BYTES", 1024 * 1024),
        "backlog_max": env.int("RELAY_BACKLOG_MAX", 1_000_000),
        "memory_watermark": env.float(
            "RELAY_MEMORY_WATERMARK", 0.9, validate=validate.Range(0.1, 1.0)
        ),
        "durability": env.str(
            "RELAY_DURABILITY", "fsync", validate=validate.OneOf(["fsync", "relaxed"])
        ),
        "dedup_s": env.int("RELAY_DEDUP_DAYS", 7, validate=validate.Range(1, 90)),
        "keep_delivered_s": env.int("RELAY_KEEP_DELIVERED_DAYS", 7, validate=validate.Range(1)),
        "concurrency": env.int("RELAY_CONCURRENCY", 32, validate=validate.Range(1, 1000)),
        "shutdown_grace_s": env.float("RELAY_SHUTDOWN_GRACE", 20.0, validate=validate.Range(0)),
        "sweep_s": env.float("RELAY_SWEEP_S", 5.0),
        "connect_timeout_s": env.float("RELAY_CONNECT_TIMEOUT_S", 5.0),
        "read_timeout_s": env.float("RELAY_READ_TIMEOUT_S", 20.0),
        "user_agent": env.str("RELAY_USER_AGENT", "mercately-relay/0.1"),
        "log_level": env.str("RELAY_LOG_LEVEL", "INFO"),
        "dashboard_user": env.str("RELAY_DASHBOARD_USER", "relay"),
        "dashboard_password": env.str("RELAY_DASHBOARD_PASSWORD", ""),
    }
    try:
        env.seal()
    except EnvError as error:
        raise SettingsError(str(error)) from error
    day_s = 24 * 3600
    values["dedup_s"] *= day_s
    values["keep_delivered_s"] *= day_s
    return Settings(**values, environ=dict(os.environ))
