"""Orders of shops as they are told over time: once, with what changed, by whichever topic."""

import json
from datetime import timedelta
from itertools import permutations

import pytest
import senders
from remembering import Remembering

from relay.model import Ended, Held, Ignored
from relay.pipeline import flattened, translate


@pytest.fixture
def woo():
    return Remembering(senders.source_of("woocommerce"))


@pytest.fixture
def shopify():
    return Remembering(senders.source_of("shopify"))


def day(hours: float = 0, zone: str = "") -> str:
    """A time so many hours before NOW."""
    return (senders.NOW - timedelta(hours=hours)).replace(tzinfo=None).isoformat() + zone


COUNT = iter(range(10**6))


def saved(topic="order.updated", *, shop="https://tienda.example/", **changes):
    """An order of WooCommerce as it is sent after a save, under a delivery id of its own."""
    common = {
        "id": 7001, "number": "7001", "status": "processing", "total": "100.00", "refunds": [],
        "date_created_gmt": day(30), "date_modified_gmt": day(2), "date_paid_gmt": None,
        "date_completed_gmt": None, "line_items": [], "shipping_lines": [],
        "x-wc-webhook-topic": topic, "x-wc-webhook-source": shop,
        "x-wc-webhook-delivery-id": f"{next(COUNT):032}",
    }  # fmt: skip
    return senders.sent("woocommerce", "order_created", **{**common, **changes})


def sent(topic="orders/updated", *, shop="uno.myshopify.com", **changes):
    """An order of Shopify under a webhook id of its own."""
    common = {
        "id": 9001, "name": "#9001", "total_price": "80.00", "total_price_set": None,
        "currency": "USD", "current_total_price": "80.00", "current_total_price_set": None,
        "financial_status": "pending", "fulfillment_status": None, "cancelled_at": None,
        "cancel_reason": None, "refunds": [], "created_at": day(30, "Z"), "updated_at": day(2, "Z"),
        "x-shopify-topic": topic, "x-shopify-shop-domain": shop, "x-shopify-event-id": ...,
        "x-shopify-webhook-id": str(next(COUNT)),
    }  # fmt: skip
    return senders.sent("shopify", "orders/create", **{**common, **changes})


# WooCommerce.


@pytest.mark.parametrize("status", ["checkout-draft", "auto-draft", "draft", "wc-checkout-draft"])
@pytest.mark.parametrize("topic", ["order.created", "order.updated"])
def test_draft_is_no_order(woo, topic, status):
    assert woo.outcome(saved(topic, status=status)) == ["draft"]
    assert woo.memories == {}


def test_order_is_created_once_whatever_its_delivery_and_dates(woo):
    assert woo.outcome(saved("order.created")) == ["order.created"]
    assert woo.outcome(saved("order.created")) == ["duplicate"]
    assert woo.outcome(saved("order.created", date_modified_gmt=day(1))) == ["duplicate"]
    woo.keys.clear()  # they are forgotten before the order is
    again = saved("order.created", date_created_gmt=day(), date_modified_gmt=day())
    assert woo.outcome(again) == ["duplicate"]


@pytest.mark.parametrize("status", ["pending", "on-hold", "processing"])
def test_creation_tells_the_state_that_an_order_begins_with(woo, status):
    assert woo.outcome(saved("order.created", status=status)) == ["order.created"]
    later = saved(status=status, date_modified_gmt=day(1))
    assert woo.outcome(later) == ["nothing_changed"]


PAID = {"date_paid_gmt": day(3)}
DONE = {"date_paid_gmt": day(3), "date_completed_gmt": day(1), "status": "completed"}


def test_life_of_an_order(woo):
    assert woo.outcome(saved("order.created", status="pending")) == ["order.created"]
    assert woo.outcome(saved(**PAID)) == ["order.paid"]
    assert woo.outcome(saved(**DONE, date_modified_gmt=day(1))) == ["order.fulfilled"]
    refunded = {"refunds": [{"id": 1, "reason": "talla", "total": "-40.00"}]}
    assert woo.outcome(saved(**DONE, **refunded, date_modified_gmt=day(0.9))) == [
        "order.partially_refunded"
    ]
    (note,) = woo.notes
    start = "Reembolso parcial del pedido 7001: $40,00 de $100,00, quedan $60,00"
    assert note == f"{start}, motivo: talla (WooCommerce)"
    rest = {"refunds": [*refunded["refunds"], {"id": 2, "total": "-60.00"}], "status": "refunded"}
    assert woo.outcome(saved(**DONE | rest, date_modified_gmt=day(0.8))) == ["order.refunded"]
    assert "$60,00" in woo.notes[0]
    assert woo.outcome(saved(**DONE | rest, date_modified_gmt=day(0.7))) == ["nothing_changed"]


def test_order_of_the_block_checkout_is_created_when_it_is_no_draft_any_more(woo):
    via = {"created_via": "store-api"}
    assert woo.outcome(saved("order.created", status="checkout-draft", **via)) == ["draft"]
    placed = {**via, "date_created_gmt": day(3)}
    assert woo.outcome(saved(status="pending", **placed)) == ["order.created"]
    paid = saved(**PAID, **placed, date_modified_gmt=day(1))
    assert woo.outcome(paid) == ["order.paid"]
    assert woo.outcome(saved("order.created", **placed, date_modified_gmt=day(1))) == ["duplicate"]
    at_once = saved(**PAID, **placed, id=2)
    assert woo.outcome(at_once) == ["order.created", "order.paid"]
    # What is saved a day later was told, or is old.
    assert woo.outcome(saved(**via, status="pending", id=3)) == ["order.updated"]
    assert woo.outcome(saved(status="pending", date_created_gmt=day(3), id=4)) == ["order.updated"]


@pytest.mark.parametrize("name", ["total", "amount"])
@pytest.mark.parametrize("ids", [{}, {"id": 0}, {"id": None}])
def test_refunds_without_ids_are_told_by_their_sum(woo, name, ids):
    woo.outcome(saved("order.created"))
    once, twice = {**ids, name: "-20.00"}, {**ids, name: "-20.00"}
    assert woo.outcome(saved(refunds=[once])) == ["order.partially_refunded"]
    assert "$20,00 de $100,00, quedan $80,00" in woo.notes[0]
    assert woo.outcome(saved(refunds=[once], date_modified_gmt=day(1))) == ["nothing_changed"]
    both = saved(refunds=[once, twice], date_modified_gmt=day(0.5))
    assert woo.outcome(both) == ["order.partially_refunded"]
    assert "$20,00 de $100,00, quedan $60,00" in woo.notes[0]


@pytest.mark.parametrize("at_once", [True, False])
def test_paid_and_completed_at_once_are_both_told(woo, at_once):
    paid_at = day(1) if at_once else day(3)
    outcome = woo.outcome(saved(**{**DONE, "date_paid_gmt": paid_at}))
    assert outcome == (["order.paid"] if at_once else []) + ["order.fulfilled"]


def test_payment_that_fails_twice_is_told_twice(woo):
    states = ["failed", "pending", "failed", "failed"]
    outcome = [
        woo.outcome(saved(status=s, date_modified_gmt=day(9 - n))) for n, s in enumerate(states)
    ]
    assert outcome == [["order.failed"], ["order.updated"], ["order.failed"], ["nothing_changed"]]


def test_order_of_last_year_that_is_saved_is_an_update(woo):
    old = {"date_created_gmt": day(5000), "date_paid_gmt": day(4900)}
    assert woo.outcome(saved(**{**DONE, **old, "date_completed_gmt": day(4800)})) == [
        "order.updated"
    ]
    assert woo.outcome(saved(**old, status="refunded", id=2)) == ["order.updated"]


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        ({"total": "131.00"}, "cambió el total (ahora $131,00)"),
        ({"shipping": {"address_1": "Otra 9"}}, "cambió la dirección de envío"),
        ({"customer_note": "Timbre"}, "cambió la nota del pedido"),
        ({"payment_method_title": "Tarjeta"}, "cambió la forma de pago"),
        ({"status": "pending"}, "cambió el estado (ahora pendiente de pago)"),
        ({"status": "wc-en-camino"}, "cambió el estado (ahora en camino)"),
        ({"status": "wc-partial-shipped"}, "cambió el estado (ahora enviado en parte)"),
        ({"status": "Preparing"}, "cambió el estado (ahora en preparación)"),
        ({"line_items": [{"name": "Taza", "quantity": 2}]}, "cambiaron los productos"),
    ],
)
def test_update_says_what_changed(woo, changes, note):
    woo.outcome(saved())
    assert woo.outcome(saved(**changes, date_modified_gmt=day(1))) == ["order.updated"]
    assert woo.notes == [f"Pedido 7001 actualizado: {note} (WooCommerce)"]


def test_two_shops_have_two_orders_of_a_number(woo):
    for topic, status, outcome in [
        ("order.created", "pending", "order.created"),
        ("order.updated", "cancelled", "order.cancelled"),
    ]:
        for shop, total in [("https://a.example/", "100.00"), ("https://b.example/", "310.00")]:
            assert woo.outcome(saved(topic, shop=shop, status=status, total=total)) == [outcome]


@pytest.mark.parametrize("other", ["https://tienda.example", "http://Tienda.example/"])
def test_shop_is_known_by_its_address_however_it_is_written(woo, other):
    """WooCommerce sends from a visit by https or from a task of its own by http."""
    assert woo.outcome(saved("order.created")) == ["order.created"]
    again = saved("order.created", shop=other, date_modified_gmt=day(1))
    assert woo.outcome(again) == ["duplicate"]
    assert woo.outcome(saved(shop=other, date_modified_gmt=day(0.5))) == ["nothing_changed"]


def test_captured_body_is_one_event_under_any_delivery_and_shop(woo):
    assert woo.outcome(saved(status="cancelled")) == ["order.cancelled"]
    assert woo.outcome(saved(status="cancelled", shop="https://other.example/")) == ["duplicate"]


@pytest.mark.parametrize(
    ("topic", "changes"),
    [
        ("customer.updated", {}),
        ("order.updated", {"username": "ana"}),
        ("order.created", {"billing_period": "month", "status": "active"}),  # of a subscription
    ],
)
def test_woocommerce_topic_that_contradicts_its_body_is_held(woo, topic, changes):
    (held,) = translate(saved(topic, **changes), woo.source)
    assert isinstance(held, Held)
    assert held.reason == "topic_mismatch"


# Shopify.


@pytest.mark.parametrize(
    ("topic", "changes"),
    [
        ("orders/create", {"x-shopify-test": "true"}),
        ("customers/update", {"x-shopify-test": "true", "line_items": ...}),
        ("orders/paid", {"test": True, "financial_status": "paid"}),
        ("orders/updated", {"test": "true"}),
    ],
)
def test_test_is_no_sale(shopify, topic, changes):
    assert shopify.outcome(sent(topic, **changes)) == ["test"]
    assert shopify.memories == {}


TOPICS = ["orders/create", "orders/updated", "orders/paid"]


@pytest.mark.parametrize("order", list(permutations(TOPICS)))
def test_topics_of_one_sale_come_in_any_order(shopify, order):
    outcome = [
        name for topic in order for name in shopify.outcome(sent(topic, financial_status="paid"))
        if name.startswith("order.")
    ]  # fmt: skip
    assert sorted(outcome) == ["order.created", "order.paid"]
    later = sent(financial_status="paid", updated_at=day(1, "Z"))
    assert shopify.outcome(later) == ["nothing_changed"]


def test_order_that_got_new_items_is_paid_again(shopify):
    """Its state goes back to paid in part; a body of before, too late, changes nothing of that."""
    assert shopify.outcome(sent("orders/paid", financial_status="paid")) == ["order.paid"]
    total = {"total_price": "95.00", "current_total_price": "95.00"}
    part = sent(financial_status="partially_paid", **total, updated_at=day(1, "Z"))
    assert shopify.outcome(part) == ["order.updated"]
    late = sent(financial_status="paid", updated_at=day(1.5, "Z"))
    assert shopify.outcome(late) == ["stale"]
    paid = {"financial_status": "paid", **total, "updated_at": day(0.5, "Z")}
    assert shopify.outcome(sent("orders/paid", **paid)) == ["order.paid"]
    assert shopify.outcome(sent(**paid)) == ["duplicate"]


def transaction(amount, **more):
    return {"kind": "refund", "status": "success", "amount": amount, "currency": "USD", **more}


@pytest.mark.parametrize(
    "changes",
    [
        {"current_total_price": "30.00"},
        {"refunds": [{"created_at": day(1, "Z"), "transactions": [transaction("50.00")]}]},
        {"refunds": [{"transactions": [transaction("20.00"), transaction("30.00")]},
                     {"transactions": [transaction("9.00", status="failure")]}]},
    ],
)  # fmt: skip
def test_part_given_back_is_told_with_what_is_left(shopify, changes):
    part = sent(financial_status="partially_refunded", **changes)
    assert shopify.outcome(part) == ["order.partially_refunded"]
    note = "Reembolso parcial del pedido #9001: $50,00 de $80,00, quedan $30,00 (Shopify)"
    assert shopify.notes == [note]
    whole = sent(financial_status="refunded", updated_at=day(1, "Z"), current_total_price="0.00")
    assert shopify.outcome(whole) == ["order.refunded"]
    assert shopify.notes == ["Pedido #9001 reembolsado: $30,00 (Shopify)"]


FEWER = {"name": "Taza", "quantity": 2, "current_quantity": 1}
TAKEN_OUT = {"id": 4, "transactions": [], "refund_line_items": [{"quantity": 1}]}


@pytest.mark.parametrize(
    ("changes", "amount"),
    [
        ({"current_total_price": "60.00", "line_items": [FEWER]}, "$60,00"),
        ({"current_total_price": "60.00", "refunds": [TAKEN_OUT]}, "$60,00"),
        ({"current_total_price": "60.00"}, "$80,00"),
        ({"current_total_price": "0.00", "refunds": [TAKEN_OUT]}, "$80,00"),
        (
            {"current_total_price": "9.00", "refunds": [TAKEN_OUT], "cancelled_at": day(1, "Z")},
            "$80,00",
        ),
        # In the currency of the shop, while the buyer saw another.
        (
            {
                "current_total_price": "60.00",
                "refunds": [TAKEN_OUT],
                "currency": "EUR",
                "total_price_set": {
                    "presentment_money": {"amount": "80.00", "currency_code": "USD"}
                },
            },
            "$80,00",
        ),
    ],
)
def test_amount_is_that_of_the_lines_that_are_left(shopify, changes, amount):
    state = "cancelled" if "cancelled_at" in changes else "updated"
    assert shopify.outcome(sent(f"orders/{state}", **changes)) == [f"order.{state}"]
    assert amount in shopify.notes[0]


def test_what_is_given_back_is_counted_in_the_buyers_currency(shopify):
    pair = {"presentment_money": {"amount": "80.00", "currency_code": "USD"}}
    changes = {"total_price": "320000.00", "currency": "COP", "total_price_set": pair}
    part = {"financial_status": "partially_refunded", "current_total_price": "240000.00"}
    assert shopify.outcome(sent("orders/paid", **changes, financial_status="paid")) == [
        "order.paid"
    ]
    told = shopify.outcome(sent(**changes, **part, updated_at=day(1, "Z")))
    assert told == ["order.updated"]  # how much it was cannot be said
    assert "-" not in shopify.notes[0]


def test_refund_by_its_own_topic_does_not_hide_the_orders(shopify):
    """Its body names nobody; the order that follows is told."""
    refund = senders.sent("shopify", "refunds/create", order_id=9001)
    assert shopify.outcome(refund) == ["needs_order"]
    part = sent(financial_status="partially_refunded", current_total_price="30.00")
    assert shopify.outcome(part) == ["order.partially_refunded"]


def test_cancelled_order_is_told_once_by_two_topics(shopify):
    cancelled = {"cancelled_at": day(3, "Z"), "cancel_reason": "inventory"}
    assert shopify.outcome(sent("orders/cancelled", **cancelled)) == ["order.cancelled"]
    assert shopify.notes == ["Pedido #9001 cancelado, $80,00: no hay existencias (Shopify)"]
    assert shopify.outcome(sent(**cancelled)) == ["duplicate"]


def test_sent_order_is_told_once_by_two_topics(shopify):
    states = {"financial_status": "paid", "fulfillment_status": "fulfilled"}
    assert shopify.outcome(sent(**states)) == ["order.paid", "order.fulfilled"]
    assert shopify.outcome(sent("orders/fulfilled", **states)) == ["duplicate"]


@pytest.mark.parametrize("verb", ["paid", "fulfilled"])
def test_step_of_an_old_order_is_told_by_its_topic(shopify, verb):
    states = {"financial_status": "paid", "fulfillment_status": "fulfilled"}
    assert shopify.outcome(sent(f"orders/{verb}", **states, created_at=day(900, "Z"))) == [
        f"order.{verb}"
    ]


NOBODY = {
    "customer": None, "email": "", "contact_email": None, "phone": None,
    "billing_address": None, "shipping_address": None,
}  # fmt: skip
ANA = {**NOBODY, "email": "ana@example.com"}


def test_order_of_nobody_is_news_when_somebody_is_named(shopify):
    assert shopify.outcome(sent("orders/create", **NOBODY)) == ["names_nobody"]
    assert shopify.memories == {}
    assert shopify.outcome(sent("orders/paid", financial_status="paid", **ANA)) == ["order.paid"]
    # Somebody is named and lost again: what was told stays told.
    gone = {"financial_status": "paid", "updated_at": day(1, "Z")}
    assert shopify.outcome(sent(**gone, **NOBODY)) == ["names_nobody"]
    assert shopify.outcome(sent(**gone, **ANA)) == ["nothing_changed"]


def test_email_that_is_added_changes_no_name(shopify):
    phone = {**NOBODY, "billing_address": {"phone": "0999000001", "country_code": "EC"}}
    shopify.outcome(sent("orders/create", **phone))
    assert shopify.outcome(sent(**{**phone, "email": "ana@example.com"})) == ["order.updated"]
    assert shopify.notes == ["Pedido #9001 actualizado: cambió el correo (Shopify)"]


@pytest.mark.parametrize("topic", ["checkouts/create", "checkouts/update"])
def test_purchase_that_is_completed_is_told_by_its_order(shopify, topic):
    webhook_id = {"x-shopify-webhook-id": topic, "x-shopify-event-id": ...}
    done = senders.sent("shopify", topic, completed_at=day(1, "Z"), **webhook_id)
    assert shopify.outcome(done) == ["nothing_changed"]
    items = flattened(translate(done, shopify.source))
    assert [type(item) for item in items] == [Ignored, Ended]


def test_two_subscriptions_tell_one_event_once_but_both_of_its_topics(shopify):
    event_id = {"x-shopify-event-id": "e1", "financial_status": "paid"}
    assert shopify.outcome(sent("orders/create", **event_id)) == ["order.created"]
    assert shopify.outcome(sent("orders/paid", **event_id)) == ["order.paid"]
    assert shopify.outcome(sent("orders/paid", **event_id, note="x")) == ["duplicate"]
    assert shopify.outcome(sent("orders/paid", **event_id, id=9002)) == ["order.paid"]


def test_two_shops_of_shopify_have_two_orders(shopify):
    for shop in ("uno.myshopify.com", "dos.myshopify.com"):
        assert shopify.outcome(sent("orders/create", shop=shop, note=shop)) == ["order.created"]


@pytest.mark.parametrize(
    ("topic", "changes", "is_held"),
    [
        ("orders/cancelled", {"cancelled_at": None}, True),
        ("orders/cancelled", {"cancelled_at": ...}, False),
        ("orders/paid", {"financial_status": "pending"}, True),
        ("orders/paid", {"financial_status": "voided"}, True),
        ("orders/paid", {"financial_status": "PAID"}, False),
        ("orders/paid", {"financial_status": "partially_refunded"}, False),
        ("orders/paid", {"financial_status": ...}, False),
        ("orders/fulfilled", {"fulfillment_status": None}, True),
        ("orders/fulfilled", {"fulfillment_status": "partial"}, True),
        ("orders/fulfilled", {"fulfillment_status": ...}, False),
        ("customers/update", {}, True),
        ("customers/create", {}, True),
        ("checkouts/create", {}, True),
        ("refunds/create", {}, True),
        ("fulfillments/create", {}, True),
        ("orders/create", {"abandoned_checkout_url": "https://x.example"}, True),
        ("orders/create", {"abandoned_checkout_url": None}, False),
        ("orders/create", {"name": "#D1", "invoice_url": "https://x.example/d"}, True),  # a draft
        ("orders/updated", {"cancelled_at": None, "financial_status": "voided"}, False),
    ],
)
def test_topic_that_contradicts_its_body_is_held(shopify, topic, changes, is_held):
    outcome = shopify.outcome(sent(topic, **changes))
    assert (outcome == ["topic_mismatch"]) is is_held


def test_account_that_is_saved_without_a_change_is_not_told(shopify):
    def customer(**changes):
        ids = {"x-shopify-webhook-id": str(next(COUNT)), "x-shopify-event-id": ...}
        return senders.sent("shopify", "customers/update", **ids, **changes)

    assert shopify.outcome(customer(updated_at=day(3, "Z"))) == ["customer.updated"]
    assert shopify.outcome(customer(updated_at=day(2, "Z"), orders_count=7)) == ["nothing_changed"]
    changed = customer(updated_at=day(1, "Z"), phone="+593999000077", last_name="Otro")
    assert shopify.outcome(changed) == ["customer.updated"]
    assert shopify.notes == ["Cambió sus datos: nombre, teléfono (Shopify)"]


def test_number_is_the_orders_and_all_parcels_are_named(shopify):
    numbers = ["EC201", "EC202"]
    changes = {"name": "#1042.12", "tracking_number": "EC201", "tracking_numbers": numbers,
               "tracking_company": "Servientrega", "tracking_url": "https://rastreo.example/EC201"}  # fmt: skip
    shopify.outcome(senders.sent("shopify", "fulfillments/create", **changes))
    (note,) = shopify.notes
    start = "Pedido #1042 enviado con Servientrega, guías EC201, EC202"
    assert note == f"{start}: https://rastreo.example/EC201 (Shopify)"


def test_link_of_a_parcel_may_stand_in_a_list(shopify):
    urls = {"tracking_numbers": ["EC1"], "tracking_urls": ["https://rastreo.example/EC1"]}
    shopify.outcome(parcel("fulfillments/create", **urls))
    assert "https://rastreo.example/EC1" in shopify.notes[0]


def test_order_without_its_name_has_its_number(shopify):
    shopify.outcome(sent("orders/create", name=None, order_number=1042))
    assert shopify.notes[0].startswith("Pedido 1042 creado")


def test_removed_items_are_not_named(shopify):
    lines = [{"name": "Taza &amp; plato", "quantity": 2, "current_quantity": 1},
             {"name": "Café", "quantity": 1, "current_quantity": 0}, {"title": "Té"}, {"quantity": 3}]  # fmt: skip
    shopify.outcome(sent("orders/create", line_items=lines))
    assert shopify.notes == [
        "Pedido #9001 creado por $80,00: 1 \N{MULTIPLICATION SIGN} Taza & plato, Té (Shopify)"
    ]


def test_body_of_another_kind_says_why_it_is_held(shopify):
    (held,) = translate(sent("customers/update"), shopify.source)
    assert json.loads(held.raw)["id"] == 9001
    assert held.reasons["topic"] == "contradicts the body"


def subscription(**changes):
    start = day(24 * 60)
    body = {
        "id": 6120, "number": "6120", "status": "active", "date_modified_gmt": day(60),
        "start_date_gmt": start, "last_payment_date_gmt": start, "payment_retry_date_gmt": "",
        "cancelled_date_gmt": "", "date_paid_gmt": None, "date_completed_gmt": None,
    }  # fmt: skip
    return senders.sent("woocommerce", "subscription_updated", **body | changes)


NOTHING = (["nothing_changed"], ["duplicate"])


def test_life_of_a_subscription(woo):
    assert woo.outcome(subscription()) in NOTHING
    renewed = {"last_payment_date_gmt": day(48)}
    # While it is renewed it pauses for a moment.
    pause = subscription(status="on-hold", date_modified_gmt=day(49))
    assert woo.outcome(pause) in NOTHING
    assert woo.outcome(subscription(**renewed, date_modified_gmt=day(48))) == [
        "subscription.renewed"
    ]
    assert woo.notes[0].startswith("Se renovó «")
    failed = {"status": "on-hold", "payment_retry_date_gmt": day(-24)}
    assert woo.outcome(subscription(**renewed, **failed, date_modified_gmt=day(20))) == [
        "subscription.payment_failed"
    ]
    assert woo.outcome(subscription(**renewed, **failed, date_modified_gmt=day(19))) in NOTHING
    ended = {"cancelled_date_gmt": day(5)}
    pending = subscription(**renewed, **ended, status="pending-cancel", date_modified_gmt=day(5))
    assert woo.outcome(pending) == ["subscription.cancelled"]
    last = subscription(**renewed, **ended, status="wc-cancelled", date_modified_gmt=day(1))
    assert woo.outcome(last) in NOTHING


def parcel(topic="fulfillments/update", **changes):
    body = {
        "id": 77,
        "order_id": 9001,
        "name": "#9001.1",
        "updated_at": day(2, "Z"),
        "shipment_status": None,
    }
    event_id = {"x-shopify-webhook-id": json.dumps(changes), "x-shopify-event-id": ...}
    tracking = {"tracking_number": None, "tracking_numbers": [], "tracking_url": None}
    return senders.sent("shopify", topic, **body | tracking | event_id | changes)


@pytest.mark.parametrize("status", ["cancelled", "error", "failure"])
def test_parcel_that_was_not_sent_is_none(shopify, status):
    assert shopify.outcome(parcel("fulfillments/create", status=status)) == ["not_sent"]
    assert shopify.outcome(parcel(status="success", updated_at=day(1, "Z"))) == ["order.shipped"]


@pytest.mark.parametrize("status", ["pending", "open"])
def test_parcel_that_waits_for_a_service_has_not_left(shopify, status):
    assert shopify.outcome(parcel("fulfillments/create", status=status)) == ["not_sent"]
    with_number = parcel(status=status, tracking_numbers=["EC1"], updated_at=day(1, "Z"))
    assert shopify.outcome(with_number) == ["order.shipped"]


def test_parcel_is_told_when_it_leaves_gets_its_number_and_arrives(shopify):
    assert shopify.outcome(parcel("fulfillments/create", updated_at=day(3, "Z"))) == [
        "order.shipped"
    ]
    assert shopify.outcome(parcel()) == ["nothing_changed"]
    number = {"tracking_numbers": ["EC1"], "tracking_url": "https://rastreo.example/EC1"}
    assert shopify.outcome(parcel(**number, updated_at=day(1, "Z"))) == ["order.shipped"]
    assert "guía EC1" in shopify.notes[0]
    arrived = parcel(**number, shipment_status="delivered", updated_at=day(0, "Z"))
    assert shopify.outcome(arrived) == ["shipment.delivered"]
    assert shopify.notes == ["Le entregaron el pedido #9001 (Shopify)"]


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["gift_card", "Transferencia bancaria"], " con tarjeta de regalo + transferencia "),
        (["gift_card", "gift_card"], " con tarjeta de regalo "),
        (["", "paypal", None], " con PayPal "),
        ("paypal", " con PayPal "),
        ([], ""),
    ],
)
def test_every_way_in_which_an_order_was_paid_is_told(shopify, names, told):
    shopify.outcome(sent("orders/paid", financial_status="paid", payment_gateway_names=names))
    assert shopify.notes == [f"Pedido #9001 pagado: $80,00{told or ' '}(Shopify)"]
