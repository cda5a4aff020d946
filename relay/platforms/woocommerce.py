"""WooCommerce: shop events, JSON, signed; configured by the merchant in the shop's own settings.

Signs base64 HMAC-SHA256 of the raw body (PHP's escaping included) with the secret that the
merchant entered. Topic in `X-WC-Webhook-Topic`. The delivery id is a hash of hook and second, so
two orders in one second share it: it does not identify a delivery alone. One attempt with a
time-out of 60 s and no retry: an attempt that fails is lost. The hook is switched off after
repeated failures.

Saving a hook posts an unsigned form `webhook_id=N`, which must get exactly 200. When the user who
created the hook no longer exists, bodies are signed REST errors. All that happens to an order comes
as `order.updated`, with its `status` and what was refunded so far, and so does any later save;
paid and completed have dates of their own. Plugins add states, some with the `wc-` that the
database has before each. An order that is still a draft is none yet: the block checkout makes one
(`created_via` is `store-api`) while the buyer types, and nothing but an update tells that it was
placed. Old versions have dates in the shop's own time only.
Subscriptions of the plugin come the same way: `cancelled` follows `pending-cancel` at the end of
what was paid for, and is told with the first of both.

https://github.com/woocommerce/woocommerce, includes/class-wc-webhook.php (read 2026-08)
"""

import re
from collections.abc import Mapping
from datetime import UTC, tzinfo
from decimal import Decimal
from typing import Any, Final

from relay.errors import Unreadable
from relay.inbound.bodies import FORM
from relay.inbound.composite_fields import Amount, Documents, FirstOf, Items, Person, address
from relay.inbound.contract import Platform, Source
from relay.inbound.payload import json_object
from relay.inbound.payload_fields import Id, Text, Time
from relay.inbound.payload_schema import ListOf, Object, PayloadSchema
from relay.inbound.places import Header, SiteHeader
from relay.inbound.results import Handshake, Skipped
from relay.inbound.signature import Hmac
from relay.inbound.steps import CREATED
from relay.inbound.timestamps import parse_timestamp, unix_time
from relay.inbound.topics import Shape, Topic, Values, created, updated
from relay.model import Step, WebhookRequest

_SIGNATURE: Final = "x-wc-webhook-signature"
# Status of an order -> our type, and the name of the date of that change. Without the date,
# completed is only a status; a payment on delivery is "processing" without one.
_STATES: Final[Mapping[str, tuple[str, str]]] = {
    "on-hold": ("order.on_hold", ""),
    "completed": ("order.fulfilled", "completed_at"),
    "cancelled": ("order.cancelled", ""),
    "refunded": ("order.refunded", ""),
    "failed": ("order.failed", ""),
    # Of plugins for parcels.
    **dict.fromkeys(("shipped", "enviado", "despachado"), ("order.shipped", "")),
    **dict.fromkeys(("delivered", "entregado"), ("shipment.delivered", "")),
}
_NO_ID: Final = (None, "", "0")
_DRAFTS: Final = frozenset({"checkout-draft", "auto-draft", "draft"})
# Paid with what can be downloaded, an order is completed in the same moment.
_AT_ONCE_S: Final = 600
# The shop deletes drafts of the block checkout after a day.
_DRAFT_S: Final = 24 * 3600
# What is paid so soon after the start of a subscription is its first payment.
_FIRST_PAYMENT_S: Final = 12 * 3600
_CANCELLED: Final = frozenset({"cancelled", "pending-cancel"})
_ADDRESS: Final = address(lines=("address_1", "address_2"), zip_code="postcode")


class _BodySchema(PayloadSchema):
    id = Id(required=True)
    created_at = Time("date_created_gmt")
    updated_at = Time("date_modified_gmt")
    billing = Person("billing", **_ADDRESS)
    recipient = Person("shipping", **_ADDRESS)
    # Plugins keep the number in the meta data, some also in the billing address.
    document = Documents("meta_data", "billing", country="billing.country")


class _CustomerSchema(_BodySchema):
    buyer = Person(email="email", first_name="first_name", last_name="last_name")


class _RefundSchema(PayloadSchema):
    id = Id()
    amount = FirstOf(Amount("total"), Amount("amount"))
    reason = Text()


class _OrderSchema(_BodySchema):
    order_id = Id("id")
    order_number = Text("number", "id")
    status = Text()
    amount = Amount("total", "currency")
    items = Items("line_items", name=("name", "title"))
    payment_url = Text()
    payment_method = Text("payment_method_title")
    shipping_method = Text("shipping_lines.0.method_title")
    note = Text("customer_note")
    paid_at = Time("date_paid_gmt")
    completed_at = Time("date_completed_gmt")
    _created_via = Text("created_via")
    _refunds = ListOf(Object(_RefundSchema), "refunds")


class _SubscriptionSchema(_BodySchema):
    subscription_id = Id("id")
    order_number = Text("number", "id")
    status = Text()
    plan = Text("line_items.0.name")
    amount = Amount("total", "currency")
    items = Items("line_items")
    payment_method = Text("payment_method_title")
    next_payment_at = Time("next_payment_date_gmt")
    _started_at = Time("start_date_gmt")
    _paid_at = Time("last_payment_date_gmt")
    _cancelled_at = Time("cancelled_date_gmt")
    _retry_at = Time("payment_retry_date_gmt")


def _handshake(request: WebhookRequest, _source: Source) -> Handshake | None:
    """Answer the unsigned form that a shop posts when its hook is saved."""
    is_form = request.headers.get("content-type", "").startswith(FORM)
    if request.method != "POST" or not is_form or _SIGNATURE in request.headers:
        return None
    return Handshake() if re.fullmatch(rb"webhook_id=\d{1,20}", request.body) else None


def _body(request: WebhookRequest, source: Source) -> Any:
    raw = json_object(request.body)
    code = raw.get("code")
    if "id" not in raw and isinstance(code, str) and code.startswith("woocommerce_rest_"):
        message = "the hook's user may not read it: make the hook anew as an administrator"
        raise Unreadable({"code": [message]}, "hook_user", code)
    return raw | _utc_dates(raw, source.timezone)


def _utc_dates(body: Mapping[str, Any], zone: tzinfo) -> dict[str, str]:
    """The dates that the body has in the shop's own time only, by their names in UTC.

    The one in UTC may be there and say nothing: null, or WordPress's zero of a draft.
    """
    return {
        f"{name}_gmt": at.isoformat()
        for name, value in body.items()
        if (name.startswith("date_") or name.endswith("_date"))
        if _says_nothing(body.get(f"{name}_gmt")) and (at := parse_timestamp(value, zone))
    }


def _says_nothing(utc: Any) -> bool:
    return utc is None or (isinstance(utc, str) and unix_time(utc) is None)


def _status(values: Values) -> str:
    return str(values.get("status", "")).strip().lower().removeprefix("wc-")


def _refined(topic: str, values: Values) -> Values | Skipped:
    status = _status(values)
    if status in _DRAFTS:
        return Skipped("draft")
    given_back = [
        (refund.get("id"), abs(refund["amount"].amount))
        for refund in values.get("_refunds", ())
        if refund.get("amount")
    ]
    is_named = all(refund_id not in _NO_ID for refund_id, _ in given_back)
    reasons = (refund.get("reason") for refund in values.get("_refunds", ()))
    return {
        "status": status,
        "steps": _steps(status, values, is_new=topic.endswith(".created")),
        "refunds": dict(given_back) if is_named else {},
        "refunded": sum((amount for _, amount in given_back), Decimal(0)),
        "reason": next((reason for reason in reasons if reason), ""),
    }


def _steps(status: str, values: Values, *, is_new: bool) -> list[Step]:
    """The states of an order; of a new one only what its creation tells too."""
    event_type, date = _STATES.get(status, ("", ""))
    at = unix_time(values.get(date))
    if date and at is None:
        event_type = ""
    if is_new:
        is_step = not event_type or status == "on-hold"
        return [Step(status, "")] if status and is_step else []
    steps = []
    if _was_draft(values):
        steps.append(Step(CREATED, "order.created", unix_time(values.get("created_at"))))
    if (paid_at := unix_time(values.get("paid_at"))) is not None:
        at_once = status == "completed" and at is not None and at - paid_at < _AT_ONCE_S
        is_news = status == "processing" or at_once
        steps.append(Step("paid", "order.paid" if is_news else "", paid_at))
    # Of a paid order "processing" says nothing more.
    if status and not (paid_at is not None and status == "processing"):
        steps.append(Step(status, event_type, at))
    return steps


def _was_draft(values: Values) -> bool:
    """Whether it may have been a draft of the block checkout until now."""
    created_at, updated_at = (unix_time(values.get(name)) for name in ("created_at", "updated_at"))
    if values.get("_created_via") != "store-api" or created_at is None or updated_at is None:
        return False
    return updated_at - created_at < _DRAFT_S


def _subscription(topic: str, values: Values) -> Values:
    """Its states; each renewal pauses it for a moment, which is no failure without a retry."""
    status, steps = _status(values), []
    paid_at, started_at = unix_time(values.get("_paid_at")), unix_time(values.get("_started_at"))
    if paid_at is not None:
        is_renewal = started_at is not None and paid_at - started_at > _FIRST_PAYMENT_S
        steps.append(Step("paid", "subscription.renewed" if is_renewal else "", paid_at))
    if status in _CANCELLED:
        cancelled_at = unix_time(values.get("_cancelled_at"))
        steps.append(Step("cancelled", "subscription.cancelled", cancelled_at))
    elif status == "on-hold" and unix_time(values.get("_retry_at")) is not None:
        steps.append(Step("payment-failed", "subscription.payment_failed"))
    elif status and status != "active":
        steps.append(Step(status, ""))
    return {"steps": steps if topic.endswith(".updated") else ()}


_ORDER: Final = Shape(
    schema=_OrderSchema(),
    kind="order",
    shown=(
        "status", "amount", "items", "recipient", "billing", "shipping_method", "payment_method",
        "note",
    ),
    refine=_refined,
    foreign=("username", "is_paying_customer", "billing_period"),
)  # fmt: skip
_SUBSCRIPTION: Final = Shape(
    schema=_SubscriptionSchema(),
    kind="subscription",
    refine=_subscription,
    foreign=("username", "is_paying_customer"),
)
_CUSTOMER: Final = Shape(
    schema=_CustomerSchema(),
    kind="customer",
    shown=("buyer", "billing", "recipient"),
    foreign=("order_key", "line_items", "payment_method"),
)

platform = Platform(
    name="woocommerce",
    title="WooCommerce",
    docs="https://woocommerce.com/document/webhooks/",
    group="shops",
    scheme=Hmac(headers=(_SIGNATURE,)),
    topic=Header("x-wc-webhook-topic"),
    shop=SiteHeader("x-wc-webhook-source", sample="https://tienda.example/"),
    topics={
        "order.created": created("order.created", _ORDER),
        "order.updated": updated("order.updated", _ORDER),
        "order.restored": updated("order.updated", _ORDER),
        # Of the plugin WooCommerce Subscriptions; its bodies are those of orders and some more.
        "subscription.created": created("subscription.created", _SUBSCRIPTION),
        "subscription.updated": Topic(
            type="subscription.renewed", shape=_SUBSCRIPTION, at=("updated_at", "created_at"),
        ),
        "customer.created": created("customer.created", _CUSTOMER),
        "customer.updated": updated("customer.updated", _CUSTOMER),
    },
    ignored={
        # Their bodies hold only the id of a deleted record: no customer to find.
        "order.deleted": "names_nobody",
        "customer.deleted": "names_nobody",
        "subscription.deleted": "names_nobody",
    },
    body=_body,
    body_is_key=True,
    deadline_s=60,
    retries="none",
    disable_after="5 failures in a row by the documentation, 7 by the code",
    setup={
        "es": (
            "En WordPress abra WooCommerce > Ajustes > Avanzado > Webhooks > Añadir webhook.",
            ("Elija estado Activo, el tema y la API v3, y pegue la dirección de esta fuente como "
            "URL de entrega."),
            "Invente un secreto largo; escríbalo ahí y guárdelo en WOOCOMMERCE_SECRET.",
            "Créelo con un usuario administrador que no se vaya a borrar.",
        ),
        "en": (
            "In WordPress open WooCommerce > Settings > Advanced > Webhooks > Add webhook.",
            ("Choose status Active, the topic and API v3, and paste the address of this source "
            "as delivery URL."),
            "Make up a long secret; enter it there and put it into WOOCOMMERCE_SECRET.",
            "Create it as an administrator whose account will stay.",
        ),
    },
    zone=UTC,
    handshake=_handshake,
    media_types=("application/json", FORM),
)  # fmt: skip
