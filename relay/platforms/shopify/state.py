"""What Shopify's bodies say of the state of a thing, and whether they fit their topic."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from relay.inbound.orders import amount_of, foreign_fields, shown_fields, unix_time
from relay.inbound.payload import text_of
from relay.inbound.steps import CREATED
from relay.model import Report, Resource, Step

_PAID: Final = frozenset({"paid", "partially_refunded", "refunded"})
# Topics that say what the body says too, in this field, null when it is not so.
_SAYS: Final[Mapping[str, tuple[str, frozenset[str]]]] = {
    "orders/paid": ("financial_status", _PAID),
    "orders/fulfilled": ("fulfillment_status", frozenset({"fulfilled"})),
    "orders/cancelled": ("cancelled_at", frozenset()),
}
_OF_ORDERS: Final = ("financial_status", "order_status_url")
_OF_CHECKOUTS: Final = ("abandoned_checkout_url",)
# Fields that bodies of other topics have.
_FOREIGN: Final[Mapping[str, tuple[str, ...]]] = {
    "orders": (*_OF_CHECKOUTS, "refund_line_items", "tracking_numbers"),
    "checkouts": (*_OF_ORDERS, "refund_line_items", "tracking_numbers"),
    "fulfillments": (*_OF_ORDERS, *_OF_CHECKOUTS, "refund_line_items"),
    "refunds": (*_OF_ORDERS, *_OF_CHECKOUTS, "tracking_numbers"),
    "customers": (*_OF_ORDERS, *_OF_CHECKOUTS, "line_items"),
}
_SHOWN: Final[Mapping[str, Mapping[str, str]]] = {
    "orders": {
        "status": "financial_status",
        "fulfillment_status": "fulfillment_status",
        "total": "total_price",
        "items": "line_items",
        "shipping_address": "shipping_address",
        "billing_address": "billing_address",
        "shipping_method": "shipping_lines",
        "email": "email",
        "phone": "phone",
        "customer_note": "note",
    },
    "checkouts": {"total": "total_price", "items": "line_items"},
    "customers": {
        "first_name": "first_name",
        "last_name": "last_name",
        "email": "email",
        "phone": "phone",
        "address": "default_address",
    },
}
_KINDS: Final = {"orders": "order", "checkouts": "checkout", "customers": "customer"}


def contradictions(topic: str, body: Mapping[str, Any], raw: Mapping[str, Any]) -> dict[str, str]:
    """Fields of a body that say otherwise than the topic; an absent one says nothing."""
    reasons = foreign_fields(raw, _FOREIGN[topic.partition("/")[0].partition("_")[0]])
    field, states = _SAYS.get(topic, ("", frozenset[str]()))
    if field in raw:
        state = body.get(field)
        is_absent = raw[field] in (None, "") and field != "financial_status"
        if is_absent or (states and state and state.lower() not in states):
            reasons[field] = "not so by the body"
    return reasons


def report_of(
    topic: str, event_type: str, body: Mapping[str, Any], raw: Mapping[str, Any], shop: str
) -> Report | None:
    """The state of an order, checkout or customer; None for what is told by itself."""
    kind, _, verb = topic.partition("/")
    if kind not in _KINDS:
        return None
    created_at = unix_time(body.get("created_at"))
    is_update = verb.startswith("update")
    if verb == "create":
        steps: tuple[Step, ...] = (Step(CREATED, event_type, created_at),)
    elif is_update:
        steps = _steps(body)
    else:  # the topic is the step
        at = unix_time(body.get("cancelled_at")) if verb == "cancelled" else None
        steps, created_at = (Step(verb, event_type, at),), None
    refunded_at = [unix_time(refund.get("created_at")) for refund in body.get("refunds") or ()]
    return Report(
        resource=Resource(_KINDS[kind], body["id"], shop),
        steps=steps,
        created_at=created_at,
        updated_at=unix_time(body.get("updated_at")),
        refunded=_refunded(body),
        refunded_at=max((at for at in refunded_at if at), default=None),
        total=amount_of(seen_by_buyer(body, "total_price")[0]),
        shown=shown_fields(body, raw, _SHOWN[kind]),
        order=("paid", "fulfilled"),
        update_type=event_type if is_update else "",
    )


def _steps(body: Mapping[str, Any]) -> tuple[Step, ...]:
    steps = []
    status = body.get("financial_status")
    if status in _PAID:
        steps.append(Step("paid", "order.paid" if status == "paid" else ""))
    if body.get("fulfillment_status") == "fulfilled":
        steps.append(Step("fulfilled", "order.fulfilled"))
    if (cancelled_at := unix_time(body.get("cancelled_at"))) is not None:
        steps.append(Step("cancelled", "order.cancelled", cancelled_at))
    return tuple(steps)


def _refunded(body: Mapping[str, Any]) -> Decimal | None:
    """What was given back so far, as the buyer saw it; bodies may come without their refunds."""
    status = body.get("financial_status")
    total_text, currency = seen_by_buyer(body, "total_price")
    total = amount_of(total_text)
    if status == "refunded":
        return total
    transactions = [t for r in body.get("refunds") or () for t in r.get("transactions") or ()]
    if given := given_back(transactions, currency):
        return given
    left = amount_of(seen_by_buyer(body, "current_total_price")[0])
    if status != "partially_refunded" or total is None or left is None:
        return None
    return total - left


def given_back(transactions: Sequence[Mapping[str, Any]], currency: str) -> Decimal:
    amounts = [
        amount_of(each.get("amount"))
        for each in transactions
        if each.get("kind") == "refund"
        and each.get("status", "success") == "success"
        and (not currency or each.get("currency", currency) == currency)
    ]
    return sum((amount for amount in amounts if amount), Decimal(0))


def seen_by_buyer(body: Mapping[str, Any], name: str) -> tuple[str, str]:
    """An amount of an order and its currency, the shop's own where the body has no other."""
    shown = (body.get(f"{name}_set") or {}).get("presentment_money") or {}
    if amount := text_of(shown.get("amount")):
        return amount, shown.get("currency_code") or ""
    return text_of(body.get(name)), body.get("currency") or ""
