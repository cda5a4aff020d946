"""rq-dashboard on our Redis: optional password, JSON jobs, no changes by GET or other sites."""

import hmac
from pathlib import Path

from flask import Flask, Response, abort, request
from rq import serializers
from rq.serializers import JSONSerializer

from config.settings import Settings, load as load_settings


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
    app.before_request(lambda: _require_password(settings))
    app.before_request(_refuse_foreign_changes)
    app.add_url_rule("/healthz", view_func=lambda: Response("ok"))
    return app


def _redis_url(settings: Settings) -> str:
    url = settings.redis_url
    if url.startswith("rediss://") and not settings.redis_tls_verify:
        url += ("&" if "?" in url else "?") + "ssl_cert_reqs=none&ssl_check_hostname=false"
    return url


def _require_password(settings: Settings) -> Response | None:
    if not settings.dashboard_password or request.path == "/healthz":
        return None
    expected = f"{settings.dashboard_user}:{settings.dashboard_password}"
    auth = request.authorization
    credentials = f"{auth.username}:{auth.password}" if auth and auth.type == "basic" else ""
    if hmac.compare_digest(credentials.encode(), expected.encode()):
        return None
    return Response("", 401, {"WWW-Authenticate": 'Basic realm="rq-dashboard"'})


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
