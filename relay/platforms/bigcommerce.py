"""BigCommerce: notices of orders, carts and customers, JSON, signed; they have to be looked up.

The headers are those of Standard Webhooks; the key is the client secret of the app as plain text.
A body only names a thing; `hash` is the same for equal contents, so that the id in the header is
the key. Wants 2xx; below 90 % in two minutes the whole domain is left alone for three. What fails
is sent again 11 times in 48 h, then the hook is switched off; so is one without events for 90 days.
Dates of the API are those of e-mails, and amounts have four decimals.

https://developer.bigcommerce.com/docs/integrations/webhooks (read 2026-11)
"""

from typing import Final

from relay.inbound.composite_fields import Amount, Items, Person
from relay.inbound.contract import Platform
from relay.inbound.lookups import Api, Lookup, Read
from relay.inbound.payload_fields import Id, Text, Time
from relay.inbound.payload_schema import PayloadSchema
from relay.inbound.places import Field, Header
from relay.inbound.signature import StandardWebhooks
from relay.inbound.topics import Shape, Topic
from relay.model import Step


class _NoticeSchema(PayloadSchema):
    id = Id("data.id", "data.orderId", required=True)
    at = Time("created_at")


class _OrderSchema(PayloadSchema):
    id = Id("order.id", required=True)
    created_at = Time("order.date_created")
    updated_at = Time("order.date_modified")
    order_number = Id("order.id")
    amount = Amount("order.total_inc_tax", "order.currency_code")
    refunded = Amount("order.refunded_amount", "order.currency_code")
    items = Items("products")
    status = Text("order.status")
    payment_method = Text("order.payment_method")
    note = Text("order.customer_message")
    buyer = Person(
        "order.billing_address",
        email="email",
        first_name="first_name",
        last_name="last_name",
        phones="phone",
        country="country_iso2",
    )


class _CustomerSchema(PayloadSchema):
    id = Id(required=True)
    created_at = Time("date_created")
    updated_at = Time("date_modified")
    buyer = Person(
        "", email="email", first_name="first_name", last_name="last_name", phones="phone"
    )


_NOTICE: Final = Shape(schema=_NoticeSchema())
_ORDER: Final = Shape(
    schema=_OrderSchema(),
    kind="order",
    shown=("status", "amount", "items", "buyer"),
    states={
        "status": {
            "Shipped": Step("shipped", "order.shipped"),
            "Completed": Step("completed", "order.fulfilled"),
            "Cancelled": Step("cancelled", "order.cancelled"),
            "Declined": Step("declined", "order.failed"),
        }
    },
)
_CUSTOMER: Final = Shape(schema=_CustomerSchema(), kind="customer", shown=("buyer",))
_OTHERS: Final = ("order.shipped", "order.fulfilled", "order.cancelled", "order.failed")


def _changed(kind: str) -> Topic:
    others = _OTHERS if kind == "order" else ()
    return Topic(
        type=f"{kind}.updated", shape=_NOTICE, updates=True, lookup=kind, other_types=others
    )


def _created(kind: str) -> Topic:
    return Topic(
        type=f"{kind}.created", shape=_NOTICE, step="created", step_at="created_at", lookup=kind
    )


platform = Platform(
    name="bigcommerce",
    title="BigCommerce",
    docs="https://developer.bigcommerce.com/docs/integrations/webhooks",
    group="shops",
    scheme=StandardWebhooks(key="utf8"),
    topic=Field("scope"),
    delivery_id=Header("webhook-id"),
    shop=Field("store_id"),
    topics={
        "store/order/created": _created("order"),
        "store/order/updated": _changed("order"),
        "store/order/statusUpdated": _changed("order"),
        "store/order/refund/created": _changed("order"),
        "store/customer/created": _created("customer"),
        "store/customer/updated": _changed("customer"),
    },
    ignored={
        "store/cart/abandoned": "names_nobody",
        "store/shipment/created": "told_by_another_topic",
    },
    api=Api(
        url="https://api.bigcommerce.com",
        credentials=("store_hash", "access_token"),
        headers={"X-Auth-Token": "{access_token}"},
        rate_per_s=4,
        wait_headers={"x-rate-limit-time-reset-ms": 0.001},
    ),
    lookups={
        "order": Lookup(
            Read("/stores/{store_hash}/v2/orders/{id}", "order"),
            Read("/stores/{store_hash}/v2/orders/{id}/products", "products", optional=True),
            shape=_ORDER,
        ),
        "customer": Lookup(Read("/stores/{store_hash}/v2/customers/{id}"), shape=_CUSTOMER),
    },
    retries="11, in 48 hours",
    disable_after="those retries, or 90 days without events",
    setup={
        "es": (
            (
                "En BigCommerce abra Configuración > Cuentas de API y cree una que pueda leer "
                "pedidos y clientes."
            ),
            "Con ella cree un webhook por evento: POST /v3/hooks, con esta dirección.",
            "Copie el client secret de la cuenta de API a BIGCOMMERCE_SECRET.",
            "Ponga el store hash y el token en `credentials` (store_hash, access_token).",
        ),
        "en": (
            "In BigCommerce open Settings > API accounts; create one for orders and customers.",
            "With it create a webhook for each event: POST /v3/hooks with this address.",
            "Copy the API account's client secret to BIGCOMMERCE_SECRET.",
            "Put store hash and token into `credentials` (store_hash, access_token).",
        ),
    },
)
