"""The environment, read once, as frozen settings.

Only `config/language.py` reads variables of its own, for texts printed before settings exist.
`config/example.env` lists every variable with a safe value.
"""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv6Address
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from dotenv import load_dotenv
from environs import Env, EnvValidationError, ValidationError, validate

from config.fault_texts import in_console_language
from config.redis_url import check_redis_url
from config.setting_warnings import setting_warnings

# What RELAY_CONFIG means when it is not set or empty.
DEFAULT_CONFIG_FILE: Final = Path(__file__).with_name("relay.toml")
_LOG_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_DAY_S: Final = 24 * 3600
_KEY_MIN: Final = 32
# What is signed and larger than this is not read at all (relay/web/large_bodies.py).
_BODY_MAX_BYTES: Final = 25 * 1024**2
_QUEUE: Final = validate.Regexp(
    r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\Z",
    error="expected letters, digits, - and _, in parts separated by dots",
)
_HOST: Final = re.compile(r"[A-Za-z0-9_.-]+")
_IPV6: Final = re.compile(r"([0-9A-Fa-f:.]+)(?:%[A-Za-z0-9_.-]+)?")
_PUBLIC_URL: Final = validate.Regexp(
    r"(https?://[A-Za-z0-9_.\[\]:-]+(/[!-~]*)?)?\Z",
    error="expected an address such as https://hooks.example.com",
)
# Basic authentication sends user and password with a colon between them.
_USER: Final = validate.Regexp(r"[^:\s][^:]*\Z", error="expected a name without colon")
_HEADER: Final = validate.Regexp(
    r"[!-~]([ -~]*[!-~])?\Z", error="expected visible ASCII characters"
)


# The longest path of an attempt, which `tests/worker/test_longest_path.py` finds in the code: a
# probe of a paused destination, an event for a cached id that Mercately does not know any more,
# four spellings of a phone and an e-mail, a creation that is refused, the look-ups once more, the
# event, and a probe of the key.
_LOOK_UPS_MAX: Final = 4 + 1
CUSTOMER_REQUESTS_MAX: Final = _LOOK_UPS_MAX + 1 + _LOOK_UPS_MAX
ATTEMPT_REQUESTS_MAX: Final = 1 + 1 + CUSTOMER_REQUESTS_MAX + 1 + 1
# Behind the throttle, under a stock worker, and for Redis.
_BESIDES_REQUESTS_S: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the environment says. Units are in the names; secrets have no default."""

    redis_url: str = field(repr=False)
    redis_tls_verify: bool
    redis_connections: int
    config_file: Path
    queue: str
    host: str
    port: int
    web_processes: int
    public_url: str
    body_max_bytes: int
    backlog_max: int
    memory_watermark: float
    durability: Literal["fsync", "relaxed"]
    dedup_s: int
    keep_delivered_s: int
    held_max: int
    held_keep_s: int
    pseudonym_keys: tuple[str, ...] = field(repr=False)
    concurrency: int
    shutdown_grace_s: float
    sweep_s: float
    connect_timeout_s: float
    read_timeout_s: float
    user_agent: str
    outbound_proxy: str = field(repr=False)
    log_level: str
    dashboard_user: str
    dashboard_password: str = field(repr=False)
    environ: Mapping[str, str] = field(repr=False)
    # The names of the variables that were looked for.
    variables: tuple[str, ...] = field(default=(), repr=False)

    @property
    def address(self) -> str:
        """Where the web process listens, as `host:port`; an IPv6 host is in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is usable and probably not wanted, a sentence each."""
        return tuple(
            setting_warnings(
                redis_url=self.redis_url,
                redis_tls_verify=self.redis_tls_verify,
                grace_s=self.shutdown_grace_s,
                read_s=self.read_timeout_s,
                job_timeout_s=self.job_timeout_s,
                environ=self.environ,
                variables=self.variables,
            )
        )

    @property
    def job_timeout_s(self) -> int:
        """Seconds until RQ gives a job up: the longest attempt, and 30 s besides its requests."""
        return int(ATTEMPT_REQUESTS_MAX * self.answer_within_s) + _BESIDES_REQUESTS_S

    @property
    def answer_within_s(self) -> float:
        """Seconds for a whole request to Mercately, its answer included."""
        return self.connect_timeout_s + self.read_timeout_s


class SettingsError(Exception):
    """One or more variables are unusable; each of `faults` names its variable, not its value."""

    def __init__(self, faults: Mapping[str, Iterable[str]]) -> None:
        self.faults = tuple(
            in_console_language(f"{name}: {text}")
            for name, texts in faults.items()
            for text in texts
        )
        super().__init__("\n".join(self.faults))


def load(env_file: Path | None = None) -> Settings:
    """Settings from the environment, after `env_file` (whose values never override it).

    Raises:
        SettingsError: naming every variable that cannot be used.
    """
    if env_file is not None:  # into os.environ, for the processes this one becomes or starts
        try:
            load_dotenv(env_file, override=False)
        except UnicodeDecodeError as error:
            fault = {str(env_file): [f"not UTF-8, byte {error.start}"]}
            raise SettingsError(fault) from None  # the error holds the file, secrets too
    env = Env(eager=False)
    values: dict[str, Any] = {
        "redis_url": env.str("REDIS_URL", "redis://127.0.0.1:6379/0", validate=check_redis_url),
        "redis_tls_verify": env.bool("RELAY_REDIS_TLS_VERIFY", True),
        "redis_connections": env.int(
            "RELAY_REDIS_CONNECTIONS", 4, validate=validate.Range(3, 1000)
        ),
        "config_file": env.str("RELAY_CONFIG", ""),
        "queue": env.str("RELAY_QUEUE", "mercately", validate=_QUEUE),
        "host": env.str(
            "RELAY_HOST",
            "0.0.0.0",  # noqa: S104  a container's port is published by choice
            validate=_check_host,
        ),
        "port": env.int("PORT", 8000, validate=validate.Range(1, 65535)),
        "web_processes": env.int("WEB_CONCURRENCY", 2, validate=validate.Range(1, 64)),
        "public_url": env.str("RELAY_PUBLIC_URL", "", validate=[_PUBLIC_URL, _check_port]),
        "body_max_bytes": env.int(
            "RELAY_BODY_MAX_BYTES", 5 * 1024**2, validate=validate.Range(1, _BODY_MAX_BYTES)
        ),
        "backlog_max": env.int(
            "RELAY_BACKLOG_MAX", 1_000_000, validate=validate.Range(1, 100_000_000)
        ),
        "memory_watermark": env.float(
            "RELAY_MEMORY_WATERMARK", 0.9, validate=validate.Range(0.1, 1.0)
        ),
        "durability": env.str(
            "RELAY_DURABILITY", "fsync", validate=validate.OneOf(["fsync", "relaxed"])
        ),
        "dedup_s": env.int("RELAY_DEDUP_DAYS", 7, validate=validate.Range(1, 90)),
        "keep_delivered_s": env.int(
            "RELAY_KEEP_DELIVERED_DAYS", 7, validate=validate.Range(1, 3650)
        ),
        "held_max": env.int("RELAY_HELD_MAX", 10_000, validate=validate.Range(1, 10_000_000)),
        "held_keep_s": env.int("RELAY_HELD_KEEP_DAYS", 90, validate=validate.Range(1, 3650)),
        "pseudonym_keys": env.str("RELAY_PSEUDONYM_KEY", "", validate=_check_pseudonym_key),
        "concurrency": env.int("RELAY_CONCURRENCY", 32, validate=validate.Range(1, 1000)),
        "shutdown_grace_s": env.float(
            "RELAY_SHUTDOWN_GRACE", 20.0, validate=validate.Range(0, 3600)
        ),
        "sweep_s": env.float("RELAY_SWEEP_S", 5.0, validate=validate.Range(0, 3600)),
        # Zero is no time-out at all to some libraries and a failure of each request to others.
        "connect_timeout_s": env.float(
            "RELAY_CONNECT_TIMEOUT_S", 5.0, validate=validate.Range(0.1, 600)
        ),
        "read_timeout_s": env.float(
            "RELAY_READ_TIMEOUT_S", 20.0, validate=validate.Range(0.1, 600)
        ),
        "user_agent": env.str("RELAY_USER_AGENT", "mercately-relay/0.1", validate=_HEADER),
        "outbound_proxy": env.str("RELAY_OUTBOUND_PROXY", "", validate=_check_proxy),
        "log_level": env.str("RELAY_LOG_LEVEL", "INFO", validate=_check_log_level),
        "dashboard_user": env.str("RELAY_DASHBOARD_USER", "relay", validate=_USER),
        "dashboard_password": env.str("RELAY_DASHBOARD_PASSWORD", ""),
    }
    try:
        env.seal()
    except EnvValidationError as error:
        by_name = error.error_messages
        faults = by_name if isinstance(by_name, Mapping) else {"": by_name}
        raise SettingsError({**faults, **_prefix_faults()}) from None  # its text may quote a value
    if prefix_faults := _prefix_faults():
        raise SettingsError(prefix_faults)
    values["config_file"] = Path(values["config_file"] or DEFAULT_CONFIG_FILE)
    values["pseudonym_keys"] = _parts(values["pseudonym_keys"])
    values["dedup_s"] *= _DAY_S
    values["keep_delivered_s"] *= _DAY_S
    values["held_keep_s"] *= _DAY_S
    return Settings(**values, environ=dict(os.environ), variables=tuple(env.dump()))


def _parts(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (part.strip() for part in text.split(","))))


def _check_pseudonym_key(text: str) -> None:
    if any(len(part) < _KEY_MIN for part in _parts(text)):
        raise ValidationError(f"expected keys of at least {_KEY_MIN} characters, newest first")


def _check_host(host: str) -> None:
    match = _IPV6.fullmatch(host) if ":" in host else None
    try:
        is_host = bool(IPv6Address(match[1])) if match else bool(_HOST.fullmatch(host))
    except ValueError:
        is_host = False
    if not is_host:
        raise ValidationError("expected an address or a host name, without port")


def _check_port(url: str) -> None:
    try:
        urlsplit(url).port  # noqa: B018  it raises
    except ValueError:
        raise ValidationError("expected a port from 0 to 65535") from None


def _check_proxy(url: str) -> None:
    try:
        parts = urlsplit(url)
        is_usable = parts.scheme in ("http", "https") and parts.hostname and parts.port
        is_usable = is_usable and parts.path in ("", "/")
    except ValueError:
        is_usable = False
    if url and not is_usable:
        raise ValidationError("expected http://host:port of a proxy, maybe with user:password@")


def _prefix_faults() -> dict[str, list[str]]:
    """RQ's own variable, which it reads itself: it would look elsewhere for our scripts' jobs."""
    if os.environ.get("RQ_KEY_PREFIX", "rq") == "rq":
        return {}
    return {"RQ_KEY_PREFIX": ["expected it not to be set: the relay's keys are RQ's own, 'rq:'"]}


def _check_log_level(name: str) -> None:
    if name.upper() not in _LOG_LEVELS:
        raise ValidationError("expected DEBUG, INFO, WARNING or ERROR")
