"""Ecwid: what the signature covers, and what becomes of an order as it is read."""

import json
from dataclasses import replace
from typing import Any

import pytest
from platform_samples import request_of, source_of
from senders import NOW

from relay.errors import Refused
from relay.inbound.contract import stored_request
from relay.inbound.lookups import LOOKED_UP, TOPIC
from relay.inbound.samples import FOLDER
from relay.model import AwaitingLookup, Call, Ignored, WebhookRequest
from relay.pipeline import flattened, process, translate

SOURCE = source_of("ecwid")
ANSWERS = json.loads((FOLDER / "ecwid" / "api.json").read_text("utf-8"))
ORDER = ANSWERS["GET /throw-away-store-id/orders/XJ12H"]
PROFILE = ANSWERS["GET /throw-away-store-id/profile"]
# `openssl dgst -sha256 -hmac client_secret` of the string; the vendor publishes none with its key.
SIGNED = "U0baajmZbvmlgiauSUaxLzk62KWTQRbk5qLSe3DSQh8="


def looked_up(topic: str = "order.updated", **order: Any) -> list[Any]:
    body = json.dumps({"order": {**ORDER, **order}, "profile": PROFILE}).encode()
    request = stored_request({LOOKED_UP: "order", TOPIC: topic}, body, NOW)
    return flattened(translate(request, SOURCE))


def with_body(request: WebhookRequest, **changes: Any) -> WebhookRequest:
    return replace(request, body=json.dumps({**json.loads(request.body), **changes}).encode())


def test_time_and_id_of_the_event_are_signed():
    body = {"eventCreated": "1234567", "eventId": "80aece08-40e8-4145-8764-6c2f0d38678"}
    headers = {"x-ecwid-webhook-signature": SIGNED}
    request = replace(request_of("ecwid", "order_created"), headers=headers)
    request = replace(request, body=json.dumps(body).encode())
    source = replace(SOURCE, secrets=("client_secret",))

    assert SOURCE.scheme.verify(request, source.secrets, NOW)
    with pytest.raises(Refused):
        SOURCE.scheme.verify(with_body(request, eventId="80aece08"), source.secrets, NOW)


def test_nothing_of_the_notice_is_told():
    """All but the event's id and time is unsigned: the shop's own API says what it was."""
    request = with_body(
        request_of("ecwid", "customer_created"), data={"customerEmail": "mal@example.com"}
    )
    (item,) = flattened(process(request, SOURCE, NOW))
    assert isinstance(item, AwaitingLookup)


@pytest.mark.parametrize(
    ("order", "event_type"),
    [
        ({"paymentStatus": "PAID"}, "order.paid"),
        ({"paymentStatus": "CANCELLED"}, "order.cancelled"),
        ({"fulfillmentStatus": "SHIPPED"}, "order.shipped"),
        ({"fulfillmentStatus": "DELIVERED"}, "shipment.delivered"),
        ({"paymentStatus": "REFUNDED"}, "order.refunded"),
        (
            {"paymentStatus": "PARTIALLY_REFUNDED", "refundedAmount": 3.5},
            "order.partially_refunded",
        ),
    ],
)
def test_states_of_an_order(order, event_type):
    (call,) = looked_up(**order)
    assert isinstance(call, Call)
    assert (call.event_type, call.customer.email) == (event_type, "ana@example.com")


def test_an_order_that_is_only_a_cart_is_none():
    assert looked_up(paymentStatus="INCOMPLETE") == [Ignored("order.updated", "pending")]


def test_a_new_order_that_is_paid_is_told_as_both():
    calls = looked_up("order.created", paymentStatus="PAID")
    assert [call.event_type for call in calls] == ["order.created", "order.paid"]
    assert "49.90" in calls[0].body["notes"].replace(",", ".")
