"""Wix: orders of Wix eCommerce and contacts; the whole body is a JWT.

Signed with RS256; the secret is the public key of the app that subscribed. The claim `data` is JSON
in a text, with the event's name and, under `data`, JSON in a text again: the event, whose `id` is
the same on every retry. What it tells of is under `createdEvent.entity`,
`updatedEvent.currentEntity` or `actionEvent.body`. Webhooks of before (Stores) tell parts of an
order only, and are ignored.

An order is made when the buyer goes to pay, as `INITIALIZED`, and is none until it is `APPROVED`,
which is told by an event of its own. That payment, delivery and refund changed is told by several
events, each with the whole order. Amounts are decimal texts. Contacts come from the shop as well as
from forms and chats. What the site owner anonymizes for privacy is told as a change, too.

That parcels changed is told with all parcels and the order's id alone: the order is looked up, with
the site's own API key, and the parcels anew.

https://dev.wix.com/docs/rest/articles/get-started/webhook-structure (read 2026-11)
"""

from collections.abc import Mapping
from typing import Any, Final

from relay.inbound.composite_fields import Amount, Items, Person
from relay.inbound.contract import Platform, Source
from relay.inbound.expression import Expression
from relay.inbound.lookups import ANY_ID, Api, Lookup, Read
from relay.inbound.payload import embedded_object
from relay.inbound.payload_fields import Flag, Id, Text, Time
from relay.inbound.payload_schema import ListOf, Object, PayloadSchema
from relay.inbound.places import Field
from relay.inbound.results import Skipped
from relay.inbound.signature import JwtBody, jwt_claims
from relay.inbound.topics import Shape, Topic, Values, created, updated
from relay.model import Step, WebhookRequest

# The thing itself.
_ENTITY: Final = Expression(
    "createdEvent.entity || updatedEvent.currentEntity || actionEvent.body.order"
)
_ADDRESS: Final[Mapping[str, Any]] = {
    "first_name": "contactDetails.firstName",
    "last_name": "contactDetails.lastName",
    "phones": "contactDetails.phone",
    "lines": ("address.addressLine", "address.addressLine1", "address.addressLine2"),
    "city": "address.city",
    "state": ("address.subdivisionFullname", "address.subdivision"),
    "zip_code": "address.postalCode",
    "country": "address.country",
}
# What the words of payment, delivery and the order itself tell.
_STATES: Final = {
    "status": {"PAID": Step("paid", "order.paid")},
    "fulfillment_status": {"FULFILLED": Step("fulfilled", "order.fulfilled")},
    "_status": {"CANCELED": Step("cancelled", "order.cancelled")},
}


class _EntitySchema(PayloadSchema):
    """An order or a contact: their fields have no name in common but the first five."""

    event_id = Id("event.id")
    created_at = Time("createdDate")
    updated_at = Time("updatedDate")
    _anonymized = Flag("event.triggeredByAnonymizeRequest")
    id = Id(required=True)
    order_id = Id("id")
    order_number = Text("number")
    amount = Amount("priceSummary.total.amount", "currency")
    refunded = Amount("balanceSummary.refunded.amount", "currency")
    items = Items("lineItems", name=("productName.original", "productName.translated"))
    status = Text("paymentStatus")
    fulfillment_status = Text("fulfillmentStatus")
    _status = Text("status")
    shipping_method = Text("shippingInfo.title")
    note = Text("buyerNote")
    buyer = Person(
        email=("buyerInfo.email", "primaryInfo.email", "info.emails.items.0.email"),
        phones=("primaryInfo.phone", "info.phones.items.0.e164Phone", "info.phones.items.0.phone"),
        country="info.phones.items.0.countryCode",
        first_name="info.name.first",
        last_name="info.name.last",
    )
    billing = Person("billingInfo", **_ADDRESS)
    recipient = Person("recipientInfo", **_ADDRESS)
    address_book = Person("info.addresses.items.0", **_ADDRESS)


class _NoticeSchema(PayloadSchema):
    id = Id("orderId", "event.entityId", required=True)
    event_id = Id("event.id")
    at = Time("event.eventTime")
    _anonymized = Flag("event.triggeredByAnonymizeRequest")


class _ParcelSchema(PayloadSchema):
    carrier = Text("trackingInfo.shippingProvider")
    tracking_number = Id("trackingInfo.trackingNumber")
    tracking_url = Text("trackingInfo.trackingLink")


class _ParcelsSchema(PayloadSchema):
    id = Id("order.id", required=True)
    order_id = Id("order.id")
    order_number = Text("order.number")
    carrier = Text("carrier")
    tracking_number = Text("tracking_number")
    tracking_numbers = ListOf(Text(), "tracking_numbers")
    tracking_url = Text("tracking_url")
    _parcels = ListOf(Object(_ParcelSchema), "parcels")
    buyer = Person("order", email="buyerInfo.email")
    billing = Person("order.billingInfo", **_ADDRESS)
    recipient = Person("order.recipientInfo", **_ADDRESS)


def _body(request: WebhookRequest, _source: Source) -> Any:
    """The thing, with what is said of the event under `event`."""
    named = embedded_object(jwt_claims(request.body).get("data"))
    event = embedded_object(named.get("data"))
    entity = embedded_object(_ENTITY.search(event) or {})
    return {**entity, "event": {**event, **named}}


def _refined(_topic: str, values: Values) -> Values | Skipped:
    if values.get("_anonymized"):
        return Skipped("privacy_request")
    return Skipped("draft") if values.get("_status") == "INITIALIZED" else {}


def _parcels(_topic: str, values: Values) -> Values | Skipped:
    """The numbers of all parcels, and the last one's carrier; without a number there is no news."""
    parcels = [one for one in values.get("_parcels") or () if one.get("tracking_number")]
    if not parcels:
        return Skipped("told_by_another_topic")
    return {**parcels[-1], "tracking_numbers": [one["tracking_number"] for one in parcels]}


_NOTICE: Final = Shape(schema=_NoticeSchema(), refine=_refined)
_ORDER: Final = Shape(
    schema=_EntitySchema(),
    kind="order",
    shown=(
        "status", "fulfillment_status", "amount", "items", "recipient", "billing",
        "shipping_method", "note",
    ),
    states=_STATES,
    refine=_refined,
)  # fmt: skip
_CONTACT: Final = Shape(
    schema=_EntitySchema(), kind="customer", shown=("buyer", "address_book"), refine=_refined
)

platform = Platform(
    name="wix",
    title="Wix",
    docs="https://dev.wix.com/docs/rest/articles/get-started/webhook-structure",
    group="shops",
    scheme=JwtBody(),
    topic=Field("event.eventType"),
    shop=Field("event.instanceId"),
    topics={
        "wix.ecom.v1.order_created": created("order.created", _ORDER),
        "wix.ecom.v1.order_approved": created("order.created", _ORDER),
        "wix.ecom.v1.order_updated": updated("order.updated", _ORDER),
        "wix.ecom.v1.order_payment_status_updated": updated("order.updated", _ORDER),
        "wix.ecom.v1.order_fulfilled": updated("order.updated", _ORDER),
        "wix.ecom.v1.order_canceled": updated("order.updated", _ORDER),
        "wix.ecom.v1.fulfillments_updated": Topic(
            type="order.shipped",
            shape=_NOTICE,
            updates=True,
            lookup="parcels",
        ),
        "wix.contacts.v4.contact_created": created("lead.created", _CONTACT),
        "wix.contacts.v4.contact_updated": updated("contact.updated", _CONTACT),
    },
    ignored={
        "wix.contacts.v4.contact_deleted": "names_nobody",
        "wix.contacts.v4.contact_merged": "names_nobody",
    },
    body=_body,
    api=Api(
        url="https://www.wixapis.com",
        credentials=("api_key", "site_id"),
        headers={"Authorization": "{api_key}", "wix-site-id": "{site_id}"},
        rate_per_s=3,
    ),
    lookups={
        "parcels": Lookup(
            Read("/ecom/v1/orders/{id}", "order", part="order"),
            Read(
                "/ecom/v1/fulfillments/orders/{id}",
                "parcels",
                part="orderWithFulfillments.fulfillments",
                optional=True,
            ),
            shape=Shape(
                schema=_ParcelsSchema(),
                kind="shipment",
                shown=("tracking_numbers", "tracking_url", "carrier"),
                refine=_parcels,
            ),
            id_pattern=ANY_ID,
        )
    },
    media_types=("text/plain",),
    deadline_s=1.25,
    retries="12 within 48 hours",
    certainty="unverified",
    setup={
        "es": (
            "En el panel de su app de Wix (Custom Apps) abra Webhooks.",
            "Pulse Get Public Key y copie la clave a WIX_SECRET.",
            (
                "Con + Create Webhook suscriba, en eCommerce, Order Created, Order Approved, Order "
                "Updated, Payment Status Updated, Order Fulfilled, Order Canceled y Order With "
                "Fulfillments Updated, y en Contacts, Contact Created y Contact Updated, todos con "
                "la dirección de esta fuente."
            ),
            (
                "Para las guías de envío, cree en manage.wix.com/account/api-keys una clave que "
                "pueda leer pedidos y póngala, con el id del sitio (en la dirección del panel, "
                "después de /dashboard/), en `credentials` de la fuente: `api_key`, `site_id`."
            ),
            "Instale la app en su sitio.",
        ),
        "en": (
            "In the dashboard of your Wix app (Custom Apps) open Webhooks.",
            "Press Get Public Key and copy the key to WIX_SECRET.",
            (
                "With + Create Webhook subscribe to Order Created, Order Approved, Order Updated, "
                "Payment Status Updated, Order Fulfilled, Order Canceled and Order With "
                "Fulfillments Updated of eCommerce, and to Contact Created and Contact Updated of "
                "Contacts, each with this source's address."
            ),
            (
                "For tracking numbers, create a key at manage.wix.com/account/api-keys that may "
                "read orders, and put it, with the site's id (in the panel's address, behind "
                "/dashboard/), into the source's `credentials`: `api_key`, `site_id`."
            ),
            "Install the app on your site.",
        ),
    },
)
