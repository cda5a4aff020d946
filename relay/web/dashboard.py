"""rq-dashboard on our Redis: optional password, JSON jobs, no changes by GET or other sites."""

import hmac
import threading
import time
from pathlib import Path
from typing import Final

from flask import Flask, Response, abort, request
from rq import serializers
from rq.serializers import JSONSerializer

from config.settings import Settings, load as load_settings
from relay.addresses import names_this_machine

PASSWORD_MIN: Final = 12  # characters
_HEADERS: Final = {
    "Content-Security-Policy": "frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_GUESSES_MAX: Final = 10
_GUESSES_S: Final = 60.0
_ADDRESSES_MAX: Final = 10_000


class _Guesses:
    """Wrong passwords of the past minute, by the address of who sent them."""

    def __init__(self) -> None:
        self._times: dict[str, list[float]] = {}
        self._lock = threading.Lock()

    def wait_s(self, address: str) -> float:
        """Seconds until this address may try again, 0 when it may."""
        with self._lock:
            times = self._recent(address)
            return 0.0 if len(times) < _GUESSES_MAX else times[0] + _GUESSES_S - time.monotonic()

    def add(self, address: str) -> None:
        with self._lock:
            if len(self._times) >= _ADDRESSES_MAX:
                self._times.clear()
            self._times[address] = [*self._recent(address), time.monotonic()]

    def _recent(self, address: str) -> list[float]:
        oldest = time.monotonic() - _GUESSES_S
        return [at for at in self._times.get(address, ()) if at > oldest]


def create_app(settings: Settings | None = None) -> Flask:
    """Create the dashboard's app; needs the extra `dashboard`.

    Jobs are read as JSON: the default, pickle, can execute code that somebody wrote into Redis.
    Requests that change state are refused by GET and from pages of other sites.
    """
    settings = settings or load_settings()
    # Some of its pages use RQ's default serializer, which is pickle.
    serializers.PickleSerializer = JSONSerializer  # type: ignore[assignment]
    import rq_dashboard  # noqa: PLC0415  an extra, absent in most installations
    from rq_dashboard import web  # noqa: PLC0415  same

    # Its pages load styles and scripts from the app's static folder, not the blueprint's.
    static = Path(rq_dashboard.__file__).parent / "static"
    app = Flask("relay.web.dashboard", static_folder=str(static))
    app.config.from_object(rq_dashboard.default_settings)
    app.config["RQ_DASHBOARD_REDIS_URL"] = _redis_url(settings)
    web.config.serializer = JSONSerializer
    web.setup_rq_connection(app)
    app.register_blueprint(rq_dashboard.blueprint)
    guesses = _Guesses()
    app.before_request(lambda: _require_password(settings, guesses))
    app.before_request(_refuse_foreign_changes)
    app.after_request(_with_headers)
    app.add_url_rule("/healthz", view_func=lambda: Response("ok"))
    return app


def _redis_url(settings: Settings) -> str:
    url = settings.redis_url
    if url.startswith("rediss://") and not settings.redis_tls_verify:
        url += ("&" if "?" in url else "?") + "ssl_cert_reqs=none&ssl_check_hostname=false"
    return url


def _require_password(settings: Settings, guesses: _Guesses) -> Response | None:
    if request.path == "/healthz":
        return None
    if not settings.dashboard_password:
        if not names_this_machine(request.host):
            abort(403)
        return None
    address = request.remote_addr or ""
    if (wait_s := guesses.wait_s(address)) > 0:
        return Response("", 429, {"Retry-After": f"{wait_s + 1:.0f}"})
    expected = f"{settings.dashboard_user}:{settings.dashboard_password}"
    if hmac.compare_digest(_credentials().encode(errors="replace"), expected.encode()):
        return None
    if "Authorization" in request.headers:  # a browser asks without any first
        guesses.add(address)
    return Response("", 401, {"WWW-Authenticate": 'Basic realm="rq-dashboard"'})


def _credentials() -> str:
    """User name and password of the request, empty for none or what is no such thing."""
    try:
        auth = request.authorization
    except ValueError:  # not ASCII
        return ""
    return f"{auth.username}:{auth.password}" if auth and auth.type == "basic" else ""


def _with_headers(response: Response) -> Response:
    response.headers.update(_HEADERS)
    return response


def _refuse_foreign_changes() -> None:
    if request.method in ("GET", "HEAD") and request.path.startswith("/requeue/"):
        abort(405)
    if request.method != "POST":
        return
    # Over plain HTTP browsers send Origin but not Sec-Fetch-Site.
    origin = request.headers.get("Origin")
    site = request.headers.get("Sec-Fetch-Site", "none")
    if site not in ("same-origin", "none") or (origin and not _is_ours(origin)):
        abort(403)


def _is_ours(origin: str) -> bool:
    return origin.partition("://")[2] == request.host
