"""Flask's request as a `WebhookRequest`: the raw body, read once, up to a size limit.

Flask's form and JSON parsers are not used: they would consume or change the bytes that were signed.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import flask

from relay.errors import Refused
from relay.inbound.contract import Source
from relay.model import WebhookRequest
from relay.web.body_deadline import body_read_deadline


def read_webhook_request(
    http: flask.Request,
    source: Source,
    token: str,
    *,
    body_max_bytes: int,
    public_url: str,
    now: datetime,
) -> WebhookRequest:
    """Read the request from the socket.

    Raises:
        Refused: `too_large` (413), or `incomplete` (400) when the body ends early or is too slow.
    """
    body = _body(http, body_max_bytes)
    server = public_url.rstrip("/") or f"{http.scheme}://{http.host}"
    url = source.public_url or server + http.path
    query = http.query_string.decode("latin-1")
    return WebhookRequest(
        method=http.method,
        url=f"{url}{'?' if query else ''}{query}",
        headers=_headers(http.environ),
        body=body,
        received_at=now,
        query=tuple(http.args.items(multi=True)) if query else (),
        token=token,
    )


def _body(http: flask.Request, body_max_bytes: int) -> bytes:
    """The body, up to the limit, with and without a declared length."""
    if (http.content_length or 0) > body_max_bytes:
        raise Refused("too_large", 413)
    http.max_content_length = None  # the limit below covers chunked bodies too
    try:
        with body_read_deadline(http.environ):
            body = http.stream.read(body_max_bytes + 1)
    except Exception as error:  # each server has its own exception for an aborted body
        raise Refused("incomplete", 400) from error
    if len(body) > body_max_bytes:
        raise Refused("too_large", 413)
    if http.content_length not in (None, len(body)):
        raise Refused("incomplete", 400)
    return body


def _headers(environ: Mapping[str, Any]) -> dict[str, str]:
    """The request's headers from the WSGI environment, with lower-case names."""
    headers = {
        name[5:].replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if value := environ.get(name):
            headers[name.replace("_", "-").lower()] = value
    return headers
