"""Flask's request as a `WebhookRequest`, and the raw body, read once, up to a size limit.

Flask's form and JSON parsers are not used: they would consume or change the bytes that were signed.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

import flask

from relay.errors import TOO_LARGE, Refused
from relay.inbound.contract import Source
from relay.model import WebhookRequest
from relay.turns import Turns
from relay.web.body_deadline import BODY_WITHIN_S, TooSlow, body_read_deadline
from relay.web.body_memory import FREE_BYTES

# What may be so many chunks of one byte is read in smaller parts.
_CHUNKED_PART_BYTES: Final = 4 * 1024


def read_request_head(
    http: flask.Request, source: Source, token: str, *, public_url: str, now: datetime
) -> WebhookRequest:
    """The request without its body, which is still to be read."""
    server = public_url.rstrip("/") or f"{http.scheme}://{_host(http)}"
    url = source.public_url or server + http.path
    query = http.query_string.decode("latin-1")
    return WebhookRequest(
        method=http.method,
        url=f"{url}{'?' if query else ''}{query}",
        headers=_headers(http.environ),
        body=b"",
        received_at=now,
        query=tuple(http.args.items(multi=True)) if query else (),
        token=token,
    )


class RequestBody:
    """The body of a request, on the socket: read at once, or in parts when it is too large."""

    def __init__(self, http: flask.Request) -> None:
        self._stream = http.environ["wsgi.input"]  # the limits here cover chunked bodies too
        self._declared = _declared_bytes(http.environ)
        self._beginning = b""
        self._received_bytes = 0

    def read(self, max_bytes: int, take: Callable[[int], None]) -> bytes | None:
        """The body; None when it has more bytes, which `parts` then gives from the first one on.

        `take` is called with the bytes that come above `FREE_BYTES`, and may raise.

        Raises:
            Refused: `incomplete` (400), when the body ends early or is too slow.
        """
        if (self._declared or 0) > max_bytes:
            return None
        parts, size = [], 0
        for part in self._received(max_bytes + 1):
            size += len(part)
            if size > FREE_BYTES:
                take(len(part))
            parts.append(part)
        body = b"".join(parts)
        if size > max_bytes:
            self._beginning = body
            return None
        self._require_complete(size)
        return body

    def parts(self, max_bytes: int) -> Iterator[bytes]:
        """The body from its beginning, at most 64 KiB at a time, but for what `read` has read.

        Raises:
            Refused: `too_large` (413) when it has over `max_bytes`, and as `read`.
        """
        if (self._declared or 0) > max_bytes:
            raise Refused(TOO_LARGE, 413)
        beginning, self._beginning = self._beginning, b""
        size = len(beginning)
        if beginning:
            yield beginning
        for part in self._received(max_bytes + 1 - size):
            size += len(part)
            if size > max_bytes:
                raise Refused(TOO_LARGE, 413)
            yield part
        self._require_complete(size)

    def _received(self, count: int) -> Iterator[bytes]:
        """What comes, in parts, up to so many bytes.

        Raises:
            Refused: `incomplete` (400), when it is too slow or broken.
        """
        part_bytes = FREE_BYTES
        if self._declared is None:
            part_bytes = _CHUNKED_PART_BYTES
        else:  # a server may wait for what lies behind it
            count = min(count, self._declared - self._received_bytes)
        give_up_at = time.monotonic() + BODY_WITHIN_S
        turns = Turns()
        while part := self._receive_part(min(part_bytes, count), give_up_at):
            self._received_bytes += len(part)
            count -= len(part)
            yield part
            if self._received_bytes == self._declared:  # nearly always at once
                return
            turns.give()

    def _receive_part(self, count: int, give_up_at: float) -> bytes:
        left_s = give_up_at - time.monotonic()
        try:
            if left_s < 0:  # it was never waited for, so that no time-out could end it
                raise TooSlow
            with body_read_deadline(left_s):
                part: bytes = self._stream.read(count)
                return part
        except Exception as error:  # too slow, or aborted: each server has its own for that
            raise Refused("incomplete", 400) from error

    def _require_complete(self, size: int) -> None:
        if self._declared not in (None, size):
            raise Refused("incomplete", 400)


def _host(http: flask.Request) -> str:
    """The host that the sender names, without the usual port; nothing but a signature needs it."""
    host: str = http.environ.get("HTTP_HOST", "")
    return host.removesuffix(":443" if http.scheme == "https" else ":80")


def _declared_bytes(environ: Mapping[str, Any]) -> int | None:
    """The length that the head names; None for a body in chunks, which ends by itself."""
    text = environ.get("CONTENT_LENGTH", "")
    return int(text) if text.isascii() and text.isdigit() else None


def _headers(environ: Mapping[str, Any]) -> dict[str, str]:
    """The request's headers from the WSGI environment, with lower-case names."""
    headers = {name: environ[key] for name, key in _header_names(tuple(environ))}
    for name, key in (("content-type", "CONTENT_TYPE"), ("content-length", "CONTENT_LENGTH")):
        if value := environ.get(key):
            headers[name] = value
    return headers


@lru_cache(maxsize=256)
def _header_names(keys: tuple[str, ...]) -> list[tuple[str, str]]:
    """The names of headers and their keys, such as `x-shopify-topic` and `HTTP_X_SHOPIFY_TOPIC`.

    A sender names the same headers each time.
    """
    return [(key[5:].replace("_", "-").lower(), key) for key in keys if key[:5] == "HTTP_"]
