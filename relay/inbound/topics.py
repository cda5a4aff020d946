"""What a topic of a platform means: our event type, and the shape of its body.

The names in the schema of a shape are the fields of the event type's family
(`relay/mapping/event_fields.py`), or `RESERVED` below. A name with an underscore in front is the
platform's own: only `refine` sees it.
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
# Names of a schema that are no fields of the event:
#   id           of the thing: the order, the payment
#   event_id     of the event, part of its de-duplication key
#   at           time of the event
#   type         event type in place of the topic's
#   document     (kind, number) of the buyer's identity document
#   machine      whether software caused the event
#   token, ends  name of the delayed event that this one makes, or cancels
#   over         whether the thing has come to its end, of which another thing's events tell
#   steps, refunded, refunds, refunded_at
#                as in `relay.model.Report`; `refunded` may be a `Money`
# The others are people, each a `Person`.
RESERVED: Final = frozenset(
    {"id", "event_id", "at", "document", "machine", "token", "ends", "over", "steps", "refunded",
     "refunds", "refunded_at", "type", *BUYERS, *RECIPIENTS}
)  # fmt: skip
Values = Mapping[str, Any]


def unrefined(_topic: str, _values: Values) -> Values:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One kind of body.

    - `schema`: its fields, under our names.
    - `kind`: the kind of thing that changes ("order"); empty where each event stands alone.
    - `shown`: names of the fields whose change is worth an update.
    - `states`: name of a field -> its values -> the steps they mean, which have no date.
    - `dated`: name of a time -> the step that it is the date of; these come after the others.
    - `skipped`: name of a field -> its values -> the reason why there is no event then.
    - `order`: the states of the thing, where they come in one order only.
    - `foreign`: fields of the body that only other shapes have; with one the event is held.
    - `refine`: called with the topic's name and the values; returns what the schema alone cannot
      say: values to add or replace, or a `Skipped`.
    """

    schema: PayloadSchema
    kind: str = ""
    shown: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    states: Mapping[str, Mapping[str, Step]] = field(default_factory=dict)
    dated: Mapping[str, Step] = field(default_factory=dict)
    skipped: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    foreign: tuple[str, ...] = ()
    refine: Callable[[str, Values], Values | Skipped] = unrefined


NO_SHAPE: Final = Shape(schema=PayloadSchema())


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """What one topic of a platform means.

    - `type`: our event type; empty where only a source's `types` gives it one.
    - `at`: names of the values with the time of the event, most exact first.
    - `once`: whether it happens to a thing only once.
    - `repeats`: whether equal bodies with none of the times `at` are several events. A retry of
      the platform then counts as one more.
    - `implies`: field of the body -> the values (in lower case) that it can have under this topic;
      no values stand for any but null. With another value the event is held.

    Of a shape with a kind:

    - `step`: the state that the topic reports, and `step_at` the name of the value with its date.
    - `attempt`: name of the value that tells one attempt from another, where a thing may come to
      the same state by several: a payment that is declined twice is told twice.
    - `updates`: whether a change of shown fields without a new step is an event.

    Of a body that only names a thing, by its `id`:

    - `lookup`: the kind of the thing to look up.
    - `other_types`: event types that the look-up may find beside `type`.

    With `delayed_type` a second event of that type goes out after the source's `abandoned_after`,
    unless another one with the same `token` replaces it or one that `ends` the token cancels it.
    """

    type: str
    shape: Shape = NO_SHAPE
    at: tuple[str, ...] = ("at",)
    step: str = ""
    step_at: str = ""
    attempt: str = ""
    updates: bool = False
    implies: Mapping[str, frozenset[str]] = field(default_factory=dict)
    once: bool = False
    repeats: bool = False
    lookup: str = ""
    other_types: tuple[str, ...] = ()
    delayed_type: str = ""


def created(event_type: str, shape: Shape, *, delayed_type: str = "") -> Topic:
    """The topic of a new thing, once for each; `created_at` is its time."""
    return Topic(
        type=event_type, shape=shape, at=("created_at",), step=CREATED, step_at="created_at",
        once=True, delayed_type=delayed_type,
    )  # fmt: skip


def updated(event_type: str, shape: Shape, *, delayed_type: str = "") -> Topic:
    """The topic of any change of a thing; `updated_at` is its time."""
    at = ("updated_at", "created_at")
    return Topic(type=event_type, shape=shape, at=at, updates=True, delayed_type=delayed_type)


def alike(shape: Shape, types: Mapping[str, str]) -> dict[str, Topic]:
    """The topics of one shape from their names and event types; `at` is their time."""
    return {name: Topic(type=event_type, shape=shape) for name, event_type in types.items()}
