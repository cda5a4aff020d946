"""JSON responses and RFC 9457 problem JSON, for every view."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final

import structlog
from flask import Response
from werkzeug.exceptions import HTTPException

from relay.errors import TITLES
from relay.inbound.payload import json_bytes

_HEADERS: Final = [("Content-Type", "application/json"), ("Cache-Control", "no-store")]


class JsonResponse(Response):
    """A response that is whole in memory and redirects nowhere: it goes out as it stands.

    Werkzeug looks through the headers of each answer for what could be missing or relative.
    """

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response(self.status, self.headers.to_wsgi_list())
        body: Any = self.response
        return () if environ["REQUEST_METHOD"] == "HEAD" else body


def json_response(body: Mapping[str, Any], status: int) -> Response:
    """A JSON response with `Cache-Control: no-store`."""
    return JsonResponse(json_bytes(body), status, _HEADERS)


def problem(
    reason: str, status: int, *, title: str = "", errors: Mapping[str, Any] | None = None
) -> Response:
    """Problem JSON. `reason` is the code that is logged too; `errors` are messages by field."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": title or TITLES.get(reason, reason),
        "status": status,
        "reason": reason,
    }
    if errors:
        body["errors"] = errors
    response = json_response(body, status)
    response.content_type = "application/problem+json"
    return response


def http_problem(error: HTTPException) -> Response:
    """Problem JSON for errors that Flask raises before a view runs (404, 405), and a log line.

    The line has no path: one that is almost right may hold a secret.
    """
    status = HTTPStatus(error.code or 500)
    reason = status.phrase.lower().replace(" ", "_")
    structlog.get_logger().info("request.refused", reason=reason, status=status.value)
    response = problem(reason, status.value, title=status.phrase)
    if allow := error.get_response().headers.get("Allow"):
        response.headers["Allow"] = allow
    return response
