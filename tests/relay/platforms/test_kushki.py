"""Kushki: what was paid is with its taxes."""

import json
from decimal import Decimal
from typing import Any

import pytest
import senders
from platform_samples import source_of

from relay.model import Money
from relay.pipeline import parse


@pytest.mark.parametrize(
    ("amount", "paid"),
    [
        # As Kushki's example of a payment button has it.
        ({"subtotalIva0": 0, "iva": 50, "subtotalIva": 50, "currency": "USD"}, "100"),
        ({"subtotalIva0": 10, "iva": 1.5, "subtotalIva": 10, "ice": 0.5, "currency": "USD"}, "22"),
        ({"subtotalIva0": 49.90, "currency": "USD"}, "49.90"),
        ({}, None),
    ],
)
def test_the_amount_is_the_sum_of_its_parts(amount: dict[str, Any], paid: str | None):
    body = {"ticketNumber": "1", "status": "approvedTransaction", "amount": amount}
    (event,) = parse(senders.delivery({}, json.dumps(body).encode()), source_of("kushki"))
    expected = Money(Decimal(paid), "USD") if paid else None
    assert event.fields.amount == expected


def test_the_amount_that_was_approved_counts_before_its_parts():
    body = {
        "ticketNumber": "1",
        "status": "approvedTransaction",
        "approvedTransactionAmount": 99,
        "currency": "USD",
        "amount": {"subtotalIva": 50, "iva": 50, "currency": "USD"},
    }
    (event,) = parse(senders.delivery({}, json.dumps(body).encode()), source_of("kushki"))
    assert event.fields.amount == Money(Decimal(99), "USD")
