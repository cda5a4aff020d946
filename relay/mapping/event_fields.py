"""The fields of events, typed: one frozen dataclass for each family of event types.

A name means the same on every platform. What a platform does not say stays None, or empty. Amounts
are `Money`, in the currency that the buyer saw; times are as the platform wrote them, in UTC with
an offset where it writes none. Templates of relay.toml use the names as variables.
"""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final

from relay.model import EventFields, Money
from relay.value import value


@value(frozen=True, slots=True, kw_only=True)
class _Common(EventFields):
    """Fields of every family.

    `shop` is the platform's name of the shop. `created_at` and `updated_at` are the thing's own
    times. `changed` names the shown fields that differ from those reported before.
    """

    shop: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    changed: tuple[str, ...] = ()


@value(frozen=True, slots=True, kw_only=True)
class _Sale(_Common):
    """Fields of what is bought or paid.

    `order_id` is the platform's id, `order_number` what the buyer sees. `amount` is the whole as
    the buyer saw it, `shop_amount` the same in the shop's own currency where that differs, `total`
    and `currency` what was sent where it is no amount. `items` are texts, quantity and name.
    `payment_method` is the platform's word. `status` is the platform's state, `reason` why it is
    so. `refund_amount` is given back now, `refund_left` is what is left of the whole then.
    """

    order_id: str | None = None
    order_number: str | None = None
    amount: Money | None = None
    shop_amount: Money | None = None
    total: Any = None
    currency: str | None = None
    items: list[str] | None = None
    payment_method: str | None = None
    status: str | None = None
    reason: str | None = None
    refund_amount: Money | None = None
    refund_left: Money | None = None


@value(frozen=True, slots=True, kw_only=True)
class OrderFields(_Sale):
    """An order.

    `url` is the page on which the buyer sees its state, `payment_url` the one to pay it on.
    `fulfillment_status`, `shipping_method` and `cancel_reason` are the platform's words, `note` is
    the buyer's.
    """

    url: str | None = None
    payment_url: str | None = None
    fulfillment_status: str | None = None
    shipping_method: str | None = None
    cancel_reason: str | None = None
    note: str | None = None
    paid_at: str | None = None
    completed_at: str | None = None
    cancelled_at: str | None = None


@value(frozen=True, slots=True, kw_only=True)
class ShipmentFields(_Sale):
    """What of an order was sent, by which `carrier`; `tracking_url` shows where it is."""

    carrier: str | None = None
    tracking_number: str | None = None
    tracking_numbers: list[str] | None = None
    tracking_url: str | None = None


@value(frozen=True, slots=True, kw_only=True)
class CheckoutFields(_Sale):
    """A purchase that was begun; at `checkout_url` the buyer can go on with it."""

    checkout_id: str | None = None
    checkout_url: str | None = None


@value(frozen=True, slots=True, kw_only=True)
class PaymentFields(_Sale):
    """A payment: the platform's `payment_id`, and the `reference` that the shop gave it.

    `description` is what it is for, in the shop's words.
    """

    payment_id: str | None = None
    reference: str | None = None
    description: str | None = None
    url: str | None = None


@value(frozen=True, slots=True, kw_only=True)
class SubscriptionFields(_Sale):
    """What is bought again and again: the name of its `plan`, and when it is charged next."""

    subscription_id: str | None = None
    plan: str | None = None
    next_payment_at: str | None = None
    url: str | None = None


@value(frozen=True, slots=True, kw_only=True)
class PersonFields(_Common):
    """An account, a contact, or a consent: `list_name` is what it is to.

    `new_email` replaces the e-mail that the person was known by.
    """

    status: str | None = None
    new_email: str | None = None
    list_name: str | None = None
    tags: list[str] | None = None


@value(frozen=True, slots=True, kw_only=True)
class EmailFields(_Common):
    """An e-mail to the person, or their subscription to e-mails.

    `message_id` is the sender's id of the e-mail. `campaign` and `categories` are the sender's
    words. `reason` is why it did not arrive, `response` the answer of the server, `status` its SMTP
    code, `bounce_type` and `classification` the platform's words. `link` was clicked, under
    `link_text`. `list_name` and `list_id` are what was subscribed to; `all_emails` says that a
    person unsubscribed from everything.
    """

    subject: str | None = None
    campaign: str | None = None
    categories: str | None = None
    message_id: str | None = None
    reason: str | None = None
    response: str | None = None
    status: str | None = None
    bounce_type: str | None = None
    classification: str | None = None
    link: str | None = None
    link_text: str | None = None
    list_name: str | None = None
    list_id: str | None = None
    all_emails: bool = False


@value(frozen=True, slots=True, kw_only=True)
class FormFields(_Common):
    """A form that was filled in, or a lead of an advertisement.

    `form` is its name, `answers` maps questions to answers, `message` is a free text, `url` the
    page. `ad` is the advertisement's name, `network` the one it was on.
    """

    form: str | None = None
    answers: Mapping[str, Any] | str | None = None
    message: str | None = None
    url: str | None = None
    ad: str | None = None
    network: str | None = None


@value(frozen=True, slots=True, kw_only=True)
class BookingFields(_Common):
    """An appointment: what for, when, with the page to change it on and why it was cancelled."""

    service: str | None = None
    starts_at: str | None = None
    ends_at: str | None = None
    place: str | None = None
    url: str | None = None
    reason: str | None = None


_FAMILIES: Final[Mapping[str, type[_Common]]] = {
    "order": OrderFields,
    "order.shipped": ShipmentFields,
    "shipment": ShipmentFields,
    "checkout": CheckoutFields,
    "payment": PaymentFields,
    "subscription": SubscriptionFields,
    "email": EmailFields,
    "form": FormFields,
    "lead": FormFields,
    "booking": BookingFields,
}

_EMPTY: Final[tuple[Any, ...]] = (None, "", (), [])
FAMILIES: Final[frozenset[type[EventFields]]] = frozenset((PersonFields, *_FAMILIES.values()))
_NAMES: Final[Mapping[type[EventFields], tuple[str, ...]]] = {
    family: tuple(field.name for field in fields(family)) for family in FAMILIES
}


def family_of(event_type: str) -> type[EventFields]:
    """The family of an event type, by its noun."""
    noun = event_type.partition(".")[0]
    return _FAMILIES.get(event_type) or _FAMILIES.get(noun, PersonFields)


def names_of(family: type[EventFields]) -> tuple[str, ...]:
    """The names of a family's fields."""
    return _NAMES[family]


def fields_of(event_type: str, values: Mapping[str, Any]) -> EventFields:
    """The family of an event type, filled from the values that have names of its fields."""
    family = family_of(event_type)
    return family(**{name: values[name] for name in names_of(family) if name in values})


def filled(event_fields: EventFields) -> dict[str, Any]:
    """The fields that say something, by name; texts without white space around them."""
    values = {}
    for name in _NAMES.get(type(event_fields), ()):
        value = getattr(event_fields, name)
        if type(value) is str:
            value = value.strip()
        if value or value not in _EMPTY:
            values[name] = value
    return values
