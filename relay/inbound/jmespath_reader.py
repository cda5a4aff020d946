"""Parse any JSON or form by JMESPath expressions; shared by `generic` and `standard_webhooks`.

The source's options give one expression per part of an event. A part without a type cannot be
parsed. Elsewhere an expression that finds nothing, or a value that makes no sense there, leaves the
value out.

`relay/inbound/jmespath_options.py` has the options; `trace` says what each expression gives.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from jmespath.exceptions import JMESPathError

from relay.errors import Unreadable
from relay.inbound.batches import parse_batch
from relay.inbound.bodies import Body, parse_body
from relay.inbound.contact import Party, contact_of
from relay.inbound.contract import PART, Source, stable_key
from relay.inbound.expression import Attempt, fault_text
from relay.inbound.option_fields import lenient_fields, with_amounts
from relay.inbound.payload import json_bytes
from relay.inbound.payload_fields import Flag, Id, Number, Text, Time
from relay.inbound.payload_schema import (
    EMAIL_NAMES,
    PHONE_NAMES,
    ListOf,
    Object,
    PayloadSchema,
    References,
    validate,
)
from relay.inbound.results import Events, ParseResult, Part, Skipped, Unparsable
from relay.inbound.timestamps import occurred_at
from relay.inbound.usable import is_id, is_text
from relay.mapping.event_fields import family_of, fields_of, names_of
from relay.mapping.event_types import EVENT_TYPES
from relay.model import Address, Event, WebhookRequest


class _AddressSchema(PayloadSchema):
    address = Text()
    city = Text()
    state = Text()
    zip_code = Text()
    description = Text()
    latitude = Number()
    longitude = Number()
    country = Text()


class _ContactSchema(PayloadSchema):
    customer_id = Text()
    # An expression may select several: `[phone, mobile]`.
    email = References(EMAIL_NAMES)
    phone = References(PHONE_NAMES)
    country = Text()
    first_name = Text()
    last_name = Text()
    id_type = Text()
    id_number = Text()
    address = Object(_AddressSchema)


class _PartsSchema(PayloadSchema):
    """The values that the expressions selected; "" is as good as none."""

    type = Text(required=True)
    id = Id()
    time = Time()
    machine = Flag()
    contact = Object(_ContactSchema, required=True)


_PARTS: Final = _PartsSchema()
_OTHER_CONTACTS: Final = PayloadSchema.of({"other_contacts": ListOf(Object(_ContactSchema))})


def parse(request: WebhookRequest, source: Source) -> ParseResult:
    """The events of a body, by the expressions in the source's options."""
    try:
        body, parts = _divided(request, source)
    except Unreadable as error:
        return Events([Unparsable("", stable_key(request.body), error.reasons, request.body)])
    except JMESPathError as error:
        reasons = {"events": fault_text(error)}
        return Events([Unparsable("", stable_key(request.body), reasons, request.body)])
    single = len(parts) == 1

    def parse_part(part: Any) -> list[Part]:
        item = _parse_part(part, request, source, single=single)
        return [_with_omitted(item, body.omitted_fields) if body.omitted_fields else item]

    return parse_batch(parts, parse_part)


def _divided(request: WebhookRequest, source: Source) -> tuple[Body, list[Any]]:
    """The body, and the parts of it that are an event each.

    Raises:
        Unreadable: as `parse_body`.
        JMESPathError: `events` does not fit the body.
    """
    body = parse_body(request)
    # A stored part of a batch is parsed again without the list it came in, and may have one of its
    # own.
    if PART in request.headers:
        return body, [body.value]
    if "events" not in source.options:
        return body, body.value if _is_list_of_events(body.value, source) else [body.value]
    parts = source.options["events"].search(body.value)
    if isinstance(parts, list):
        return body, parts
    return body, [body.value if parts is None else parts]


def _is_list_of_events(value: Any, source: Source) -> bool:
    """Whether a body is a list of objects where the options are for one of them.

    Raises:
        JMESPathError: the expression of the type does not fit the body.
    """
    options = source.options
    if not (isinstance(value, list) and value and all(isinstance(part, dict) for part in value)):
        return False
    return "type" in options and not options["type_header"] and not options["type"].search(value)


def trace(request: WebhookRequest, source: Source) -> list[dict[str, list[Attempt]]]:
    """For each part of a body, by field: what each expression of the options gives.

    Headers that the options name stand before the expressions, as they count before them. Of a body
    that cannot be divided there is nothing to say.
    """
    try:
        _, parts = _divided(request, source)
    except (Unreadable, JMESPathError):
        return []
    single = len(parts) == 1
    return [dict(_traced(part, request, source.options, is_single=single)) for part in parts]


def _traced(
    part: Any, request: WebhookRequest, options: Mapping[str, Any], *, is_single: bool
) -> Iterator[tuple[str, list[Attempt]]]:
    contact = {name: each for name, each in options["contact"].items() if name != "address"}
    selectors = {
        **{name: options.get(name) for name in ("type", "id", "time", "machine")},
        **{f"contact.{name}": each for name, each in contact.items()},
        **{
            f"contact.address.{name}": each
            for name, each in options["contact"].get("address", {}).items()
        },
        **{f"fields.{name}": each for name, each in options["fields"].items()},
    }
    for name, selector in selectors.items():
        attempts = list(selector.attempts(part)) if selector else []
        attempts += _attempts_elsewhere(name, part, options)
        if name == "type" and (header := options["type_header"]):
            text = _header(request, header)
            attempts.insert(0, Attempt(f"header {header}", text, is_usable=is_text(text)))
        if name == "id" and (header := options["id_header"]) and is_single:
            text = _header(request, header)
            attempts.append(Attempt(f"header {header}", text, is_usable=is_id(text)))
        if attempts:
            yield name, attempts


def _attempts_elsewhere(name: str, part: Any, options: Mapping[str, Any]) -> Iterator[Attempt]:
    """What the expressions for the people beside the contact give, each behind its place."""
    for place, contact in options.get("other_contacts", ()):
        if selector := contact.get(name.removeprefix("contact.")):
            for found in selector.attempts(place.search(part)):
                yield replace(found, expression=f"{place} | {found.expression}")


def _with_omitted(item: Part, omitted_fields: Mapping[str, str]) -> Part:
    if not isinstance(item, Event):
        return item
    return replace(item, omitted_fields={**omitted_fields, **item.omitted_fields})


def _parse_part(part: Any, request: WebhookRequest, source: Source, *, single: bool) -> Part:
    raw = request.body if single else json_bytes(part)
    try:
        return _to_event(part, raw, request, source, single=single)
    except JMESPathError as error:  # a valid expression may fail on a body: `length(null)`
        return Unparsable("", stable_key(raw), {"options": fault_text(error)}, raw)


def _to_event(
    part: Any, raw: bytes, request: WebhookRequest, source: Source, *, single: bool
) -> Part:
    options = source.options
    values: dict[str, Any] = {
        name: options[name].search(part)
        for name in ("type", "id", "time", "machine")
        if name in options
    }
    values["type"] = _header(request, options["type_header"]) or values.get("type")
    values["contact"] = _selected(part, options["contact"])
    try:
        payload = validate(
            _PARTS, {name: value for name, value in values.items() if value not in (None, "")}
        )
    except Unreadable as error:
        return Unparsable("", stable_key(raw), error.reasons, raw)
    parts = payload.data
    topic, types = parts["type"], {**options["types"], **source.types}
    event_type = types.get(topic) or (topic if topic in EVENT_TYPES else types.get("*", ""))
    if not event_type:
        return Skipped("unknown_topic", topic)
    # The id in a header identifies the request: of a batch all parts would share it.
    ids = parts.get("id", ""), _header(request, options["id_header"]) if single else ""
    event_id = next(filter(is_id, ids), "")
    values, omitted_fields = lenient_fields(_selected_fields(part, options), event_type)
    values = with_amounts(values, event_type, omitted_fields, minor_units=options["minor_units"])
    family_names = names_of(family_of(event_type))
    others = validate(_OTHER_CONTACTS, {"other_contacts": _other_contacts(part, options)})
    people = [parts["contact"], *others.data["other_contacts"]]
    at, no_time = occurred_at([parts.get("time")], source.timezone, request.received_at)
    if "time" not in options:  # that of receipt is the time meant, not one in its place
        no_time = {}
    return Event(
        type=event_type,
        topic=topic,
        key=stable_key(topic, event_id) if event_id else stable_key(raw),
        occurred_at=at,
        contact=contact_of([_party(each) for each in people]),
        fields=fields_of(event_type, values),
        extra={name: value for name, value in values.items() if name not in family_names},
        body=part,
        machine=parts.get("machine", False),
        remember_s=0 if event_id else int(source.repeat_window_s),
        raw=raw,
        omitted_fields={
            **others.omitted_fields,
            **payload.omitted_fields,
            **omitted_fields,
            **no_time,
        },
    )


def _other_contacts(part: Any, options: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What a platform's own expressions find of the people beside the contact, place by place."""
    found = [(place.search(part), contact) for place, contact in options.get("other_contacts", ())]
    return [_selected(person, contact) for person, contact in found if isinstance(person, dict)]


def _party(contact: dict[str, Any]) -> Party:
    emails, phones = contact.pop("email", []), contact.pop("phone", [])
    address = contact.pop("address", {})
    return Party(
        email="; ".join(emails),
        phones=tuple(phone for phone in phones if phone),
        address=Address(**address) if address else None,
        **contact,
    )


def _selected(part: Any, expressions: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the expressions, those of nested tables too, without null and empty texts."""
    values = {
        name: _selected(part, expression)
        if isinstance(expression, Mapping)
        else expression.search(part)
        for name, expression in expressions.items()
    }
    return {name: value for name, value in values.items() if value not in (None, "")}


def _header(request: WebhookRequest, name: str) -> str:
    return request.headers.get(name.lower(), "") if name else ""


def _selected_fields(part: Any, options: Mapping[str, Any]) -> dict[str, Any]:
    """The configured fields, else every text, number and boolean in `data`.

    `usual_fields` are a platform's expressions for what stands elsewhere in `data`.
    """
    if options["fields"]:
        return {name: expression.search(part) for name, expression in options["fields"].items()}
    data = part.get("data", part) if isinstance(part, dict) else {}
    scalars = data.items() if isinstance(data, dict) else ()
    return _selected(part, options.get("usual_fields", {})) | {
        name: value for name, value in scalars if isinstance(value, str | int | float | Decimal)
    }
