"""The body of Mercately's events endpoint: its fields, types and enums, as a marshmallow schema.

Source: Mercately's published customer-events page, read 2026-08. The page marks no field as
required.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from marshmallow import RAISE, Schema, fields, validate

from relay.mapping.identity import ID_TYPES


class _Strict(Schema):
    class Meta:
        unknown = RAISE


def _boolean() -> fields.Boolean:
    return fields.Boolean(truthy={True}, falsy={False})


class TagSchema(_Strict):
    name = fields.String(required=True)
    value = _boolean()


class CustomFieldSchema(_Strict):
    field_name = fields.String(required=True)
    field_content = fields.String(required=True)


class AddressSchema(_Strict):
    address = fields.String()
    city = fields.String()
    state = fields.String()
    zip_code = fields.String()
    description = fields.String()
    latitude = fields.String()
    longitude = fields.String()
    country_id = fields.Integer(strict=True)
    main = _boolean()


class CustomerEventSchema(_Strict):
    """The body of `POST customers/:id/events`: every field of the contract, in its order."""

    first_name = fields.String()
    last_name = fields.String()
    email = fields.String()
    phone = fields.String()
    id_type = fields.String(validate=validate.OneOf(ID_TYPES))
    id_number = fields.String()
    customer_addresses_attributes = fields.List(fields.Nested(AddressSchema))
    notes = fields.String()
    agent_id = fields.Integer(strict=True)
    tags = fields.List(fields.Nested(TagSchema))
    custom_fields = fields.List(fields.Nested(CustomFieldSchema))
    outbound_status = fields.String()
    campaign_id = fields.Integer(strict=True)
    campaign_url = fields.String()
    error_message = fields.String()
    creation_date = fields.Date(format="iso")
    sent_at = fields.Date(format="iso")
    delivered_at = fields.Date(format="iso")
    read_at = fields.Date(format="iso")
    last_chat_interaction = fields.Date(format="iso")


_NAMES: Final = tuple(CustomerEventSchema().fields)


@cache
def _schema(names: frozenset[str]) -> CustomerEventSchema:
    """A schema with these fields only: marshmallow spends time on each absent field."""
    return CustomerEventSchema(only=[name for name in _NAMES if name in names])


def faults_of(body: dict[str, Any]) -> Mapping[str, Any]:
    """The schema's messages by field, of a body of JSON values; none where it is right."""
    return _schema(frozenset(body)).validate(body)


def in_order(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body in the order of the schema."""
    return {name: body[name] for name in _NAMES if name in body}
