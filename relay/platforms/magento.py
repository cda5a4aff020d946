"""Magento (Open Source) and Adobe Commerce: notices of orders and customers, JSON; looked up.

Magento Open Source has no webhooks: a module sends them, such as Mageplaza Webhook, whose body and
headers the merchant writes. `{"event": "order.updated", "id": "3"}` is read, with the secret as a
Bearer token; order and customer are read from the shop's REST API. Nothing signs a body, and there
is no id of an event. Adobe Commerce's own webhooks hold up the checkout, and are not for this.

A module that has one hook for every save of an order says of a new one that it was updated: its
state tells that it is new. Of a product with variants the lines are parts of the product's line.
Dates are in UTC, and amounts numbers, in the buyer's currency.

https://developer.adobe.com/commerce/webapi/rest/ (read 2026-11; mageplaza/magento-2-webhook)
"""

from datetime import UTC
from typing import Any, Final

from relay.inbound.composite_fields import Amount, Items, Person
from relay.inbound.contract import Platform
from relay.inbound.lookups import Api, Lookup, Read
from relay.inbound.payload_fields import Id, Text, Time
from relay.inbound.payload_schema import PayloadSchema
from relay.inbound.places import Field
from relay.inbound.signature import Bearer
from relay.inbound.steps import CREATED
from relay.inbound.timestamps import unix_time
from relay.inbound.topics import Shape, Topic, Values
from relay.model import Step

_CURRENCY: Final = "order_currency_code"
_ADDRESS: Final[dict[str, Any]] = {
    "first_name": "firstname",
    "last_name": "lastname",
    "phones": "telephone",
    "id_number": "vat_id",
    "lines": "street",
    "city": "city",
    "state": "region",
    "zip_code": "postcode",
    "country": "country_id",
}
_NEW: Final = frozenset({"new", "pending_payment"})


class _NoticeSchema(PayloadSchema):
    id = Id("id", required=True)
    event_id = Id("event_id")
    at = Time("date")


class _OrderSchema(PayloadSchema):
    id = Id("entity_id", required=True)
    created_at = Time()
    updated_at = Time()
    order_id = Id("entity_id")
    order_number = Id("increment_id")
    amount = Amount("grand_total", _CURRENCY)
    refunded = Amount("total_refunded", _CURRENCY)
    items = Items("items", quantity="qty_ordered", part_of="parent_item_id")
    status = Text("status")
    _state = Text("state")
    _paid = Amount("total_paid", _CURRENCY)
    payment_method = Text("payment.additional_information.0", "payment.method")
    shipping_method = Text("shipping_description")
    note = Text("customer_note")
    buyer = Person(
        "",
        email=("customer_email", "billing_address.email"),
        first_name="customer_firstname",
        last_name="customer_lastname",
        id_number="customer_taxvat",
    )
    billing = Person("billing_address", **_ADDRESS)
    recipient = Person("extension_attributes.shipping_assignments.0.shipping.address", **_ADDRESS)


class _CustomerSchema(PayloadSchema):
    id = Id(required=True)
    created_at = Time()
    updated_at = Time()
    buyer = Person(
        "", email="email", first_name="firstname", last_name="lastname", id_number="taxvat"
    )
    address_book = Person("addresses.0", **_ADDRESS)


def _order(topic: str, values: Values) -> Values:
    steps = []
    if topic == "order.updated" and values.get("_state") in _NEW:
        steps.append(Step(CREATED, "order.created", unix_time(values.get("created_at"))))
    amount, paid = values.get("amount"), values.get("_paid")
    if amount and paid and 0 < amount.amount <= paid.amount:
        steps.append(Step("paid", "order.paid"))
    return {"steps": steps}


_NOTICE: Final = Shape(schema=_NoticeSchema())
_ORDER: Final = Shape(
    schema=_OrderSchema(),
    kind="order",
    shown=("status", "amount", "items", "recipient", "billing", "buyer", "note"),
    states={
        "_state": {
            "holded": Step("on_hold", "order.on_hold"),
            "complete": Step("completed", "order.fulfilled"),
            "canceled": Step("cancelled", "order.cancelled"),
        }
    },
    refine=_order,
)
_CUSTOMER: Final = Shape(schema=_CustomerSchema(), kind="customer", shown=("buyer", "address_book"))

platform = Platform(
    name="magento",
    title="Magento",
    docs="https://developer.adobe.com/commerce/webapi/rest/",
    group="shops",
    scheme=Bearer(),
    topic=Field("event"),
    zone=UTC,
    topics={
        "order.created": Topic(
            type="order.created", shape=_NOTICE, step=CREATED, step_at="created_at", once=True,
            lookup="order", other_types=("order.paid",),
        ),
        "order.updated": Topic(
            type="order.updated", shape=_NOTICE, updates=True, repeats=True, lookup="order",
            other_types=(
                "order.created", "order.paid", "order.on_hold", "order.fulfilled",
                "order.cancelled", "order.refunded",
            ),
        ),
        "customer.created": Topic(
            type="customer.created", shape=_NOTICE, step=CREATED, step_at="created_at", once=True,
            lookup="customer",
        ),
        "customer.updated": Topic(
            type="customer.updated", shape=_NOTICE, updates=True, repeats=True, lookup="customer"
        ),
    },
    api=Api(
        url="{shop_url}/rest/V1",
        credentials=("shop_url", "access_token"),
        headers={"Authorization": "Bearer {access_token}"},
    ),
    lookups={
        "order": Lookup(Read("/orders/{id}"), shape=_ORDER),
        "customer": Lookup(Read("/customers/{id}"), shape=_CUSTOMER),
    },
    retries="none",
    setup={
        "es": (
            (
                "Instale el módulo Mageplaza Webhook, gratuito: "
                "github.com/mageplaza/magento-2-webhook."
            ),
            "Invente un secreto de al menos 16 letras y guárdelo en MAGENTO_SECRET.",
            (
                "En System > Webhook > Manage Hooks agregue hooks Order, New Customer y Update "
                "Customer: POST a la dirección de esta fuente, application/json, con la cabecera "
                "`Authorization: Bearer SECRETO`."
            ),
            (
                'Cuerpo de Order: `{"event": "order.updated", "id": "{{ item.entity_id }}"}`; de '
                "los otros, con `customer.created` y `customer.updated`. Para pagos, envíos y "
                "reembolsos, New Invoice, New Shipment y New Credit Memo con `order.updated` e "
                "`{{ item.order_id }}`."
            ),
            (
                "En System > Extensions > Integrations cree una integración que pueda leer pedidos "
                "y clientes, actívela y copie su Access Token."
            ),
            (
                "En Stores > Configuration > Services > OAuth ponga en Yes: Allow OAuth Access "
                "Tokens to be used as standalone Bearer tokens."
            ),
            (
                "Ponga la dirección de la tienda (https://…) y el token en `credentials` de la "
                "fuente: `shop_url`, `access_token`."
            ),
        ),
        "en": (
            (
                "Install the module Mageplaza Webhook, which is free: "
                "github.com/mageplaza/magento-2-webhook."
            ),
            "Make up a secret of at least 16 letters and put it into MAGENTO_SECRET.",
            (
                "In System > Webhook > Manage Hooks add hooks Order, New Customer and Update "
                "Customer: POST to the address of this source, application/json, with the header "
                "`Authorization: Bearer SECRET`."
            ),
            (
                'Body of Order: `{"event": "order.updated", "id": "{{ item.entity_id }}"}`; of the '
                "others with `customer.created` and `customer.updated`. For payments, parcels and "
                "refunds New Invoice, New Shipment and New Credit Memo, with `order.updated` and "
                "`{{ item.order_id }}`."
            ),
            (
                "In System > Extensions > Integrations create an integration that may read orders "
                "and customers, activate it, and copy its access token."
            ),
            (
                "In Stores > Configuration > Services > OAuth set to Yes: Allow OAuth Access "
                "Tokens to be used as standalone Bearer tokens."
            ),
            (
                "Put the shop's address (https://…) and the token into the source's "
                "`credentials`: `shop_url`, `access_token`."
            ),
        ),
    },
)  # fmt: skip
