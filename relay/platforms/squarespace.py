"""Squarespace: notices of orders, JSON, signed; they have to be looked up.

Signs hex HMAC-SHA256 of the raw body with the subscription's secret, which is hex itself and is
decoded. Notices may come twice and out of order; each has an `id`. Anything but 2xx is sent again
for up to 48 h, and the subscription may be removed. The secret is shown once, when the subscription
is made through the API.

https://developers.squarespace.com/webhooks/overview (read 2026-11)
"""

from typing import Final

from relay.inbound.composite_fields import Amount, Items, Person
from relay.inbound.contract import Platform
from relay.inbound.lookups import ANY_ID, Api, Lookup, Read
from relay.inbound.payload_fields import Id, Text, Time
from relay.inbound.payload_schema import PayloadSchema
from relay.inbound.places import Field
from relay.inbound.signature import Hmac
from relay.inbound.topics import Shape, Topic
from relay.model import Step


class _NoticeSchema(PayloadSchema):
    id = Id("data.orderId", required=True)
    event_id = Id("id")
    at = Time("createdOn")


class _OrderSchema(PayloadSchema):
    id = Id(required=True)
    created_at = Time("createdOn")
    updated_at = Time("modifiedOn")
    order_number = Id("orderNumber")
    amount = Amount("grandTotal.value", "grandTotal.currency")
    items = Items("lineItems", name="productName")
    status = Text("paymentState", "fulfillmentStatus")
    fulfillment_status = Text("fulfillmentStatus")
    buyer = Person(
        "",
        email="customerEmail",
        first_name="billingAddress.firstName",
        last_name="billingAddress.lastName",
        phones="billingAddress.phone",
        country="billingAddress.countryCode",
    )
    recipient = Person(
        "shippingAddress",
        first_name="firstName",
        last_name="lastName",
        phones="phone",
        lines=("address1", "address2"),
        city="city",
        state="state",
        zip_code="postalCode",
        country="countryCode",
    )


_NOTICE: Final = Shape(schema=_NoticeSchema())
_ORDER: Final = Shape(
    schema=_OrderSchema(),
    kind="order",
    shown=("status", "amount", "items", "recipient", "buyer"),
    states={
        "fulfillment_status": {
            "FULFILLED": Step("fulfilled", "order.fulfilled"),
            "CANCELED": Step("cancelled", "order.cancelled"),
        }
    },
)

platform = Platform(
    name="squarespace",
    title="Squarespace",
    docs="https://developers.squarespace.com/webhooks/overview",
    group="shops",
    scheme=Hmac(headers=("squarespace-signature",), encoding="hex", key="hex"),
    topic=Field("topic"),
    shop=Field("websiteId"),
    topics={
        "order.create": Topic(
            type="order.created",
            shape=_NOTICE,
            step="created",
            step_at="created_at",
            lookup="order",
        ),
        "order.update": Topic(
            type="order.updated",
            shape=_NOTICE,
            updates=True,
            lookup="order",
            other_types=("order.fulfilled", "order.cancelled"),
        ),
    },
    api=Api(
        url="https://api.squarespace.com",
        credentials=("api_key",),
        headers={"Authorization": "Bearer {api_key}"},
        rate_per_s=5,
    ),
    lookups={
        "order": Lookup(Read("/1.0/commerce/orders/{id}"), shape=_ORDER, id_pattern=ANY_ID),
    },
    retries="several, for up to 48 hours",
    disable_after="the subscription may be removed",
    setup={
        "es": (
            "En Squarespace abra Configuración > Avanzado > Claves de API y cree una de pedidos.",
            "Con ella cree la suscripción: POST /1.0/webhook_subscriptions, con esta dirección.",
            "Copie el `secret` de la respuesta, que se ve una sola vez, a SQUARESPACE_SECRET.",
            "Ponga la clave en `credentials.api_key` de la fuente.",
        ),
        "en": (
            "In Squarespace open Settings > Advanced > Developer API keys; create one for orders.",
            "With it create the subscription: POST /1.0/webhook_subscriptions with this address.",
            "Copy the answer's `secret`, which is shown once, to SQUARESPACE_SECRET.",
            "Put the key into the source's `credentials.api_key`.",
        ),
    },
)
