"""`when` of a source: which of its events are delivered, ignored or held, by JMESPath.

    when = "event.total >= `10`"                            what it is not true for is ignored
    when = { ignore = "body.test", hold = "event.total > `500`" }

An event is ignored where `ignore` is true or `deliver` is not; of the others those are held for
which `hold` is true. The expressions see two names:

- `event`: `type`, `topic`, `occurred_at` (ISO 8601, in UTC), the contact as the sender wrote it
  (`email`, `phone`, `country`, `first_name`, `last_name`, `id_number`, `customer_id`), and the
  fields of the event, whose amounts are numbers (`total` is that of `amount`);
- `body`: all that the platform sent of the event, or that was looked up of the thing it names.

Of what is absent nothing is true.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from jmespath.exceptions import JMESPathError, JMESPathTypeError
from marshmallow import Schema, ValidationError, fields, post_load, pre_load

from relay.inbound.expression import Expression, fault_text, is_something
from relay.inbound.expression_fields import compiled
from relay.mapping.event_fields import FAMILIES, filled, names_of
from relay.model import Event, Money

# The reason codes of what is ignored, and of what is held.
IGNORED: Final = "when"
HELD: Final = "to_review"
_ROOTS: Final = ("event", "body")
_LOOSE_NOT: Final = re.compile(r"!\s*(?:event|body)\s*[.\[]")
# What `event` has beside the fields of its type.
_COMMON: Final = (
    "type", "topic", "occurred_at", "customer_id", "email", "phone", "country", "first_name",
    "last_name", "id_number", "total", "currency",
)  # fmt: skip
_EXPECTED: Final = 'expected an expression over event and body, such as "event.total > `100`"'


class ConditionFailed(Exception):
    """An expression does not fit an event, as `length(event.total)`; `name` says which."""

    def __init__(self, name: str, error: str) -> None:
        super().__init__(name)
        self.name = name
        self.error = error


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """The conditions of a source, each None where it has none."""

    ignore: Expression | None = None
    deliver: Expression | None = None
    hold: Expression | None = None

    @property
    def _conditions(self) -> dict[str, Expression]:
        """Those there are, by their names in relay.toml."""
        named = {"ignore": self.ignore, "deliver": self.deliver, "hold": self.hold}
        return {name: expression for name, expression in named.items() if expression}

    @property
    def written(self) -> dict[str, str]:
        """The conditions as they stand in relay.toml."""
        return {name: str(expression) for name, expression in self._conditions.items()}

    def unknown_names(self) -> list[str]:
        """What the conditions read of `event` that no event has: typing errors."""
        known = {*_COMMON, *(name for family in FAMILIES for name in names_of(family))}
        conditions = self._conditions.values()
        paths = {path for each in conditions for path in each.names() if len(path) > 1}
        return sorted({path[1] for path in paths if path[0] == "event"} - known)

    def decide(self, event: Event) -> Literal["deliver", "ignore", "hold"]:
        """What becomes of an event.

        Raises:
            ConditionFailed: an expression does not fit it.
        """
        values = {"event": _values(event), "body": event.body}
        if self.ignore and _is_true("ignore", self.ignore, values):
            return "ignore"
        if self.deliver and not _is_true("deliver", self.deliver, values):
            return "ignore"
        return "hold" if self.hold and _is_true("hold", self.hold, values) else "deliver"


class _Condition(fields.Field[Expression]):
    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Expression:
        if not isinstance(value, str) or not value.strip():
            raise ValidationError(_EXPECTED)
        expression = compiled(value)
        unknown = sorted({names[0] for names in expression.names()} - set(_ROOTS))
        if unknown:
            raise ValidationError(f"{_EXPECTED}; found {', '.join(unknown)}")
        if _LOOSE_NOT.search(value):  # means `(!event).total`, which is never true
            raise ValidationError('expected parentheses after "!", as in "!(body.test)"')
        return expression


class WhenSchema(Schema):
    """The key `when` of a source: a table of conditions, or `deliver` alone."""

    ignore = _Condition()
    deliver = _Condition()
    hold = _Condition()

    @pre_load
    def _as_table(self, data: Any, **_: Any) -> Any:
        return data if isinstance(data, Mapping) else {"deliver": data}

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> When:
        return When(**data)


def _is_true(name: str, expression: Expression, values: Mapping[str, Any]) -> bool:
    try:
        value = expression.search(values)
    except JMESPathTypeError as error:
        if error.actual_type in ("null", "NoneType"):  # `contains(body.tags, 'vip')` without tags
            return False
        raise ConditionFailed(name, fault_text(error)) from error
    except JMESPathError as error:
        raise ConditionFailed(name, fault_text(error)) from error
    return is_something(value) and value is not False


def _values(event: Event) -> dict[str, Any]:
    """What the expressions see as `event`."""
    contact = event.contact
    named = dict(_fields(event))
    amount = getattr(event.fields, "amount", None)
    if isinstance(amount, Money):
        named |= {"total": amount.amount, "currency": amount.currency or None}
    return named | {
        "type": event.type,
        "topic": event.topic,
        "occurred_at": event.occurred_at.isoformat(),
        "customer_id": contact.customer_id or None,
        "email": contact.email.strip() or None,
        "phone": contact.phones[0].text if contact.phones else None,
        "country": contact.country or None,
        "first_name": contact.first_name or None,
        "last_name": contact.last_name or None,
        "id_number": contact.id_number or None,
    }


def _fields(event: Event) -> Iterator[tuple[str, Any]]:
    for name, value in {**event.extra, **filled(event.fields)}.items():
        if isinstance(value, Money):
            yield name, value.amount
        else:
            yield name, list(value) if isinstance(value, tuple) else value
