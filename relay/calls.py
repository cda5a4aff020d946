"""One parsed part of a request as the call to make of it, or why it is held or ignored."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

from relay.inbound.contract import Source, stable_key
from relay.inbound.results import NeedsLookup, Part, Skipped, Unparsable
from relay.inbound.timestamps import parse_timestamp
from relay.inbound.when import HELD, IGNORED, ConditionFailed
from relay.mapping.event_types import EVENT_TYPES
from relay.mapping.mercately import Unmappable, Unwanted, call_for
from relay.model import (
    AwaitingLookup,
    Call,
    Customer,
    Event,
    Held,
    Ignored,
    Translated,
    WebhookRequest,
)

# Fields of events that hold a number which a person may have at hand.
_REFERENCE_FIELDS: Final = ("order_number", "order_id")
# Why an event is ignored that has no usable reference to a customer.
NOBODY_REASONS: Final = ("names_nobody", "invalid_contact")
# Groups of platforms whose customers have no account in a shop.
_NO_SHOPS: Final = frozenset(("crm", "accounting", "payments"))
_NO_STEP: Final[Mapping[str, Any]] = {}


def translate_item(
    item: Part, request: WebhookRequest, source: Source, step: Mapping[str, Any] = _NO_STEP
) -> Translated:
    """Map one event to a call, or say why it is held or ignored.

    `step` is what was decided of it, as `relay.inbound.steps.as_step` writes it.
    """
    if isinstance(item, Skipped):
        return Ignored(item.topic, item.reason)
    if isinstance(item, Unparsable):
        return Held(item.topic, item.key, item.reason, item.reasons, item.raw)
    if isinstance(item, NeedsLookup):
        return _awaiting(item, source)
    return _mapped(item, request, source, step)


def _mapped(
    event: Event, request: WebhookRequest, source: Source, step: Mapping[str, Any]
) -> Call | Held | Ignored:
    customer: Customer | None = None
    reasons: Mapping[str, Any]
    try:
        if ignore_reason := _ignore_reason(event, source):
            return Ignored(event.topic, ignore_reason, event.type)
        when = source.when
        decision = when.decide(event) if when else "deliver"
        if decision == "ignore":
            return Ignored(event.topic, IGNORED, event.type)
        call = _call(event, request, source, step)
        if when is None or decision == "deliver":
            return call
        reason, reasons, customer = HELD, {"hold": str(when.hold)}, call.customer
    except Unwanted:
        return Ignored(event.topic, IGNORED, event.type)
    except ConditionFailed as error:
        reason = "template"
        reasons = {f"when.{error.name}": f"the expression fails on this event: {error.error}"}
    except Unmappable as error:
        reason, reasons = error.reason, error.reasons
        if reason == "no_customer" and source.on_nobody == "ignore":
            return Ignored(event.topic, _nobody_reason(reasons), event.type)
    except Exception as error:  # noqa: BLE001  a bug; the others of the batch go on
        reason = "internal_error"
        reasons = {"relay": f"{type(error).__name__} while mapping; please report it"}
    return Held(
        event.topic,
        event.key,
        reason,
        reasons,
        event.raw or request.body,
        event.type,
        event.other_keys,
        event.remember_s,
        step,
        references=_references(event),
        customer=customer or Customer(email=event.contact.email),
    )


def _call(event: Event, request: WebhookRequest, source: Source, step: Mapping[str, Any]) -> Call:
    rule = source.rules[event.type]
    times = {
        name: parse_timestamp(value, source.timezone)
        for name in (*rule.dates.values(), "starts_at")
        if (value := getattr(event.fields, name, None) or event.extra.get(name)) is not None
    }
    return call_for(
        event,
        rule,
        source.destination,
        source=source.name,
        source_title=source.title,
        platform=source.platform.title,
        language=source.language,
        customer_id=source.customer_id,
        times=times,
        raw=event.raw or request.body,
        references=_references(event),
        step=step,
        in_shop=source.platform.group not in _NO_SHOPS,
    )


def _awaiting(item: NeedsLookup, source: Source) -> AwaitingLookup | Ignored:
    types = (item.event_type, *item.other_types)
    reasons = [_unwanted(event_type, item.topic, source) for event_type in types]
    if all(reasons):
        return Ignored(item.topic, reasons[0], item.event_type)
    return AwaitingLookup(
        item.topic, item.key, item.resource, item.raw, item.event_type, item.other_keys
    )


def hold_fault(item: Part, error: Exception, request: WebhookRequest) -> Held:
    """A part with which a bug of ours has met: held by itself, whatever it is."""
    raw = getattr(item, "raw", b"") or request.body
    key = getattr(item, "key", "") or stable_key(raw)
    reasons = {"relay": f"{type(error).__name__} while mapping; please report it"}
    event_type = item.type if isinstance(item, Event) else ""
    return Held(item.topic, key, "internal_error", reasons, raw, event_type)


def _references(event: Event) -> tuple[str, ...]:
    """The numbers of an order: the one that the buyer sees, and the platform's id."""
    texts = [str(getattr(event.fields, name, None) or "") for name in _REFERENCE_FIELDS]
    return tuple(dict.fromkeys(filter(None, texts)))


def _ignore_reason(event: Event, source: Source) -> str:
    """The reason code for which the source ignores this event, empty when it wants it."""
    if event.machine and not source.machine_events:
        return "made_by_a_machine"
    return _unwanted(event.type, event.topic, source)


def _unwanted(event_type: str, topic: str, source: Source) -> str:
    if source.topics:
        names = (event_type, topic)
        selected = any(fnmatchcase(name, pattern) for pattern in source.topics for name in names)
    else:
        selected = not EVENT_TYPES[event_type].opt_in
    if not selected:
        return "topic_not_wanted"
    return "" if event_type in source.rules else "no_rule"


def _nobody_reason(reasons: Mapping[str, Any]) -> str:
    """The reason code for ignoring an event without a usable reference to a customer."""
    names_nobody, invalid_contact = NOBODY_REASONS
    return invalid_contact if reasons.keys() - {"contact"} else names_nobody
