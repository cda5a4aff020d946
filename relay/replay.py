"""A person says: again. A held event is read and mapped anew, a dead one is sent as it was."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from relay.contract import Handshake, Source
from relay.intake import Intake
from relay.ledger import Record
from relay.model import Call, Delivery, Held
from relay.pipeline import translate
from relay.vocabulary import Language


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of it: `requeued`, or why not, with reasons per field where there are any."""

    outcome: str
    reasons: Mapping[str, Any]


def replay(
    record: Record, intake: Intake, sources: Mapping[str, Source], language: Language
) -> Replayed:
    """Give a settled record a new job; its attempts count from one again."""
    if not record.raw:
        return Replayed(intake.replay(record), {})
    source = sources.get(record.source)
    if source is None:
        return Replayed("unknown_source", {})
    delivery = Delivery(
        method="POST",
        url="",
        headers=record.headers,
        body=record.raw,
        received_at=datetime.fromtimestamp(record.accepted_at, UTC),
    )
    items = translate(delivery, source, language)
    if isinstance(items, Handshake) or len(items) != 1:
        return Replayed("unreadable", {})
    (item,) = items
    if isinstance(item, Call):
        return Replayed(intake.replay(record, item), {})
    return Replayed(item.reason, item.reasons if isinstance(item, Held) else {})
