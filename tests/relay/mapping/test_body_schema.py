"""The body of a call to Mercately, as its schema has it."""

import itertools

from relay.mapping.body_schema import CustomerEventSchema, in_order

SCHEMA = CustomerEventSchema()
RIGHT = {
    "first_name": "Ana",
    "id_type": "cedula",
    "customer_addresses_attributes": [{"address": "Av. 1", "country_id": 1, "main": True}],
    "agent_id": 7,
    "tags": [{"name": "vip", "value": False}, {"name": "nuevo"}],
    "custom_fields": [{"field_name": "pedido", "field_content": "1042"}],
    "creation_date": "2026-02-28",
}


def test_body_is_in_the_order_of_the_schema():
    for names in itertools.permutations(RIGHT, 3):
        ordered = in_order({name: RIGHT[name] for name in names})
        assert list(ordered) == [name for name in SCHEMA.fields if name in names]
