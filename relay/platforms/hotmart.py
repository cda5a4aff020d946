"""Hotmart: sales of courses and subscriptions, JSON, with the account's fixed token.

The token stands in `X-HOTMART-HOTTOK`; older bodies carry it as `hottok` too. Nothing signs the
body. `id` is that of the event, the same when it is sent again from the panel; times are in
milliseconds. The phone comes in two fields, code and number, and the code is at times a whole
number; an abandoned cart has one field. Amounts are numbers, in the currency that the buyer paid.
Deadline and retries are not documented; an address in error can be switched off.

https://developers.hotmart.com/docs/en/2.0.0/webhook/about-webhook/ (read 2026-11, a copy)
"""

from typing import Final

from relay.inbound.composite_fields import Amount, Person
from relay.inbound.contract import Platform
from relay.inbound.payload_fields import Id, Text, Time
from relay.inbound.payload_schema import ListOf, PayloadSchema
from relay.inbound.places import Field
from relay.inbound.signature import Bearer
from relay.inbound.topics import Shape, Topic


class _PurchaseSchema(PayloadSchema):
    event_id = Id("id")
    at = Time("creation_date", "creationDate")
    id = Id("data.purchase.transaction")
    order_number = Id("data.purchase.transaction")
    amount = Amount("data.purchase.full_price.value", "data.purchase.full_price.currency_value")
    items = ListOf(Text(), "data.product.name")
    plan = Text("data.subscription.plan.name", "subscription.plan.name")
    status = Text("data.purchase.status")
    payment_method = Text("data.purchase.payment.type")
    payment_url = Text("data.purchase.sckPaymentLink")
    buyer = Person(
        "data.buyer",
        email="email",
        name="name",
        first_name="first_name",
        last_name="last_name",
        phones=("checkout_phone_code + checkout_phone", "checkout_phone", "phone"),
        id_number="document",
        country="address.country_iso",
    )
    account = Person("data.subscriber", email="email", name="name", phones="phone.phone")


_SALE: Final = Shape(schema=_PurchaseSchema(), kind="sale")
_ALONE: Final = Shape(schema=_PurchaseSchema())


def _step(event_type: str, state: str) -> Topic:
    return Topic(type=event_type, shape=_SALE, step=state)


platform = Platform(
    name="hotmart",
    title="Hotmart",
    docs="https://developers.hotmart.com/docs/en/2.0.0/webhook/about-webhook/",
    group="shops",
    scheme=Bearer(header="x-hotmart-hottok", prefix=""),
    topic=Field("event"),
    topics={
        "PURCHASE_BILLET_PRINTED": _step("order.on_hold", "pending"),
        "PURCHASE_APPROVED": _step("order.paid", "approved"),
        "PURCHASE_COMPLETE": _step("order.fulfilled", "complete"),
        "PURCHASE_CANCELED": _step("order.cancelled", "cancelled"),
        "PURCHASE_DELAYED": _step("order.failed", "delayed"),
        "PURCHASE_EXPIRED": _step("order.failed", "expired"),
        "PURCHASE_REFUNDED": _step("order.refunded", "refunded"),
        "PURCHASE_CHARGEBACK": _step("payment.charged_back", "chargeback"),
        "PURCHASE_OUT_OF_SHOPPING_CART": Topic(type="checkout.abandoned", shape=_ALONE),
        "SUBSCRIPTION_CANCELLATION": Topic(type="subscription.cancelled", shape=_ALONE),
    },
    disable_after="an address in error can be switched off",
    setup={
        "es": (
            "En Hotmart abra Herramientas > Webhook y cree una configuración.",
            "Pegue la dirección de esta fuente, elija la versión 2.0.0 y los eventos de compra.",
            "Copie el hottok de la cuenta a HOTMART_SECRET.",
        ),
        "en": (
            "In Hotmart open Tools > Webhook (API and notifications) and add a configuration.",
            "Paste the address of this source, choose version 2.0.0 and the purchase events.",
            "Copy the account's hottok to HOTMART_SECRET.",
        ),
    },
)
