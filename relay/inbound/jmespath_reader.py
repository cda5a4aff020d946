"""Parse any JSON by JMESPath expressions; shared by `generic` and `standard_webhooks`.

The source's options give one expression per part of an event. Type, id and contact must be texts
or numbers, or the part is unparsable. Elsewhere an expression that finds nothing, or an object or
list where a text is expected, leaves the value out.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from jmespath.exceptions import JMESPathError
from marshmallow import Schema, ValidationError, fields, validates_schema
from marshmallow.validate import Email, Length

from relay.errors import Unreadable
from relay.inbound.contract import (
    Events,
    ParseResult,
    Skipped,
    Unparsable,
    stable_key,
    validate,
)
from relay.inbound.expression import Expression
from relay.inbound.money import currency_code, parse_minor_units, parse_written_money
from relay.inbound.payload import json_body, json_bytes, text_of
from relay.inbound.timestamps import occurred_at
from relay.mapping.event_types import EVENT_TYPES
from relay.model import Address, Contact, Event, WebhookRequest

_EMAIL: Final = Email()


class JMESPathField(fields.Field[Expression]):
    """A JMESPath expression, compiled when the configuration is loaded."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Expression:
        if not isinstance(value, str):
            raise ValidationError("expected a JMESPath expression")
        try:
            return Expression(value)
        except JMESPathError as error:
            raise ValidationError(f"expected a JMESPath expression: {error}") from error


class _AddressOptions(Schema):
    address = JMESPathField()
    city = JMESPathField()
    state = JMESPathField()
    zip_code = JMESPathField()
    description = JMESPathField()
    latitude = JMESPathField()
    longitude = JMESPathField()
    country = JMESPathField()


class ContactOptions(Schema):
    customer_id = JMESPathField()
    email = JMESPathField()
    phone = JMESPathField()
    country = JMESPathField()
    first_name = JMESPathField()
    last_name = JMESPathField()
    id_type = JMESPathField()
    id_number = JMESPathField()
    address = fields.Nested(_AddressOptions)


class JMESPathOptions(Schema):
    """Options of a source: JMESPath expressions for the parts of an event in a body.

    `events` selects the list when one body holds many events. `types` maps the sender's type to
    ours; one that is ours already needs no entry, and `"*"` is the default for all others.
    `type_header` and `id_header` name headers for senders that put type or id there. The fields
    `total` (else `amount`) and `currency` are the event's amount; with `minor_units` it counts
    cents, or what the currency has in their place.
    """

    events = JMESPathField()
    type = JMESPathField()
    type_header = fields.String(load_default="")
    types = fields.Dict(keys=fields.String(), values=fields.String(), load_default={})
    id = JMESPathField()
    id_header = fields.String(load_default="")
    time = JMESPathField()
    machine = JMESPathField()
    minor_units = fields.Boolean(truthy={True}, falsy={False}, load_default=False)
    contact = fields.Nested(ContactOptions, load_default={})
    fields_ = fields.Dict(
        keys=fields.String(),
        values=JMESPathField(),
        load_default={},
        data_key="fields",
        attribute="fields",
    )


class _Scalar(fields.Field[str]):
    """A string or a number, loaded as a string."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
            raise ValidationError("expected a text or a number")
        return text_of(value)


class _ContactSchema(Schema):
    customer_id = _Scalar(load_default="")
    email = _Scalar(load_default="")
    phone = _Scalar(load_default="")
    country = fields.String(load_default="")
    first_name = _Scalar(load_default="")
    last_name = _Scalar(load_default="")
    id_type = _Scalar(load_default="")
    id_number = _Scalar(load_default="")

    @validates_schema
    def _reachable(self, data: dict[str, Any], **_: Any) -> None:
        """The only reference must be valid; an e-mail beside a phone or id is dropped later."""
        if data["email"] and not (data["phone"] or data["customer_id"]):
            try:
                _EMAIL(data["email"])
            except ValidationError as error:
                raise ValidationError(error.messages, "email") from error


class _PartsSchema(Schema):
    """The values that the expressions selected."""

    type = fields.String(required=True, validate=Length(min=1))
    id = _Scalar(load_default="")
    contact = fields.Nested(_ContactSchema, required=True)


_PARTS: Final = _PartsSchema()


def header_names(options: Mapping[str, Any]) -> tuple[str, ...]:
    """The headers that the options name."""
    return tuple(options[name].lower() for name in ("type_header", "id_header") if options[name])


def types_fault(options: Mapping[str, Any]) -> str:
    """A message for targets in `types` that are no event type, empty when all are."""
    unknown = sorted(set(options["types"].values()) - EVENT_TYPES.keys())
    return f"types: unknown event types {unknown}" if unknown else ""


def parse(request: WebhookRequest, options: Mapping[str, Any], zone: ZoneInfo) -> ParseResult:
    """The events of a body, by the expressions in the source's options."""
    try:
        value = json_body(request.body)
        # A stored part of a batch is parsed again without the list it came in.
        parts = options["events"].search(value) if "events" in options else [value]
    except Unreadable as error:
        return Events([Unparsable("", stable_key(request.body), error.reasons, request.body)])
    except JMESPathError as error:
        reasons = {"events": str(error)}
        return Events([Unparsable("", stable_key(request.body), reasons, request.body)])
    if parts is None and "events" in options:
        parts = [value]
    parts = parts if isinstance(parts, list) else [parts]
    if not parts:
        return Skipped("empty_batch")
    single = len(parts) == 1
    return Events([_parse_part(part, request, options, zone, single=single) for part in parts])


def _parse_part(
    part: Any, request: WebhookRequest, options: Mapping[str, Any], zone: ZoneInfo, *, single: bool
) -> Event | Unparsable | Skipped:
    raw = request.body if single else json_bytes(part)
    try:
        return _to_event(part, raw, request, options, zone, single=single)
    except JMESPathError as error:  # a valid expression may fail on a body: `length(null)`
        return Unparsable("", stable_key(raw), {"options": str(error)}, raw)


def _to_event(
    part: Any,
    raw: bytes,
    request: WebhookRequest,
    options: Mapping[str, Any],
    zone: ZoneInfo,
    *,
    single: bool,
) -> Event | Unparsable | Skipped:
    values = {
        "type": _header(request, options["type_header"]) or _search(options, "type", part),
        "id": _search(options, "id", part),
        "contact": _contact(part, options["contact"]),
    }
    topic = values["type"] if isinstance(values["type"], str) else ""
    types = options["types"]
    event_type = types.get(topic) or (topic if topic in EVENT_TYPES else types.get("*", ""))
    if topic and not event_type:
        return Skipped("unknown_topic", topic)
    try:
        parts = validate(
            _PARTS, {name: value for name, value in values.items() if value is not None}
        )
    except Unreadable as error:
        return Unparsable(topic, stable_key(raw), error.reasons, raw)
    # The id in a header identifies the request: of a batch all parts would share it.
    event_id = parts["id"] or (_header(request, options["id_header"]) if single else "")
    contact = parts["contact"]
    phone = contact.pop("phone")
    at, omitted_fields = occurred_at([_search(options, "time", part)], zone, request.received_at)
    if "time" not in options:  # that of receipt is the time meant, not one in its place
        omitted_fields = {}
    return Event(
        type=event_type,
        topic=topic,
        key=stable_key(topic, event_id) if event_id else stable_key(raw),
        occurred_at=at,
        contact=Contact(
            phones=(phone,) if phone else (),
            address=_address(part, options["contact"].get("address")),
            **contact,
        ),
        fields=_fields(part, options),
        machine=_search(options, "machine", part) is True,
        raw=raw,
        omitted_fields=omitted_fields,
    )


def _search(options: Mapping[str, Any], name: str, part: Any) -> Any:
    return options[name].search(part) if name in options else None


def _header(request: WebhookRequest, name: str) -> str:
    return request.headers.get(name.lower(), "") if name else ""


def _contact(part: Any, expressions: Mapping[str, Any]) -> dict[str, Any]:
    values = {
        name: expression.search(part)
        for name, expression in expressions.items()
        if name != "address"
    }
    return {name: value for name, value in values.items() if value not in (None, "")}


def _address(part: Any, expressions: Mapping[str, Any] | None) -> Address | None:
    if not expressions:
        return None
    texts = {name: text_of(expression.search(part)) for name, expression in expressions.items()}
    return Address(**texts) if any(texts.values()) else None


def _fields(part: Any, options: Mapping[str, Any]) -> dict[str, Any]:
    """The configured fields, else every text, number and boolean in `data`; and the amount."""
    if options["fields"]:
        values = {name: expression.search(part) for name, expression in options["fields"].items()}
    else:
        data = part.get("data", part) if isinstance(part, dict) else {}
        scalars = data.items() if isinstance(data, dict) else ()
        values = {n: v for n, v in scalars if isinstance(v, str | int | float | Decimal)}
    total = next((values[name] for name in ("total", "amount") if text_of(values.get(name))), None)
    if total is None:
        return values
    parse_amount = parse_minor_units if options["minor_units"] else parse_written_money
    amount = parse_amount(total, currency_code(values.get("currency")))
    return {**values, "total": total, "amount": amount}
