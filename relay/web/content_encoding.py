"""Compressed bodies: verified as they came, or as what is in them, and decoded."""

import zlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Literal

from relay.errors import UNREADABLE
from relay.model import Held, Parts, Translated

REASON: Final = "content_encoding"
_COMPRESSED: Final = frozenset({"gzip", "x-gzip", "deflate"})
_UNKNOWN: Final = frozenset({"br", "zstd", "compress", "x-compress"})
# Of zlib: finds out by itself whether it is gzip or zlib.
_ANY_HEADER: Final = 32 + zlib.MAX_WBITS
Encoding = Literal["", "zlib", "unknown"]


def encoding_of(header: str) -> Encoding:
    """What a Content-Encoding header says of the body: nothing, gzip or zlib, or one unknown here.

    What is none (`utf-8`, `none`, which are common mistakes) changes nothing of the body.
    """
    if not header:  # nearly always
        return ""
    names = {name.strip().lower() for name in header.split(",")}
    if names & _UNKNOWN:
        return "unknown"
    return "zlib" if names & _COMPRESSED else ""


def decompressed(body: bytes, max_bytes: int) -> bytes:
    """The content of a body in gzip or zlib; the body itself where it is neither, or too large.

    A proxy may have decoded it and left the header.
    """
    decoder = zlib.decompressobj(_ANY_HEADER)
    try:
        content = decoder.decompress(body, max_bytes)
    except zlib.error:
        return body
    return content if decoder.eof else body


def with_reason(items: Sequence[Translated | Parts]) -> list[Translated | Parts]:
    """What became of an encoded body: where it cannot be read, that is why."""
    return [
        replace(item, reason=REASON)
        if isinstance(item, Held) and item.reason == UNREADABLE
        else item
        for item in items
    ]
