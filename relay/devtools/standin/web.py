"""The application: its routes, the key, the faults, and how a refusal looks."""

import socket
import struct
from collections.abc import Iterable
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Final, NoReturn, cast

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException
from werkzeug.local import LocalProxy

from relay.addresses import names_this_machine
from relay.devtools.standin.api import agents, customers, events
from relay.devtools.standin.bodies import reply
from relay.devtools.standin.control import control
from relay.devtools.standin.faults import AFTER, ANSWERS, BEFORE
from relay.devtools.standin.platform_apis import platform_apis
from relay.devtools.standin.shapes import Invalid
from relay.devtools.standin.state import Standin

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# What it shows came from senders; no browser is to guess that it is a page, nor to frame it.
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
}


# Where a request's environment has the stand-in that answers it.
_STANDIN: Final = "relay.standin"


def create_app(standin: Standin) -> "WSGIApplication":
    """The API over `standin`, at the root of any host name.

    The `/_standin/...` routes are for a person or a test: from the same machine they need no key.
    The two reset faults need the connection itself, so they work under `serve` and
    `StandinServer` only.
    """

    def app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        environ[_STANDIN] = standin
        return _routes()(environ, start_response)

    return app


@cache
def _routes() -> Flask:
    """The API over the stand-in of a request: made once, since that takes 10 ms."""
    standin = cast("Standin", LocalProxy(_standin_of_request))
    app = Flask(__name__, static_folder=None)
    app.config["PROPAGATE_EXCEPTIONS"] = True  # else a cut connection ends as a 500, and a log line
    app.url_map.merge_slashes = False  # a doubled slash is an unknown path, no redirect
    mercately = (events(standin), customers(standin), agents(), control(standin))
    for routes in (*mercately, platform_apis()):
        app.register_blueprint(routes)
    app.add_url_rule("/healthz", "healthz", lambda: reply(200, {"message": "Ok"}))
    app.before_request(partial(_before, standin))
    app.after_request(partial(_after, standin))
    app.register_error_handler(Invalid, partial(_invalid, standin))
    app.register_error_handler(HTTPException, _refused)
    return app


def _standin_of_request() -> Any:
    return request.environ[_STANDIN]


def _before(standin: Standin) -> Response | None:
    """A fault comes before the key is looked at, as a proxy or an outage would."""
    group = request.blueprint
    is_ours = group == "platforms" or (group == "control" and _is_from_here())
    if request.endpoint == "healthz" or is_ours:
        return None
    fault = standin.take_fault(group, BEFORE)
    if fault == "reset_before_recording":
        _cut()
    if fault == "slow":
        standin.stopping.wait(standin.slow_s)
    elif fault:
        response = reply(*ANSWERS[fault])
        if fault.endswith("_retry_after"):
            response.headers["Retry-After"] = str(standin.retry_after_s)
        return response
    if request.headers.get("api-key") != standin.api_key:
        return reply(*ANSWERS[f"unauthorized_{standin.behaviour.bad_key}"])
    return None


def _is_from_here() -> bool:
    """Whether a person or a test of this machine asks, and no page of another site in a browser."""
    origin = request.headers.get("Origin")
    is_own_page = origin is None or origin.partition("://")[2] == request.host
    is_local = request.remote_addr in ("127.0.0.1", "::1")
    return is_local and is_own_page and names_this_machine(request.host)


def _after(standin: Standin, response: Response) -> Response:
    """Spoil the answer of a request that went through."""
    response.headers.update(_HEADERS)
    done = response.status_code == 200
    match standin.take_fault(request.blueprint, AFTER) if done else "":
        case "empty_200":
            return Response()
        case "not_json_200":
            return Response("OK", mimetype="text/plain")
        case "reset_after_recording":
            _cut()
        case "hang_after_recording":
            standin.stopping.wait(standin.hang_s)
            raise ConnectionAbortedError
    return response


def _cut() -> NoReturn:
    """End the connection with a TCP reset: a close that lingers for no time at all."""
    connection: socket.socket = request.environ["werkzeug.socket"]
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raise ConnectionResetError


def _invalid(standin: Standin, error: Invalid) -> Response:
    status = 422 if request.blueprint == "control" else standin.behaviour.validation
    return reply(status, {"errors": error.errors})


def _refused(error: HTTPException) -> Response:
    """No such route or method, in the API's own form."""
    return reply(error.code or 500, {"message": error.name.capitalize()})
