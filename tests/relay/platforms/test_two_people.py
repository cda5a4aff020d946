"""Orders of a buyer and of somebody else who pays or is billed: they are told to one of the two."""

import json
from typing import Any

import pytest
import senders
from platform_samples import source_of

from relay.inbound.contract import stored_request
from relay.inbound.lookups import LOOKED_UP, SHOP, TOPIC
from relay.model import Call
from relay.pipeline import flattened, translate

ANA = ("ana@example.com", "", "Ana Inventada")
# Platform -> what is looked up, the topic of its notice, what was found, the customer.
FOUND: dict[str, tuple[str, str, dict[str, Any], tuple[str, str, str]]] = {
    "tiendanube": ("order", "order/paid", {
        "id": 7, "contact_email": "ana@example.com", "contact_name": "Ana Inventada",
        "billing_name": "Rosa Regalada", "billing_phone": "0987654321", "billing_country": "EC",
    }, ANA),
    # The shop knew of one person, and another one paid.
    "mercadopago": ("payment", "payment", {
        "id": 7, "status": "approved", "transaction_amount": 9, "currency_id": "USD",
        "payer": {"email": "rosa@example.com", "first_name": "Rosa", "last_name": "Regalada"},
        "additional_info": {"payer": {
            "first_name": "Ana", "last_name": "Inventada",
            "phone": {"area_code": "+593", "number": "991234567"},
        }},
    }, ("", "+593991234567", "Ana")),
    "prestashop": ("order", "order.created", {
        "order": {"id": 7}, "country": {"iso_code": "EC"},
        "customer": {"email": "ana@example.com", "firstname": "Ana Inventada", "lastname": ""},
        "billing": {"firstname": "Rosa", "lastname": "Regalada", "phone": "0987654321",
                    "dni": "1710034065"},
    }, ANA),
    "ecwid": ("customer", "customer.created", {
        "id": 7, "email": "ana@example.com", "name": "Ana Inventada",
        "billingPerson": {"name": "Rosa Regalada", "phone": "0987654321", "countryCode": "EC"},
        "shippingAddresses": [{"name": "Rosa Regalada", "phone": "0987654321"}],
    }, ANA),
}  # fmt: skip
NAMES = {"Rosa Regalada": "Ana Inventada", "Rosa": "Ana", "Regalada": "Inventada",
         "rosa@example.com": "ana@example.com"}  # fmt: skip


def call_of(platform: str, body: dict[str, Any]) -> Call:
    kind, topic, *_ = FOUND[platform]
    headers = {LOOKED_UP: kind, TOPIC: topic, SHOP: "1"}
    request = stored_request(headers, json.dumps(body).encode(), senders.NOW)
    calls = [
        item
        for item in flattened(translate(request, source_of(platform)))
        if isinstance(item, Call)
    ]
    return calls[0]


@pytest.mark.parametrize("platform", FOUND)
def test_customer_is_not_put_together_from_buyer_and_payer(platform):
    _, _, body, expected = FOUND[platform]
    call = call_of(platform, body)
    customer = call.customer
    assert (customer.email, customer.phone, customer.first_name) == expected
    assert "1710034065" not in json.dumps(dict(call.body))


@pytest.mark.parametrize("platform", FOUND)
def test_customer_is_complete_where_both_are_one(platform):
    _, _, body, _ = FOUND[platform]
    text = json.dumps(body)
    for other, own in NAMES.items():
        text = text.replace(json.dumps(other), json.dumps(own))
    customer = call_of(platform, json.loads(text)).customer
    assert customer.email == "ana@example.com"
    assert customer.phone in ("+593987654321", "+593991234567")


@pytest.mark.parametrize(
    ("name", "surname", "id_number"), [("Ana", "Inventada", "12531909-2"), ("Rosa", "Otra", "")]
)
def test_tax_number_of_a_bill_is_that_of_its_own_person(name, surname, id_number):
    bill = {"name": name, "surname": surname, "taxid": "12.531.909-2", "country_code": "CL"}
    buyer = {"email": "ana@example.com", "phone": "987654321", "fullname": "Ana Inventada"}
    order = {"id": 7, "customer": buyer, "billing_address": bill}
    request = senders.delivery(
        {"jumpseller-event": "order_paid"}, json.dumps({"order": order}).encode()
    )
    (call,) = [
        item
        for item in flattened(translate(request, source_of("jumpseller")))
        if isinstance(item, Call)
    ]
    assert (call.customer.email, call.customer.phone) == ("ana@example.com", "+56987654321")
    assert call.body.get("id_number", "") == id_number
