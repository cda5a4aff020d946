"""Shopify: shop events, JSON, signed.

Signs base64 HMAC-SHA256 of the raw body with the app's client secret as text; newer deliveries
may use `shopify-…` headers without `x-`. The topic is in a header, not in the body. The webhook
id stays the same on every retry. No time is signed. Anything but 2xx within 5 s is sent again
8 times over 4 h, then the subscription can be removed. Names, e-mails and phones may be null on
cheaper plans. There is no topic for an abandoned checkout: it is one that got no order within some
time. What is given back is reported with the order too: a refund's own body names no customer.
Topic, shop and ids are in headers that nothing signs.

https://shopify.dev/docs/apps/build/webhooks/verify-deliveries (read 2026-08)
"""

import re
from dataclasses import replace
from decimal import Decimal
from typing import Final

from relay.inbound.composite_fields import Amount, Documents, FirstOf, Items, Person, address
from relay.inbound.contact import Party
from relay.inbound.contract import Platform
from relay.inbound.payload_fields import Id, Number, Text, Time
from relay.inbound.payload_schema import ListOf, Object, PayloadSchema
from relay.inbound.places import Field, Header
from relay.inbound.results import Skipped
from relay.inbound.signature import Hmac
from relay.inbound.timestamps import unix_time
from relay.inbound.topics import Shape, Topic, Values, created, updated
from relay.model import Money, Step

_PAID: Final = frozenset({"paid", "partially_refunded", "refunded"})
_NOT_SENT: Final = frozenset({"cancelled", "error", "failure"})
_ADDRESS: Final = address(
    lines=("address1", "address2"),
    state="province",
    zip_code="zip",
    country=("country_code", "country"),
)


class _BodySchema(PayloadSchema):
    """Merchants may leave fields out, so only `id` is required."""

    id = Id(required=True)
    created_at = Time()
    updated_at = Time()


class _SaleSchema(_BodySchema):
    """The e-mail and phone of an order or checkout are its customer's, who is the buyer.

    A buyer may write another e-mail than that of the account: then the account is one more party.
    """

    buyer = Person(
        email=("email", "contact_email", "customer.email"),
        phones=("phone", "customer.phone", "sms_marketing_phone"),
        first_name="customer.first_name",
        last_name="customer.last_name",
    )
    _account_email = Text("customer.email")
    _own_phone = Text("phone")
    billing = Person("billing_address", **_ADDRESS)
    recipient = Person("shipping_address", **_ADDRESS)
    address_book = Person("customer.default_address", **_ADDRESS)
    document = Documents(
        "note_attributes", country=("billing_address.country_code", "billing_address.country")
    )
    items = Items("line_items", name=("name", "title"), quantity=("current_quantity", "quantity"))
    payment_method = Text("payment_gateway_names.0")


class _TransactionSchema(PayloadSchema):
    kind = Text()
    status = Text()
    amount = Amount("amount", "currency")


class _GivenBackSchema(PayloadSchema):
    created_at = Time()
    transactions = ListOf(Object(_TransactionSchema))


class _LineSchema(PayloadSchema):
    quantity = Number()
    current_quantity = Number()


class _OrderSchema(_SaleSchema):
    order_id = Id("id")
    order_number = Text("name")
    amount = FirstOf(
        Amount(
            "total_price_set.presentment_money.amount",
            "total_price_set.presentment_money.currency_code",
        ),
        Amount("total_price", "currency"),
    )
    shop_amount = Amount("total_price", "currency")
    status = Text("financial_status")
    fulfillment_status = Text()
    cancel_reason = Text()
    url = Text("order_status_url")
    shipping_method = Text("shipping_lines.0.title")
    note = Text()
    cancelled_at = Time()
    ends = Text("checkout_token")
    _lines = ListOf(Object(_LineSchema), "line_items")
    _refunds = ListOf(Object(_GivenBackSchema), "refunds")
    _left = FirstOf(
        Amount(
            "current_total_price_set.presentment_money.amount",
            "current_total_price_set.presentment_money.currency_code",
        ),
        Amount("current_total_price", "currency"),
    )


class _CheckoutSchema(_SaleSchema):
    """All prices are in the buyer's currency; `currency` is the shop's."""

    checkout_id = Id("id")
    checkout_url = Text("abandoned_checkout_url")
    amount = Amount("total_price", ("presentment_currency", "currency"))
    token = Text()
    _completed_at = Time("completed_at")


class _FulfillmentSchema(_BodySchema):
    buyer = Person(email="email")
    recipient = Person("destination", **_ADDRESS)
    order_id = Id()
    order_number = Text("name")
    items = Items("line_items", name=("name", "title"))
    carrier = Text("tracking_company")
    tracking_number = Text()
    tracking_numbers = ListOf(Text())
    tracking_url = Text()
    _status = Text("status")
    _shipment_status = Text("shipment_status")


class _RefundSchema(_BodySchema):
    id = Id("order_id", required=True)
    reason = Text("note")


class _CustomerSchema(_BodySchema):
    buyer = Person(email="email", phones="phone", first_name="first_name", last_name="last_name")
    address_book = Person("default_address", **_ADDRESS)


class _ConsentSchema(PayloadSchema):
    """Consent bodies may have only a phone or an e-mail."""

    id = Id()
    updated_at = Time()
    created_at = Time()
    buyer = Person(email=("email", "email_address"), phones=("phone", "sms_marketing_phone"))
    _sms = Text("sms_marketing_consent.state")
    _email = Text("email_marketing_consent.state")


def _parties(values: Values) -> dict[str, Party]:
    """Buyer and account, where the e-mail of the order is not that of the account.

    The buyer's name is then the one of the bill, by which the two may be one person after all.
    """
    buyer: Party | None = values.get("buyer")
    email = values.get("_account_email", "")
    if not (buyer and email) or buyer.email.strip().lower() == email.strip().lower():
        return {}
    own = tuple(phone for phone in buyer.phones if phone == values.get("_own_phone"))
    phones = tuple(phone for phone in buyer.phones if phone not in own)
    named: Party = values.get("billing") or Party()
    names = {part: getattr(named, part) for part in ("first_name", "last_name", "name")}
    return {
        "buyer": Party(email=buyer.email, phones=own, **names),
        "account": replace(buyer, email=email, phones=phones),
    }


def _order(topic: str, values: Values) -> Values:
    refunds = values.get("_refunds", ())
    dates = [unix_time(refund.get("created_at")) for refund in refunds]
    is_in_one_currency = values.get("shop_amount") == values.get("amount")
    refunded = _refunded(values)
    return {
        **_parties(values),
        "amount": values.get("amount") if refunded else _edited(values),
        "shop_amount": None if is_in_one_currency else values.get("shop_amount"),
        "steps": _steps(values) if topic == "orders/updated" else (),
        "refunded": refunded,
        "refunded_at": max((at for at in dates if at), default=None),
    }


def _steps(values: Values) -> list[Step]:
    steps = []
    status = values.get("status")
    if status in _PAID:
        steps.append(Step("paid", "order.paid" if status == "paid" else ""))
    if values.get("fulfillment_status") == "fulfilled":
        steps.append(Step("fulfilled", "order.fulfilled"))
    if (cancelled_at := unix_time(values.get("cancelled_at"))) is not None:
        steps.append(Step("cancelled", "order.cancelled", cancelled_at))
    return steps


def _refunded(values: Values) -> Decimal | None:
    """What was given back so far, as the buyer saw it; bodies may come without their refunds."""
    amount: Money | None = values.get("amount")
    if values.get("status") == "refunded":
        return amount.amount if amount else None
    given_back = [
        transaction["amount"].amount
        for refund in values.get("_refunds", ())
        for transaction in refund.get("transactions", ())
        if _is_given_back(transaction, amount)
    ]
    if total := sum(given_back, Decimal(0)):
        return total
    left = _left(values)
    is_partly = values.get("status") == "partially_refunded"
    return amount.amount - left.amount if is_partly and amount and left else None


def _left(values: Values) -> Money | None:
    """What the order comes to now, in the currency of its amount: less what was given back, and
    without the lines that were taken out of it.
    """
    amount: Money | None = values.get("amount")
    left: Money | None = values.get("_left")
    return left if amount and left and left.currency == amount.currency else None


def _edited(values: Values) -> Money | None:
    """The amount of an order of which nothing was given back; lines may have been taken out.

    When it is cancelled they all are: then it is the amount that it had.
    """
    amount: Money | None = values.get("amount")
    left = _left(values)
    if amount is None or left is None or values.get("cancelled_at") or not _has_lost_lines(values):
        return amount
    return left if 0 < left.amount < amount.amount else amount


def _has_lost_lines(values: Values) -> bool:
    """Whether a line was taken out: a refund, without money where nothing was paid, says so too."""
    return bool(values.get("_refunds")) or any(
        line.get("current_quantity", line.get("quantity")) != line.get("quantity")
        for line in values.get("_lines", ())
    )


def _is_given_back(transaction: Values, total: Money | None) -> bool:
    """Whether a transaction is a refund that was made, in the currency of the order's amount."""
    amount: Money | None = transaction.get("amount")
    is_made = transaction.get("status", "success") == "success"
    if amount is None or transaction.get("kind") != "refund" or not is_made:
        return False
    return not (total and amount.currency and total.currency not in ("", amount.currency))


def _checkout(_topic: str, values: Values) -> Values:
    is_completed = unix_time(values.get("_completed_at")) is not None
    ends = {"ends": values.get("token", ""), "over": True} if is_completed else {}
    return {**_parties(values), **ends}


def _fulfillment(_topic: str, values: Values) -> Values | Skipped:
    """The order's number: a parcel is named `#1042.1` after its order."""
    if values.get("_status") in _NOT_SENT:
        return Skipped("not_sent")
    delivered = values.get("_shipment_status") == "delivered"
    return {
        "order_number": re.sub(r"\.\d+$", "", values.get("order_number", "")),
        "steps": [Step("delivered", "shipment.delivered")] if delivered else [],
    }


def _consent(topic: str, values: Values) -> Values | Skipped:
    kind = "email" if "email" in topic else "sms"
    state = values.get(f"_{kind}")
    if state not in ("subscribed", "unsubscribed"):
        return Skipped("no_consent_state")
    return {"type": f"{kind}.{state}"}


_OF_ORDERS: Final = ("financial_status", "order_status_url")
_OF_CHECKOUTS: Final = ("abandoned_checkout_url",)
_OF_REFUNDS: Final = ("refund_line_items",)
_OF_PARCELS: Final = ("tracking_numbers",)
_ORDER: Final = Shape(
    schema=_OrderSchema(),
    kind="order",
    shown=(
        "status", "fulfillment_status", "amount", "items", "recipient", "billing",
        "shipping_method", "buyer", "note",
    ),
    order=("paid", "fulfilled"),
    foreign=(*_OF_CHECKOUTS, *_OF_REFUNDS, *_OF_PARCELS),
    refine=_order,
)  # fmt: skip
_CHECKOUT: Final = Shape(
    schema=_CheckoutSchema(),
    kind="checkout",
    shown=("amount", "items"),
    foreign=(*_OF_ORDERS, *_OF_REFUNDS, *_OF_PARCELS),
    refine=_checkout,
)
_FULFILLMENT: Final = Shape(
    schema=_FulfillmentSchema(),
    kind="shipment",
    shown=("tracking_numbers", "tracking_url", "carrier"),
    foreign=(*_OF_ORDERS, *_OF_CHECKOUTS, *_OF_REFUNDS),
    refine=_fulfillment,
)
_REFUND: Final = Shape(schema=_RefundSchema(), foreign=(*_OF_ORDERS, *_OF_CHECKOUTS, *_OF_PARCELS))
_CUSTOMER: Final = Shape(
    schema=_CustomerSchema(),
    kind="customer",
    shown=("buyer", "address_book"),
    foreign=(*_OF_ORDERS, *_OF_CHECKOUTS, "line_items"),
)
_CONSENT: Final = Shape(schema=_ConsentSchema(), foreign=_CUSTOMER.foreign, refine=_consent)
_UPDATED: Final = ("updated_at", "created_at")

platform = Platform(
    name="shopify",
    title="Shopify",
    docs="https://shopify.dev/docs/apps/build/webhooks/verify-deliveries",
    group="shops",
    scheme=Hmac(headers=("x-shopify-hmac-sha256", "shopify-hmac-sha256")),
    topic=Header("x-shopify-topic", "shopify-topic"),
    delivery_id=Header("x-shopify-webhook-id", "shopify-webhook-id"),
    event_id=Header("x-shopify-event-id", "shopify-event-id"),
    shop=Header(
        "x-shopify-shop-domain", "shopify-shop-domain", sample="tienda-ejemplo.myshopify.com"
    ),
    sent_at=Header("x-shopify-triggered-at", "shopify-triggered-at"),
    test=(Header("x-shopify-test", "shopify-test"), Field("test")),
    body_is_key=True,
    deadline_s=5,
    retries="8 in 4 h",
    disable_after="repeated failures: the hook is deleted, 8 for one made by an app",
    setup={
        "es": (
            "En Shopify abra Configuración > Notificaciones > Webhooks > Crear webhook.",
            ("Elija el evento y el formato JSON, y pegue la dirección de esta fuente; cree uno "
            "por evento."),
            "Copie la clave para firmar, que está al pie de esa lista, a SHOPIFY_SECRET.",
        ),
        "en": (
            "In Shopify open Settings > Notifications > Webhooks > Create webhook.",
            ("Choose event and format JSON, and paste the address of this source; one for each "
            "event."),
            "Copy the signing key, at the foot of that list, to SHOPIFY_SECRET.",
        ),
    },
    topics={
        "orders/create": created("order.created", _ORDER),
        "orders/updated": updated("order.updated", _ORDER),
        "orders/paid": Topic(
            type="order.paid", shape=_ORDER, at=_UPDATED, step="paid",
            implies={"financial_status": _PAID | {""}},
        ),
        "orders/fulfilled": Topic(
            type="order.fulfilled", shape=_ORDER, at=_UPDATED, step="fulfilled",
            implies={"fulfillment_status": frozenset({"fulfilled"})},
        ),
        "orders/cancelled": Topic(
            type="order.cancelled", shape=_ORDER, at=("cancelled_at", *_UPDATED),
            step="cancelled", step_at="cancelled_at", implies={"cancelled_at": frozenset()},
        ),
        "orders/partially_fulfilled": updated("order.updated", _ORDER),
        "draft_orders/create": created("", _ORDER),
        "draft_orders/update": updated("", _ORDER),
        "fulfillments/create": created("order.shipped", _FULFILLMENT),
        "fulfillments/update": updated("order.shipped", _FULFILLMENT),
        "refunds/create": Topic(
            type="order.refunded", shape=_REFUND, at=("created_at",), lookup="order",
        ),
        "checkouts/create": created(
            "checkout.created", _CHECKOUT, delayed_type="checkout.abandoned"
        ),
        "checkouts/update": updated(
            "checkout.updated", _CHECKOUT, delayed_type="checkout.abandoned"
        ),
        "customers/create": created("customer.created", _CUSTOMER),
        "customers/update": updated("customer.updated", _CUSTOMER),
        "customers_marketing_consent/update": Topic(
            type="sms.subscribed", shape=_CONSENT, at=_UPDATED
        ),
        "customers_email_marketing_consent/update": Topic(
            type="email.subscribed", shape=_CONSENT, at=_UPDATED
        ),
    },
    held={
        "customers/data_request": "privacy_request",
        "customers/redact": "privacy_redaction",
        "shop/redact": "privacy_redaction",
    },
    ignored={
        # Their bodies hold only the id of a deleted record: no customer to find.
        "customers/delete": "names_nobody",
        "checkouts/delete": "names_nobody",
        "orders/delete": "names_nobody",
        "orders/edited": "names_nobody",
        "draft_orders/create": "draft",
        "draft_orders/update": "draft",
        "draft_orders/delete": "names_nobody",
    },
)  # fmt: skip
