"""The typed fields of events: one family for each kind, names that mean the same everywhere."""

from dataclasses import fields
from decimal import Decimal

import pytest

from relay.inbound.topics import RESERVED
from relay.mapping.event_fields import (
    FAMILIES,
    BookingFields,
    CheckoutFields,
    EmailFields,
    FormFields,
    OrderFields,
    PaymentFields,
    PersonFields,
    ShipmentFields,
    SubscriptionFields,
    family_of,
    fields_of,
    filled,
    names_of,
)
from relay.mapping.event_types import EVENT_TYPES
from relay.model import EventFields, Money

OF_NOUNS = {
    "order": OrderFields, "shipment": ShipmentFields, "checkout": CheckoutFields,
    "payment": PaymentFields, "subscription": SubscriptionFields, "email": EmailFields,
    "form": FormFields, "lead": FormFields, "booking": BookingFields, "customer": PersonFields,
    "contact": PersonFields, "sms": PersonFields,
}  # fmt: skip


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_every_event_type_has_the_family_of_its_noun(event_type):
    of_noun = OF_NOUNS[event_type.partition(".")[0]]
    expected = ShipmentFields if event_type == "order.shipped" else of_noun
    assert family_of(event_type) is expected
    assert expected in FAMILIES


@pytest.mark.parametrize("family", sorted(FAMILIES, key=str))
def test_every_field_may_be_absent_and_has_no_reserved_name(family):
    names = names_of(family)
    assert names == tuple(field.name for field in fields(family))
    assert not RESERVED.intersection(names)
    assert not any(name.startswith("_") for name in names)
    assert filled(family()).keys() <= {"all_emails"}


def test_name_has_one_type_in_all_families():
    types = {(field.name, str(field.type)) for family in FAMILIES for field in fields(family)}
    assert len({name for name, _ in types}) == len(types)


def test_values_under_names_of_the_family_are_its_fields_and_no_others():
    values = {"order_number": "7", "subject": "x", "id": "1", "changed": ("total",), "note": None}
    assert fields_of("order.created", values) == OrderFields(order_number="7", changed=("total",))
    assert fields_of("email.sent", values) == EmailFields(subject="x", changed=("total",))
    assert fields_of("order.shipped", values) == ShipmentFields(
        order_number="7", changed=("total",)
    )
    assert fields_of("customer.created", {}) == PersonFields()


def test_filled_fields_are_those_that_say_something():
    money = Money(Decimal(0), "USD")
    event = OrderFields(
        order_number="7", amount=money, url="", items=[], changed=(), total=0, note=None
    )
    assert filled(event) == {"order_number": "7", "amount": money, "total": 0}
    assert filled(EmailFields(all_emails=True)) == {"all_emails": True}
    assert filled(EventFields()) == {}


def test_fields_of_one_type_become_those_of_another_by_their_names():
    """A step of another type keeps what both have."""
    order = OrderFields(order_number="7", url="https://tienda.example/7")
    assert fields_of("order.shipped", filled(order)) == ShipmentFields(order_number="7")
    assert fields_of("order.paid", filled(order)) == order
