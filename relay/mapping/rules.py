"""`[events]` of relay.toml: what each event type says to Mercately, checked and compiled.

A rule is data until here and templates from here on. Templates run in Jinja2's sandbox and see:

- the event's own `fields` (`order_number`, `total`, `currency`, `subject`, …);
- `type`, `topic`, `title` (our type in words), `platform`, `source`;
- `occurred_at` (a time in the destination's zone), `date`, `time`;
- `first_name`, `last_name`, `name`, `email`, `phone`, `id_type`, `id_number`, `address`.

What is missing renders as nothing, and what renders as nothing is not sent.
"""

import contextlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from jinja2 import ChainableUndefined, Template, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from marshmallow import Schema, ValidationError, fields, validate

from config.relay_toml import messages
from relay.mapping.event_types import EVENT_TYPES, Language

DATES: Final = ("creation_date", "sent_at", "delivered_at", "read_at", "last_chat_interaction")
TEXTS: Final = ("outbound_status", "campaign_url", "error_message")
NUMBERS: Final = ("agent_id", "campaign_id")
PROFILE: Final = ("first_name", "last_name", "email", "phone", "id_type", "id_number")
ADDRESS_TEXTS: Final = (
    "address", "city", "state", "zip_code", "description", "latitude", "longitude",
)  # fmt: skip
# The published page shows only `error`; these six are what the account's own outbound messages
# use. Another value is sent all the same, with a warning at start.
OUTBOUND_STATUSES: Final = ("error", "submitted", "enqueued", "sent", "delivered", "read")

_JINJA: Final = ImmutableSandboxedEnvironment(
    undefined=ChainableUndefined,
    finalize=lambda value: "" if value is None else value,
    autoescape=False,  # the output is JSON text, never HTML
)


@dataclass(frozen=True, slots=True)
class Rule:
    """What one event type sends; every template is compiled. `written` is how it was said."""

    notes: Template | None = None
    tags: tuple[tuple[str, bool], ...] = ()
    custom_fields: tuple[tuple[str, Template], ...] = ()
    texts: Mapping[str, Template] = field(default_factory=dict)
    numbers: Mapping[str, int] = field(default_factory=dict)
    dates: Mapping[str, str] = field(default_factory=dict)
    profile: tuple[str, ...] = ()
    address: Mapping[str, Template | int | bool] | None = None
    written: Mapping[str, Any] = field(default_factory=dict)


class _Tag(fields.Field[tuple[str, bool]]):
    """`"vip"` adds, `"-vip"` removes, or the contract's own `{name, value}`."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> tuple[str, bool]:
        if isinstance(value, str) and value.lstrip("-"):
            return value.removeprefix("-"), not value.startswith("-")
        if isinstance(value, dict) and value.keys() == {"name", "value"}:
            name, on = value["name"], value["value"]
            if isinstance(name, str) and name and isinstance(on, bool):
                return name, on
        raise ValidationError('expected "name", "-name" or {name = "…", value = true}')


class _Text(fields.Field[Template]):
    """A template; `compiled` says at start where it is wrong."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Template:
        if not isinstance(value, str) or not value:
            raise ValidationError("expected a text or template")
        try:
            return _JINJA.from_string(value)
        except TemplateSyntaxError as error:
            raise ValidationError(f"template, line {error.lineno}: {error.message}") from error


class _Notes(_Text):
    """A template, one per language, or `true` for the default note of the event type."""

    def __init__(self, language: Language, default: str) -> None:
        super().__init__()
        self._language = language
        self._default = default

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        if value is False:
            return None
        if isinstance(value, dict):
            if not value or not value.keys() <= {"es", "en"}:
                raise ValidationError("expected texts under es and en")
            value = value.get(self._language) or next(iter(value.values()))
        return super()._deserialize(self._default if value is True else value, *args, **kwargs)


class _Profile(fields.Field[tuple[str, ...]]):
    """`true` for every profile field that has a value, or a list of names."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> tuple[str, ...]:
        if isinstance(value, bool):
            return PROFILE if value else ()
        if isinstance(value, list) and all(name in PROFILE for name in value):
            return tuple(value)
        raise ValidationError(f"expected true, false or a list of {list(PROFILE)}")


class _DateField(fields.Field[str]):
    """The name of a time (`occurred_at` or a field of the event), or a date."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        if isinstance(value, date):
            return value.isoformat()[:10]
        if isinstance(value, str) and re.fullmatch(r"\w+", value):
            return value
        with contextlib.suppress(ValueError, TypeError):
            return date.fromisoformat(value).isoformat()
        raise ValidationError('expected "occurred_at", the name of a field, or a date')


class _AddressSchema(Schema):
    country_id = fields.Integer(strict=True)
    main = fields.Boolean(truthy={True}, falsy={False})


for _name in ADDRESS_TEXTS:
    _AddressSchema._declared_fields[_name] = _Text()  # noqa: SLF001  same type for seven names


def _rule_schema(language: Language, default_note: str) -> Schema:
    declared: dict[str, Any] = {
        "notes": _Notes(language, default_note),
        "tags": fields.List(_Tag()),
        "custom_fields": fields.Dict(
            keys=fields.String(validate=validate.Length(min=1)), values=_Text()
        ),
        "profile": _Profile(),
        "addresses": fields.Boolean(truthy={True}, falsy={False}),
        "address": fields.Nested(_AddressSchema),
        **{name: _Text() for name in TEXTS},
        **{name: fields.Integer(strict=True) for name in NUMBERS},
        **{name: _DateField() for name in DATES},
    }
    return Schema.from_dict(declared)()


def compile_rules(
    tables: Iterable[tuple[str, Mapping[str, Any]]], language: Language
) -> tuple[dict[str, Rule], list[str], list[str]]:
    """Rules by event type, faults, and warnings.

    `tables` are (key in the file, events table), the general one first; a later table's keys
    replace an earlier one's, event type by event type.
    """
    merged: dict[str, dict[str, Any]] = {}
    where: dict[tuple[str, str], str] = {}  # a key is told where it was last written
    faults: list[str] = []
    for key, table in tables:
        for event_type, raw in table.items():
            if event_type not in EVENT_TYPES:
                faults.append(f'{key}."{event_type}": unknown event type')
            elif not isinstance(raw, dict):
                faults.append(f'{key}."{event_type}": expected a table')
            else:
                merged[event_type] = {**merged.get(event_type, {}), **raw}
                where |= {(event_type, part): f'{key}."{event_type}".{part}' for part in raw}
    rules: dict[str, Rule] = {}
    warnings: list[str] = []
    for event_type, raw in merged.items():
        schema = _rule_schema(language, EVENT_TYPES[event_type].note(language))
        try:
            rules[event_type] = replace(_rule(schema.load(raw)), written=raw)
        except ValidationError as error:
            for part, said in error.messages_dict.items():
                faults += messages(where[event_type, part], said)
            continue
        status = raw.get("outbound_status", "")
        if status and "{" not in status and status not in OUTBOUND_STATUSES:
            warnings.append(
                f"{where[event_type, 'outbound_status']}: "
                f"{status!r} is not one of {list(OUTBOUND_STATUSES)}"
            )
    return rules, faults, warnings


def _rule(data: Mapping[str, Any]) -> Rule:
    wants_address = data.get("addresses", "address" in data)
    return Rule(
        notes=data.get("notes"),
        tags=tuple(data.get("tags", ())),
        custom_fields=tuple(data.get("custom_fields", {}).items()),
        texts={name: data[name] for name in TEXTS if name in data},
        numbers={name: data[name] for name in NUMBERS if name in data},
        dates={name: data[name] for name in DATES if name in data},
        profile=data.get("profile", ()),
        address=data.get("address", {}) if wants_address else None,
    )


def render(template: Template, context: Mapping[str, Any]) -> str:
    """The text a template makes, trimmed."""
    return template.render(context).strip()


def iso_date(name: str, context: Mapping[str, Any], zone: ZoneInfo) -> str:
    """`YYYY-MM-DD` in the destination's zone for the name of a time, empty if it has none."""
    value = context.get(name, name)
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return ""
        if value.tzinfo is None:  # a date, or a local time: its day is the day
            return value.date().isoformat()
    try:
        return value.astimezone(zone).date().isoformat() if isinstance(value, datetime) else ""
    except OverflowError:  # the first and last days of the calendar have no time zone
        return ""
