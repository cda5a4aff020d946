"""The data, in the order it flows: webhook request, event, call, outcome.

Immutable dataclasses and enums without behaviour or I/O.
"""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from relay.value import value


@value(frozen=True, slots=True)
class WebhookRequest:
    """One inbound request, exactly as received.

    `headers` has lower-case keys. `url` is the public URL that the sender was given; behind a proxy
    it differs from the one that the web server sees. `query` has names in order, repeated ones too.
    `token` is the path segment after the source's name, empty when there is none.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime
    query: tuple[tuple[str, str], ...] = ()
    token: str = ""

    def with_body(self, body: bytes) -> "WebhookRequest":
        """The request with another body. `dataclasses.replace` takes five times as long."""
        return WebhookRequest(
            self.method, self.url, self.headers, body, self.received_at, self.query, self.token
        )


@value(frozen=True, slots=True)
class Address:
    """A postal address; each part as the platform wrote it, empty when absent."""

    address: str = ""
    city: str = ""
    state: str = ""
    zip_code: str = ""
    description: str = ""
    latitude: str = ""
    longitude: str = ""
    country: str = ""


@value(frozen=True, slots=True)
class Phone:
    """A phone as written, and the country of the address that it stands beside (empty: unknown)."""

    text: str
    country: str = ""


@value(frozen=True, slots=True)
class Contact:
    """The person an event is about.

    `phones` are best first. `country`, as the platform wrote it, is the person's own: its rules
    apply to `id_number` and to phones without a country or prefix. `customer_id` is Mercately's
    own id, for senders that have it.
    """

    customer_id: str = ""
    email: str = ""
    phones: tuple[Phone, ...] = ()
    country: str = ""
    first_name: str = ""
    last_name: str = ""
    id_type: str = ""
    id_number: str = ""
    address: Address | None = None


@value(frozen=True, slots=True)
class Money:
    """An exact amount in major units (49.90, not 4990 cents), with the digits it was sent with.

    `currency` is the ISO 4217 code in capitals, the sender's own word where that is no code
    ("puntos"), and empty when the sender does not say.
    """

    amount: Decimal
    currency: str = ""


@value(frozen=True, slots=True)
class Resource:
    """A thing at a platform that changes, with several events: an order, a message."""

    kind: str
    id: str
    shop: str = ""


@value(frozen=True, slots=True)
class Step:
    """A state that a thing has reached, and the event type for it.

    `state` is the platform's word, `type` our event type, empty for a state that is only
    remembered. `at` is that state's own date (unix s),
    None where the platform gives none; the date of the last save is no such date.
    """

    state: str
    type: str
    at: float | None = None


ORDER_REFUNDS: Final = ("order.partially_refunded", "order.refunded")


@value(frozen=True, slots=True, kw_only=True)
class Report:
    """What one event says of a thing; `relay/inbound/steps.py` says what of it is new.

    `steps` are the states reached, in order; the last is the present one. `created_at` and
    `updated_at` are the thing's own times (unix s), None when not given. `refunded` is the sum
    given back so far, `refunds` the single refunds by id where the event lists them, `refunded_at`
    the date of the latest (unix s), `total` the whole amount. `shown` maps the names of the fields
    that a person is shown to their values: another value is worth an update. `order` lists the
    states where a platform has them in one order only. `update_type` is what a change without a
    step goes out as, empty when it does not. `refund_types` are those of a part and of the whole
    given back.
    """

    resource: Resource
    steps: tuple[Step, ...] = ()
    created_at: float | None = None
    updated_at: float | None = None
    refunded: Decimal | None = None
    refunds: Mapping[str, Decimal] = field(default_factory=dict)
    refunded_at: float | None = None
    total: Decimal | None = None
    shown: Mapping[str, str] = field(default_factory=dict)
    order: tuple[str, ...] = ()
    update_type: str = ""
    refund_types: tuple[str, str] = ORDER_REFUNDS


@value(frozen=True, slots=True)
class EventFields:
    """What an event says; `relay/mapping/event_fields.py` has a dataclass for each kind."""


@value(frozen=True, slots=True)
class Event:
    """One thing that happened, in our vocabulary.

    `type` is ours (`order.created`), `topic` the platform's, verbatim. `key` is the de-duplication
    key: the same on every retry of the platform, different for any two events of one source.
    `other_keys` are further ones, each `delivery:` and the platform's id of the delivery or event,
    or `body:` and a digest of what the signature covers: the event is a duplicate when any key is
    remembered. `remember_s` shortens the memory of `key`, for events without an id; 0 is as long as
    others. `report` is set where the event reports the state of a thing; `type` is then what it
    would be by itself. With `wait_s` the event goes out so many seconds later, unless one
    with the same `token` comes before, which replaces it, or one that `ends` the token.
    `occurred_at` is aware. `fields` are those that templates may use, `extra` further ones that a
    source's options name, `body` all that came, decoded; a `Money` is shown as people of the
    destination's country write it. `machine` marks opens and clicks made by software. `raw` is the
    part of a batch that this event was parsed from, empty when it is the whole body.
    `omitted_fields` maps the path of a value that made no sense, and was left out or replaced, to a
    reason code.
    """

    type: str
    topic: str
    key: str
    occurred_at: datetime
    contact: Contact
    fields: EventFields = EventFields()
    extra: Mapping[str, Any] = field(default_factory=dict)
    body: Any = field(default=None, repr=False, compare=False)
    machine: bool = False
    raw: bytes = b""
    omitted_fields: Mapping[str, str] = field(default_factory=dict)
    other_keys: tuple[str, ...] = ()
    remember_s: int = 0
    report: Report | None = None
    token: str = ""
    wait_s: float = 0.0
    ends: tuple[str, ...] = ()


@value(frozen=True, slots=True)
class Customer:
    """References to find the customer of a call by, and the names to create them with.

    `id_type` and `id_number` are set only where there is no other reference.
    """

    customer_id: str = ""
    phone: str = ""
    email: str = ""
    first_name: str = ""
    last_name: str = ""
    id_type: str = ""
    id_number: str = ""


@value(frozen=True, slots=True)
class Call:
    """One write to make at a destination.

    `body` is the JSON object that is posted. `omitted_fields` maps the name of a field that was
    left out, or its path in the sender's body, to a reason code. `raw` is the smallest body that
    parses as this one event again. `other_keys` and `remember_s` are the event's. `step` is the
    decision that the event was mapped with, in the notation of `relay/inbound/steps.py`: a replay
    maps it so again. `references` are the numbers of the order by which a person may look for it.
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
    other_keys: tuple[str, ...] = ()
    remember_s: int = 0
    step: Mapping[str, Any] = field(default_factory=dict)
    references: tuple[str, ...] = ()


@value(frozen=True, slots=True)
class Held:
    """A verified request, or one event of it, that a person has to look at.

    `raw` is the smallest body that parses as this one event again; `reasons` maps a field path to
    what was expected there. `other_keys`, `remember_s`, `step` and `references` are as in `Call`;
    `customer` is what can be said of the person, to find the event by.
    """

    topic: str
    key: str
    reason: str
    reasons: Mapping[str, Any]
    raw: bytes
    event_type: str = ""
    other_keys: tuple[str, ...] = ()
    remember_s: int = 0
    step: Mapping[str, Any] = field(default_factory=dict)
    references: tuple[str, ...] = ()
    customer: Customer = Customer()


@value(frozen=True, slots=True)
class Ignored:
    """An event that the source does not want: counted, not stored as a record."""

    topic: str
    reason: str
    event_type: str = ""


@value(frozen=True, slots=True)
class AwaitingLookup:
    """An event that only names a thing, which nobody has looked up at the platform yet.

    `raw` is the smallest body that parses as this one event again. It has no job; a replay maps it
    when there is a way to look `resource` up.
    """

    topic: str
    key: str
    resource: Resource
    raw: bytes
    event_type: str = ""
    other_keys: tuple[str, ...] = ()
    remember_s: int = 0
    step: Mapping[str, Any] = field(default_factory=dict)

    @property
    def reason(self) -> str:
        """The reason code of the record: what it needs."""
        return f"needs_{self.resource.kind}"


@value(frozen=True, slots=True)
class Waiting:
    """A call that is made at `due_at` unless something else comes of its thing before.

    There is one for each `token` of a source: a later one replaces it, and `Ended` drops it.
    """

    call: Call
    token: str
    due_at: datetime

    @property
    def topic(self) -> str:
        return self.call.topic

    @property
    def key(self) -> str:
        return self.call.key

    @property
    def other_keys(self) -> tuple[str, ...]:
        return self.call.other_keys

    @property
    def remember_s(self) -> int:
        return self.call.remember_s


@value(frozen=True, slots=True)
class Ended:
    """What waits under a token of the source is dropped: an order was placed."""

    topic: str
    token: str


Translated = Call | Held | Ignored | AwaitingLookup | Waiting | Ended


@value(frozen=True, slots=True)
class Memory:
    """What is remembered of a thing and was reported.

    `version` counts the writes, 0 before the first. `state` is the present one, `steps` the states
    reached with their own dates (unix s, 0 when undated). `refunds` has digests of the single
    refunds, `shown` a digest of each shown field. `updated_at` is the thing's latest time (unix s).
    """

    version: int = 0
    state: str = ""
    steps: Mapping[str, float] = field(default_factory=dict)
    refunded: Decimal = Decimal(0)
    total: Decimal | None = None
    refunds: frozenset[str] = frozenset()
    shown: Mapping[str, str] = field(default_factory=dict)
    updated_at: float = 0.0


@value(frozen=True, slots=True)
class Parts:
    """What one event of a thing comes to: all its parts are stored together, or none.

    `memory` is what is to be remembered of `resource` afterwards, None where that does not change.
    It was decided on version `version`: when another request has written since, it must be
    decided again.
    """

    items: tuple[Translated, ...]
    resource: Resource
    version: int
    key: str = ""
    other_keys: tuple[str, ...] = ()
    remember_s: int = 0
    memory: Memory | None = None


class State(StrEnum):
    """The states of a record; `relay/store/ledger.py` has the transitions."""

    ACCEPTED = "accepted"
    RETRYING = "retrying"
    DELIVERED = "delivered"
    HELD = "held"
    DEAD = "dead"
    DISCARDED = "discarded"
    AWAITING_LOOKUP = "awaiting_lookup"


# Still to be delivered. `relay/store/lua/lanes.lua` has the same set.
OPEN_STATES = frozenset({State.ACCEPTED, State.RETRYING})


class Verdict(StrEnum):
    """The result of one attempt. `PAUSED` postpones it without counting it."""

    DELIVERED = "delivered"
    RETRY = "retry"
    DEAD = "dead"
    HELD = "held"
    DISCARDED = "discarded"
    PAUSED = "paused"


@value(frozen=True, slots=True)
class Outcome:
    """The decision after an attempt.

    `delay_s` is the wait from now to the next attempt, for `retry` and `paused`. `status` is the
    HTTP status of the answer, 0 without one. `answer` is the start of its body. `ambiguous` means
    that the request was sent and no answer came, so it may have taken effect. `retry_after_s` is
    the answer's Retry-After, 0 without one.
    """

    verdict: Verdict
    reason: str
    delay_s: float = 0.0
    status: int = 0
    answer: str = ""
    ambiguous: bool = False
    retry_after_s: float = 0.0
