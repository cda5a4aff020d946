"""The fields of a body that is not verified yet, for schemes that sign fields and not bytes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from relay.errors import MALFORMED, TOO_LARGE, Refused, Unreadable
from relay.inbound import payload
from relay.inbound.payload import json_object, text_of

# Larger than a notice of Amazon SNS, the largest that carry their proof in JSON. To parse more for
# whoever sends it would hold up all other requests of the process.
JSON_BYTES_MAX: Final = 512 * 1024


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of a JSON object, each by its path (`data.transaction.id`), or of a form by name.

    A text is as it was sent, and so are the digits of a number.
    """

    values: Mapping[str, Any]
    is_form: bool = False

    def get(self, path: str) -> Any:
        """The value, None when there is none."""
        if self.is_form:
            return self.values.get(path)
        value: Any = self.values
        for name in path.split("."):
            value = value.get(name) if isinstance(value, Mapping) else None
        return value

    def text(self, path: str) -> str:
        """The text or number, as text.

        Raises:
            Refused: `malformed`, when it is absent or neither.
        """
        value = self.get(path)
        text = text_of(value)
        if not text and value != "":
            raise Refused(MALFORMED)
        return text

    def texts(self, path: str) -> list[str]:
        """The different texts of a list that is not empty.

        Raises:
            Refused: `malformed`, when it is no such list.
        """
        values = self.get(path)
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise Refused(MALFORMED)
        if not values or len(set(values)) != len(values):
            raise Refused(MALFORMED)
        return values


def json_fields(body: bytes) -> Fields:
    """The fields of a JSON object.

    Raises:
        Refused: `malformed`, when the body is no JSON object; `too_large` (413), when it has over
            `JSON_BYTES_MAX`.
    """
    if len(body) > JSON_BYTES_MAX:
        raise Refused(TOO_LARGE, 413)
    try:
        return Fields(json_object(body))
    except Unreadable as error:
        raise Refused(MALFORMED) from error


def form_fields(pairs: Sequence[tuple[bytes, bytes]]) -> Fields:
    """The fields of a form; one that comes again with another value, or with brackets, is none."""
    values: dict[str, str | None] = {}
    for name, value in pairs:
        key, text = _text(name), _text(value)
        values[key] = text if values.get(key, text) == text else None
    for key in [key for key in values if "[" in key]:
        values.pop(key.partition("[")[0], None)
    return Fields(values, is_form=True)


def unambiguous_form(pairs: Sequence[tuple[bytes, bytes]]) -> bytes:
    """A body of the fields that `form_fields` has, and of no others, for whoever parses it next.

    What was verified must not be read in another notation: with another content type, or a
    character set in which other names come out.
    """
    fields = form_fields(pairs)
    kept = [pair for pair in dict.fromkeys(pairs) if fields.get(_text(pair[0])) is not None]
    return urlencode(kept).encode()


def _text(content: bytes) -> str:
    return content.decode(errors="replace")


def form_pairs(body: bytes) -> list[tuple[bytes, bytes]]:
    """The names and values of a form in order, as the bytes that were encoded.

    Raises:
        Refused: `malformed`, when it has too many fields.
    """
    try:
        return payload.form_pairs(body)
    except Unreadable as error:
        raise Refused(MALFORMED) from error
