"""Whom a privacy request is about says the signed body alone, and only where it is sure."""

import json
from dataclasses import replace

import pytest

from relay.inbound.privacy import PrivacyRequest
from relay.model import Held
from relay.pipeline import process
from tests import senders

SHOP = {"shop_id": 954889, "shop_domain": "tienda-ejemplo.myshopify.com"}
EVA = {"id": 191167, "email": "Eva.De.Prueba@Example.com", "phone": "0987654321"}
REDACT = {**SHOP, "customer": EVA, "orders_to_redact": [299938]}
DATA = {**SHOP, "customer": EVA, "orders_requested": [299938], "data_request": {"id": 9999}}
FOUND = {"email": "Eva.De.Prueba@example.com", "phone": "+593987654321"}


def held(topic: str, body: object, **source) -> Held:
    configured = replace(senders.source_of("shopify"), **source)
    content = json.dumps(body).encode()
    headers = senders.signed("shopify", {"x-shopify-topic": topic}, content)
    (item,) = process(senders.delivery(headers, content), configured, senders.NOW)
    assert isinstance(item, Held)
    return item


@pytest.mark.parametrize(
    ("topic", "body", "reason", "whom"),
    [
        ("customers/redact", REDACT, "privacy_forgetting", FOUND),
        ("customers/data_request", DATA, "privacy_request", FOUND),
        (
            "shop/redact",
            SHOP,
            "privacy_forgetting",
            {"shop": SHOP["shop_domain"], "shop_field": "shop_domain"},
        ),
    ],
)
def test_what_says_whom_it_is_about_is_worked_off(topic, body, reason, whom):
    item = held(topic, body)

    assert (item.reason, item.reasons) == (reason, {"whom": whom})


@pytest.mark.parametrize(
    ("topic", "body"),
    [
        # An order, signed for itself, under a header that nobody signed.
        ("customers/redact", {"id": 1, "email": EVA["email"], "customer": EVA}),
        ("shop/redact", {"id": 1, **SHOP}),
        ("shop/redact", REDACT),
        ("shop/redact", {**SHOP, "shop_domain": None}),
        ("shop/redact", {**SHOP, "shop_domain": ""}),
        ("customers/redact", SHOP),
        ("customers/redact", {**REDACT, "customer": None}),
        ("customers/redact", {**REDACT, "customer": []}),
        ("customers/redact", {**REDACT, "customer": {"id": 1, "email": None, "phone": None}}),
        # Of two references one cannot be read: what it names would stay.
        ("customers/redact", {**REDACT, "customer": {**EVA, "phone": "555"}}),
        ("customers/redact", {**REDACT, "customer": {**EVA, "email": "eva"}}),
        ("customers/redact", {**REDACT, "customer": {**EVA, "email": ["eva@example.com"]}}),
        ("customers/redact", []),
    ],
)
def test_what_is_not_sure_is_held_for_a_person(topic, body):
    item = held(topic, body)

    assert (item.reason, item.reasons) == ("privacy_redaction", {})


def test_source_may_want_a_person_to_decide():
    assert held("customers/redact", REDACT, on_redaction="hold").reason == "privacy_redaction"
    assert held("shop/redact", SHOP, on_redaction="hold").reason == "privacy_redaction"


def test_what_is_not_signed_names_nobody():
    class Token:
        vouches_for = "nothing"

        def verify(self, request, _secrets, _now):
            return request

    item = held("customers/redact", REDACT, scheme=Token())

    assert (item.reason, item.reasons) == ("privacy_redaction", {})


def test_number_of_a_shop_is_a_name_too():
    asked = PrivacyRequest(asks="forget", proof=("store_id",), shop="store_id")

    assert asked.whom({"store_id": 123, "event": "store/redact"}, "AR") == {
        "shop": "123",
        "shop_field": "store_id",
    }
    assert asked.whom({"store_id": True}, "AR") == {}
    assert asked.whom({"store_id": 123, "id": 1}, "AR") == {}
