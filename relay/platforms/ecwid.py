"""Ecwid (Lightspeed E-Series): notices of orders and customers, JSON; they have to be looked up.

Signs base64 HMAC-SHA256 of the event's time and id with the app's client secret: neither the thing
nor the type is covered, so that nothing but what is read of the one shop counts. `eventId` is the
key. `entityId` is an internal number: newer orders are read by `data.orderId`, which the buyer sees
too. Amounts are numbers, whose currency is the shop's. `refundedAmount` knows what one provider
gave back; a refund of the whole is a state, too. A cart that was not paid yet is `INCOMPLETE`, and
no order. Wants 200 within 10 s; else it sends again for a day, and after two weeks of failures no
more.

https://docs.ecwid.com/webhook-automations/setup-webhooks (read 2026-11)
"""

from typing import Any, Final

from relay.inbound.composite_fields import Amount, Items, Person
from relay.inbound.contract import Platform
from relay.inbound.lookups import ANY_ID, Api, Lookup, Read
from relay.inbound.payload_fields import Id, Text, Time
from relay.inbound.payload_schema import PayloadSchema
from relay.inbound.places import Field
from relay.inbound.signature import FieldDigest
from relay.inbound.topics import Shape, Topic, Values
from relay.model import Step

_CURRENCY: Final = "profile.formatsAndUnits.currency"
_PLACE: Final[dict[str, Any]] = {
    "first_name": "firstName",
    "last_name": "lastName",
    "name": "name",
    "phones": "phone",
    "lines": "street",
    "city": "city",
    "state": "stateOrProvinceName",
    "zip_code": "postalCode",
    "country": "countryCode",
}


class _NoticeSchema(PayloadSchema):
    id = Id("data.orderId", "entityId", required=True)
    event_id = Id("eventId")
    at = Time("eventCreated")


class _OrderSchema(PayloadSchema):
    id = Id("order.id", "order.vendorOrderNumber", "order.orderNumber", required=True)
    created_at = Time("order.createTimestamp", "order.createDate")
    updated_at = Time("order.updateTimestamp", "order.updateDate")
    order_number = Id("order.id", "order.vendorOrderNumber", "order.orderNumber")
    amount = Amount("order.total", _CURRENCY)
    refunded = Amount("order.refundedAmount", _CURRENCY)
    items = Items("order.items")
    status = Text("order.paymentStatus")
    fulfillment_status = Text("order.fulfillmentStatus")
    payment_method = Text("order.paymentMethod")
    shipping_method = Text("order.shippingOption.shippingMethodName")
    note = Text("order.orderComments")
    tracking_number = Text("order.trackingNumber")
    tracking_url = Text("order.shippingOption.trackingUrl")
    buyer = Person("order", email="email")
    billing = Person("order.billingPerson", **_PLACE)
    recipient = Person("order.shippingPerson", **_PLACE)


class _CustomerSchema(PayloadSchema):
    id = Id(required=True)
    created_at = Time("registered")
    updated_at = Time("updated")
    buyer = Person("", email="email", name="name")
    billing = Person("billingPerson", **_PLACE)
    address_book = Person("shippingAddresses.0", **_PLACE)


def _order(_topic: str, values: Values) -> Values:
    return {"refunded": values.get("amount")} if values.get("status") == "REFUNDED" else {}


_NOTICE: Final = Shape(schema=_NoticeSchema())
_ORDER: Final = Shape(
    schema=_OrderSchema(),
    kind="order",
    shown=("status", "fulfillment_status", "amount", "items", "recipient", "buyer", "note"),
    states={
        "status": {
            "PAID": Step("paid", "order.paid"),
            "CANCELLED": Step("cancelled", "order.cancelled"),
        },
        "fulfillment_status": {
            "SHIPPED": Step("shipped", "order.shipped"),
            "DELIVERED": Step("delivered", "shipment.delivered"),
        },
    },
    skipped={"status": {"INCOMPLETE": "pending"}},
    refine=_order,
)
_CUSTOMER: Final = Shape(schema=_CustomerSchema(), kind="customer", shown=("buyer",))
_OTHERS: Final = (
    "order.paid", "order.cancelled", "order.shipped", "shipment.delivered", "order.refunded",
)  # fmt: skip


def _created(kind: str) -> Topic:
    others = _OTHERS if kind == "order" else ()
    return Topic(
        type=f"{kind}.created", shape=_NOTICE, step="created", step_at="created_at",
        lookup=kind, other_types=others,
    )  # fmt: skip


def _updated(kind: str) -> Topic:
    others = _OTHERS if kind == "order" else ()
    return Topic(
        type=f"{kind}.updated", shape=_NOTICE, updates=True, lookup=kind, other_types=others
    )


platform = Platform(
    name="ecwid",
    title="Ecwid",
    docs="https://docs.ecwid.com/webhook-automations/setup-webhooks",
    group="shops",
    scheme=FieldDigest(
        lambda fields, _secret: f"{fields.text('eventCreated')}.{fields.text('eventId')}",
        header="x-ecwid-webhook-signature",
        keyed=True,
        encoding="base64",
    ),
    topic=Field("eventType"),
    shop=Field("storeId"),
    topics={
        "order.created": _created("order"),
        "order.updated": _updated("order"),
        "customer.created": _created("customer"),
        "customer.updated": _updated("customer"),
    },
    ignored={
        "unfinished_order.created": "pending",
        "unfinished_order.updated": "pending",
        "unfinished_order.deleted": "names_nobody",
        "order.deleted": "names_nobody",
        "customer.deleted": "names_nobody",
    },
    api=Api(
        url="https://app.ecwid.com/api/v3",
        credentials=("store_id", "secret_token"),
        headers={"Authorization": "Bearer {secret_token}"},
        rate_per_s=5,
    ),
    lookups={
        "order": Lookup(
            Read("/{store_id}/orders/{id}", "order"),
            Read(
                "/{store_id}/profile",
                "profile",
                query={"responseFields": "formatsAndUnits(currency)"},
                optional=True,
            ),
            shape=_ORDER,
            id_pattern=ANY_ID,
        ),
        "customer": Lookup(Read("/{store_id}/customers/{id}"), shape=_CUSTOMER),
    },
    deadline_s=10,
    retries="after 15, 30 and 45 minutes, then hourly for 24 hours",
    disable_after="2 weeks of failures",
    setup={
        "es": (
            "En el panel de Ecwid abra my.ecwid.com/#develop-apps y cree su app propia.",
            (
                "Pida al soporte de Ecwid que le agregue los permisos `read_orders`, "
                "`read_customers` y `read_store_profile`, y los webhooks de pedidos y clientes con "
                "la dirección de esta fuente."
            ),
            "Copie el `client_secret` de la app, en Details, a ECWID_SECRET.",
            (
                "Ponga el número de la tienda y el `secret_token` en `credentials` de la fuente: "
                "`store_id`, `secret_token`."
            ),
        ),
        "en": (
            "In the panel of Ecwid open my.ecwid.com/#develop-apps and create your own app.",
            (
                "Ask Ecwid's support to add the scopes `read_orders`, `read_customers` and "
                "`read_store_profile`, and webhooks of orders and customers with this source's "
                "address."
            ),
            "Copy the app's `client_secret`, under Details, to ECWID_SECRET.",
            (
                "Put the store's number and the `secret_token` into the source's `credentials`: "
                "`store_id`, `secret_token`."
            ),
        ),
    },
)
