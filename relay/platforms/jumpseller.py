"""Jumpseller: orders and customers, JSON, signed.

Signs base64 HMAC-SHA256 of the raw body with the hooks token of the notifications page (not that of
the API). Topic and time are in headers, which nothing signs. Wants 2xx within 15 s; else four more
times, after 1, 16, 81 and 256 minutes; after eight failures the hook is paused and the shop's owner
gets an e-mail. There is no id of a delivery: an equal body of one topic is one event. The number
that the buyer sees is the id. Amounts are numbers. The phone has no prefix at times, and is read
with the country of the billing address.

https://jumpseller.com/support/webhooks/ (read 2026-11)
"""

from typing import Final

from relay.inbound.composite_fields import Amount, Items, Person
from relay.inbound.contract import Platform
from relay.inbound.payload_fields import Id, Text, Time
from relay.inbound.payload_schema import PayloadSchema
from relay.inbound.places import Header
from relay.inbound.signature import Hmac
from relay.inbound.topics import Shape, Topic, created


class _OrderSchema(PayloadSchema):
    id = Id("order.id", required=True)
    created_at = Time("order.created_at")
    order_number = Id("order.id")
    amount = Amount("order.total", "order.currency")
    items = Items("order.products", quantity="qty")
    status = Text("order.status_enum", "order.status")
    fulfillment_status = Text("order.shipment_status", "order.fulfillment_status")
    payment_method = Text("order.payment_method_name")
    shipping_method = Text("order.shipping_method_name")
    note = Text("order.additional_information")
    payment_url = Text("order.checkout_url")
    checkout_url = Text("order.recovery_url", "order.checkout_url")
    carrier = Text("order.tracking_company")
    tracking_number = Id("order.tracking_number")
    tracking_url = Text("order.tracking_url")
    buyer = Person(
        "order",
        email="customer.email",
        phones="customer.phone",
        name="customer.fullname",
        country="billing_address.country_code",
    )
    billing = Person(
        "order.billing_address",
        name="name + surname",
        id_number="taxid",
        country="country_code",
    )
    recipient = Person(
        "order.shipping_address",
        first_name="name",
        last_name="surname",
        lines=("address", "street_number"),
        city="city",
        state="region",
        zip_code="postal",
        country="country_code",
    )


class _CustomerSchema(PayloadSchema):
    id = Id("customer.id", required=True)
    buyer = Person(
        "customer",
        email="email",
        phones=("phone", "billing_address.phone"),
        name="fullname",
        country="billing_address.country_code",
    )


_ORDER: Final = Shape(
    schema=_OrderSchema(),
    kind="order",
    shown=("status", "fulfillment_status", "amount", "items", "recipient", "buyer", "note"),
)
_CART: Final = Shape(schema=_OrderSchema(), kind="cart")
_CUSTOMER: Final = Shape(schema=_CustomerSchema(), kind="customer", shown=("buyer",))


def _step(event_type: str, state: str) -> Topic:
    return Topic(type=event_type, shape=_ORDER, step=state)


platform = Platform(
    name="jumpseller",
    title="Jumpseller",
    docs="https://jumpseller.com/support/webhooks/",
    group="shops",
    scheme=Hmac(headers=("jumpseller-hmac-sha256",)),
    topic=Header("jumpseller-event"),
    shop=Header("jumpseller-store-code"),
    sent_at=Header("jumpseller-triggered-at"),
    body_is_key=True,
    topics={
        "order_pending_payment": created("order.created", _ORDER),
        "order_paid": _step("order.paid", "paid"),
        "order_shipped": _step("order.shipped", "shipped"),
        "order_canceled": _step("order.cancelled", "cancelled"),
        "order_in_preparation": _step("order.updated", "in_preparation"),
        "order_pickup_available": _step("order.updated", "pickup_available"),
        "order_updated": Topic(type="order.updated", shape=_ORDER, updates=True),
        "order_abandoned": Topic(type="checkout.abandoned", shape=_CART, step="abandoned"),
        "customer_created": Topic(type="customer.created", shape=_CUSTOMER, step="created"),
        "customer_updated": Topic(type="customer.updated", shape=_CUSTOMER, updates=True),
    },
    deadline_s=15,
    retries="4, after 1, 16, 81 and 256 minutes",
    disable_after="8 failures: the hook is paused, with an e-mail",
    setup={
        "es": (
            "En el panel de Jumpseller abra Configuración > Notificaciones.",
            "Copie el token de los webhooks (Hooks Token) a JUMPSELLER_SECRET.",
            "Cree un webhook por evento con la dirección de esta fuente.",
        ),
        "en": (
            "In Jumpseller's admin panel open Settings > Notifications.",
            "Copy the hooks token to JUMPSELLER_SECRET.",
            "Create a webhook for each event with the address of this source.",
        ),
    },
)
