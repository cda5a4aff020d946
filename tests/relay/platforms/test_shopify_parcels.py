"""Parcels of Shopify: sent, changed on the way, delivered; each told once."""

from itertools import count

import pytest
import senders
from remembering import Remembering

from relay.mapping.event_fields import ShipmentFields
from relay.pipeline import parse
from tests.relay.platforms.test_shop_states import day

COUNT = count()


@pytest.fixture
def shopify():
    return Remembering(senders.source_of("shopify"))


def parcel(topic="fulfillments/update", **changes):
    """A parcel under a webhook id of its own."""
    common = {
        "id": 5001, "order_id": 9001, "name": "#9001.1", "email": "ana@example.com",
        "created_at": day(30, "Z"), "updated_at": day(20, "Z"), "shipment_status": None,
        "tracking_company": "Servientrega", "tracking_number": "EC1", "tracking_numbers": ["EC1"],
        "tracking_url": "https://rastreo.example/EC1", "x-shopify-topic": topic,
        "x-shopify-event-id": ..., "x-shopify-webhook-id": f"parcel-{next(COUNT)}",
    }  # fmt: skip
    return senders.sent("shopify", "fulfillments/create", **{**common, **changes})


DELIVERED = {"shipment_status": "delivered", "updated_at": day(1, "Z")}


def test_parcel_is_delivered_once(shopify):
    assert shopify.outcome(parcel("fulfillments/create")) == ["order.shipped"]
    on_its_way = parcel(shipment_status="in_transit", updated_at=day(10, "Z"))
    assert shopify.outcome(on_its_way) == ["nothing_changed"]
    assert shopify.outcome(parcel(**DELIVERED)) == ["shipment.delivered"]
    assert shopify.notes == ["Le entregaron el pedido #9001 (Shopify)"]
    assert shopify.outcome(parcel(**DELIVERED)) == ["duplicate"]
    later = parcel(**{**DELIVERED, "updated_at": day(0, "Z")})
    assert shopify.outcome(later) == ["nothing_changed"]


def test_delivered_parcel_is_told_even_if_nothing_was_before(shopify):
    assert shopify.outcome(parcel(**DELIVERED)) == ["shipment.delivered"]
    assert shopify.outcome(parcel("fulfillments/create")) == ["order.shipped"]


def test_two_parcels_of_an_order_are_two(shopify):
    assert shopify.outcome(parcel("fulfillments/create")) == ["order.shipped"]
    second = parcel("fulfillments/create", id=5002, name="#9001.2")
    assert shopify.outcome(second) == ["order.shipped"]
    assert shopify.outcome(parcel(id=5002, **DELIVERED)) == ["shipment.delivered"]
    assert shopify.outcome(parcel(**DELIVERED)) == ["shipment.delivered"]


def test_fields_of_a_delivered_parcel(shopify):
    (event,) = parse(parcel(**DELIVERED), shopify.source)
    assert event.type == "shipment.delivered"
    assert isinstance(event.fields, ShipmentFields)
    assert (event.fields.order_id, event.fields.order_number) == ("9001", "#9001")
    assert (event.fields.carrier, event.fields.tracking_numbers) == ("Servientrega", ["EC1"])
