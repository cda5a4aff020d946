"""Default notes about orders, purchases, payments and accounts, with and without each field."""

import re
from dataclasses import replace
from decimal import Decimal

import pytest
from notes import LANGUAGES, SOURCES, check_golden, note_of

from relay.mapping.event_types import EVENT_TYPES
from relay.mapping.order_notes import ORDER_NOTES
from relay.mapping.order_words import order_words
from relay.mapping.templates import compiled, render
from relay.model import Money

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
    "plan": "Café del mes",
    "waited": "1 h",
}


def usd(amount: str) -> Money:
    return Money(Decimal(amount), "USD")


_ORDER = {"order_number": "#1042", "amount": usd("49.90")}
_ITEMS = {"items": [f"2 {TIMES} Café tostado", f"1 {TIMES} Taza"]}
_REFUND = {"refund_amount": usd("16.20"), "refund_left": usd("33.70"), "reason": "llegó roto"}
_LINK = {"checkout_url": "https://tienda.example/retomar"}
_PAYMENT = {"amount": usd("49.90"), "reference": "TX-88"}
_PLAN = {"plan": "Café del mes", "amount": usd("9.90"), "order_number": "6120"}
# What each note may say, as events say it.
FIELDS = {
    "order.created": _ORDER | _ITEMS,
    "order.updated": _ORDER | {"status": "pending", "changed": ("shipping_address", "total")},
    "order.paid": _ORDER | {"payment_method": "shopify_payments"},
    "order.on_hold": _ORDER,
    "order.fulfilled": _ORDER,
    "order.shipped": {
        "order_number": "#9999", "carrier": "Servientrega", "tracking_numbers": ["EC1", "EC2"],
        "tracking_url": "https://rastreo.example/EC1",
    },
    "order.cancelled": _ORDER | {"cancel_reason": "customer"},
    "order.refunded": _ORDER | _REFUND,
    "order.partially_refunded": _ORDER | _REFUND,
    "order.failed": _ORDER,
    "order.deleted": _ORDER,
    "shipment.delivered": {"order_number": "#9999"},
    "checkout.created": {"amount": usd("36")} | _ITEMS | _LINK,
    "checkout.updated": {"amount": usd("36")} | _ITEMS | _LINK,
    "checkout.abandoned": {"amount": usd("36")} | _ITEMS | _LINK,
    "subscription.created": _PLAN,
    "subscription.renewed": _PLAN,
    "subscription.cancelled": _PLAN | {"reason": "muy caro"},
    "subscription.payment_failed": _PLAN | {"reason": "insufficient_funds"},
    "payment.approved": _PAYMENT,
    "payment.declined": _PAYMENT | {"reason": "insufficient_funds"},
    "payment.refunded": _PAYMENT,
    "payment.charged_back": _PAYMENT,
    "customer.created": {},
    "customer.updated": {"changed": ("phone",)},
    "customer.deleted": {},
}  # fmt: skip


def test_every_note_of_the_module_is_read_here():
    assert ORDER_NOTES.keys() == FIELDS.keys()


@pytest.mark.parametrize("language", LANGUAGES)
def test_notes_read_as_their_golden_file(language, request):
    update = request.config.getoption("--update-golden")
    check_golden("order_notes", FIELDS, language, update=update)


def note(event_type: str, language: str, fields: dict) -> str:
    template = compiled(EVENT_TYPES[event_type].note(language))
    words = order_words(fields, language)
    return render(template, {**fields, **words, "source_title": "Shopify", "in_shop": True})


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
        (
            "checkout.abandoned",
            (f"Dejó una compra sin terminar hace 1 h, $49,90: 2 {TIMES} Café tostado, 1 {TIMES} Taza, Té "
            f"y 4 más. Para retomarla: {FULL['checkout_url']}"),
            (f"Left a purchase unfinished 1 h ago, $49,90: 2 {TIMES} Café tostado, 1 {TIMES} Taza, Té "
            f"and 4 more. To resume it: {FULL['checkout_url']}"),
        ),
        ("subscription.renewed", "Se renovó «Café del mes» por $49,90",
         'Renewed "Café del mes" for $49,90'),
        ("subscription.payment_failed",
         "Falló el cobro de «Café del mes» por $49,90, fondos insuficientes",
         'Charge failed for "Café del mes" for $49,90, insufficient funds'),
        ("shipment.delivered", "Le entregaron el pedido #1042", "Order #1042 was delivered"),
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
        ([{"quantity": Decimal("1.50"), "name": "Té"}, Decimal("1E+2")], f"1.50 {TIMES} Té, 100"),
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
        (
            ("total", "items", "email", "phone", "shipping_method", "payment_method"),
            "cambiaron el total (ahora $31,00), los productos, el correo, el teléfono y 2 más",
            "total (now $31,00), items, e-mail, phone and 2 more changed",
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
        ("AWAITING_PICKUP", "listo para retirar"),
        ("AWAITING_ANSWER", "awaiting answer"),
        ("Awaiting Shipment", "por enviar"),
        ("wc-en-camino", "en camino"),
        ("out-for-delivery", "en reparto"),
        ("payment-pending", "pendiente de pago"),
        ("En camino", "en camino"),
        ("En la nube", "En la nube"),
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


@pytest.mark.parametrize(
    ("field", "code", "variable", "es", "en"),
    [
        ("reason", "cc_rejected_other_reason", "decline_text", "el banco rechazó la tarjeta", "the bank declined the card"),
        ("reason", "rejected_high_risk", "decline_text", "sospecha de fraude", "suspected fraud"),
        ("reason", "cc_rejected_max_attempts", "decline_text", "demasiados intentos", "too many attempts"),
        ("reason", "invalid_cvc", "decline_text", "código de seguridad incorrecto", "wrong security code"),
        ("reason", "requested_by_customer", "reason_line", "el cliente lo pidió", "requested by the customer"),
        ("reason", "Your card was declined.", "decline_text", "el banco rechazó la tarjeta", "the bank declined the card"),
        ("reason", "Your card has insufficient funds.", "decline_text", "fondos insuficientes", "insufficient funds"),
        ("reason", "Fondos insuficientes", "decline_text", "fondos insuficientes", "insufficient funds"),
        ("reason", "Tarjeta declinada", "decline_text", "el banco rechazó la tarjeta", "the bank declined the card"),
        ("reason", "cc_rejected_3ds_challenge", "decline_text", "el banco pide autorización", "the bank asks for authorization"),
        ("reason", "cc_amount_rate_limit_exceeded", "decline_text", "límite de la tarjeta superado", "over the card's limit"),
        ("reason", "cc_rejected_fraud", "decline_text", "sospecha de fraude", "suspected fraud"),
        ("reason", "rejected_by_regulations", "decline_text", "no lo permiten las reglas del cobro", "the rules of the charge do not allow it"),
        ("reason", "expired", "decline_text", "venció el plazo para pagar", "the time to pay ran out"),
        ("payment_method", "paypal", "method_text", "PayPal", "PayPal"),
        ("payment_method", "mercadopago", "method_text", "Mercado Pago", "Mercado Pago"),
        ("order_number", "Pedido 1001", "order_number", "1001", "1001"),
        ("order_number", "Orden N.º 77", "order_number", "77", "77"),
        ("order_number", "order #77", "order_number", "#77", "#77"),
        ("order_number", "Pedido de Ana", "order_number", "Pedido de Ana", "Pedido de Ana"),
        ("order_number", "P-1001", "order_number", "P-1001", "P-1001"),
        ("payment_method", "Pago contra entrega (COD)", "method_text", "pago contra entrega", "cash on delivery"),
        ("payment_method", "Algo (nuevo)", "method_text", "Algo (nuevo)", "Algo (nuevo)"),
        ("reason", "51", "decline_text", "fondos insuficientes", "insufficient funds"),
        ("reason", "54", "decline_text", "tarjeta vencida", "expired card"),
        ("reason", "REJECTED", "decline_text", "", ""),
        ("cancel_reason", "expired", "cancel_text", "venció el plazo para pagar", "the time to pay ran out"),
        ("cancel_reason", "customer_request", "cancel_text", "el cliente lo pidió", "requested by the customer"),
        ("reason", "too_expensive", "reason_line", "muy caro", "too expensive"),
        ("reason", "customer_changed_mind", "reason_line", "cambió de opinión", "changed their mind"),
        ("carrier", "Otros", "carrier", "", ""),
        ("tracking_numbers", ["EC1", "EC1", "EC2"], "tracking_text", "guías EC1, EC2", "tracking EC1, EC2"),
        ("payment_method", "cash", "method_text", "efectivo", "cash"),
        ("payment_method", "Transferencia bancaria", "method_text", "transferencia", "bank transfer"),
        ("payment_method", "Pago contra entrega", "method_text", "pago contra entrega", "cash on delivery"),
        ("payment_method", "Tarjeta de crédito", "method_text", "tarjeta", "card"),
        ("fulfillment_status", "partial", "parcel_text", "enviado en parte", "partly sent"),
        ("fulfillment_status", "in_preparation", "parcel_text", "en preparación", "being prepared"),
        ("fulfillment_status", "PICKUP_AVAILABLE", "parcel_text", "listo para retirar", "ready for pickup"),
        ("fulfillment_status", "unfulfilled", "parcel_text", "", ""),
        ("fulfillment_status", "algo nuevo", "parcel_text", "", ""),
        ("reason", "Llegó roto", "reason_line", "Llegó roto", "Llegó roto"),
        ("cancel_reason", "out_of_stock", "cancel_text", "no hay existencias", "out of stock"),
        ("status", "unpaid", "status_text", "pendiente de pago", "awaiting payment"),
        ("payment_method", "Cash on Delivery (COD)", "method_text", "pago contra entrega", "cash on delivery"),
        ("payment_method", "Direct bank transfer", "method_text", "transferencia", "bank transfer"),
        ("payment_method", "gift_card", "method_text", "tarjeta de regalo", "gift card"),
        ("payment_method", "PayPal", "method_text", "PayPal", "PayPal"),
        ("payment_method", "mercado_pago", "method_text", "Mercado Pago", "Mercado Pago"),
        ("payment_method", '<img src="x"/> PayPhone &amp; cuotas', "method_text", "PayPhone & cuotas", "PayPhone & cuotas"),
        ("carrier", "Other", "carrier", "", ""),
        ("carrier", " Servientrega&nbsp;EC ", "carrier", "Servientrega EC", "Servientrega EC"),
        ("tracking_number", "<b>77</b>", "tracking_text", "guía 77", "tracking 77"),
        ("reason", "a < b & c", "reason_line", "a < b & c", "a < b & c"),
        ("payment_method", "gift_card + Tarjeta", "method_text", "tarjeta de regalo + tarjeta", "gift card + card"),
        ("payment_method", "cash + Algo", "method_text", "efectivo + Algo", "cash + Algo"),
        ("payment_method", "cash + Efectivo", "method_text", "efectivo", "cash"),
        ("payment_method", "Tarjeta_a b", "method_text", "Tarjeta_a b", "Tarjeta_a b"),
    ],
)  # fmt: skip
def test_known_code_has_words_in_both_languages(field, code, variable, es, en):
    assert order_words({field: code}, "es")[variable] == es
    assert order_words({field: code}, "en")[variable] == en


def test_parcel_that_is_not_sent_after_all_is_told():
    fields = {"changed": ("fulfillment_status",), "fulfillment_status": "unfulfilled"}
    assert (
        order_words(fields, "es")["changed_text"] == "cambió el estado del envío (ahora sin enviar)"
    )


def test_state_of_the_parcel_is_told_beside_that_of_the_order_and_not_twice():
    partly = {"order_number": "7", "status": "pending", "fulfillment_status": "partial"}
    assert note("order.updated", "es", partly) == (
        "Pedido 7 actualizado: pendiente de pago, enviado en parte (Shopify)"
    )
    twice = {"order_number": "7", "status": "delivered", "fulfillment_status": "delivered"}
    assert note("order.updated", "en", twice) == "Order 7 updated: delivered (Shopify)"


@pytest.mark.parametrize(
    ("group", "es", "en"),
    [
        ("shops", "Se registró en la tienda", "Created an account in the shop"),
        ("crm", "Nueva ficha de cliente", "New customer record"),
        ("accounting", "Nueva ficha de cliente", "New customer record"),
        ("payments", "Nueva ficha de cliente", "New customer record"),
    ],
)
def test_only_a_shop_has_accounts(group, es, en):
    for source, told in ((SOURCES["es"], es), (SOURCES["en"], en)):
        platform = replace(source.platform, group=group)
        text = note_of("customer.created", {}, replace(source, platform=platform))
        assert text == f"{told} (Tienda Norte)"


def test_refund_of_the_whole_that_is_called_one_of_a_part_has_one_amount():
    fields = {"order_number": "7", "refund_amount": "$49,90", "amount": "$49,90"}
    told = note("order.partially_refunded", "es", fields)
    assert told == "Reembolso parcial del pedido 7: $49,90 (Shopify)"


LONG = "x" * 10_000


@pytest.mark.parametrize("text", [LONG, "a\x00\x1b[31mb\x85c", "<b>1042</b>\u200b", "{{ 7 * 7 }}"])
@pytest.mark.parametrize("event_type", ORDER_NOTES)
def test_odd_number_or_reference_leaves_one_line_that_fits(event_type, text):
    names = ("order_number", "order_id", "reference", "payment_id", "carrier", "plan", "status",
             "payment_method", "reason", "tracking_url", "checkout_url")  # fmt: skip
    fields = {**dict.fromkeys(names, text), "amount": usd("49.90")}
    for language in LANGUAGES:
        note = note_of(event_type, fields, SOURCES[language])
        assert len(note) < 400
        assert note.isprintable()
        assert "49 (" not in note


def test_long_link_is_whole_or_absent():
    link = "https://tienda.example/" + "k" * 500
    fields = {"checkout_url": link}
    assert link in note_of("checkout.created", fields, SOURCES["es"])
    assert "k" not in note_of("checkout.created", {"checkout_url": link * 2}, SOURCES["es"])
