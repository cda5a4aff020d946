"""JSON bodies: decoded with every digit of a number, and encoded again without losing one.

A number with a fraction is a `Decimal` (129.90 stays 129.90), one without is an `int`, written
with an exponent or not (1.5e3 is 1500). A `float` is only what has no digits to keep: NaN, the
infinities, and numbers with hundreds of zeros.
"""

import json
import math
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec

from relay.errors import Unreadable

FORM: Final = "application/x-www-form-urlencoded"
# More than a form has.
FIELDS_MAX: Final = 2_000
# Zeros before or behind the digits. Written out, 1e999999999 would fill the memory.
_ZEROS_MAX: Final = 400
# Powers of ten within which a number is written without an exponent.
_EXPONENT_MAX: Final = 40
_INTEGER_MAX: Final = 10**_EXPONENT_MAX
_EXACT_FLOAT_MAX: Final = 2**53


def _number(text: str) -> Decimal | int | float:
    """The value of a JSON number that has a point or an exponent."""
    if len(text) < _ZEROS_MAX and "e" not in text and "E" not in text:
        return Decimal(text)
    try:
        value = Decimal(text)
    except InvalidOperation:  # an exponent of over 18 digits
        return float(text)
    if not -_ZEROS_MAX < value.adjusted() < _ZEROS_MAX:
        return float(text)
    if ("e" in text or "E" in text) and value == value.to_integral_value():
        return int(value)
    return value


# Three times as fast as the standard library. Integers of any length stay exact.
_DECODER: Final = msgspec.json.Decoder(float_hook=_number)
_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")


def json_body(body: bytes) -> Any:
    """The JSON value in a body.

    Raises:
        Unreadable: it is not UTF-8 JSON; the message has the position, not the content.
    """
    try:
        return _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return _by_library(body)


def _by_library(body: bytes) -> Any:
    """What msgspec refuses may still be JSON to the standard library, which also has the position.

    Senders that fill in a template leave line ends in texts unescaped.
    """
    try:
        return _encodable(json.loads(body, parse_float=_number, strict=False))
    except UnicodeDecodeError as error:
        raise Unreadable({"body": f"expected UTF-8, byte {error.start} is not"}) from error
    except (ValueError, RecursionError) as error:
        position = f" at byte {error.pos}" if isinstance(error, json.JSONDecodeError) else ""
        raise Unreadable({"body": f"expected JSON, unreadable{position}"}) from error


def json_object(body: bytes) -> dict[str, Any]:
    """The JSON object in a body.

    Raises:
        Unreadable: it is not JSON, or not an object.
    """
    value = json_body(body)
    if not isinstance(value, dict):
        raise Unreadable({"body": "expected a JSON object"})
    return value


def form_pairs(body: bytes) -> list[tuple[bytes, bytes]]:
    """The names and values of a `x-www-form-urlencoded` body, as the bytes that were encoded.

    Raises:
        Unreadable: it has too many fields.
    """
    try:
        # Latin-1 keeps each byte, before as well as after the percent-decoding.
        pairs = parse_qsl(
            body.strip().decode("latin-1"),
            keep_blank_values=True,
            encoding="latin-1",
            max_num_fields=FIELDS_MAX,
        )
    except ValueError as error:
        raise Unreadable({"body": f"expected a form of at most {FIELDS_MAX} fields"}) from error
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs]


def embedded_object(value: Any) -> dict[str, Any]:
    """The object that a platform writes as JSON in a text of its own JSON.

    Raises:
        Unreadable: it is neither such a text nor an object.
    """
    if isinstance(value, dict):
        return value
    if not isinstance(value, str):
        raise Unreadable({"body": "expected a JSON object in a text"})
    return json_object(value.encode(errors="replace"))


def json_bytes(value: Any) -> bytes:
    """A decoded value as JSON in one line, such as one part of a batch.

    NaN and infinities are null. It is spaced as `json.dumps` does: people edit what is held.
    """
    return msgspec.json.format(_ENCODER.encode(value), indent=0)


def compact_json(value: Any) -> str:
    """A value, also a dataclass, as JSON without spaces."""
    return _ENCODER.encode(value).decode()


def text_of(value: Any) -> str:
    """A text or number as text, a number with the digits it was sent with; else empty."""
    if isinstance(value, str):
        return value
    if isinstance(value, Decimal):
        return f"{value:f}"
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def number_text(value: Any) -> str | None:
    """The digits of a number without an exponent, None for anything else and for absurd ones."""
    if type(value) is int:
        return str(value) if -_INTEGER_MAX < value < _INTEGER_MAX else None
    if type(value) is Decimal:
        text = str(value)
        if "E" not in text and text[-1].isdigit() and len(text) < _EXPONENT_MAX:  # nearly all
            return text
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        value = Decimal(repr(value))
    if not isinstance(value, Decimal) or not value.is_finite():
        return None
    small = abs(value.adjusted()) < _EXPONENT_MAX and len(value.as_tuple().digits) < _EXPONENT_MAX
    return f"{value:f}" if small else None


def whole_number_text(value: Any) -> str | None:
    """The digits of a whole number, None for anything else and for a float that is not exact."""
    if isinstance(value, float) and not abs(value) < _EXACT_FLOAT_MAX:
        return None
    text = number_text(value)
    if text is None or isinstance(value, int):
        return text
    whole, _, fraction = text.partition(".")
    return None if fraction.strip("0") else whole


def _encodable(value: Any) -> Any:
    """The value with "?" in place of each lone surrogate.

    One can only come as an escape and has no UTF-8: it must not make the other events of a batch
    unreadable.
    """
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if isinstance(value, list):
        return [_encodable(part) for part in value]
    if isinstance(value, dict):
        return {_encodable(name): _encodable(part) for name, part in value.items()}
    return value
