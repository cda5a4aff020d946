"""Compile `[events]` of relay.toml: for each event type, the fields to send to Mercately.

Texts are Jinja2 templates, which run in a sandbox. Their variables are:

- the event's own `fields` (`order_number`, `total`, `currency`, `subject`, …); numbers are exact;
- `amount`, the total as people of the destination's country write it (`$49,90`), for which
  `total` has the plain number as sent (49.90) and `currency` the code, both as the buyer saw them;
  `shop_total` and `shop_currency` are what the shop's own books say, where it tells them;
- `type`, `topic`, `title` (our type in words), `platform`, `source`, `source_title`;
- those that default notes know, of any sender: of e-mails `subject`, `campaign`, `reason`,
  `link`, `link_text`, `list_name`, `list_id`, `all_emails`; of forms `form`, `answers`, `message`;
  of leads `ad`, `network`; of bookings `service`, `starts_at`; of contacts `new_email`;
- of e-mails, `reason_text` (the reason in the words of `language`, where it is a known one) and
  `server_text` (what the server of the address wrote); of bookings, `start` (`starts_at` in words);
- of orders, purchases, payments and accounts, in words of `language`: `items` (three at most),
  `changed`, `changed_text`, `status_text`, `cancel_text`, `decline_text`, `method_text`,
  `tracking_text`, and `refund_amount` with `refund_left`;
- `body`, all that the platform sent of the event (`{{ body.note_attributes[0].value }}`);
- of purchases that were not finished, `waited` (`1 h`), since the last change;
- `occurred_at` (a time in the destination's zone), `date`, `time`;
- `first_name`, `last_name`, `name`, `email`, `phone`, `id_type`, `id_number`, `address`.

A missing variable renders as an empty text, and a field whose text is empty is not sent.

`when` is an expression over the same variables (`total > 100 and 'vip' in body.tags`): an event for
which it is not true is ignored.
"""

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

from jinja2 import Template, TemplateSyntaxError
from marshmallow import Schema, ValidationError, fields, validate

from config.relay_toml import messages
from relay.mapping.event_types import EVENT_TYPES, Language
from relay.mapping.templates import compiled, condition

DATES: Final = ("creation_date", "sent_at", "delivered_at", "read_at", "last_chat_interaction")
TEXTS: Final = ("outbound_status", "campaign_url", "error_message")
NUMBERS: Final = ("agent_id", "campaign_id")
PROFILE: Final = ("first_name", "last_name", "email", "phone", "id_type", "id_number")
ADDRESS_TEXTS: Final = (
    "address",
    "city",
    "state",
    "zip_code",
    "description",
    "latitude",
    "longitude",
)
# The published page shows only `error`; the account's own outbound messages use these six. Other
# values are sent too, with a warning when the configuration is loaded.
OUTBOUND_STATUSES: Final = ("error", "submitted", "enqueued", "sent", "delivered", "read")


@dataclass(frozen=True, slots=True)
class Rule:
    """The compiled rule of one event type. `written` is its table as in relay.toml, merged.

    `words` are all those in its texts: a variable that is not among them is not read.
    """

    notes: Template | None = None
    tags: tuple[tuple[str, bool], ...] = ()
    custom_fields: tuple[tuple[str, Template], ...] = ()
    texts: Mapping[str, Template] = field(default_factory=dict)
    numbers: Mapping[str, int] = field(default_factory=dict)
    dates: Mapping[str, str] = field(default_factory=dict)
    profile: tuple[str, ...] = ()
    address: Mapping[str, Template | int | bool] | None = None
    when: Callable[[Mapping[str, Any]], bool] | None = None
    words: frozenset[str] = frozenset()
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
    """A template, compiled when the configuration is loaded; a syntax error has its line."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Template:
        if not isinstance(value, str) or not value:
            raise ValidationError("expected a text or template")
        try:
            return compiled(value)
        except TemplateSyntaxError as error:
            raise ValidationError(f"template, line {error.lineno}: {error.message}") from error


_EXPECTED: Final = 'expected an expression such as "total > 100"'


class _Condition(fields.Field[Callable[[Mapping[str, Any]], bool]]):
    """An expression, compiled when the configuration is loaded."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Callable[[Mapping[str, Any]], bool]:
        if not isinstance(value, str) or not value:
            raise ValidationError(_EXPECTED)
        try:
            return condition(value)
        except TemplateSyntaxError as error:
            raise ValidationError(f"{_EXPECTED}; line {error.lineno}: {error.message}") from error


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
    """A date, or the name of a variable with a time: `occurred_at` or a field of the event."""

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
    _AddressSchema._declared_fields[_name] = _Text()  # noqa: SLF001  the same type for seven names


@lru_cache(maxsize=256)
def _rule_schema(language: Language, default_note: str) -> Schema:
    declared: dict[str, Any] = {
        "notes": _Notes(language, default_note),
        "when": _Condition(),
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
    """(rules by event type, faults, warnings) of the merged tables.

    `tables` are pairs of the key in relay.toml and the table there (event type -> raw rule), the
    general one first. The tables of one event type are merged key by key, the later one wins;
    `false` in the place of one removes what was before.
    Faults and warnings are sentences that begin with the full key.
    """
    merged: dict[str, dict[str, Any]] = {}
    # (event type, key of the rule) -> full key of the table that sets it last.
    locations: dict[tuple[str, str], str] = {}
    faults: list[str] = []
    for key, table in tables:
        for event_type, raw in table.items():
            if event_type not in EVENT_TYPES:
                faults.append(f'{key}."{event_type}": unknown event type')
            elif raw is False:
                merged.pop(event_type, None)
            elif not isinstance(raw, dict):
                faults.append(f'{key}."{event_type}": expected a table or false')
            else:
                merged[event_type] = {**merged.get(event_type, {}), **raw}
                locations |= {(event_type, part): f'{key}."{event_type}".{part}' for part in raw}
    rules: dict[str, Rule] = {}
    warnings: list[str] = []
    for event_type, raw in merged.items():
        default_note = EVENT_TYPES[event_type].note(language)
        schema = _rule_schema(language, default_note)
        try:
            rule = _rule(schema.load(raw))
            words = frozenset(_words([default_note, raw]))
            rules[event_type] = replace(rule, words=words, written=raw)
        except ValidationError as error:
            for part, part_errors in error.messages_dict.items():
                faults += messages(locations[event_type, part], part_errors)
            continue
        status = raw.get("outbound_status", "")
        if status and "{" not in status and status not in OUTBOUND_STATUSES:
            warnings.append(
                f"{locations[event_type, 'outbound_status']}: "
                f"{status!r} is not one of {list(OUTBOUND_STATUSES)}"
            )
    return rules, faults, warnings


def _words(part: Any) -> Iterator[str]:
    """The words in all texts of a part of a rule; names of variables are among them."""
    if isinstance(part, str):
        yield from re.findall(r"\w+", part)
    elif isinstance(part, dict | list):
        for each in part.values() if isinstance(part, dict) else part:
            yield from _words(each)


def _rule(data: Mapping[str, Any]) -> Rule:
    wants_address = data.get("addresses", "address" in data)
    return Rule(
        notes=data.get("notes"),
        when=data.get("when"),
        tags=tuple(data.get("tags", ())),
        custom_fields=tuple(data.get("custom_fields", {}).items()),
        texts={name: data[name] for name in TEXTS if name in data},
        numbers={name: data[name] for name in NUMBERS if name in data},
        dates={name: data[name] for name in DATES if name in data},
        profile=data.get("profile", ()),
        address=data.get("address", {}) if wants_address else None,
    )


def iso_date(name: str, context: Mapping[str, Any], zone: ZoneInfo) -> str:
    """`YYYY-MM-DD` in `zone` for a variable's name or an ISO date; empty if it is no time."""
    value = context.get(name, name)
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return ""
        if value.tzinfo is None:  # a date, or a local time: there is no zone to convert from
            return value.date().isoformat()
    try:
        return value.astimezone(zone).date().isoformat() if isinstance(value, datetime) else ""
    except OverflowError:  # the first and last days of the calendar cannot be converted
        return ""
