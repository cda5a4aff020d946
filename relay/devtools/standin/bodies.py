"""The bodies of replies and requests."""

import json
from typing import Any

from flask import Response, request

from relay.devtools.standin.shapes import Invalid


def reply(status: int, body: Any) -> Response:
    """A text is HTML, anything else JSON."""
    if isinstance(body, str):
        return Response(body, status)
    return Response(json.dumps(body), status, mimetype="application/json")


def json_object() -> dict[str, Any]:
    """The object in the body of the request at hand; raises Invalid for anything else."""
    try:
        body = json.loads(request.get_data()) if request.is_json else None
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise Invalid(["body must be a JSON object"])
    return body
