"""A field of payload schemas that compares two quantities of the lines of an order."""

from typing import Any, Final

from relay.inbound.payload_fields import Number, OmittedFields
from relay.inbound.payload_schema import ListOf, Object, PayloadSchema

# Up to here a number and its text are alike: no line has more.
_USUAL_MAX: Final = 1_000_000


class LostLines(ListOf):
    """Whether a line at a path has another `current` quantity than the `ordered` one.

    A line without a current quantity has the one that was ordered.
    """

    def __init__(self, path: str, *, ordered: str, current: str) -> None:
        self._ordered, self._current = ordered, current
        super().__init__(Object(PayloadSchema.of({ordered: Number(), current: Number()})), path)

    def read(self, value: Any, path: str, omitted_fields: OmittedFields) -> Any:
        if isinstance(value, list) and all(map(self._is_plainly_whole, value)):
            return False
        for line in super().read(value, path, omitted_fields):
            ordered = line.get(self._ordered)
            if line.get(self._current, ordered) != ordered:
                return True
        return False

    def _is_plainly_whole(self, line: Any) -> bool:
        """Whether both are the same whole number, as they nearly always are."""
        if not isinstance(line, dict):
            return False
        ordered, current = line.get(self._ordered), line.get(self._current)
        return type(ordered) is type(current) is int and 0 <= ordered == current < _USUAL_MAX
