"""What shops say of an order or a customer, for `Event.report` and for notes.

Values are those of a `PayloadSchema`: absent and odd ones are missing. `raw` is the decoded body,
which still tells an absent field from one that is null.
"""

import html
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC
from decimal import Decimal
from typing import Any, Final

from relay.inbound.contract import Unparsable
from relay.inbound.money import parse_money
from relay.inbound.payload import json_bytes
from relay.inbound.payload_schema import ListOf, Number, Object, PayloadSchema, Text
from relay.inbound.timestamps import parse_timestamp

# Items of which the names are kept; a note has three at most.
_ITEMS_MAX: Final = 50
_NOTHING: Final[tuple[Any, ...]] = (None, "", [], {}, False, True)


class ItemSchema(PayloadSchema):
    """One line of an order or cart; the name is the first that a platform has."""

    name = Text()
    title = Text()
    quantity = Number()
    current_quantity = Number()


def items_of(lines: Iterable[Mapping[str, Any]]) -> list[str]:
    """Quantity and name of each line that has a name and was not removed since."""
    texts: list[str] = []
    for line in lines:
        name = html.unescape(line.get("name") or line.get("title") or "").strip()
        quantity = line.get("current_quantity") or line.get("quantity")
        if name and quantity != "0" and len(texts) < _ITEMS_MAX:
            texts.append(f"{quantity} \N{MULTIPLICATION SIGN} {name}" if quantity else name)
    return texts


def items_field() -> ListOf:
    return ListOf(Object(ItemSchema))


def shown_fields(
    body: Mapping[str, Any], raw: Mapping[str, Any], names: Mapping[str, str]
) -> dict[str, str]:
    """The values to compare with those last told; `names` maps our name to the body's.

    A field that the body does not have at all is left out: some topics and subscriptions have
    fewer fields.
    """
    return {
        name: json_bytes(body.get(field)).decode() for name, field in names.items() if field in raw
    }


def unix_time(value: Any) -> float | None:
    """Seconds since 1970 of a time; one without an offset is UTC. None when it is no time."""
    at = parse_timestamp(value, UTC)
    return at.timestamp() if at else None


def amount_of(value: Any) -> Decimal | None:
    money = parse_money(value)
    return money.amount if money else None


def contradiction(topic: str, key: str, body: bytes, reasons: Mapping[str, str]) -> Unparsable:
    """The request as held because the topic, which nothing signs, says otherwise than the body."""
    all_reasons = {"topic": "contradicts the body", **reasons}
    return Unparsable(topic, key, all_reasons, body, "topic_mismatch")


def foreign_fields(raw: Mapping[str, Any], names: Collection[str]) -> dict[str, str]:
    """A reason for each field that bodies of the topic never have."""
    return {
        name: "a field of another kind of body" for name in names if raw.get(name) not in _NOTHING
    }
