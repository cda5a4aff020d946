"""The HTTP edge: read the bytes once, process, keep, answer what the platform needs.

Flask's own form and JSON readers are never used: they would eat or change the bytes that were
signed.
"""

import json
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final

import structlog
from flask import Flask, Request, Response, request
from redis import Redis
from rq import Queue
from werkzeug.exceptions import HTTPException

from config import log
from config.settings import Settings, load as load_settings
from relay import sources as relay_sources
from relay.connection import connect
from relay.contract import Handshake, Receipt, Reply, Source, json_body
from relay.deadline import until_read
from relay.errors import MISSING, TITLES, NotStored, Refused, Unreadable
from relay.intake import JobStore
from relay.model import Call, Delivery, Held, Ignored, Translated
from relay.pipeline import process
from relay.queue import open_queue
from relay.readiness import missing
from relay.signature import Basic
from relay.sources import Relay

_LOG: Final = structlog.get_logger()


def create_app(
    settings: Settings | None = None, relay: Relay | None = None, redis: Redis | None = None
) -> Flask:
    """The web process. Everything is read and checked here; Redis is first asked per request.

    Raises:
        ConfigError: relay.toml is not usable.
    """
    settings = settings or load_settings()
    log.configure(settings.log_level)
    relay = relay or relay_sources.load(settings.config_file, settings.environ)
    redis = redis or connect(settings)
    queue = open_queue(redis, settings.queue, settings.job_timeout_s)
    intake = JobStore.open(queue, settings)
    app = Flask("relay")
    app.extensions["relay"] = relay
    _add_webhooks(app, settings, relay, intake)
    _add_health(app, redis, queue, settings)
    app.register_error_handler(HTTPException, _http_problem)
    return app


def _add_webhooks(app: Flask, settings: Settings, relay: Relay, intake: JobStore) -> None:
    @app.route(
        "/webhooks/<name>", methods=["POST", "GET", "HEAD"], defaults={"token": ""},
        provide_automatic_options=False,
    )  # fmt: skip
    @app.route(
        "/webhooks/<name>/<path:token>", methods=["POST", "GET", "HEAD"],
        provide_automatic_options=False,
    )  # fmt: skip
    def webhook(name: str, token: str) -> Response:
        started = time.perf_counter()
        now = datetime.now(UTC)
        source = relay.sources.get(name)
        note: dict[str, Any] = {"source": name if source else "unknown"}
        try:
            if source is None:
                raise Refused("unknown_source", 404)
            delivery = _delivery(request, source, token, settings, now)
            note["bytes"] = len(delivery.body)
            response = _answer(delivery, source, intake, now, note)
        except Refused as refusal:
            note["reason"] = refusal.reason
            response = _refusal(refusal, source)
        except NotStored as error:
            note |= {"reason": error.reason, "cause": type(error.__cause__).__name__}
            response = _later(error, source)
        except HTTPException:
            raise
        except Exception as error:  # noqa: BLE001  ours, and its text may name a person
            _LOG.error("delivery.crashed", error=type(error).__name__, place=log.place(error))
            note["reason"] = "internal_error"
            response = _later(NotStored("internal_error"), source)
        note |= {"status": response.status_code, "ms": _ms(started)}
        _LOG.info("delivery.received", **note)
        return response


def _answer(
    delivery: Delivery,
    source: Source,
    intake: JobStore,
    now: datetime,
    note: dict[str, Any],
) -> Response:
    try:
        result = process(delivery, source, now)
    except Refused as refusal:
        raise _unsigned(refusal, delivery, source) from refusal
    if isinstance(result, Handshake):
        note["answer"] = "handshake"
        return _reply(result.reply)
    if source.on_invalid == "reject":
        _reject_invalid(result)
    receipt = intake.accept(delivery, source, result, now)
    note |= {"answer": receipt.status, "items": len(result), "ids": receipt.ids[:10]}
    note["topics"] = sorted({item.topic[:60] for item in result})[:10]
    if source.platform.answer is not None:
        return _reply(source.platform.answer(receipt))
    return _json(_summary(receipt, result), 200)


def _delivery(
    request: Request, source: Source, token: str, settings: Settings, now: datetime
) -> Delivery:
    """The request as data, its body read up to the cap, whether its length is told or not."""
    cap = settings.body_max_bytes
    if (request.content_length or 0) > cap:
        raise Refused("too_large", 413)
    request.max_content_length = None  # the cap is ours, so that chunked bodies obey it too
    try:
        with until_read(request.environ):
            body = request.stream.read(cap + 1)
    except Exception as error:  # each server has its own for a sender that hangs up or errs
        raise Refused("incomplete", 400) from error
    if len(body) > cap:
        raise Refused("too_large", 413)
    if request.content_length not in (None, len(body)):
        raise Refused("incomplete", 400)
    server = settings.public_url.rstrip("/") or f"{request.scheme}://{request.host}"
    url = source.public_url or server + request.path
    query = request.query_string.decode("latin-1")
    return Delivery(
        method=request.method,
        url=f"{url}{'?' if query else ''}{query}",
        headers=_headers(request.environ),
        body=body,
        received_at=now,
        query=tuple(request.args.items(multi=True)) if query else (),
        token=token,
    )


def _headers(environ: Mapping[str, Any]) -> dict[str, str]:
    """As WSGI has them, under the names they came with but for their case."""
    headers = {
        name[5:].replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if value := environ.get(name):
            headers[name.replace("_", "-").lower()] = value
    return headers


def _unsigned(refusal: Refused, delivery: Delivery, source: Source) -> Refused:
    """Of a request that carries no proof at all, say first whether it could ever be read."""
    if refusal.reason != MISSING:
        return refusal
    media_type = delivery.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type and media_type not in source.platform.media_types:
        return Refused("media_type", 415)
    if media_type == "application/json":
        try:
            json_body(delivery.body)
        except Unreadable as error:
            return Refused("unreadable", 400, errors=error.reasons)
    return refusal


def _reject_invalid(items: Sequence[Translated]) -> None:
    errors = {str(i): item.reasons for i, item in enumerate(items) if isinstance(item, Held)}
    if errors:
        raise Refused("invalid", 422, errors=errors["0"] if len(items) == 1 else errors)


def _summary(receipt: Receipt, items: Sequence[Translated]) -> dict[str, Any]:
    """Status and ids; where something was not accepted, also why."""
    summary: dict[str, Any] = {
        "status": receipt.status,
        "ids": [record_id for record_id in receipt.ids if record_id],
    }
    reasons = [_why(item) for item in items if not isinstance(item, Call)]
    if reasons:
        summary["reasons"] = reasons[:20]
    return summary


def _why(item: Held | Ignored) -> dict[str, Any]:
    told: dict[str, Any] = {"topic": item.topic, "reason": item.reason}
    return told | {"errors": item.reasons} if isinstance(item, Held) else told


def _refusal(refusal: Refused, source: Source | None) -> Response:
    response = _problem(refusal.reason, refusal.status, errors=refusal.errors)
    if refusal.status == 401 and source is not None and isinstance(source.scheme, Basic):
        response.headers["WWW-Authenticate"] = 'Basic realm="webhooks"'
    if refusal.status == 405:
        response.headers["Allow"] = "POST"
    return response


def _later(error: NotStored, source: Source | None) -> Response:
    """Each platform has its own way of being told to send again."""
    later = source.platform.later if source else Reply(503)
    response = _problem(error.reason, later.status)
    response.headers.update(later.headers)
    return response


def _add_health(app: Flask, redis: Redis, queue: Queue, settings: Settings) -> None:
    @app.get("/healthz")
    def healthz() -> Response:
        return _json({"status": "alive"}, 200)

    @app.get("/readyz")
    def readyz() -> Response:
        faults = missing(redis, queue, settings.durability)
        status = "not_ready" if faults else "ready"
        return _json({"status": status, "missing": faults}, 503 if faults else 200)


def _http_problem(error: HTTPException) -> Response:
    """What Flask itself refuses, in the same shape as what we refuse."""
    status = HTTPStatus(error.code or 500)
    response = _problem(status.phrase.lower().replace(" ", "_"), status.value, title=status.phrase)
    if allow := error.get_response().headers.get("Allow"):
        response.headers["Allow"] = allow
    return response


def _problem(
    reason: str, status: int, *, title: str = "", errors: Mapping[str, Any] | None = None
) -> Response:
    """RFC 9457 problem JSON; `reason` is the code that also stands in the log."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": title or TITLES.get(reason, reason),
        "status": status,
        "reason": reason,
    }
    if errors:
        body["errors"] = errors
    response = _json(body, status)
    response.content_type = "application/problem+json"
    return response


def _json(body: Mapping[str, Any], status: int) -> Response:
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    return Response(json.dumps(body, ensure_ascii=False), status, headers)


def _reply(reply: Reply) -> Response:
    response = Response(reply.body, status=reply.status, content_type=reply.content_type)
    response.headers.update(reply.headers)
    return response


def _ms(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 2)
