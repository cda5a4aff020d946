"""Default notes about orders, purchases, payments and accounts, with and without each field."""

import re

import pytest

from relay.mapping.event_types import EVENT_TYPES
from relay.mapping.order_notes import ORDER_NOTES
from relay.mapping.order_words import order_words
from relay.mapping.templates import compiled, render

TIMES = "\N{MULTIPLICATION SIGN}"
FULL = {
    "order_number": "#1042",
    "order_id": "6120000001042",
    "amount": "$49,90",
    "items": [f"2 {TIMES} Café tostado", f"1 {TIMES} Taza", "Té", "Pan", "Miel", "Sal", "Ají"],
    "status": "pending",
    "changed": ("shipping_address",),
    "cancel_reason": "customer",
    "reason": "insufficient_funds",
    "refund_amount": "$16,20",
    "refund_left": "$33,70",
    "payment_method": "shopify_payments",
    "carrier": "Servientrega",
    "tracking_numbers": ["EC201", "EC202"],
    "tracking_url": "https://rastreo.example/EC201",
    "checkout_url": "https://tienda.example/retomar",
    "reference": "TX-88",
}


def note(event_type: str, language: str, fields: dict) -> str:
    template = compiled(EVENT_TYPES[event_type].note(language))
    words = order_words(fields, language)
    return render(template, {**fields, **words, "source_title": "Shopify"})


@pytest.mark.parametrize("language", ["es", "en"])
@pytest.mark.parametrize("event_type", ORDER_NOTES)
def test_missing_part_leaves_no_trace(event_type, language):
    lonely = [{name: value} for name, value in FULL.items()]
    without = [{n: v for n, v in FULL.items() if n != name} for name in FULL]
    odd = [dict.fromkeys(FULL, value) for value in (None, "", 0, 1.5, [], {}, "x")]
    for fields in [{}, FULL, *lonely, *without, *odd]:
        text = note(event_type, language, fields)
        assert not re.search(r"\s\s|[:,(]\s*[):,.]|[:,] \(|None|\(\)", text), text
        assert text[0].isupper()
        assert text.endswith("(Shopify)")
        assert len(text) < 200, text


@pytest.mark.parametrize(
    ("event_type", "es", "en"),
    [
        (
            "order.created",
            f"Pedido #1042 creado por $49,90: 2 {TIMES} Café tostado, 1 {TIMES} Taza, Té y 4 más",
            f"Order #1042 placed for $49,90: 2 {TIMES} Café tostado, 1 {TIMES} Taza, Té and 4 more",
        ),
        ("order.paid", "Pedido #1042 pagado: $49,90 con tarjeta", "Order #1042 paid: $49,90 by card"),
        (
            "order.on_hold",
            "Pedido #1042 en espera de pago: $49,90",
            "Order #1042 on hold, awaiting payment: $49,90",
        ),
        (
            "order.shipped",
            f"Pedido #1042 enviado con Servientrega, guías EC201, EC202: {FULL['tracking_url']}",
            f"Order #1042 shipped with Servientrega, tracking EC201, EC202: {FULL['tracking_url']}",
        ),
        (
            "order.updated",
            "Pedido #1042 actualizado: cambió la dirección de envío",
            "Order #1042 updated: shipping address changed",
        ),
        (
            "order.cancelled",
            "Pedido #1042 cancelado, $49,90: el cliente lo pidió",
            "Order #1042 cancelled, $49,90: requested by the customer",
        ),
        (
            "payment.declined",
            "Pago rechazado: $49,90, fondos insuficientes, referencia TX-88",
            "Payment declined: $49,90, insufficient funds, reference TX-88",
        ),
        ("customer.updated", "Cambió sus datos: dirección de envío",
         "Changed their details: shipping address"),
    ],
)  # fmt: skip
def test_note_with_all_its_parts(event_type, es, en):
    assert note(event_type, "es", FULL) == f"{es} (Shopify)"
    assert note(event_type, "en", FULL) == f"{en} (Shopify)"


@pytest.mark.parametrize(
    ("items", "shown"),
    [
        (["A", "B", "C"], "A, B, C"),
        (["A", "B", "C", "D"], "A, B, C y 1 más"),
        ([f"{'A' * 60}", "B"], f"{'A' * 39}…, B"),
        ([{"quantity": 2, "title": "Té"}, {"x": 1}, "Pan"], f"2 {TIMES} Té, Pan"),
        ("Té, pan", "Té, pan"),
    ],
)
def test_three_items_at_most(items, shown):
    assert order_words({"items": items}, "es")["items"] == shown


@pytest.mark.parametrize(
    ("changed", "es", "en"),
    [
        (("total",), "cambió el total (ahora $31,00)", "total (now $31,00) changed"),
        (("items",), "cambiaron los productos", "items changed"),
        (
            ("items", "shipping_address", "first_name", "last_name"),
            "cambiaron los productos, la dirección de envío y el nombre",
            "items, shipping address and name changed",
        ),
        (("unknown",), "", ""),
    ],
)
def test_changes_are_a_sentence(changed, es, en):
    fields = {"changed": changed, "amount": "$31,00"}
    assert order_words(fields, "es")["changed_text"] == es
    assert order_words(fields, "en")["changed_text"] == en


@pytest.mark.parametrize(
    ("status", "es"),
    [
        ("paid", "pagado"),
        ("PAID", "pagado"),
        ("NOT_PAID", "pendiente de pago"),
        ("FULLY_REFUNDED", "reembolsado"),
        ("AWAITING_PICKUP", "awaiting pickup"),
        ("En camino", "En camino"),
        ("wc-on-hold", "en espera de pago"),
    ],
)
def test_state_in_capitals_reads_as_any_other(status, es):
    assert order_words({"status": status}, "es")["status_text"] == es


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        ("cc_rejected_insufficient_amount", "fondos insuficientes"),
        ("Expired card", "tarjeta vencida"),
        ("51 - Fondos", "51 - Fondos"),
        (None, ""),
    ],
)
def test_known_reason_is_translated_and_another_stays(reason, shown):
    assert order_words({"reason": reason}, "es")["decline_text"] == shown
