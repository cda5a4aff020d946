"""Map an event to the body of Mercately's events endpoint, by the rule of its type.

`relay/mapping/body_schema.py` has its fields. There is none for the name, type or id of an event:
that goes into tags, custom fields, notes, a status with dates, and campaign fields.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from jinja2 import Template, UndefinedError

from config.relay_toml import Destination
from relay.mapping.amounts import given_back, shown_amounts
from relay.mapping.body_schema import faults_of, in_order
from relay.mapping.customer import TEXT_MAX, references_in, resolve
from relay.mapping.event_fields import filled
from relay.mapping.event_types import EVENT_TYPES, Language
from relay.mapping.mail_reasons import REASONS, mail_reason
from relay.mapping.moments import duration_text, shown_moment
from relay.mapping.order_words import order_words
from relay.mapping.plain_text import without_controls
from relay.mapping.rules import ADDRESS_TEXTS, Rule, iso_date
from relay.mapping.templates import render, template_values
from relay.model import Call, Contact, Customer, Event, Money

_OF_SHOPS: Final = (
    "order.", "shipment.", "checkout.", "payment.", "subscription.", "customer.",
)  # fmt: skip
_NO_STEP: Final[Mapping[str, Any]] = {}
_NO_TIMES: Final[Mapping[str, datetime | None]] = {}


class Unmappable(Exception):
    """The event cannot be mapped to a call; `reasons` maps a field to what was expected."""

    def __init__(self, reason: str, reasons: Mapping[str, Any]) -> None:
        super().__init__(reason)
        self.reason = reason
        self.reasons = reasons


class Unwanted(Exception):
    """The rule is not for this event."""


def call_for(  # noqa: PLR0913  what event, rule, destination and source say meets here
    event: Event,
    rule: Rule,
    destination: Destination,
    *,
    source: str,
    platform: str,
    language: Language,
    source_title: str = "",
    customer_id: str = "",
    times: Mapping[str, datetime | None] = _NO_TIMES,
    raw: bytes = b"",
    references: tuple[str, ...] = (),
    step: Mapping[str, Any] = _NO_STEP,
    in_shop: bool = True,
) -> Call:
    """Build the `POST customers/:id/events` request for an event.

    `times` are the event's fields that the rule uses as dates, and when a booking starts, read in
    the source's time zone; None is for those that are no time. A field that is not among them may
    be an ISO date or time. `in_shop` is False where customers are kept by others than a shop.

    `source_title` is the source's name in notes, the platform's when empty. `raw`, `references` and
    `step` are as in `Call`.

    Raises:
        Unmappable: the event has no usable customer reference (`no_customer`), the rule gives an
            empty body (`empty`), a template fails (`template`), or a value is not of the type that
            Mercately takes (`invalid`).
        Unwanted: the rule's `when` is not true.
    """
    contact = event.contact
    amount = getattr(event.fields, "amount", None)
    currency = amount.currency if isinstance(amount, Money) else ""
    resolved = resolve(contact, destination.country, customer_id, currency=currency)
    customer, omitted_fields = (
        resolved.customer,
        {**event.omitted_fields, **resolved.omitted_fields},
    )
    if not resolved.is_known:
        message = "expected a customer id, a phone, an e-mail or an id number"
        raise Unmappable("no_customer", {"contact": message, **references_in(omitted_fields)})
    context = _context(event, customer, destination, language, rule.words)
    context |= {
        "source": source,
        "source_title": source_title or platform,
        "platform": platform,
        "in_shop": in_shop,
        "id_type": resolved.id_type,
        "id_number": resolved.id_number,
    }
    if starts_at := times.get("starts_at"):
        zone, country = destination.timezone, destination.country
        context["start"] = shown_moment(starts_at, zone, language, country)
    if "body" in rule.words:
        context = template_values({"body": event.body}) | context
    if rule.when is not None and not _is_met(rule.when, context):
        raise Unwanted
    values = {**context, **times} if times else context
    dates = {name: iso_date(at, values, destination.timezone) for name, at in rule.dates.items()}
    if event.omitted_fields.get("occurred_at") == "not_a_time":  # the day of receipt may be another
        dates |= {name: "" for name, at in rule.dates.items() if at == "occurred_at"}
    unread_dates = {
        name: "not_a_time" for name, at in rule.dates.items() if context.get(at) and not dates[name]
    }
    body = _validate(_body(rule, context, contact, dates))
    if not body:
        raise Unmappable("empty", {"events": f"the rule for {event.type} says nothing"})
    return Call(
        destination=destination.name,
        event_type=event.type,
        topic=event.topic,
        key=event.key,
        occurred_at=event.occurred_at,
        customer=customer,
        body=body,
        omitted_fields={**omitted_fields, **unread_dates},
        raw=raw,
        other_keys=event.other_keys,
        remember_s=event.remember_s,
        step=step,
        references=references,
    )


def _context(
    event: Event,
    customer: Customer,
    destination: Destination,
    language: Language,
    words: frozenset[str],
) -> dict[str, Any]:
    """The variables of templates; of those that take long to make only the ones among `words`."""
    local = event.occurred_at.astimezone(destination.timezone)
    contact = event.contact
    values = given_back(_values(event), event.type)
    values = shown_amounts(values, language, destination.country)
    if event.type.startswith(_OF_SHOPS):
        values |= order_words(values, language, words)
    reasons = {}
    if event.type.startswith("email.") and not words.isdisjoint(REASONS):
        reasons = mail_reason(values, language)
    context = {
        **template_values({name: values[name] for name in words.intersection(values)}),
        **reasons,
        "waited": duration_text(event.wait_s),
        "start": values.get("starts_at"),
        "type": event.type,
        "topic": event.topic,
        "title": EVENT_TYPES[event.type].title(language),
        "occurred_at": local,
        "first_name": customer.first_name,
        "last_name": customer.last_name,
        "name": f"{customer.first_name} {customer.last_name}".strip(),
        "email": customer.email,
        "phone": customer.phone,
        "address": contact.address,
    }
    if "date" in words:
        context["date"] = local.date().isoformat()
    if "time" in words:
        context["time"] = f"{local.hour:02}:{local.minute:02}"
    return context


def _values(event: Event) -> dict[str, Any]:
    """The fields of an event, with the numbers and currencies of its amounts by themselves."""
    values = {**event.extra, **filled(event.fields)}
    amount = values.get("amount")
    if isinstance(amount, Money):
        shop_amount = values.get("shop_amount") or amount
        values["total"], values["currency"] = amount.amount, amount.currency
        values["shop_total"] = shop_amount.amount
        values["shop_currency"] = shop_amount.currency
    return values


def _body(
    rule: Rule, context: dict[str, Any], contact: Contact, dates: Mapping[str, str]
) -> dict[str, Any]:
    body: dict[str, Any] = {name: context[name] for name in rule.profile}
    if rule.address is not None:
        body["customer_addresses_attributes"] = _addresses(rule.address, context, contact)
    if rule.notes is not None:
        body["notes"] = _render("notes", rule.notes, context)
    body.update(rule.numbers)
    if rule.tags:
        body["tags"] = [{"name": name, "value": value} for name, value in rule.tags]
    body["custom_fields"] = [
        {"field_name": name, "field_content": content}
        for name, template in rule.custom_fields
        if (content := _render(f"custom_fields.{name}", template, context))
    ]
    for name, template in rule.texts.items():
        body[name] = _render(name, template, context)
    body.update(dates)
    return _without_empty(body)


def _addresses(
    rule_address: Mapping[str, Any], context: dict[str, Any], contact: Contact
) -> list[dict[str, Any]]:
    """At most one address: the contact's, with the rule's values in their place where given."""
    row: dict[str, Any] = {}
    for name in ADDRESS_TEXTS:
        if name in rule_address:
            row[name] = _render(f"address.{name}", rule_address[name], context)
        elif contact.address is not None:
            text = getattr(contact.address, name)
            row[name] = without_controls(text)[:TEXT_MAX] if isinstance(text, str) else text
    row = _without_empty(row)
    if not row:
        return []
    numbers = {name: rule_address[name] for name in ("country_id", "main") if name in rule_address}
    return [row | numbers]


def _render(name: str, template: Template, context: dict[str, Any]) -> str:
    """Render one field.

    Raises:
        Unmappable: a valid template failed on this event, such as on a sum with a text.
    """
    try:
        return render(template, context)
    except Exception as error:  # a template may raise anything
        reasons = {name: f"the template fails on this event: {type(error).__name__}"}
        raise Unmappable("template", reasons) from error


def _is_met(when: Callable[[Mapping[str, Any]], bool], context: dict[str, Any]) -> bool:
    """Raises Unmappable where the expression fails on this event."""
    try:
        return when(context)
    except UndefinedError:  # of what is absent nothing is true
        return False
    except Exception as error:  # an expression may raise anything
        reasons = {"when": f"the expression fails on this event: {type(error).__name__}"}
        raise Unmappable("template", reasons) from error


def _validate(body: dict[str, Any]) -> dict[str, Any]:
    """The body in the order of the schema. Values are JSON values and are not converted."""
    if faults := faults_of(body):
        raise Unmappable("invalid", faults)
    return in_order(body)


def _without_empty(values: Mapping[str, Any]) -> dict[str, Any]:
    """Without nulls and empty values: sent, they might overwrite what an agent entered."""
    return {name: each for name, each in values.items() if each or each not in (None, "", [], {})}
