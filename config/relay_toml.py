"""`relay.toml`: destinations and sources, checked whole, with `${NAME}` or `${NAME:-default}` taken
from the environment.

What events say to Mercately (`[events]`) is checked by the package that knows the vocabulary;
here it is carried as it stands. A platform whose `<PLATFORM>_SECRET` is set gets a source of its
own name without being written down.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from marshmallow import Schema, ValidationError, validate

from config.fault_texts import in_console_language
from config.relay_schema import DestinationSchema, SourceSchema
from config.secret_texts import SecretTexts
from config.server_address import doubts, without_extras
from config.settings import DEFAULT_CONFIG_FILE

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
_NAME = validate.Regexp(r"^[a-z][a-z0-9_-]{0,62}$", error="expected lower-case letters, - and _")


class ConfigError(Exception):
    """Everything wrong with the configuration, one line a fault, in the console's language."""

    def __init__(self, file: Path, faults: Iterable[str]) -> None:
        self.file = file
        self.faults = tuple(in_console_language(fault) for fault in faults)
        super().__init__("\n".join(f"{file}: {fault}" for fault in self.faults))


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """A Mercately account and how to treat it.

    `rate_per_s` and `in_flight` (events in hand) are shared by all workers; `retry_delays_s` are
    the waits before attempt 2, 3, … With `ordering` strict a customer's later events wait while
    one of theirs does.
    `probe` is the path below the API's root that is asked to see whether the key works.
    `identifier` other than `lookup` puts the phone or e-mail itself into the address.
    """

    name: str
    server: str
    api_key: str = field(repr=False)
    rate_per_s: float
    in_flight: int
    ordering: Literal["strict", "relaxed"]
    timezone: ZoneInfo
    country: str
    on_absent: Literal["create", "hold", "drop"]
    on_ambiguous: Literal["retry", "hold"]
    retry_delays_s: tuple[float, ...]
    identifier: Literal["lookup", "phone", "email"]
    customer_wrapper: bool
    probe: str = "/agents"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceEntry:
    """One `[sources.<name>]`, before it is bound to its platform.

    `whole_secret` and `short_parts` are of a text of several secrets, see `SecretTexts`. Without a
    `timezone` it has the destination's.
    """

    name: str
    platform: str
    destination: str
    secrets: tuple[str, ...] = field(repr=False)
    whole_secret: str = field(default="", repr=False)
    short_parts: tuple[int, ...] = ()
    title: str = ""
    topics: tuple[str, ...] = ()
    types: Mapping[str, str] = field(default_factory=dict)
    abandoned_after_s: float = 3600.0
    repeat_window_s: float = 600.0
    timezone: ZoneInfo | None = None
    machine_events: bool = False
    tolerance_s: int | None = None
    public_url: str = ""
    on_invalid: Literal["hold", "reject"] = "hold"
    on_nobody: Literal["ignore", "hold"] | None = None
    echo: Literal["", "ignore", "deliver"] = ""
    on_redaction: Literal["forget", "hold"] = "forget"
    customer_id: str = ""
    signing_key: str = field(default="", repr=False)
    options: Mapping[str, Any] = field(default_factory=dict)
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)
    events: Mapping[str, Any] = field(default_factory=dict)
    when: Any = None


@dataclass(frozen=True, slots=True)
class RelayFile:
    """The file, read. `faults` are what was wrong with it; the rest is what was right.

    `warnings` are what is doubtful about its destinations.
    """

    file: Path
    language: Literal["es", "en"]
    destinations: Mapping[str, Destination]
    sources: Mapping[str, SourceEntry]
    events: Mapping[str, Any]
    faults: tuple[str, ...]
    warnings: tuple[str, ...] = ()


def load(file: Path, environ: Mapping[str, str], platforms: Iterable[str] = ()) -> RelayFile:
    """The file, with every fault found in it; nothing is raised but for an unreadable file.

    `platforms` are the names that get a source from the environment alone.

    Raises:
        ConfigError: the file is absent or is not TOML.
    """
    content = _content(file)
    faults: list[str] = []
    warnings: list[str] = []
    keys = {"language", "destinations", "sources", "events"}
    faults += [f"{key}: unknown key, expected {sorted(keys)}" for key in content.keys() - keys]
    language = content.get("language", "es")
    if language not in ("es", "en"):
        faults.append('language: expected "es" or "en"')
        language = "es"
    tables = {key: _table(content, key, faults) for key in ("destinations", "sources", "events")}
    destinations = _destinations(tables["destinations"], environ, faults, warnings)
    entries = dict(tables["sources"])
    for platform in platforms:
        variable = f"{platform.upper()}_SECRET"
        if environ.get(variable) and platform not in entries:
            entries[platform] = {"platform": platform, "secrets": f"${{{variable}}}"}
    sources = _sources(entries, environ, list(tables["destinations"]), faults)
    return RelayFile(
        file, language, destinations, sources, tables["events"], tuple(faults), tuple(warnings)
    )


def _content(file: Path) -> dict[str, Any]:
    """The tables of a TOML file.

    Raises:
        ConfigError: the file is absent or is not TOML.
    """
    try:
        return tomllib.loads(file.read_text("utf-8-sig"))  # Windows' Notepad writes a BOM
    except FileNotFoundError:
        fault = (
            f"no such file in {file.absolute().parent}; "
            f"RELAY_CONFIG names it, and empty it means {DEFAULT_CONFIG_FILE}"
        )
    except IsADirectoryError:
        fault = "is a directory; RELAY_CONFIG has to name a file"
    except OSError as error:
        fault = f"cannot be read: {error.strerror}"
    except UnicodeDecodeError as error:
        fault = f"not UTF-8, byte {error.start}"
    except ValueError as error:
        fault = f"not valid TOML: {error}"
    raise ConfigError(file, [fault])


def messages(prefix: str, errors: Any) -> list[str]:
    """Marshmallow's nested messages as lines that name the whole key."""
    if isinstance(errors, dict):
        return [
            line
            for key, value in errors.items()
            for line in messages(prefix if key == "_schema" else f"{prefix}.{key}", value)
        ]
    return [f"{prefix}: {error}" for error in (errors if isinstance(errors, list) else [errors])]


def _table(content: Mapping[str, Any], key: str, faults: list[str]) -> dict[str, Any]:
    table = content.get(key, {})
    if isinstance(table, dict):
        return table
    faults.append(f"{key}: expected a table")
    return {}


def _destinations(
    table: Mapping[str, Any], environ: Mapping[str, str], faults: list[str], warnings: list[str]
) -> dict[str, Destination]:
    if not table:
        faults.append("destinations: expected at least one")
    destinations = {}
    for name, raw in table.items():
        data = _load_table(f"destinations.{name}", DestinationSchema(), name, raw, environ, faults)
        if data is not None:
            server = data.pop("server")
            warnings += doubts(f"destinations.{name}.server", server)
            destinations[name] = Destination(
                name=name,
                server=without_extras(server),
                rate_per_s=data.pop("rate"),
                retry_delays_s=data.pop("retry_schedule"),
                timezone=ZoneInfo(data.pop("timezone")),
                **data,
            )
    return destinations


def _sources(
    table: Mapping[str, Any],
    environ: Mapping[str, str],
    destinations: list[str],
    faults: list[str],
) -> dict[str, SourceEntry]:
    entries = {}
    for name, raw in table.items():
        key = f"sources.{name}"
        data = _load_table(key, SourceSchema(), name, raw, environ, faults)
        if data is None:
            continue
        if "destination" not in data and len(destinations) == 1:
            data["destination"] = destinations[0]
        if data.get("destination") not in destinations:
            faults.append(f"{key}.destination: expected one of {destinations}")
            continue
        tolerance, timezone = data.pop("tolerance"), data.pop("timezone")
        secrets: SecretTexts = data.pop("secrets")
        entries[name] = SourceEntry(
            name=name,
            secrets=tuple(secrets.texts),
            whole_secret=secrets.whole,
            short_parts=secrets.short_parts,
            tolerance_s=None if tolerance is None else int(tolerance),
            timezone=None if timezone is None else ZoneInfo(timezone),
            abandoned_after_s=data.pop("abandoned_after"),
            repeat_window_s=data.pop("repeat_window"),
            **data | {"topics": tuple(data["topics"])},
        )
    return entries


def _load_table(
    key: str, schema: Schema, name: str, raw: Any, environ: Mapping[str, str], faults: list[str]
) -> Any:
    """The schema's data of one table, or None, with the faults appended to `faults`."""
    faults_before = len(faults)
    if not isinstance(raw, dict):
        faults.append(f"{key}: expected a table")
        return None
    try:
        _NAME(name)
    except ValidationError as error:
        faults.extend(messages(key, error.messages))
    values = {
        part: value if part == "events" else _expanded(f"{key}.{part}", value, environ, faults)
        for part, value in raw.items()
    }
    unset = {part for part, value in values.items() if value is None}
    try:
        data = schema.load({part: value for part, value in values.items() if part not in unset})
    except ValidationError as error:
        others = {part: text for part, text in error.messages_dict.items() if part not in unset}
        faults.extend(messages(key, others))
        return None
    return data if len(faults) == faults_before else None


def _expanded(key: str, value: Any, environ: Mapping[str, str], faults: list[str]) -> Any:
    """The value with every `${NAME}` filled in; None when one is not set."""
    if isinstance(value, dict):
        return {k: _expanded(f"{key}.{k}", v, environ, faults) for k, v in value.items()}
    if isinstance(value, list):
        parts = [_expanded(f"{key}[{i}]", v, environ, faults) for i, v in enumerate(value)]
        return None if None in parts else parts
    if not isinstance(value, str):
        return value
    references = _VARIABLE.finditer(value)
    missing = [ref[1] for ref in references if ref[2] is None and not environ.get(ref[1])]
    faults.extend(f"{key}: environment variable {name} is not set" for name in missing)
    if missing:
        return None
    return _VARIABLE.sub(lambda match: environ.get(match[1], match[2]) or match[2], value)
