"""PrestaShop: the bodies of modules, and the states of an order as the webservice tells them."""

import json
from dataclasses import replace
from typing import Any

import pytest
from platform_samples import request_of, source_of
from senders import NOW

from relay.inbound.contract import stored_request
from relay.inbound.lookups import LOOKED_UP, TOPIC
from relay.inbound.samples import FOLDER
from relay.model import AwaitingLookup, Call, Resource
from relay.pipeline import flattened, parse, translate

SOURCE = source_of("prestashop")
ANSWERS = json.loads((FOLDER / "prestashop" / "api.json").read_text("utf-8"))


def answered(path: str) -> Any:
    ((value),) = ANSWERS[f"GET {path}"].values()
    return value


def looked_up(topic: str = "order.updated", state: Any = (), **order: Any) -> list[Any]:
    body = {
        "order": {**answered("/orders/5"), **order},
        "state": {**answered("/order_states/10"), **dict(state)},
        "customer": answered("/customers/3"),
        "billing": answered("/addresses/7"),
        "country": answered("/countries/81"),
        "currency": answered("/currencies/1"),
    }
    headers = {LOOKED_UP: "order", TOPIC: topic}
    return flattened(translate(stored_request(headers, json.dumps(body).encode(), NOW), SOURCE))


@pytest.mark.parametrize(
    ("body", "topic", "kind"),
    [
        ({"event": "order.updated", "id": 5}, "order.updated", "order"),
        ({"event": "order.created", "id": "5"}, "order.created", "order"),
        (
            {"action": "add", "entity": "Order", "data": {"id": 5}},
            "order.created", "order",
        ),
        (
            {"action": "update", "entity": "customer", "data": {"id": 5}},
            "customer.updated", "customer",
        ),
    ],
)  # fmt: skip
def test_either_body_names_its_thing(body, topic, kind):
    request = replace(request_of("prestashop", "order_created"), body=json.dumps(body).encode())
    (item,) = flattened(translate(request, SOURCE))
    assert isinstance(item, AwaitingLookup)
    assert (item.topic, item.resource) == (topic, Resource(kind, "5", ""))


def test_two_changes_of_one_order_are_two_events():
    request = request_of("prestashop", "order_updated")
    later = replace(request, received_at=request.received_at.replace(microsecond=1))
    keys = {item.key for one in (request, later) for item in parse(one, SOURCE)}
    assert len(keys) == 2


@pytest.mark.parametrize(
    ("state", "order", "event_types"),
    [
        ({"paid": "1"}, {"current_state": "2"}, ["order.paid"]),
        ({"paid": 1}, {"current_state": 20}, ["order.paid"]),
        ({"shipped": "1"}, {"current_state": "31"}, ["order.shipped"]),
        ({"paid": "1", "shipped": "1"}, {"current_state": "4"}, ["order.paid", "order.shipped"]),
        ({}, {"current_state": "5"}, ["shipment.delivered"]),
        ({}, {"current_state": "6"}, ["order.cancelled"]),
        ({}, {"current_state": "7"}, ["order.refunded"]),
        ({}, {"current_state": "8"}, ["order.failed"]),
        ({}, {"current_state": "3"}, ["order.updated"]),
    ],
)
def test_states_of_an_order(state, order, event_types):
    calls = looked_up(state=state, **order)
    assert [call.event_type for call in calls] == event_types


def test_an_order_is_complete():
    (call,) = looked_up("order.created")
    assert isinstance(call, Call)
    assert (call.customer.phone, call.customer.email) == ("+593999000001", "ana@example.com")
    for text in ("XKBKNABJK", "49,90", "Café tostado en grano, 500 g"):
        assert text in call.body["notes"]


def test_a_name_in_several_languages_is_no_fault():
    """Where the shop does not keep to the language that it was asked for."""
    (call,) = looked_up("order.created", state={"name": [{"id": "1", "value": "En espera"}]})
    assert call.event_type == "order.created"
