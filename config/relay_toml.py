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
from zoneinfo import ZoneInfo, available_timezones

from marshmallow import Schema, ValidationError, fields, validate

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
_NAME = validate.Regexp(r"^[a-z][a-z0-9_-]{0,62}$", error="expected lower-case letters, - and _")
_SECRET_MIN = 16
_RATE_MIN_PER_S = 0.5
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class ConfigError(Exception):
    """Everything wrong with the configuration, one line a fault."""

    def __init__(self, file: Path, faults: Iterable[str]) -> None:
        self.file = file
        self.faults = tuple(faults)
        super().__init__("\n".join(f"{file}: {fault}" for fault in self.faults))


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """A Mercately account and how to treat it.

    `rate_per_s` and `in_flight` (events in hand) are shared by all workers; `retry_delays_s` are
    the waits before attempt 2, 3, … With `ordering` strict a customer's later events wait while
    one of theirs does.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceEntry:
    """One `[sources.<name>]`, before it is bound to its platform."""

    name: str
    platform: str
    destination: str
    secrets: tuple[str, ...] = field(repr=False)
    topics: tuple[str, ...] = ()
    machine_events: bool = False
    tolerance_s: int | None = None
    public_url: str = ""
    on_invalid: Literal["hold", "reject"] = "hold"
    customer_id: str = ""
    signing_key: str = field(default="", repr=False)
    options: Mapping[str, Any] = field(default_factory=dict)
    events: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RelayFile:
    """The file, read. `faults` are what was wrong with it; the rest is what was right."""

    file: Path
    language: Literal["es", "en"]
    destinations: Mapping[str, Destination]
    sources: Mapping[str, SourceEntry]
    events: Mapping[str, Any]
    faults: tuple[str, ...]


class _Duration(fields.Field[float]):
    """`5s`, `10m`, `2h` or `1d`, as seconds."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> float:
        match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", value) if isinstance(value, str) else None
        if match is None:
            raise ValidationError('expected a duration such as "5s", "30m" or "2h"')
        return float(match[1]) * _SECONDS[match[2]]


class _Schedule(_Duration):
    """Durations separated by spaces, or a list of them."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        parts = value.split() if isinstance(value, str) else value
        if not isinstance(parts, list) or not parts:
            raise ValidationError('expected durations such as "5s 5m 30m 2h"')
        return tuple(super(_Schedule, self)._deserialize(part, *args, **kwargs) for part in parts)


class _Rate(fields.Field[float]):
    """`10/s` or `120/m`, as a number per second."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> float:
        match = re.fullmatch(r"(\d+(?:\.\d+)?)/([smh])", value) if isinstance(value, str) else None
        if match is None or float(match[1]) <= 0:
            raise ValidationError('expected a rate such as "2/s" or "120/m"')
        per_s = float(match[1]) / _SECONDS[match[2]]
        if per_s < _RATE_MIN_PER_S:  # one event may take six requests, and a job has an end
            raise ValidationError('expected at least "30/m"')
        return per_s


def _check_timezone(name: str) -> None:
    if name not in available_timezones():
        raise ValidationError('expected a time zone such as "America/Guayaquil"')


class _DestinationSchema(Schema):
    server = fields.URL(
        schemes={"http", "https"}, require_tld=False, load_default="https://app.mercately.com"
    )
    api_key = fields.String(
        required=True,
        validate=[
            validate.Length(min=1),
            validate.Regexp(r"([!-~]([ -~]*[!-~])?)?\Z", error="expected visible ASCII characters"),
        ],
    )
    rate = _Rate(load_default=2.0)
    in_flight = fields.Integer(
        strict=True,
        load_default=32,
        validate=validate.Range(1, 10_000, error="expected a whole number from 1 to 10000"),
    )
    ordering = fields.String(load_default="strict", validate=validate.OneOf(["strict", "relaxed"]))
    timezone = fields.String(load_default="America/Guayaquil", validate=_check_timezone)
    country = fields.String(
        load_default="EC",
        validate=validate.Regexp(r"^[A-Z]{2}$", error='expected two letters such as "EC"'),
    )
    on_absent = fields.String(
        load_default="hold", validate=validate.OneOf(["create", "hold", "drop"])
    )
    on_ambiguous = fields.String(load_default="retry", validate=validate.OneOf(["retry", "hold"]))
    retry_schedule = _Schedule(load_default=(5.0, 300.0, 1800.0, 7200.0, 18000.0, 36000.0, 36000.0))
    identifier = fields.String(
        load_default="lookup", validate=validate.OneOf(["lookup", "phone", "email"])
    )
    customer_wrapper = fields.Boolean(load_default=False)


class _Secrets(fields.List[str]):
    """A list, or one text with commas, as an environment variable holds it.

    A secret may have a comma in it (WooCommerce makes such): parts too short to be secrets are
    not taken for any, and the whole is always tried as well.
    """

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        values = _split(value) if isinstance(value, str) else value
        return tuple(super()._deserialize(values, *args, **kwargs))


def _split(text: str) -> list[str]:
    parts = [part.strip() for part in text.split(",")]
    if len(parts) > 1 and all(len(part) >= _SECRET_MIN for part in parts):
        return [*parts, text]
    return [text.strip()]


class _SourceSchema(Schema):
    platform = fields.String(required=True)
    destination = fields.String()
    secrets = _Secrets(
        fields.String(validate=validate.Length(min=1, error="expected a secret that is not empty")),
        required=True,
        validate=validate.Length(min=1),
    )
    topics = fields.List(fields.String(validate=validate.Length(min=1)), load_default=[])
    machine_events = fields.Boolean(load_default=False)
    tolerance = _Duration(load_default=None, allow_none=True)
    public_url = fields.URL(schemes={"http", "https"}, require_tld=False, load_default="")
    on_invalid = fields.String(load_default="hold", validate=validate.OneOf(["hold", "reject"]))
    customer_id = fields.String(load_default="", validate=validate.Length(max=64))
    signing_key = fields.String(load_default="")
    options = fields.Dict(keys=fields.String(), load_default={})
    events = fields.Dict(keys=fields.String(), load_default={})


def load(file: Path, environ: Mapping[str, str], platforms: Iterable[str] = ()) -> RelayFile:
    """The file, with every fault found in it; nothing is raised but for an unreadable file.

    `platforms` are the names that may get a source from the environment alone.

    Raises:
        ConfigError: the file is absent or is not TOML.
    """
    try:
        content = tomllib.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(file, [str(error)]) from error
    faults: list[str] = []
    known = {"language", "destinations", "sources", "events"}
    faults += [f"{key}: unknown key, expected {sorted(known)}" for key in content.keys() - known]
    language = content.get("language", "es")
    if language not in ("es", "en"):
        faults.append('language: expected "es" or "en"')
        language = "es"
    tables = {key: _table(content, key, faults) for key in ("destinations", "sources", "events")}
    destinations = _destinations(tables["destinations"], environ, faults)
    entries = dict(tables["sources"])
    for platform in platforms:
        variable = f"{platform.upper()}_SECRET"
        if environ.get(variable) and platform not in entries:
            entries[platform] = {"platform": platform, "secrets": f"${{{variable}}}"}
    sources = _sources(entries, environ, list(tables["destinations"]), faults)
    return RelayFile(file, language, destinations, sources, tables["events"], tuple(faults))


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
    table: Mapping[str, Any], environ: Mapping[str, str], faults: list[str]
) -> dict[str, Destination]:
    if not table:
        faults.append("destinations: expected at least one")
    found = {}
    for name, raw in table.items():
        data = _read(f"destinations.{name}", _DestinationSchema(), name, raw, environ, faults)
        if data is not None:
            found[name] = Destination(
                name=name,
                server=data.pop("server").rstrip("/"),
                rate_per_s=data.pop("rate"),
                retry_delays_s=data.pop("retry_schedule"),
                timezone=ZoneInfo(data.pop("timezone")),
                **data,
            )
    return found


def _sources(
    table: Mapping[str, Any],
    environ: Mapping[str, str],
    destinations: list[str],
    faults: list[str],
) -> dict[str, SourceEntry]:
    found = {}
    for name, raw in table.items():
        key = f"sources.{name}"
        data = _read(key, _SourceSchema(), name, raw, environ, faults)
        if data is None:
            continue
        if "destination" not in data and len(destinations) == 1:
            data["destination"] = destinations[0]
        if data.get("destination") not in destinations:
            faults.append(f"{key}.destination: expected one of {destinations}")
            continue
        tolerance = data.pop("tolerance")
        found[name] = SourceEntry(
            name=name,
            tolerance_s=None if tolerance is None else int(tolerance),
            **data | {"topics": tuple(data["topics"])},
        )
    return found


def _read(
    key: str, schema: Schema, name: str, raw: Any, environ: Mapping[str, str], faults: list[str]
) -> Any:
    """What the schema makes of one table, or None with the faults noted."""
    before = len(faults)
    if not isinstance(raw, dict):
        faults.append(f"{key}: expected a table")
        return None
    try:
        _NAME(name)
    except ValidationError as error:
        faults.extend(messages(key, error.messages))
    filled = {
        part: value if part == "events" else _expanded(f"{key}.{part}", value, environ, faults)
        for part, value in raw.items()
    }
    unset = {part for part, value in filled.items() if value is None}
    try:
        made = schema.load({part: v for part, v in filled.items() if part not in unset})
    except ValidationError as error:
        told = {part: said for part, said in error.messages_dict.items() if part not in unset}
        faults.extend(messages(key, told))
        return None
    return made if len(faults) == before else None


def _expanded(key: str, value: Any, environ: Mapping[str, str], faults: list[str]) -> Any:
    """The value with every `${NAME}` filled in; None when one is not set."""
    if isinstance(value, dict):
        return {k: _expanded(f"{key}.{k}", v, environ, faults) for k, v in value.items()}
    if isinstance(value, list):
        parts = [_expanded(f"{key}[{i}]", v, environ, faults) for i, v in enumerate(value)]
        return None if None in parts else parts
    if not isinstance(value, str):
        return value
    found = _VARIABLE.finditer(value)
    missing = [match[1] for match in found if match[2] is None and not environ.get(match[1])]
    faults.extend(f"{key}: environment variable {name} is not set" for name in missing)
    if missing:
        return None
    return _VARIABLE.sub(lambda match: environ.get(match[1], match[2]) or match[2], value)
