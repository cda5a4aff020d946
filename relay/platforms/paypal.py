"""PayPal: payments, refunds and subscriptions, JSON, signed; payments have to be looked up.

Signs transmission, time, the webhook's id and the CRC-32 of the body with RSA; the certificate is
fetched from paypal.com. The secret is the webhook's id. A capture does not say who paid: its order
does, and refunds are those of the order. A refund or reversal names its capture in a link only,
whose last part alone is used. The old API's sales are of a subscription or a payment. Subscriptions
come with their subscriber. `id` is the event's, the same on a retry. An approved order is not paid
yet. Anything but 2xx is sent again 25 times in 3 days. The simulator signs for no webhook's id, and
is refused.

https://developer.paypal.com/api/rest/webhooks/rest (read 2026-11; paypal-rest-api-specifications)
"""

from typing import Any, Final

from relay.inbound.composite_fields import Amount, Items, Person
from relay.inbound.contract import Platform, Source
from relay.inbound.lookups import ANY_ID, Api, Lookup, Read, Tokens
from relay.inbound.payload import json_body
from relay.inbound.payload_fields import Id, Text, Time
from relay.inbound.payload_schema import ListOf, Object, PayloadSchema
from relay.inbound.places import Field
from relay.inbound.signature import PayPalSignature
from relay.inbound.topics import Shape, Topic, Values
from relay.model import Step, WebhookRequest

_REVERSED: Final = "PAYMENT.CAPTURE.REVERSED"
_CAPTURES: Final = "/v2/payments/captures/"
_UNIT: Final = "order.purchase_units.0"


class _NoticeSchema(PayloadSchema):
    id = Id("capture_id", "resource.id", required=True)
    event_id = Id("id")
    at = Time("create_time")


class _RefundSchema(PayloadSchema):
    id = Id(required=True)
    amount = Amount("amount.value", "amount.currency_code")


class _CaptureSchema(PayloadSchema):
    id = Id("capture.id", required=True)
    updated_at = Time("capture.update_time")
    payment_id = Id("capture.id")
    reference = Text("capture.custom_id", "capture.invoice_id", f"{_UNIT}.reference_id")
    description = Text(f"{_UNIT}.description")
    amount = Amount("capture.amount.value", "capture.amount.currency_code")
    items = Items(f"{_UNIT}.items")
    reason = Text("capture.status_details.reason")
    _status = Text("capture.status")
    _refunds = ListOf(Object(_RefundSchema), f"{_UNIT}.payments.refunds")
    buyer = Person(
        "order.payer",
        email="email_address",
        first_name="name.given_name",
        last_name="name.surname",
        phones="phone.phone_number.national_number",
        country="address.country_code",
    )
    account = Person(
        "order.payment_source.paypal",
        email="email_address",
        first_name="name.given_name",
        last_name="name.surname",
        phones="phone_number.national_number",
        country="address.country_code",
    )
    recipient = Person(
        f"{_UNIT}.shipping",
        name="name.full_name",
        lines=("address.address_line_1", "address.address_line_2"),
        city="address.admin_area_2",
        state="address.admin_area_1",
        zip_code="address.postal_code",
        country="address.country_code",
    )


class _SaleSchema(PayloadSchema):
    id = Id("sale.id", required=True)
    updated_at = Time("sale.update_time")
    payment_id = Id("sale.id")
    subscription_id = Id("sale.billing_agreement_id")
    reference = Text("sale.custom", "sale.invoice_number")
    amount = Amount("sale.amount.total", "sale.amount.currency")
    next_payment_at = Text("subscription.billing_info.next_billing_time")
    buyer = Person(
        "subscription.subscriber",
        email="email_address",
        first_name="name.given_name",
        last_name="name.surname",
        phones="phone.phone_number.national_number",
        country="shipping_address.address.country_code",
    )
    account = Person(
        "payment.payer.payer_info",
        email="email",
        first_name="first_name",
        last_name="last_name",
        phones="phone",
        country="country_code",
    )


class _SubscriptionSchema(PayloadSchema):
    id = Id("resource.id", required=True)
    event_id = Id("id")
    at = Time("create_time")
    subscription_id = Id("resource.id")
    order_number = Text("resource.custom_id")
    amount = Amount(
        "resource.billing_info.last_payment.amount.value",
        "resource.billing_info.last_payment.amount.currency_code",
    )
    next_payment_at = Text("resource.billing_info.next_billing_time")
    reason = Text("resource.status_change_note")
    buyer = Person(
        "resource.subscriber",
        email="email_address",
        first_name="name.given_name",
        last_name="name.surname",
        phones="phone.phone_number.national_number",
        country="shipping_address.address.country_code",
    )


def _body(request: WebhookRequest, _source: Source) -> Any:
    """The body with the id of the capture that a refund links to."""
    value = json_body(request.body)
    resource = value.get("resource") if isinstance(value, dict) else None
    links = resource.get("links") if isinstance(resource, dict) else None
    for link in links if isinstance(links, list) else ():
        if isinstance(link, dict) and link.get("rel") == "up":
            _, path, capture_id = str(link.get("href")).rpartition(_CAPTURES)
            if path:
                return {**value, "capture_id": capture_id}
    return value


def _capture(topic: str, values: Values) -> Values:
    if topic == _REVERSED:  # a chargeback, as a rule: what is given back is not of the shop's will
        return {"_status": ""}
    refunds = [one for one in values.get("_refunds") or () if one.get("amount")]
    return {"refunds": {one["id"]: one["amount"].amount for one in refunds}}


def _sale(_topic: str, values: Values) -> Values:
    return {"type": "subscription.renewed"} if values.get("subscription_id") else {}


_NOTICE: Final = Shape(schema=_NoticeSchema())
_SUBSCRIPTION: Final = Shape(schema=_SubscriptionSchema(), kind="subscription")


def _thin(event_type: str, kind: str, *other_types: str, step: str = "") -> Topic:
    return Topic(type=event_type, shape=_NOTICE, lookup=kind, other_types=other_types, step=step)


platform = Platform(
    name="paypal",
    title="PayPal",
    docs="https://developer.paypal.com/api/rest/webhooks/",
    group="payments",
    scheme=PayPalSignature(),
    topic=Field("event_type"),
    body=_body,
    topics={
        "PAYMENT.CAPTURE.COMPLETED": _thin("payment.approved", "capture", "payment.refunded"),
        "PAYMENT.CAPTURE.DENIED": _thin("payment.declined", "capture", "payment.approved"),
        "PAYMENT.CAPTURE.DECLINED": _thin("payment.declined", "capture", "payment.approved"),
        "PAYMENT.CAPTURE.REFUNDED": _thin("payment.refunded", "capture", "payment.approved"),
        _REVERSED: _thin("payment.charged_back", "capture", step="reversed"),
        "PAYMENT.SALE.COMPLETED": _thin(
            "payment.approved", "sale", "subscription.renewed", step="approved"
        ),
        "BILLING.SUBSCRIPTION.ACTIVATED": Topic(
            type="subscription.created", shape=_SUBSCRIPTION, step="activated"
        ),
        "BILLING.SUBSCRIPTION.CANCELLED": Topic(
            type="subscription.cancelled", shape=_SUBSCRIPTION, step="cancelled"
        ),
        "BILLING.SUBSCRIPTION.EXPIRED": Topic(
            type="subscription.cancelled", shape=_SUBSCRIPTION, step="expired"
        ),
        "BILLING.SUBSCRIPTION.PAYMENT.FAILED": Topic(
            type="subscription.payment_failed", shape=Shape(schema=_SubscriptionSchema())
        ),
    },
    ignored={
        "PAYMENT.CAPTURE.PENDING": "pending",
        "CHECKOUT.ORDER.APPROVED": "not_paid_yet",
        "CHECKOUT.ORDER.COMPLETED": "told_by_another_topic",
        "BILLING.SUBSCRIPTION.CREATED": "pending",
    },
    api=Api(
        url="https://api-m.paypal.com",
        credentials=("client_id", "client_secret"),
        headers={"Authorization": "Bearer {access_token}"},
        tokens=Tokens(
            path="/v1/oauth2/token",
            form={"grant_type": "client_credentials"},
            basic=("client_id", "client_secret"),
        ),
    ),
    lookups={
        "capture": Lookup(
            Read(f"{_CAPTURES}{{id}}", name="capture"),
            Read(
                "/v2/checkout/orders/{capture.supplementary_data.related_ids.order_id}",
                name="order",
                optional=True,
            ),
            shape=Shape(
                schema=_CaptureSchema(),
                kind="payment",
                refine=_capture,
                states={
                    "_status": {
                        "PENDING": Step("pending", ""),
                        "COMPLETED": Step("approved", "payment.approved"),
                        "PARTIALLY_REFUNDED": Step("approved", "payment.approved"),
                        "DECLINED": Step("declined", "payment.declined"),
                        "FAILED": Step("declined", "payment.declined"),
                        "REFUNDED": Step("refunded", "payment.refunded"),
                    }
                },
            ),
            id_pattern=ANY_ID,
        ),
        "sale": Lookup(
            Read("/v1/payments/sale/{id}", name="sale"),
            Read(
                "/v1/billing/subscriptions/{sale.billing_agreement_id}",
                name="subscription",
                optional=True,
            ),
            Read("/v1/payments/payment/{sale.parent_payment}", name="payment", optional=True),
            shape=Shape(schema=_SaleSchema(), kind="payment", refine=_sale),
            id_pattern=ANY_ID,
        ),
    },
    retries="25, for 3 days",
    setup={
        "es": (
            "En developer.paypal.com abra Apps & Credentials, en modo Live, y elija su app.",
            "En Webhooks > Add Webhook pegue la dirección de esta fuente.",
            "Elija los eventos `Payment capture …`, `Payment sale completed` y de suscripciones.",
            "Guarde y copie el Webhook ID, que aparece en la lista, a PAYPAL_SECRET.",
            "Ponga Client ID y Secret en `credentials` de la fuente: `client_id`, `client_secret`.",
        ),
        "en": (
            "On developer.paypal.com open Apps & Credentials, in Live mode, and choose your app.",
            "In Webhooks > Add Webhook paste the address of this source.",
            "Choose the events `Payment capture …`, `Payment sale completed`, and subscriptions.",
            "Save, and copy the Webhook ID, which is shown in the list, to PAYPAL_SECRET.",
            (
                "Put Client ID and Secret into the source's `credentials`: `client_id` and "
                "`client_secret`."
            ),
        ),
    },
)
