"""The data, in the order it flows: delivery, event, call, outcome.

Field lists only. Nothing here knows a platform, Mercately, Redis or HTTP.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """One inbound request, exactly as received.

    `headers` has lower-case keys. `url` is the public URL the sender was given, which behind a
    proxy is not the one the web server sees. `token` is what follows the source in the path.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime
    query: tuple[tuple[str, str], ...] = ()
    token: str = ""


@dataclass(frozen=True, slots=True)
class Address:
    """A postal address; every part as the platform wrote it, empty when absent."""

    address: str = ""
    city: str = ""
    state: str = ""
    zip_code: str = ""
    description: str = ""
    latitude: str = ""
    longitude: str = ""
    country: str = ""


@dataclass(frozen=True, slots=True)
class Contact:
    """The person an event is about.

    `phones` are raw, best first; `country` (ISO 3166 two letters) tells how to read them.
    `customer_id` is Mercately's own id, for senders that know it.
    """

    customer_id: str = ""
    email: str = ""
    phones: tuple[str, ...] = ()
    country: str = ""
    first_name: str = ""
    last_name: str = ""
    id_type: str = ""
    id_number: str = ""
    address: Address | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened, in our words.

    `type` is ours (`order.created`), `topic` theirs, verbatim. `key` is stable across the
    platform's own retries and different for any two real events of one source. `fields` are
    the values templates may use. `machine` marks opens and clicks made by software. `raw` is
    the part of a batch this event was read from, empty when it is the whole body.
    """

    type: str
    topic: str
    key: str
    occurred_at: datetime
    contact: Contact
    fields: Mapping[str, Any] = field(default_factory=dict)
    machine: bool = False
    raw: bytes = b""


@dataclass(frozen=True, slots=True)
class Customer:
    """How to find the customer of a call, and what to create them with if they are absent."""

    customer_id: str = ""
    phone: str = ""
    email: str = ""
    first_name: str = ""
    last_name: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """One write to make at a destination.

    `body` is the JSON object of the events endpoint. `omitted_fields` maps the name of a field that
    was left out to a reason code. `raw` is the body that parses as this one event again.
    """

    destination: str
    event_type: str
    topic: str
    key: str
    occurred_at: datetime
    customer: Customer
    body: Mapping[str, Any]
    omitted_fields: Mapping[str, str] = field(default_factory=dict)
    raw: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Held:
    """A signed delivery, or one event of it, that a person has to look at.

    `raw` is the smallest body that reads as this one event again; `reasons` maps a field path
    to what was expected there.
    """

    topic: str
    key: str
    reason: str
    reasons: Mapping[str, Any]
    raw: bytes
    event_type: str = ""


@dataclass(frozen=True, slots=True)
class Ignored:
    """An event nobody asked for: counted, not kept."""

    topic: str
    reason: str
    event_type: str = ""


Translated = Call | Held | Ignored


class State(StrEnum):
    """What the ledger says of a record."""

    ACCEPTED = "accepted"
    RETRYING = "retrying"
    DELIVERED = "delivered"
    HELD = "held"
    DEAD = "dead"
    DISCARDED = "discarded"


OPEN_STATES = frozenset({State.ACCEPTED, State.RETRYING})


class Verdict(StrEnum):
    """What one attempt came to."""

    DELIVERED = "delivered"
    RETRY = "retry"
    DEAD = "dead"
    HELD = "held"
    DISCARDED = "discarded"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The decision after an attempt.

    `delay_s` counts from now and only matters for `retry` and `paused`. `status` is the HTTP
    status that led here, 0 when there was none. `answer` is the start of the body that came
    back. `ambiguous` means the request was written and no answer came. `retry_after_s` is what
    the answer asked for, 0 when it did not.
    """

    verdict: Verdict
    reason: str
    delay_s: float = 0.0
    status: int = 0
    answer: str = ""
    ambiguous: bool = False
    retry_after_s: float = 0.0
