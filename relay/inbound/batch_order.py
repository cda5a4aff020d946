"""The events of one request in the order in which they happened.

Senders put batches together as events come in, not as they happened. Within a request the events go
out by their own times; those of the same time stay as sent. What happened to one e-mail of one
person goes out in the order of its stages whatever the times say (they are seconds, of several
clocks): `sent` never goes out after `delivered`.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from relay.inbound.results import Part
from relay.model import Event

_STAGES: Final[Mapping[str, int]] = {
    "email.sent": 1,
    "email.deferred": 2,
    "email.blocked": 2,
    "email.delivered": 3,
    "email.bounced": 3,
    "email.rejected": 3,
    "email.opened": 4,
    "email.clicked": 5,
}
_FIRST: Final = datetime.min.replace(tzinfo=UTC)


def in_order(items: Sequence[Part]) -> Sequence[Part]:
    """The items with the events in the order in which they happened.

    What is no event stays in its place.
    """
    places = [i for i, item in enumerate(items) if isinstance(item, Event)]
    if len(places) < 2:
        return items
    ordered = list(items)
    events = _by_stage(_by_time([item for item in items if isinstance(item, Event)]))
    for place, event in zip(places, events, strict=True):
        ordered[place] = event
    return ordered


def _by_time(events: Sequence[Event]) -> list[Event]:
    """Sorted by time; an event that does not tell its own stays behind the one before it."""
    timed = []
    at = _FIRST
    for event in events:
        if "occurred_at" not in event.omitted_fields:
            at = event.occurred_at
        timed.append((at, event))
    return [event for _, event in sorted(timed, key=lambda pair: pair[0])]


def _by_stage(events: list[Event]) -> list[Event]:
    """The places of each e-mail's events filled anew, in the order of the stages."""
    places: dict[tuple[str, str], list[int]] = {}
    for i, event in enumerate(events):
        message_id = getattr(event.fields, "message_id", None)
        if event.type in _STAGES and message_id:
            places.setdefault((message_id, event.contact.email.lower()), []).append(i)
    ordered = list(events)
    for own in places.values():
        by_stage = sorted((events[i] for i in own), key=lambda event: _STAGES[event.type])
        for i, event in zip(own, by_stage, strict=True):
            ordered[i] = event
    return ordered
