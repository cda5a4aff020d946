"""Arguments of scripts in MessagePack: one in place of many, each of which costs Redis a call.

Values that follow one another, without the head of an array, are to Lua's `cmsgpack.unpack` as many
results, which take no table.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

_ENCODER: Final = msgspec.msgpack.Encoder()
# The head of an array or map is of one byte up to so many entries, of three up to 65,535.
_SHORT: Final = 15


def stream(values: tuple[Any, ...] | Mapping[str, Any]) -> bytes:
    """The values one after another; of a mapping names and values in turn."""
    return _ENCODER.encode(values)[1 if len(values) <= _SHORT else 3 :]


def as_text(data: bytes) -> msgspec.Raw:
    """Bytes as a text of MessagePack: Redis 6 knows no type for bytes."""
    return msgspec.Raw(b"\xdb" + len(data).to_bytes(4, "big") + data)


def packed(*values: Any) -> msgspec.Raw:
    """Values one after another, as one text."""
    return as_text(stream(values))


def packed_fields(fields: Mapping[str, Any]) -> msgspec.Raw:
    """Names and values in turn, as one text."""
    return as_text(stream(fields))
