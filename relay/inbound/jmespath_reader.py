"""Reading any JSON by JMESPath: what `generic` and `standard_webhooks` sources share.

The source's options say where things are. An expression that finds nothing leaves the value
out; one that finds an object or a list where a text is meant does too.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.parser import ParsedResult
from marshmallow import Schema, ValidationError, fields, validates_schema
from marshmallow.validate import Email, Length

from relay.errors import Unreadable
from relay.inbound.contract import (
    Events,
    ParseResult,
    Skipped,
    Unparsable,
    json_body,
    parse_timestamp,
    stable_key,
    validate,
)
from relay.mapping.event_types import EVENT_TYPES
from relay.model import Address, Contact, Event, WebhookRequest

_EMAIL: Final = Email()


class JMESPathField(fields.Field[ParsedResult]):
    """A JMESPath expression, compiled at start."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> ParsedResult:
        if not isinstance(value, str):
            raise ValidationError("expected a JMESPath expression")
        try:
            return jmespath.compile(value)
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
    """Where the parts of an event are in a body.

    `events` leads to a list when one body holds many. `types` maps their type to ours; a type
    that is one of ours already needs no entry, and `"*"` takes all the rest. `type_header` and
    `id_header` are for senders that put those in a header.
    """

    events = JMESPathField()
    type = JMESPathField()
    type_header = fields.String(load_default="")
    types = fields.Dict(keys=fields.String(), values=fields.String(), load_default={})
    id = JMESPathField()
    id_header = fields.String(load_default="")
    time = JMESPathField()
    machine = JMESPathField()
    contact = fields.Nested(ContactOptions, load_default={})
    fields_ = fields.Dict(
        keys=fields.String(),
        values=JMESPathField(),
        load_default={},
        data_key="fields",
        attribute="fields",
    )


class _Scalar(fields.Field[str]):
    """A text or a number, as text."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ValidationError("expected a text or a number")
        return str(value)


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
        """A bad e-mail beside a phone is left out later; alone it leaves nobody to tell."""
        if data["email"] and not (data["phone"] or data["customer_id"]):
            try:
                _EMAIL(data["email"])
            except ValidationError as error:
                raise ValidationError(error.messages, "email") from error


class _FoundSchema(Schema):
    """What the expressions found, checked."""

    type = fields.String(required=True, validate=Length(min=1))
    id = _Scalar(load_default="")
    contact = fields.Nested(_ContactSchema, required=True)


_FOUND: Final = _FoundSchema()


def header_names(options: Mapping[str, Any]) -> tuple[str, ...]:
    """The headers the options take something from."""
    return tuple(options[name].lower() for name in ("type_header", "id_header") if options[name])


def types_fault(options: Mapping[str, Any]) -> str:
    """What is wrong with `types`, empty when nothing is."""
    unknown = sorted(set(options["types"].values()) - EVENT_TYPES.keys())
    return f"types: unknown event types {unknown}" if unknown else ""


def parse(request: WebhookRequest, options: Mapping[str, Any]) -> ParseResult:
    """The events of a body, by the source's expressions."""
    try:
        value = json_body(request.body)
        # A body that is one event of a list, held and read again, has no list in it.
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
    alone = len(parts) == 1
    return Events([_safely(part, request, options, alone=alone) for part in parts])


def _safely(
    part: Any, request: WebhookRequest, options: Mapping[str, Any], *, alone: bool
) -> Event | Unparsable | Skipped:
    """An expression may be right and still fail on a body: a function of a value that is absent."""
    try:
        return _part(part, request, options, alone=alone)
    except JMESPathError as error:
        raw = request.body if alone else json.dumps(part).encode()
        return Unparsable("", stable_key(raw), {"options": str(error)}, raw)


def _part(
    part: Any, request: WebhookRequest, options: Mapping[str, Any], *, alone: bool
) -> Event | Unparsable | Skipped:
    raw = request.body if alone else json.dumps(part).encode()
    found = {
        "type": _header(request, options["type_header"]) or _search(options, "type", part),
        "id": _search(options, "id", part),
        "contact": _contact(part, options["contact"]),
    }
    topic = found["type"] if isinstance(found["type"], str) else ""
    types = options["types"]
    event_type = types.get(topic) or (topic if topic in EVENT_TYPES else types.get("*", ""))
    if topic and not event_type:
        return Skipped("unknown_topic", topic)
    try:
        known = validate(
            _FOUND, {name: value for name, value in found.items() if value is not None}
        )
    except Unreadable as error:
        return Unparsable(topic, stable_key(raw), error.reasons, raw)
    # A header's id names the delivery: it is the event's own only when the event is alone.
    own_id = known["id"] or (_header(request, options["id_header"]) if alone else "")
    contact = known["contact"]
    phone = contact.pop("phone")
    return Event(
        type=event_type,
        topic=topic,
        key=stable_key(topic, own_id) if own_id else stable_key(raw),
        occurred_at=parse_timestamp(_search(options, "time", part), request.received_at),
        contact=Contact(
            phones=(phone,) if phone else (),
            address=_address(part, options["contact"].get("address")),
            **contact,
        ),
        fields=_fields(part, options),
        machine=_search(options, "machine", part) is True,
        raw=raw,
    )


def _search(options: Mapping[str, Any], name: str, part: Any) -> Any:
    return options[name].search(part) if name in options else None


def _header(request: WebhookRequest, name: str) -> str:
    return request.headers.get(name.lower(), "") if name else ""


def _contact(part: Any, paths: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: path.search(part) for name, path in paths.items() if name != "address"}
    return {name: value for name, value in found.items() if value not in (None, "")}


def _address(part: Any, paths: Mapping[str, Any] | None) -> Address | None:
    if not paths:
        return None
    found = {name: _text(path.search(part)) for name, path in paths.items()}
    return Address(**found) if any(found.values()) else None


def _fields(part: Any, options: Mapping[str, Any]) -> dict[str, Any]:
    """The configured fields; with none configured, whatever texts and numbers `data` has."""
    if options["fields"]:
        return {name: path.search(part) for name, path in options["fields"].items()}
    data = part.get("data", part) if isinstance(part, dict) else {}
    scalars = data.items() if isinstance(data, dict) else ()
    return {name: value for name, value in scalars if isinstance(value, str | int | float)}


def _text(value: Any) -> str:
    return str(value) if isinstance(value, str | int | float) else ""
