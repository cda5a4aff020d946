"""Compressed bodies: decoded after they were verified, as their senders sign what they send."""

import zlib
from typing import Final

from relay.errors import Refused

_COMPRESSED: Final = frozenset({"gzip", "x-gzip", "deflate"})
_UNREADABLE: Final = frozenset({"br", "zstd", "compress", "x-compress"})
# Of zlib: finds out by itself whether it is gzip or zlib.
_ANY_HEADER: Final = 32 + zlib.MAX_WBITS


def is_compressed(content_encoding: str) -> bool:
    """Whether a Content-Encoding header names a compression.

    What is none (`utf-8`, `none`, which are common mistakes) changes nothing of the body.

    Raises:
        Refused: `content_encoding` (415), for one that is not understood here.
    """
    names = {name.strip().lower() for name in content_encoding.split(",")}
    if names & _UNREADABLE:
        raise Refused("content_encoding", 415)
    return bool(names & _COMPRESSED)


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
