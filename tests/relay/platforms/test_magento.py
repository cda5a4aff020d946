"""Magento: an order as the shop's API has it, and what its states are told as."""

import json
from typing import Any

import pytest
from platform_samples import source_of
from senders import NOW

from relay.inbound.contract import stored_request
from relay.inbound.lookups import LOOKED_UP, TOPIC
from relay.inbound.samples import FOLDER
from relay.model import Call
from relay.pipeline import flattened, translate

SOURCE = source_of("magento")
ANSWERS = json.loads((FOLDER / "magento" / "api.json").read_text("utf-8"))
ORDER = ANSWERS["GET /orders/3"]


def looked_up(topic: str = "order.updated", **order: Any) -> list[Any]:
    headers = {LOOKED_UP: "order", TOPIC: topic}
    body = json.dumps({**ORDER, **order}).encode()
    return flattened(translate(stored_request(headers, body, NOW), SOURCE))


@pytest.mark.parametrize(
    ("order", "event_types"),
    [
        ({}, ["order.created"]),  # of a module that has one hook for all
        ({"total_paid": 49.9}, ["order.created", "order.paid"]),
        ({"state": "processing", "total_paid": 49.9}, ["order.paid"]),
        ({"state": "processing", "total_paid": 10}, ["order.updated"]),
        ({"state": "processing", "total_paid": None}, ["order.updated"]),
        ({"state": "holded"}, ["order.on_hold"]),
        ({"state": "canceled"}, ["order.cancelled"]),
        ({"state": "complete", "total_paid": 49.9}, ["order.paid", "order.fulfilled"]),
        ({"state": "closed", "total_refunded": 49.9}, ["order.refunded"]),
        ({"state": "processing", "total_refunded": 4.9}, ["order.partially_refunded"]),
    ],
)
def test_states_of_an_order(order, event_types):
    assert [call.event_type for call in looked_up(**order)] == event_types


def test_an_order_is_complete():
    """The lines of a product's variant are not told beside the product."""
    (call,) = looked_up("order.created")
    assert isinstance(call, Call)
    assert (call.customer.phone, call.customer.email) == ("+593999000001", "ana@example.com")
    for text in ("000000003", "49,90", "Café tostado en grano, 500 g, 1", "Taza de barro"):
        assert text in call.body["notes"]
    assert "Molido" not in call.body["notes"]


def test_a_guest_is_known_by_the_address_of_the_bill():
    guest = {"customer_id": None, "customer_firstname": None, "customer_lastname": None}
    (call,) = looked_up(customer_is_guest=1, customer_email=None, **guest)
    assert (call.customer.first_name, call.customer.email) == ("Ana", "ana@example.com")
