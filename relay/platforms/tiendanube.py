"""Tiendanube and Nuvemshop: notices of a shop's orders and customers, JSON, signed.

Signs hex HMAC-SHA256 of the raw body with the app's client secret as text (public code that
compares base64 is wrong). A body only names a thing, which has to be looked up. Wants any 2xx
within 3 s; else it sends again at once, after about 5, 10 and 15 minutes, then at growing
distances, 18 times in 48 h. The order of notices is not kept.

No id and no time of a delivery is sent, and two equal bodies are two events. So what happens to an
order once is known by the order, on a retry too; of anything else each request counts by the
moment of its receipt: a retry is looked up once more, but no change is taken for one. Notices of
customers have the time of the event, which stays on a retry. Privacy requests do not say what they
are. There is no topic for an abandoned cart.

https://tiendanube.github.io/api-documentation/resources/webhook (2025-03, read 2026-11)
"""

from typing import Any, Final

from relay.inbound.composite_fields import Amount, Items, Person
from relay.inbound.contract import Platform, Source
from relay.inbound.lookups import Api, Lookup, Read
from relay.inbound.payload import json_body
from relay.inbound.payload_fields import Id, Text, Time
from relay.inbound.payload_schema import PayloadSchema
from relay.inbound.places import Field
from relay.inbound.privacy import PrivacyRequest
from relay.inbound.signature import Hmac
from relay.inbound.topics import Shape, Topic
from relay.model import WebhookRequest

# A field that only this privacy request has -> its topic.
_PRIVACY: Final = {
    "orders_to_redact": "customers/redact",
    "data_request": "customers/data_request",
    "store_id": "store/redact",
}
# "Fulfilled" is sent, maybe in several parcels; "voided" is a payment that came to nothing.
_TYPES: Final = {
    "order/created": "order.created",
    "order/updated": "order.updated",
    "order/edited": "order.updated",
    "order/custom_fields_updated": "order.updated",
    "order/pending": "order.on_hold",
    "order/paid": "order.paid",
    "order/voided": "order.failed",
    "order/packed": "order.updated",
    "order/unpacked": "order.updated",
    "order/fulfilled": "order.shipped",
    "order/cancelled": "order.cancelled",
    "customer/created": "customer.created",
    "customer/updated": "customer.updated",
}
_ONCE: Final = frozenset({"order/created", "order/paid", "order/cancelled", "customer/created"})
# What the thing says of when it came to a state.
_DATES: Final = {"created": "created_at", "paid": "_paid_at", "cancelled": "_cancelled_at"}


class _NoticeSchema(PayloadSchema):
    id = Id("id", "order_id", required=True)
    at = Time("event_launch_ts")


class _OrderSchema(PayloadSchema):
    id = Id(required=True)
    created_at = Time()
    updated_at = Time()
    order_number = Id("number")
    amount = Amount("total", "currency")
    items = Items("products")
    status = Text("payment_status", "status")
    fulfillment_status = Text("shipping_status")
    payment_method = Text("gateway_name", "gateway")
    shipping_method = Text("shipping_option", "shipping")
    cancel_reason = Text()
    note = Text()
    carrier = Text("shipping_carrier_name")
    tracking_number = Id("shipping_tracking_number")
    tracking_url = Text("shipping_tracking_url")
    payment_url = Text("checkout_url")
    _paid_at = Time("paid_at")
    _cancelled_at = Time("cancelled_at")
    buyer = Person(
        email=("contact_email", "customer.email"),
        name=("contact_name", "customer.name"),
        phones=("contact_phone", "customer.phone"),
        id_number=("contact_identification", "customer.identification"),
        country="billing_country",
    )
    billing = Person(name="billing_name", phones="billing_phone", country="billing_country")
    recipient = Person(
        "shipping_address",
        name="name",
        phones="phone",
        lines=("address + number", "floor"),
        city="city",
        state="province",
        zip_code="zipcode",
        country="country",
    )


class _CustomerSchema(PayloadSchema):
    id = Id(required=True)
    created_at = Time()
    updated_at = Time()
    buyer = Person(
        email="email",
        name="name",
        phones=("phone", "default_address.phone"),
        id_number="identification",
        country="default_address.country",
    )


def _body(request: WebhookRequest, _source: Source) -> Any:
    value = json_body(request.body)
    if not isinstance(value, dict) or value.keys() & {"event", "id"}:
        return value
    topic = next((name for field, name in _PRIVACY.items() if field in value), None)
    return {**value, "event": topic}


def _topic(name: str, event_type: str) -> Topic:
    kind, _, word = name.partition("/")
    is_update = event_type.endswith(".updated")
    return Topic(
        type=event_type,
        shape=_NOTICE,
        once=name in _ONCE,
        repeats=name not in _ONCE,
        step="" if is_update else word,
        step_at=_DATES.get(word, "") if kind == "order" or word == "created" else "",
        updates=is_update,
        lookup=kind,
    )


_NOTICE: Final = Shape(schema=_NoticeSchema())
_ORDER: Final = Shape(
    schema=_OrderSchema(),
    kind="order",
    shown=("status", "fulfillment_status", "amount", "items", "recipient", "buyer", "note"),
)
_CUSTOMER: Final = Shape(schema=_CustomerSchema(), kind="customer", shown=("buyer",))

platform = Platform(
    name="tiendanube",
    title="Tiendanube",
    docs="https://tiendanube.github.io/api-documentation/resources/webhook",
    group="shops",
    scheme=Hmac(headers=("x-linkedstore-hmac-sha256",), encoding="hex"),
    topic=Field("event"),
    shop=Field("store_id"),
    body=_body,
    topics={
        **{name: _topic(name, event_type) for name, event_type in _TYPES.items()},
        "fulfillment_order/status_updated": Topic(
            type="order.shipped",
            shape=_NOTICE,
            repeats=True,
            updates=True,
            lookup="order",
            other_types=("order.updated", "shipment.delivered"),
        ),
    },
    held={
        "customers/data_request": PrivacyRequest(asks="list", proof=("data_request", "customer")),
        "customers/redact": PrivacyRequest(asks="forget", proof=("orders_to_redact", "customer")),
        "store/redact": PrivacyRequest(asks="forget", proof=("store_id",), shop="store_id"),
    },
    ignored={
        # Nothing is left to look up.
        "customer/deleted": "names_nobody",
    },
    api=Api(
        url="https://api.tiendanube.com",
        credentials=("access_token", "app"),
        headers={"Authentication": "bearer {access_token}", "User-Agent": "{app}"},
        rate_per_s=2,
        wait_headers={"x-rate-limit-reset": 0.001},
    ),
    lookups={
        "order": Lookup(Read("/2025-03/{shop}/orders/{id}"), shape=_ORDER),
        "customer": Lookup(Read("/2025-03/{shop}/customers/{id}"), shape=_CUSTOMER),
    },
    deadline_s=3,
    retries="at once, after about 5, 10 and 15 minutes, then longer: 18 times in 48 hours",
    setup={
        "es": (
            (
                "Los webhooks no se crean en el panel de la tienda: los crea la app que usted "
                "instala en ella."
            ),
            "En el panel de socios abra la app y copie su `client_secret` a TIENDANUBE_SECRET.",
            (
                "Haga que la app envíe un `POST /webhooks` por evento, con `event` y esta "
                "dirección en `url`."
            ),
            (
                "Suscriba `order/…` created, paid, fulfilled, cancelled y updated, y "
                "`customer/created`."
            ),
            "Escriba esta dirección también en los tres webhooks de privacidad de la app.",
            "Ponga el token de acceso y el nombre de la app en `credentials` (access_token, app).",
        ),
        "en": (
            "There is no screen for webhooks: the app that the merchant installs makes them.",
            (
                "In the partners' panel open the app and copy its `client_secret` to "
                "TIENDANUBE_SECRET."
            ),
            "The app sends a `POST /webhooks` per event, with `event` and this address as `url`.",
            (
                "Subscribe to `order/…` created, paid, fulfilled, cancelled, updated, and "
                "`customer/created`."
            ),
            "Enter this address for the three privacy webhooks of the app, too.",
            "Put access token and name of the app into `credentials` (access_token, app).",
        ),
    },
)
