"""The parts of a batch, each parsed by itself."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from relay.errors import TooManyParts
from relay.inbound.contract import stable_key
from relay.inbound.payload import json_bytes
from relay.inbound.results import Events, ParseResult, Part, Skipped, Unparsable
from relay.turns import in_turns

# More than any platform sends at once.
BATCH_MAX: Final = 10_000


def parse_batch(parts: Sequence[Any], parse_part: Callable[[Any], Sequence[Part]]) -> ParseResult:
    """The events of a batch; its parts are counted before any of them is parsed.

    An exception in one part of several holds that part alone.

    Raises:
        TooManyParts: there are over `BATCH_MAX`.
    """
    if len(parts) > BATCH_MAX:
        raise TooManyParts(len(parts), BATCH_MAX)
    if len(parts) == 1:
        return Events(list(parse_part(parts[0])))
    items: list[Part] = []
    for part in in_turns(parts):
        try:
            items += parse_part(part)
        except Exception as error:  # noqa: BLE001  a bug; the others go on
            raw = json_bytes(part)
            items.append(Unparsable("", stable_key(raw), fault_reasons(error), raw))
    return Events(items) if parts else Skipped("empty_batch")


def fault_reasons(error: Exception) -> dict[str, Any]:
    """What is said of an exception that nobody expected: its text may hold personal data."""
    if isinstance(error, RecursionError):
        return {"body": "expected JSON, nested less deep"}
    return {"relay": f"{type(error).__name__} while reading; please report it"}
