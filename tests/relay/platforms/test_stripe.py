"""What Stripe's objects say of amounts, plans and declined cards."""

import json
from dataclasses import replace
from typing import Any

import pytest
from event_checks import notes
from platform_samples import request_of, source_of


def note(topic: str, **changes: Any) -> str:
    request = request_of("stripe", topic)
    body = json.loads(request.body)
    body["data"]["object"] |= changes
    (text,) = notes(replace(request, body=json.dumps(body).encode()), source_of("stripe"), "es")
    return text


@pytest.mark.parametrize(
    ("currency", "amount", "shown"),
    [
        ("clp", 15990, "CLP 15.990"),
        ("cop", 12990000, "COP 129.900"),
        ("kwd", 12345, "KWD 12,345"),
        # Without cents, and counted in cents all the same.
        ("isk", 500000, "ISK 5.000"),
        ("ugx", 500000, "UGX 5.000"),
    ],
)
def test_amount_counts_what_stripe_says_for_its_currency(currency, amount, shown):
    text = note("charge.succeeded", currency=currency, amount=amount)
    assert text.startswith(f"Pago aprobado: {shown}, ")


@pytest.mark.parametrize(
    ("outcome", "message", "words"),
    [
        ({"reason": "insufficient_funds"}, "Your card was declined.", "fondos insuficientes"),
        ({"reason": "highest_risk_level"}, "Your card was declined.", "sospecha de fraude"),
        ({"reason": None}, "Your card was declined.", "el banco rechazó la tarjeta"),
        (None, "Your card has expired.", "tarjeta vencida"),
        (None, "Something new.", "Something new"),
    ],
)
def test_declined_card_is_told_by_the_reason_of_the_bank(outcome, message, words):
    text = note("charge.failed", outcome=outcome, failure_message=message)
    assert f", {words}, referencia" in text


@pytest.mark.parametrize(
    "description",
    [
        "Club del café",
        "1 \N{MULTIPLICATION SIGN} Club del café (at $19.90 / month)",
        "Remaining time on Club del café after 03 Nov 2026",
        "Unused time on 2 \N{MULTIPLICATION SIGN} Club del café after 3 Nov 2026",
    ],
)
def test_plan_is_named_without_what_the_invoice_adds(description):
    text = note("invoice.paid", lines={"data": [{"description": description}]})
    assert text == "Se renovó «Club del café» por $19,90 (Stripe)"
