"""Stripe: checkouts, payments, invoices and customers, JSON, signed.

`Stripe-Signature: t=…,v1=…`: hex HMAC-SHA256 of time, full stop and raw body, with the endpoint's
secret as text, `whsec_` included; several `v1` while a secret is rotated. The vendor's libraries
accept 300 s. `id` is the event's, the same on every retry, which go on for three days. A checkout
and its charge tell of one payment: what is remembered is the payment intent. Each card that it is
tried with is a charge of its own. A checkout that is to
be paid later, at OXXO or by transfer, is completed while it is `unpaid`; one in mode `setup` is no
payment. An invoice is of a subscription, its first or a later one, but where it was made by hand.
Amounts are in minor units, of CLP whole pesos; currencies are in small letters.

A destination may get thin events instead (`v2.core.event`; of these objects since 2026-09-30).
Their types have `v1.` in front, and they name an object, which is looked up: by then it may have
changed once more. Those of a connected account, with a `context`, are not found with our key.

https://docs.stripe.com/webhooks and https://docs.stripe.com/event-destinations (read 2026-11;
stripe-python, _webhook.py)
"""

import re
from dataclasses import replace
from typing import Final

from relay.inbound.composite_fields import Amount, Person
from relay.inbound.contract import Platform
from relay.inbound.lookups import ANY_ID, Api, Lookup, Read
from relay.inbound.payload_fields import Id, Text, Time
from relay.inbound.payload_schema import PayloadSchema
from relay.inbound.places import Field, FieldIs
from relay.inbound.results import Skipped
from relay.inbound.signature import ComposedHmac, Message, PairsHeader
from relay.inbound.topics import Shape, Topic, Values

_OBJECT: Final = "data.object"
_COMPLETED: Final = "checkout.session.completed"
_PAID: Final = "invoice.paid"
# They have no cents, but are counted in cents: https://docs.stripe.com/currencies#special-cases.
_DIGITS: Final = {"ISK": 2, "UGX": 2}
# What an invoice's line says around the name of the plan: `1 x … (at $19.90 / month)`.
_AROUND_PLAN: Final = re.compile(
    r"^(?:(?:Remaining|Unused) time on )?(?:\d+ \u00d7 )?"
    r"| \(at [^()]+\)$| after \d{1,2} \w{3} \d{4}$"
)
# In front of the type of a thin event.
_THIN: Final = "v1."


class _NoticeSchema(PayloadSchema):
    id = Id("related_object.id", required=True)
    event_id = Id("id")
    at = Time("created")


class _EventSchema(PayloadSchema):
    event_id = Id("id")
    at = Time("created")


class _SessionSchema(_EventSchema):
    id = Id(f"{_OBJECT}.payment_intent", f"{_OBJECT}.id")
    payment_id = Id(f"{_OBJECT}.payment_intent", f"{_OBJECT}.id")
    checkout_id = Id(f"{_OBJECT}.id")
    checkout_url = Text(f"{_OBJECT}.after_expiration.recovery.url", f"{_OBJECT}.url")
    reference = Text(f"{_OBJECT}.client_reference_id", f"{_OBJECT}.metadata.order_id")
    amount = Amount(f"{_OBJECT}.amount_total", f"{_OBJECT}.currency", digits=_DIGITS)
    _payment_status = Text(f"{_OBJECT}.payment_status")
    _mode = Text(f"{_OBJECT}.mode")
    buyer = Person(
        f"{_OBJECT}.customer_details",
        email="email",
        name="name",
        phones="phone",
        country="address.country",
    )
    account = Person(_OBJECT, email="customer_email")


class _ChargeSchema(_EventSchema):
    id = Id(f"{_OBJECT}.payment_intent", f"{_OBJECT}.id")
    payment_id = Id(f"{_OBJECT}.payment_intent", f"{_OBJECT}.id")
    reference = Text(f"{_OBJECT}.metadata.order_id")
    description = Text(f"{_OBJECT}.description")
    amount = Amount(f"{_OBJECT}.amount", f"{_OBJECT}.currency", digits=_DIGITS)
    refunded = Amount(f"{_OBJECT}.amount_refunded", f"{_OBJECT}.currency", digits=_DIGITS)
    payment_method = Text(
        f"{_OBJECT}.payment_method_details.card.brand", f"{_OBJECT}.payment_method_details.type"
    )
    reason = Text(f"{_OBJECT}.outcome.reason", f"{_OBJECT}.failure_message")
    url = Text(f"{_OBJECT}.receipt_url")
    buyer = Person(
        f"{_OBJECT}.billing_details",
        email="email",
        name="name",
        phones="phone",
        country="address.country",
    )
    account = Person(_OBJECT, email="receipt_email")
    _attempt = Id(f"{_OBJECT}.id")
    _kind = Text(f"{_OBJECT}.payment_method_details.type")


class _InvoiceSchema(_EventSchema):
    subscription_id = Id(
        f"{_OBJECT}.subscription", f"{_OBJECT}.parent.subscription_details.subscription"
    )
    order_number = Id(f"{_OBJECT}.number")
    plan = Text(f"{_OBJECT}.lines.data.0.description")
    amount = Amount(f"{_OBJECT}.amount_due", f"{_OBJECT}.currency", digits=_DIGITS)
    url = Text(f"{_OBJECT}.hosted_invoice_url")
    _billing_reason = Text(f"{_OBJECT}.billing_reason")
    buyer = Person(
        _OBJECT,
        email="customer_email",
        name="customer_name",
        phones="customer_phone",
        country="customer_address.country",
    )


class _CustomerSchema(_EventSchema):
    id = Id(f"{_OBJECT}.id", required=True)
    buyer = Person(_OBJECT, email="email", name="name", phones="phone", country="address.country")


def _session(topic: str, values: Values) -> Values | Skipped:
    if values.get("_mode") == "setup":
        return Skipped("not_a_payment")
    is_unpaid = values.get("_payment_status") == "unpaid"
    is_completed = topic.removeprefix(_THIN) == _COMPLETED
    return Skipped("not_paid_yet") if is_unpaid and is_completed else {}


def _charge(_topic: str, values: Values) -> Values:
    """Only a card's failure is told by nothing but its charge: that of a method that is paid later
    comes as one of the checkout, too.
    """
    return {} if values.get("_kind") == "card" else {"_attempt": ""}


def _invoice(topic: str, values: Values) -> Values | Skipped:
    reason = values.get("_billing_reason")
    if reason == "manual":
        return Skipped("told_by_another_topic")
    is_first = reason == "subscription_create" and topic.removeprefix(_THIN) == _PAID
    refined = {"type": "subscription.created"} if is_first else {}
    if plan := values.get("plan"):
        refined["plan"] = _AROUND_PLAN.sub("", plan)
    return refined


_SESSION: Final = Shape(schema=_SessionSchema(), kind="payment", refine=_session)
_CART: Final = Shape(schema=_SessionSchema())
_CHARGE: Final = Shape(schema=_ChargeSchema(), kind="payment", refine=_charge)
_INVOICE: Final = Shape(schema=_InvoiceSchema(), refine=_invoice)
_CUSTOMER: Final = Shape(schema=_CustomerSchema(), kind="customer", shown=("buyer",))

_TOPICS: Final = {
    _COMPLETED: Topic(type="payment.approved", shape=_SESSION, step="approved"),
    "checkout.session.async_payment_succeeded": Topic(
        type="payment.approved", shape=_SESSION, step="approved"
    ),
    "checkout.session.async_payment_failed": Topic(
        type="payment.declined", shape=_SESSION, step="failed"
    ),
    "checkout.session.expired": Topic(type="checkout.abandoned", shape=_CART),
    "charge.succeeded": Topic(type="payment.approved", shape=_CHARGE, step="approved"),
    "charge.failed": Topic(
        type="payment.declined", shape=_CHARGE, step="failed", attempt="_attempt"
    ),
    "charge.refunded": Topic(type="payment.refunded", shape=_CHARGE),
    _PAID: Topic(type="subscription.renewed", shape=_INVOICE),
    "invoice.payment_failed": Topic(type="subscription.payment_failed", shape=_INVOICE),
    "customer.created": Topic(type="customer.created", shape=_CUSTOMER, step="created"),
    "customer.updated": Topic(type="customer.updated", shape=_CUSTOMER, updates=True),
}
_IGNORED: Final = {
    "payment_intent.succeeded": "told_by_another_topic",
    "payment_intent.created": "told_by_another_topic",
    "customer.subscription.deleted": "names_nobody",
    "charge.dispute.created": "names_nobody",
}
_LOOKUPS: Final = {
    kind: Lookup(Read(f"/v1/{path}/{{id}}", name=_OBJECT), shape=shape, id_pattern=ANY_ID)
    for kind, path, shape in (
        ("session", "checkout/sessions", _SESSION),
        ("cart", "checkout/sessions", _CART),
        ("charge", "charges", _CHARGE),
        ("invoice", "invoices", _INVOICE),
        ("customer", "customers", _CUSTOMER),
    )
}
_NOTICE: Final = Shape(schema=_NoticeSchema())


def _thin(topic: Topic) -> Topic:
    kind = next(kind for kind, lookup in _LOOKUPS.items() if lookup.shape is topic.shape)
    return replace(topic, shape=_NOTICE, lookup=kind)


platform = Platform(
    name="stripe",
    title="Stripe",
    docs="https://docs.stripe.com/webhooks",
    group="payments",
    scheme=ComposedHmac(
        PairsHeader("stripe-signature"), lambda _request, time: Message(f"{time}.")
    ),
    topic=Field("type"),
    test=(FieldIs("livemode", "false"),),
    topics={**_TOPICS, **{_THIN + name: _thin(topic) for name, topic in _TOPICS.items()}},
    ignored={**_IGNORED, **{_THIN + name: reason for name, reason in _IGNORED.items()}},
    api=Api(
        url="https://api.stripe.com",
        credentials=("secret_key",),
        headers={"Authorization": "Bearer {secret_key}"},
        rate_per_s=20,
    ),
    lookups=_LOOKUPS,
    retries="3 days, ever more seldom",
    setup={
        "es": (
            "En el Dashboard de Stripe abra Desarrolladores > Webhooks > Agregar destino.",
            "Pegue la dirección de esta fuente y elija los eventos de checkout, cargos y facturas.",
            "Copie el secreto de firma (whsec_…) a STRIPE_SECRET.",
            (
                "Si el destino usa eventos ligeros (thin), ponga una clave restringida de lectura "
                "en `credentials` de la fuente: `secret_key`."
            ),
        ),
        "en": (
            "In Stripe's Dashboard open Developers > Webhooks > Add destination.",
            "Paste the address of this source and choose checkout, charge and invoice events.",
            "Copy the signing secret (whsec_…) to STRIPE_SECRET.",
            (
                "Where the destination gets thin events, put a restricted key that may read into "
                "the source's `credentials`: `secret_key`."
            ),
        ),
    },
)
