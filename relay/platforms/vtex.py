"""VTEX: notices of orders, JSON, unsigned; they have to be looked up.

The merchant chooses headers that the hook sends: `Authorization: Bearer` and the secret. A body
only names an order and its states, of which the present one is the topic; `v…-01` is the seller's
name of it. There is no id: order, state and the time of the change are the key. Wants exactly 200
within 5 s; sends again ever more seldom; the hook is removed after 3 days without a notice. When it
is configured, a ping comes. One hook for each app key.

https://developers.vtex.com/docs/guides/orders-feed (read 2026-11)
"""

import re
from dataclasses import replace
from typing import Any, Final

from relay.inbound.composite_fields import Amount, Items, JoinedText, Person
from relay.inbound.contract import Platform
from relay.inbound.lookups import ANY_ID, Api, Lookup, Read
from relay.inbound.payload_fields import Id, Text, Time
from relay.inbound.payload_schema import JoinedReferences, PayloadSchema
from relay.inbound.places import Field
from relay.inbound.results import Handshake
from relay.inbound.signature import Bearer
from relay.inbound.topics import Shape, Topic, Values

# `ana@example.com-261121654842b.ct.vtex.com.br`, and `75c7…@ct.vtex.com.br` without the address.
_MASK: Final = re.compile(r"-[0-9a-z]+\.ct\.vtex\.com\.br$", re.IGNORECASE)
_ALIAS: Final = re.compile(r"@ct\.vtex\.com\.br$", re.IGNORECASE)
_STATES: Final = {
    "order-created": ("order.created", "created"),
    "payment-pending": ("order.on_hold", "pending"),
    "payment-approved": ("order.paid", "paid"),
    "payment-denied": ("order.failed", "failed"),
    "ready-for-handling": ("order.updated", "ready"),
    "handling": ("order.updated", "handling"),
    "invoiced": ("order.shipped", "invoiced"),
    "canceled": ("order.cancelled", "cancelled"),
    "cancelled": ("order.cancelled", "cancelled"),
}


class _NoticeSchema(PayloadSchema):
    id = Id("OrderId", "orderId", required=True)
    event_id = JoinedText("OrderId + State + CurrentChange", "OrderId + State + LastChange")
    at = Time("CurrentChange", "LastChange")


class _OrderSchema(PayloadSchema):
    id = Id("orderId", required=True)
    created_at = Time("creationDate")
    updated_at = Time("lastChange")
    order_number = Id("sequence", "orderId")
    amount = Amount("value", "storePreferencesData.currencyCode", digits=2)
    items = Items("items")
    status = Text("statusDescription", "status")
    payment_method = JoinedReferences(("paymentsystemname",), "paymentData.transactions.0.payments")
    cancel_reason = Text("cancelReason")
    carrier = Text("packageAttachment.packages.0.courier")
    tracking_number = Id("packageAttachment.packages.0.trackingNumber")
    tracking_url = Text("packageAttachment.packages.0.trackingUrl")
    buyer = Person(
        "",
        email="clientProfileData.email",
        first_name="clientProfileData.firstName",
        last_name="clientProfileData.lastName",
        phones="clientProfileData.phone",
        id_number="clientProfileData.document",
        country="shippingData.address.country",
    )
    recipient = Person(
        "shippingData.address",
        name="receiverName",
        lines=("street + number", "complement"),
        city="city",
        state="state",
        zip_code="postalCode",
        country="country",
    )


def _ping(body: Any) -> Handshake | None:
    return Handshake() if body.get("hookConfig") == "ping" else None


def _order(_topic: str, values: Values) -> Values:
    """The buyer's own address in place of the one by which VTEX passes mail on to them.

    One that only VTEX knows is no way to find them where there is a phone.
    """
    buyer = values.get("buyer")
    if buyer is None:
        return {}
    email = _MASK.sub("", buyer.email.strip())
    if _ALIAS.search(email) and any(buyer.phones):
        email = ""
    return {"buyer": replace(buyer, email=email)}


_NOTICE: Final = Shape(schema=_NoticeSchema())
_ORDER: Final = Shape(schema=_OrderSchema(), kind="order", refine=_order)

platform = Platform(
    name="vtex",
    title="VTEX",
    docs="https://developers.vtex.com/docs/guides/orders-feed",
    group="shops",
    scheme=Bearer(),
    topic=Field("State", "state"),
    shop=Field("Origin.Account"),
    signed_handshake=_ping,
    topics={
        state: Topic(type=event_type, shape=_NOTICE, step=step, lookup="order")
        for state, (event_type, step) in _STATES.items()
    },
    api=Api(
        url="https://{account}.vtexcommercestable.com.br",
        credentials=("account", "app_key", "app_token"),
        headers={"X-VTEX-API-AppKey": "{app_key}", "X-VTEX-API-AppToken": "{app_token}"},
        rate_per_s=5,
    ),
    lookups={"order": Lookup(Read("/api/oms/pvt/orders/{id}"), shape=_ORDER, id_pattern=ANY_ID)},
    deadline_s=5,
    retries="ever more seldom",
    disable_after="3 days without notices",
    setup={
        "es": (
            "En VTEX Admin abra Configuración de la cuenta > Claves de aplicación y cree una.",
            "Configure el hook: POST /api/orders/hook/config, con esta dirección en `hook.url`.",
            (
                "Invente un secreto largo y agregue ahí, en `hook.headers`, la cabecera "
                "`Authorization: Bearer SECRETO`."
            ),
            "Guarde ese secreto en VTEX_SECRET.",
            "Ponga cuenta, clave y token en `credentials` (account, app_key, app_token).",
        ),
        "en": (
            "In VTEX Admin open Account settings > Application keys and create one.",
            "Configure the hook: POST /api/orders/hook/config with this address as `hook.url`.",
            (
                "Make up a long secret and add the header `Authorization: Bearer SECRET` there, in "
                "`hook.headers`."
            ),
            "Put that secret into VTEX_SECRET.",
            "Put account, key and token into `credentials` (account, app_key, app_token).",
        ),
    },
)
