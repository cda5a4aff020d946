"""A person says: again. What was not delivered is read and mapped anew, by today's relay.toml.

Of what was delivered or discarded only the call is left: it is sent as it was.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from relay.contract import Handshake, Source
from relay.intake import JobStore
from relay.model import Call, Delivery, Held
from relay.pipeline import translate
from relay.record import Record


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of it: `requeued`, or why not, with reasons per field where there are any."""

    outcome: str
    reasons: Mapping[str, Any]


def replay(record: Record, intake: JobStore, sources: Mapping[str, Source]) -> Replayed:
    """Give a settled record a new job; its attempts count from one again."""
    if not (record.raw or record.body):  # was held, and discarded: there never was a call
        return Replayed("nothing_left", {})
    source = sources.get(record.source)
    if not record.raw or (source is None and record.body):
        return Replayed(intake.replay(record), {})
    if source is None:
        return Replayed("unknown_source", {})
    delivery = Delivery(
        method="POST",
        url="",
        headers=record.headers,
        body=record.raw,
        received_at=datetime.fromtimestamp(record.accepted_at, UTC),
    )
    items = translate(delivery, source)
    if isinstance(items, Handshake) or len(items) != 1:
        return Replayed("unreadable", {})
    (item,) = items
    if isinstance(item, Call):
        return Replayed(intake.replay(record, item), {})
    return Replayed(item.reason, item.reasons if isinstance(item, Held) else {})
