"""Stand-ins of platforms' APIs: what `relay/samples/<platform>/api.json` says that they answer.

The file maps `GET /path` (without query) to the body of the answer, whose dates are moved to today
as those of samples are. A request without any proof is refused: one needs a header or a query
parameter with a text of the throw-away credentials.
"""

import json
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, request

from relay.devtools.standin.bodies import reply
from relay.inbound.samples import FOLDER, of_today

# What is at `api_url` in a source's credentials, behind the stand-in's address.
PREFIX = "/_platforms"
_PROOF = "throw-away"


def platform_apis() -> Blueprint:
    routes = Blueprint("platforms", __name__, url_prefix=PREFIX)

    @routes.route("/<platform>/<path:path>", methods=["GET", "POST"])
    def answer(platform: str, path: str) -> Response:
        file = FOLDER / platform / "api.json"
        content = file.read_bytes() if file.is_file() else b"{}"
        answers: dict[str, Any] = json.loads(of_today(content, datetime.now(UTC)))
        if not _is_proved():
            return reply(401, {"message": "Unauthorized"})
        body = answers.get(f"{request.method} /{path}")
        return reply(404, {"message": "Not found"}) if body is None else reply(200, body)

    return routes


def _is_proved() -> bool:
    """Whether anything of the request has a throw-away credential in it."""
    basic = request.authorization
    texts = [*request.headers.values(), *request.args.values(), *request.form.values()]
    if basic:
        texts += [basic.username or "", basic.password or ""]
    return any(_PROOF in text for text in texts)
