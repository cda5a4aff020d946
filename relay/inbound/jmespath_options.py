"""The options of a source whose bodies are parsed by JMESPath expressions.

In the place of an expression there may be a list of them: the first counts whose value is usable
there (`relay/inbound/usable.py`).
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from marshmallow import Schema, fields, post_load

from relay.inbound.expression import FirstUsable
from relay.inbound.expression_fields import SelectorField
from relay.inbound.usable import (
    has_email,
    has_phone,
    is_flag,
    is_id,
    is_list_or_object,
    is_number,
    is_text,
    is_time,
    usable_as,
)
from relay.mapping.event_types import EVENT_TYPES


class _AddressOptions(Schema):
    address = SelectorField(is_text)
    city = SelectorField(is_text)
    state = SelectorField(is_text)
    zip_code = SelectorField(is_text)
    description = SelectorField(is_text)
    latitude = SelectorField(is_number)
    longitude = SelectorField(is_number)
    country = SelectorField(is_text)


class ContactOptions(Schema):
    customer_id = SelectorField(is_text)
    email = SelectorField(has_email)
    phone = SelectorField(has_phone)
    country = SelectorField(is_text)
    first_name = SelectorField(is_text)
    last_name = SelectorField(is_text)
    id_type = SelectorField(is_text)
    id_number = SelectorField(is_text)
    address = fields.Nested(_AddressOptions)


class JMESPathOptions(Schema):
    """Options of a source: JMESPath expressions, or lists of them, for the parts of an event.

    `events` selects the list when one body holds many events. `types` maps the sender's type to
    ours; one that is ours already needs no entry, and `"*"` is the default for all others.
    `type_header` and `id_header` name headers for senders that put type or id there. The fields
    `total` (else `amount`) and `currency` are the event's amount; with `minor_units` it counts
    cents, or what the currency has in their place.
    """

    events = SelectorField(is_list_or_object)
    type = SelectorField(is_text)
    type_header = fields.String(load_default="")
    types = fields.Dict(keys=fields.String(), values=fields.String(), load_default={})
    id = SelectorField(is_id)
    id_header = fields.String(load_default="")
    time = SelectorField(is_time)
    machine = SelectorField(is_flag)
    minor_units = fields.Boolean(truthy={True}, falsy={False}, load_default=False)
    contact = fields.Nested(ContactOptions, load_default={})
    fields_ = fields.Dict(
        keys=fields.String(),
        values=SelectorField(),
        load_default={},
        data_key="fields",
        attribute="fields",
    )

    @post_load
    def _with_usable_fields(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """A list among `fields` is tried by what the name of the field takes."""
        selectors = {
            name: replace(each, is_usable=usable_as(name))
            if isinstance(each, FirstUsable)
            else each
            for name, each in data["fields"].items()
        }
        return {**data, "fields": selectors}


def header_names(options: Mapping[str, Any]) -> tuple[str, ...]:
    """The headers that are needed to parse a body again: its type, and those the options name."""
    names = (options[name].lower() for name in ("type_header", "id_header") if options[name])
    return ("content-type", *names)


def types_fault(options: Mapping[str, Any]) -> str:
    """A message for targets in `types` that are no event type, empty when all are."""
    unknown = sorted(set(options["types"].values()) - EVENT_TYPES.keys())
    return f"types: unknown event types {unknown}" if unknown else ""
