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

https://dev.wix.com/docs/rest/articles/get-started/webhook-structure (read 2026-08)
"""

from collections.abc import Mapping
from typing import Any, Final

from relay.inbound.composite_fields import Amount, Items, Person
from relay.inbound.contract import Platform, Source
from relay.inbound.expression import Expression
from relay.inbound.payload import embedded_object
from relay.inbound.payload_fields import Flag, Id, Text, Time
from relay.inbound.payload_schema import PayloadSchema
from relay.inbound.places import Field
from relay.inbound.results import Skipped
from relay.inbound.signature import JwtBody, jwt_claims
from relay.inbound.topics import Shape, Values, created, updated
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
        "wix.contacts.v4.contact_created": created("lead.created", _CONTACT),
        "wix.contacts.v4.contact_updated": updated("contact.updated", _CONTACT),
    },
    ignored={
        "wix.contacts.v4.contact_deleted": "names_nobody",
        "wix.contacts.v4.contact_merged": "names_nobody",
    },
    body=_body,
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
                "Updated, Payment Status Updated, Order Fulfilled y Order Canceled, y en Contacts, "
                "Contact Created y Contact Updated, todos con la dirección de esta fuente."
            ),
            "Instale la app en su sitio.",
        ),
        "en": (
            "In the dashboard of your Wix app (Custom Apps) open Webhooks.",
            "Press Get Public Key and copy the key to WIX_SECRET.",
            (
                "With + Create Webhook subscribe to Order Created, Order Approved, Order Updated, "
                "Payment Status Updated, Order Fulfilled and Order Canceled of eCommerce, and to "
                "Contact Created and Contact Updated of Contacts, each with this source's address."
            ),
            "Install the app on your site.",
        ),
    },
)
