"""Stand-ins of platforms' APIs: what `relay/samples/<platform>/api.json` says that they answer.

The file maps `GET /path` (without query) to the body of the answer. A request without any proof is
refused: one needs a header or a query parameter with a text of the throw-away credentials.
"""

import json
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, request

from relay.devtools.standin.bodies import reply

# What is at `api_url` in a source's credentials, behind the stand-in's address.
PREFIX = "/_platforms"
_PROOF = "throw-away"
_SAMPLES = Path(__file__).parents[2] / "samples"


def platform_apis() -> Blueprint:
    routes = Blueprint("platforms", __name__, url_prefix=PREFIX)

    @routes.route("/<platform>/<path:path>", methods=["GET", "POST"])
    def answer(platform: str, path: str) -> Response:
        file = _SAMPLES / platform / "api.json"
        answers: dict[str, Any] = json.loads(file.read_bytes()) if file.is_file() else {}
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
