"""Shopify: shop events, JSON, signed.

Signs base64 HMAC-SHA256 of the raw body with the app's client secret as text; newer deliveries
may use `shopify-…` headers without `x-`. The topic is in a header, not in the body. The webhook
id stays the same on every retry. No time is signed. Anything but 2xx within 5 s is sent again
8 times over 4 h, then the subscription can be removed. Names, e-mails and phones may be null on
cheaper plans. There is no topic for an abandoned checkout: it is one that got no order within some
time. What is given back is reported with the order too: a refund's own body names no customer, and
its order is looked up (the REST API is a legacy one; its order is that of the webhooks).
Topic, shop and ids are in headers that nothing signs.

https://shopify.dev/docs/apps/build/webhooks/verify-deliveries (read 2026-08), of the API
https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens/client-credentials-grant
and https://shopify.dev/docs/api/admin-rest/2026-10/resources/order (read 2026-11)
"""

import re
from dataclasses import replace
from decimal import Decimal
from typing import Final

from relay.inbound.composite_fields import Amount, Documents, FirstOf, Items, Person, address
from relay.inbound.contact import Party, parted
from relay.inbound.contract import Platform
from relay.inbound.line_quantities import LostLines
from relay.inbound.lookups import Api, Lookup, Read, Tokens
from relay.inbound.payload_fields import Id, Text, Time
from relay.inbound.payload_schema import JoinedReferences, ListOf, Object, PayloadSchema
from relay.inbound.places import Field, Header, SiteHeader
from relay.inbound.privacy import PrivacyRequest
from relay.inbound.results import Skipped
from relay.inbound.signature import Hmac
from relay.inbound.timestamps import unix_time
from relay.inbound.topics import Shape, Topic, Values, created, updated
from relay.model import Money, Step

# An order of which something was given back had been paid, which is no news. One that was paid and
# is so in part only got new items: what is paid then is news again.
_WAS_PAID: Final = dict.fromkeys(("partially_refunded", "refunded"), Step("paid", ""))
_PART: Final = Step("partially_paid", "")
_ABANDONED: Final = "checkout.abandoned"
_COUNTRY: Final = ("country_code", "country")
_ADDRESS: Final = address(
    lines=("address1", "address2"), state="province", zip_code="zip", country=_COUNTRY
)


def _money(name: str) -> FirstOf:
    """An amount as the buyer saw it, else in the shop's currency."""
    seen = f"{name}_set.presentment_money"
    return FirstOf(Amount(f"{seen}.amount", f"{seen}.currency_code"), Amount(name, "currency"))


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
    document = Documents("note_attributes", country=tuple(f"billing_address.{n}" for n in _COUNTRY))
    items = Items("line_items", name=("name", "title"), quantity=("current_quantity", "quantity"))
    payment_method = JoinedReferences((), "payment_gateway_names")


_TRANSACTION: Final = PayloadSchema.of(
    {"kind": Text(), "status": Text(), "amount": Amount("amount", "currency")}
)
_GIVEN_BACK: Final = PayloadSchema.of(
    {"created_at": Time(), "transactions": ListOf(Object(_TRANSACTION))}
)


class _OrderSchema(_SaleSchema):
    order_id = Id("id")
    order_number = Text("name", "order_number")
    amount = _money("total_price")
    shop_amount = Amount("total_price", "currency")
    status = Text("financial_status")
    fulfillment_status = Text()
    cancel_reason = Text()
    url = Text("order_status_url")
    shipping_method = Text("shipping_lines.0.title")
    note = Text()
    cancelled_at = Time()
    ends = Text("checkout_token")
    _has_lost_lines = LostLines("line_items", ordered="quantity", current="current_quantity")
    _refunds = ListOf(Object(_GIVEN_BACK), "refunds")
    _left = _money("current_total_price")


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
    tracking_number = Text("tracking_number", "tracking_numbers.0")
    tracking_numbers = ListOf(Text())
    tracking_url = Text("tracking_url", "tracking_urls.0")
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
    at = Time("updated_at", "created_at")
    buyer = Person(email=("email", "email_address"), phones=("phone", "sms_marketing_phone"))
    _sms = Text("sms_marketing_consent.state")
    _email = Text("email_marketing_consent.state")


def _parties(values: Values) -> dict[str, Party]:
    """Buyer and account: an order may have another e-mail than the account it was made with."""
    own_phone, email = values.get("_own_phone", ""), values.get("_account_email", "")
    return parted(values.get("buyer"), own_phone, email, values.get("billing"))


def _order(_topic: str, values: Values) -> Values:
    amount, shop_amount, left = values.get("amount"), values.get("shop_amount"), values.get("_left")
    left = left if amount and left and left.currency == amount.currency else None
    refunded = _refunded(values, left)
    dates = [unix_time(refund.get("created_at")) for refund in values.get("_refunds", ())]
    return {
        **_parties(values),
        "amount": amount if refunded or not left else _edited(values, left),
        "shop_amount": None if shop_amount == amount else shop_amount,
        "refunded": refunded,
        "refunded_at": max(filter(None, dates), default=None),
    }


def _refunded(values: Values, left: Money | None) -> Decimal | None:
    """What was given back so far, as the buyer saw it; bodies may come without their refunds."""
    amount: Money | None = values.get("amount")
    if values.get("status") == "refunded":
        return amount.amount if amount else None
    if refunds := values.get("_refunds"):
        made = [one for each in refunds for one in each.get("transactions", ())]
        given = [one["amount"].amount for one in made if _is_refund(one, amount)]
        if total := sum(given, Decimal(0)):
            return total
    is_partly = values.get("status") == "partially_refunded"
    return amount.amount - left.amount if is_partly and amount and left else None


def _is_refund(transaction: Values, total: Money | None) -> bool:
    """Whether a transaction is a refund that was made, in the currency of the order's amount."""
    amount: Money | None = transaction.get("amount")
    is_made = transaction.get("status", "success") == "success"
    if amount is None or not is_made or transaction.get("kind") != "refund":
        return False
    return len({amount.currency, total.currency if total else ""} - {""}) < 2


def _edited(values: Values, left: Money) -> Money:
    """The amount of an order of which nothing was given back; lines may have been taken out.

    A refund, without money where nothing was paid, says so too. When the order is cancelled they
    all are: then it is the amount that it had.
    """
    amount: Money = values["amount"]
    if not 0 < left.amount < amount.amount or values.get("cancelled_at"):
        return amount
    return left if values.get("_refunds") or values.get("_has_lost_lines") else amount


def _checkout(_topic: str, values: Values) -> Values:
    is_completed = unix_time(values.get("_completed_at")) is not None
    ends = {"ends": values.get("token", ""), "over": True} if is_completed else {}
    return {**_parties(values), **ends}


def _fulfillment(_topic: str, values: Values) -> Values | Skipped:
    """The order's number: a parcel is named `#1042.1` after its order.

    What waits for a fulfilment service and has no tracking number yet has not been sent.
    """
    if values.get("_status") in ("pending", "open") and not values.get("tracking_number"):
        return Skipped("not_sent")
    return {"order_number": re.sub(r"\.\d+$", "", values.get("order_number", ""))}


def _consent(topic: str, values: Values) -> Values | Skipped:
    kind = "email" if "email" in topic else "sms"
    if (state := values.get(f"_{kind}")) not in ("subscribed", "unsubscribed"):
        return Skipped("no_consent_state")
    return {"type": f"{kind}.{state}"}


_SOLD: Final = ("status", "fulfillment_status", "amount", "items")
_TO_WHOM: Final = ("recipient", "billing", "shipping_method", "buyer")
_OF_SALES: Final = ("financial_status", "order_status_url", "abandoned_checkout_url")
_ORDER: Final = Shape(
    schema=_OrderSchema(),
    kind="order",
    shown=(*_SOLD, *_TO_WHOM, "note"),
    order=("paid", "fulfilled"),
    foreign=("abandoned_checkout_url", "refund_line_items", "tracking_numbers", "invoice_url"),
    refine=_order,
)
# All that happens to an order is an update too, and may come as one only.
_UPDATED_ORDER: Final = replace(
    _ORDER,
    states={
        "status": {**_WAS_PAID, "partially_paid": _PART, "paid": Step("paid", "order.paid")},
        "fulfillment_status": {"fulfilled": Step("fulfilled", "order.fulfilled")},
    },
    dated={"cancelled_at": Step("cancelled", "order.cancelled")},
)
_CHECKOUT: Final = Shape(
    schema=_CheckoutSchema(),
    kind="checkout",
    shown=("amount", "items"),
    foreign=(*_OF_SALES[:2], "refund_line_items", "tracking_numbers"),
    refine=_checkout,
)
_FULFILLMENT: Final = Shape(
    schema=_FulfillmentSchema(),
    kind="shipment",
    shown=("tracking_numbers", "tracking_url", "carrier"),
    states={"_shipment_status": {"delivered": Step("delivered", "shipment.delivered")}},
    skipped={"_status": dict.fromkeys(("cancelled", "error", "failure"), "not_sent")},
    foreign=(*_OF_SALES, "refund_line_items"),
    refine=_fulfillment,
)
_REFUND: Final = Shape(schema=_RefundSchema(), foreign=(*_OF_SALES, "tracking_numbers"))
_OF_ORDERS: Final = (*_OF_SALES, "line_items")
_CUSTOMER: Final = Shape(
    schema=_CustomerSchema(), kind="customer", shown=("buyer", "address_book"), foreign=_OF_ORDERS
)
_CONSENT: Final = Shape(schema=_ConsentSchema(), foreign=_OF_ORDERS, refine=_consent)


def _state(name: str, field: str, *words: str, at: str = "") -> Topic:
    """The topic of a state of an order, with which `field` has to agree; `at` is its date."""
    dates = tuple(filter(None, (at, "updated_at", "created_at")))
    common = Topic(type=f"order.{name}", shape=_ORDER, step=name, step_at=at)
    return replace(common, at=dates, implies={field: frozenset(words)})


platform = Platform(
    name="shopify",
    title="Shopify",
    group="shops",
    docs="https://shopify.dev/docs/apps/build/webhooks/verify-deliveries",
    scheme=Hmac(headers=("x-shopify-hmac-sha256", "shopify-hmac-sha256")),
    topic=Header("x-shopify-topic", "shopify-topic"),
    delivery_id=Header("x-shopify-webhook-id", "shopify-webhook-id"),
    event_id=Header("x-shopify-event-id", "shopify-event-id"),
    shop=SiteHeader("x-shopify-shop-domain", "shopify-shop-domain", sample="tienda.myshopify.com"),
    sent_at=Header("x-shopify-triggered-at", "shopify-triggered-at"),
    test=(Header("x-shopify-test", "shopify-test"), Field("test")),
    body_is_key=True,
    deadline_s=5,
    retries="8 in 4 h",
    disable_after="repeated failures: the hook is deleted, 8 for one made by an app",
    setup={
        "es": (
            "En Shopify abra Configuración > Notificaciones > Webhooks > Crear webhook.",
            (
                "Elija el evento y el formato JSON, y pegue la dirección de esta fuente; cree uno "
                "por evento."
            ),
            "Copie la clave para firmar, que está al pie de esa lista, a SHOPIFY_SECRET.",
            (
                "Para los reembolsos, que solo traen el número interno del pedido, cree una app en "
                "dev.shopify.com con el permiso `read_orders`, instálela en su tienda, y ponga en "
                "`credentials` de la fuente: `store` (lo que va antes de .myshopify.com), "
                "`client_id` y `client_secret`; con una app anterior, `access_token` en vez de los "
                "dos últimos."
            ),
        ),
        "en": (
            "In Shopify open Settings > Notifications > Webhooks > Create webhook.",
            (
                "Choose event and format JSON, and paste the address of this source; one for each "
                "event."
            ),
            "Copy the signing key, at the foot of that list, to SHOPIFY_SECRET.",
            (
                "For refunds, which only have the order's internal number, make an app at "
                "dev.shopify.com with the scope `read_orders`, install it in your shop, and put "
                "into the source's `credentials`: `store` (what stands before .myshopify.com), "
                "`client_id` and `client_secret`; with an older app `access_token` in place of the "
                "last two."
            ),
        ),
    },
    topics={
        "orders/create": created("order.created", _ORDER),
        "orders/updated": updated("order.updated", _UPDATED_ORDER),
        "orders/paid": _state("paid", "financial_status", "paid", *_WAS_PAID, ""),
        "orders/fulfilled": _state("fulfilled", "fulfillment_status", "fulfilled"),
        "orders/cancelled": _state("cancelled", "cancelled_at", at="cancelled_at"),
        "orders/partially_fulfilled": updated("order.updated", _ORDER),
        "draft_orders/create": created("", _ORDER),
        "draft_orders/update": updated("", _ORDER),
        "fulfillments/create": created("order.shipped", _FULFILLMENT),
        "fulfillments/update": updated("order.shipped", _FULFILLMENT),
        "refunds/create": Topic(type="order.refunded", shape=_REFUND, lookup="order"),
        "checkouts/create": created("checkout.created", _CHECKOUT, delayed_type=_ABANDONED),
        "checkouts/update": updated("checkout.updated", _CHECKOUT, delayed_type=_ABANDONED),
        "customers/create": created("customer.created", _CUSTOMER),
        "customers/update": updated("customer.updated", _CUSTOMER),
        "customers_marketing_consent/update": Topic(type="sms.subscribed", shape=_CONSENT),
        "customers_email_marketing_consent/update": Topic(type="email.subscribed", shape=_CONSENT),
    },
    api=Api(
        url="https://{store}.myshopify.com/admin",
        tokens=Tokens(path="/oauth/access_token"),
        credentials=("store", "client_id", "client_secret"),
        defaults={"version": "2026-10"},
        headers={"X-Shopify-Access-Token": "{access_token}"},
    ),
    lookups={"order": Lookup(Read("/api/{version}/orders/{id}.json", part="order"), shape=_ORDER)},
    held={
        "customers/data_request": PrivacyRequest("list", ("data_request", "customer")),
        "customers/redact": PrivacyRequest("forget", ("orders_to_redact", "customer")),
        "shop/redact": PrivacyRequest("forget", ("shop_id", "shop_domain"), shop="shop_domain"),
    },
    ignored={
        # Their bodies hold only the id of a deleted record: no customer to find.
        **dict.fromkeys(("orders/delete", "orders/edited", "draft_orders/delete"), "names_nobody"),
        **dict.fromkeys(("customers/delete", "checkouts/delete"), "names_nobody"),
        **dict.fromkeys(("draft_orders/create", "draft_orders/update"), "draft"),
    },
)
