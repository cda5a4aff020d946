"""What a topic of a platform means: its event type, and the shape of its body.

A body's shape is its schema and what else the platform's bodies of that kind have in common; the
names in a schema are those of the family of the event type (`relay/mapping/event_fields.py`), or
`RESERVED` below.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from relay.inbound.payload_schema import PayloadSchema
from relay.inbound.results import Skipped
from relay.inbound.steps import CREATED
from relay.model import Step

# The parties of a body, in the order in which they are the event's contact.
BUYERS: Final = ("buyer", "billing", "account")
RECIPIENTS: Final = ("recipient", "address_book")
# Names of a schema that are no fields of the event. `id` is the thing's; `event_id` that of the
# event, and `at` its time; `document` the buyer's; `machine` says that software did it; `token`
# is that of the waiting entry which the event makes, `ends` that which it drops; `steps`,
# `refunded`, `refunds` and `refunded_at` are as in `relay.model.Report`, the first may be `Money`;
# `type` is the event type in place of the topic's. Names with an underscore in front are the
# platform's own.
RESERVED: Final = frozenset(
    {"id", "event_id", "at", "document", "machine", "token", "ends", "steps", "refunded", "refunds",
     "refunded_at", "type", *BUYERS, *RECIPIENTS}
)  # fmt: skip
Values = Mapping[str, Any]


def unrefined(_topic: str, _values: Values) -> Values:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One kind of body.

    `kind` is the kind of thing that it tells of ("order"), empty where each event stands alone;
    `shown` names the fields that a person is shown, of which a change is worth an update; `order`
    lists the thing's states where they come in one order only. `states` maps a name of the schema
    to the steps that its words tell, without a date. `foreign` are fields that bodies of
    this shape never have. `refine(topic, values)` returns what the schema alone cannot say: values
    to add or replace, or a `Skipped`.
    """

    schema: PayloadSchema
    kind: str = ""
    shown: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    states: Mapping[str, Mapping[str, Step]] = field(default_factory=dict)
    foreign: tuple[str, ...] = ()
    refine: Callable[[str, Values], Values | Skipped] = unrefined


NO_SHAPE: Final = Shape(schema=PayloadSchema())


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """What one topic of a platform means.

    `type` is our event type, empty where only a source's `types` gives it one. `at` names the
    values with the time of the event, most exact first. Of a shape with a kind, `step` is the state
    that the topic itself tells, at the time under the name `step_at`; `updates` says that a change
    without a step is told, too. `says` maps a field of the body to the values (in lower case) that
    the topic implies; with none of them it may have any value but null. `once` says that it happens
    to a thing once; `repeats` that equal bodies with none of the times `at` are several events, and
    a retry is one more. `lookup` says that the body only names a thing, of this kind, by its `id`;
    `may_be` are types that the look-up may find beside `type`.
    `waits` is the event type of what goes out under the value `token` when nothing else comes of
    it.
    """

    type: str
    shape: Shape = NO_SHAPE
    at: tuple[str, ...] = ("at",)
    step: str = ""
    step_at: str = ""
    updates: bool = False
    says: Mapping[str, frozenset[str]] = field(default_factory=dict)
    once: bool = False
    repeats: bool = False
    lookup: str = ""
    may_be: tuple[str, ...] = ()
    waits: str = ""


def created(event_type: str, shape: Shape, *, waits: str = "") -> Topic:
    """The topic of a new thing, once for each; `created_at` is its time."""
    return Topic(
        type=event_type, shape=shape, at=("created_at",), step=CREATED, step_at="created_at",
        once=True, waits=waits,
    )  # fmt: skip


def updated(event_type: str, shape: Shape, *, waits: str = "") -> Topic:
    """The topic of any change of a thing; `updated_at` is its time."""
    at = ("updated_at", "created_at")
    return Topic(type=event_type, shape=shape, at=at, updates=True, waits=waits)


def alike(shape: Shape, types: Mapping[str, str]) -> dict[str, Topic]:
    """Topics of one shape, by their names and event types; `at` is their time."""
    return {name: Topic(type=event_type, shape=shape) for name, event_type in types.items()}
