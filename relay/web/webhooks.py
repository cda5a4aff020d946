"""`POST /webhooks/<source>`: read, process and store a request, then answer as platforms expect."""

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import flask
import structlog
from flask import Blueprint, Response
from flask.blueprints import BlueprintSetupState
from werkzeug.exceptions import HTTPException
from werkzeug.routing import BaseConverter, PathConverter

from config import log
from config.settings import Settings
from relay.errors import MISMATCH, MISSING, NeedsCertificate, NotStored, Refused
from relay.inbound.contract import Source
from relay.inbound.privacy import WHOM
from relay.inbound.results import Handshake, PlatformResponse, Receipt
from relay.inbound.signature import Basic
from relay.inbound.signature.refusal_cause import refusal_cause
from relay.inbound.when import HELD
from relay.model import AwaitingLookup, Ended, Held, Ignored, Parts, Translated, WebhookRequest
from relay.pipeline import authenticate, flattened, translate
from relay.sources import Relay
from relay.store.job_store import JobStore
from relay.store.memory import Moved, SourceMemory
from relay.store.redis_fault import error_name
from relay.web import content_encoding
from relay.web.body_memory import BodyMemory
from relay.web.content_encoding import Encoding
from relay.web.fetch import Fetcher
from relay.web.large_bodies import LargeBodies
from relay.web.problems import json_response, problem
from relay.web.webhook_request import RequestBody, read_request_head

_T = TypeVar("_T")
_METHODS: Final = ["POST", "GET", "HEAD"]
# What comes along when an address is copied out of a text: blanks, quotation marks, a full stop.
_AROUND_NAME: Final = re.compile(r"^[^a-z0-9]+|[^a-z0-9_-]+$")
_REASONS_MAX: Final = 20
_LOGGED_MAX: Final = 10
# Each time at least one other request about the same thing has been stored.
_DECISIONS_MAX: Final = 10


@dataclass(frozen=True)
class WebhookEndpoint:
    """The view of all sources; one per process, shared by its requests."""

    settings: Settings
    relay: Relay
    jobs: JobStore
    fetcher: Fetcher
    large_bodies: LargeBodies = field(default_factory=LargeBodies)
    body_memory: BodyMemory = field(default_factory=BodyMemory)
    # Bound once, which the logger of a module is each time.
    webhook_log: Any = field(default_factory=lambda: structlog.get_logger().bind())

    def receive(self, path: str, **_: str) -> Response:
        """Answer one request and write one log line about it.

        `path` is the source's name, in any case, and maybe a token, which is taken as it stands.
        """
        started_at = time.perf_counter()
        name, _slash, token = path.strip("/").partition("/")
        name = _AROUND_NAME.sub("", name.lower())
        source = self.relay.sources.get(name)
        line: dict[str, Any] = {"source": name if source else "unknown"}
        try:
            if source is None:
                raise Refused("unknown_source", 404)
            with self.body_memory.share() as take:
                response = self._accept(source, token, line, take)
        except Refused as refusal:
            line["reason"] = refusal.reason
            response = _refusal_response(refusal, source)
        except NotStored as error:
            line |= {"reason": error.reason, "cause": error_name(error.__cause__)}
            response = _retry_response(error, source)
        except HTTPException:
            raise
        except Exception as error:  # noqa: BLE001  a bug; its text may hold personal data
            place = log.error_location(error)
            self.webhook_log.error("webhook.crashed", error=type(error).__name__, place=place)
            line["reason"] = "internal_error"
            response = _retry_response(NotStored("internal_error"), source)
        ms = round((time.perf_counter() - started_at) * 1000, 2)
        self.webhook_log.info("webhook.received", **line, status=response.status_code, ms=ms)
        return response

    def _accept(
        self, source: Source, token: str, line: dict[str, Any], take: Callable[[int], None]
    ) -> Response:
        now = datetime.now(UTC)
        http: flask.Request = flask.request._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001  the proxy looks it up each time
        head = read_request_head(http, source, token, public_url=self.settings.public_url, now=now)
        encoding = content_encoding.encoding_of(head.headers.get("content-encoding", ""))
        memory = self.jobs.memory(source)
        body = RequestBody(http)
        content = body.read(self.settings.body_max_bytes, take)
        if content is None:
            request, item, line["bytes"] = self._with_certificate(
                lambda: self.large_bodies.hold(head, body, source, now), now
            )
            return self._answer(request, source, [item], memory, line)
        line["bytes"] = len(content)
        request = head.with_body(content)
        try:
            result = self._proved(request, source, now, encoding)
        except Refused as refusal:
            cause, detail = refusal_cause(refusal, source.scheme, request.headers)
            line |= {k: v for k, v in (("cause", cause), ("detail", detail)) if v}
            raise _specific_refusal(refusal, request, source, encoding) from refusal
        items: Handshake | Sequence[Translated | Parts]
        if isinstance(result, WebhookRequest):
            if encoding == "zlib":
                result = self._decompressed(result)
            request, items = result, translate(result, source, memory)
            if encoding and not isinstance(items, Handshake):
                items = content_encoding.with_reason(items)
            if isinstance(items, Handshake) and items.visit:
                self.fetcher.visit(items.visit, source.platform.visit_hosts)
        else:
            items = result
        if isinstance(items, Handshake):
            line["answer"] = "handshake"
            return _platform_response(items.response)
        return self._answer(request, source, items, memory, line)

    def _proved(
        self, request: WebhookRequest, source: Source, now: datetime, encoding: Encoding
    ) -> Handshake | WebhookRequest:
        """`_authenticated`; of a compressed body also by what is in it, as some sign it."""
        try:
            return self._authenticated(request, source, now)
        except Refused as refusal:
            if encoding != "zlib" or refusal.reason != MISMATCH:
                raise
        return self._authenticated(self._decompressed(request), source, now)

    def _decompressed(self, request: WebhookRequest) -> WebhookRequest:
        content = content_encoding.decompressed(request.body, self.settings.body_max_bytes)
        return request.with_body(content)

    def _authenticated(
        self, request: WebhookRequest, source: Source, now: datetime
    ) -> Handshake | WebhookRequest:
        return self._with_certificate(lambda: authenticate(request, source, now), now)

    def _with_certificate(self, verify: Callable[[], _T], now: datetime) -> _T:
        """What `verify` returns, with the certificate that it needs.

        Raises:
            NotStored: `certificate`, when that could not be fetched.
        """
        try:
            return verify()
        except NeedsCertificate as needed:
            self.fetcher.certificate(needed, now)
        return verify()

    def _answer(
        self,
        request: WebhookRequest,
        source: Source,
        items: Sequence[Translated | Parts],
        memory: SourceMemory,
        line: dict[str, Any],
    ) -> Response:
        if source.on_invalid == "reject":
            _reject_invalid(flattened(items))
        parts, receipt = self._store(request, source, items, memory)
        answered_parts = [part for part in parts if not isinstance(part, Ended)]
        line |= {
            "answer": receipt.status,
            "items": len(answered_parts),
            "ids": receipt.ids[:_LOGGED_MAX],
            "topics": sorted({_logged(item.topic) for item in answered_parts})[:_LOGGED_MAX],
        }
        if source.platform.response is not None:
            return _platform_response(source.platform.response(receipt))
        return json_response(_summary(receipt, answered_parts), 200)

    def _store(
        self,
        request: WebhookRequest,
        source: Source,
        items: Sequence[Translated | Parts],
        memory: SourceMemory,
    ) -> tuple[Sequence[Translated], Receipt]:
        """Store the items, or what is decided anew where another request was faster.

        Raises:
            NotStored: as `JobStore.accept`, and `moved` when others were faster each time.
        """
        for _ in range(_DECISIONS_MAX):
            try:
                return flattened(items), self.jobs.accept(
                    request, source, items, request.received_at
                )
            except Moved:
                again = translate(request, source, memory)
                if not isinstance(again, Handshake):  # no request is one the second time only
                    items = again
        raise NotStored("moved")


class _WebhooksConverter(BaseConverter):
    """The first segment of the path, in any case, after any slashes."""

    regex = "/*(?i:webhooks)"
    part_isolating = False


class _RestConverter(PathConverter):
    """The rest of the path, of which any part may be empty."""

    regex = "(?s:.+?)"
    part_isolating = False


def webhooks_blueprint(
    settings: Settings, relay: Relay, jobs: JobStore, fetcher: Fetcher
) -> Blueprint:
    """The routes of all sources: `/webhooks/<source>` and `/webhooks/<source>/<token>`.

    Case, and slashes where none belong, make no difference but to the token: who typed the address
    into a platform cannot see what it is answered.
    """
    blueprint = Blueprint("webhooks", __name__)
    endpoint = WebhookEndpoint(settings, relay, jobs, fetcher)

    def add_route(state: BlueprintSetupState) -> None:
        converters = {"webhooks": _WebhooksConverter, "rest": _RestConverter}
        state.app.url_map.converters |= converters
        state.add_url_rule(
            "/<webhooks:prefix>/<rest:path>",
            endpoint="webhook",
            view_func=endpoint.receive,
            methods=_METHODS,
            provide_automatic_options=False,
        )

    blueprint.record(add_route)
    return blueprint


def _specific_refusal(
    refusal: Refused, request: WebhookRequest, source: Source, encoding: Encoding
) -> Refused:
    """A more useful reason for a body that may have been signed before it was encoded, and for a
    request without any signature when it is of the wrong type.
    """
    if encoding == "unknown" and refusal.reason == MISMATCH:
        return Refused(content_encoding.REASON, 415)
    if refusal.reason != MISSING:
        return refusal
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type and media_type not in source.platform.media_types:
        return Refused("media_type", 415)
    return refusal


def _reject_invalid(items: Sequence[Translated]) -> None:
    """An event that `when` holds is no fault of the sender's."""
    errors = {
        str(i): item.reasons
        for i, item in enumerate(items)
        if isinstance(item, Held) and item.reason != HELD
    }
    if errors:
        raise Refused("invalid", 422, errors=errors["0"] if len(items) == 1 else errors)


def _summary(receipt: Receipt, items: Sequence[Translated]) -> dict[str, Any]:
    """The JSON answer: status and record ids, and the reasons of items that are not calls."""
    summary: dict[str, Any] = {
        "status": receipt.status,
        "ids": [record_id for record_id in receipt.ids if record_id],
    }
    kinds = (Held, Ignored, AwaitingLookup)
    reasons = [_reason(item) for item in items if isinstance(item, kinds)]
    if reasons:
        summary["reasons"] = reasons[:_REASONS_MAX]
    return summary


def _reason(item: Held | Ignored | AwaitingLookup) -> dict[str, Any]:
    reason: dict[str, Any] = {"topic": item.topic, "reason": item.reason}
    if not isinstance(item, Held):
        return reason
    return reason | {"errors": {name: each for name, each in item.reasons.items() if name != WHOM}}


def _refusal_response(refusal: Refused, source: Source | None) -> Response:
    response = problem(refusal.reason, refusal.status, errors=refusal.errors)
    if refusal.status == 401 and source is not None and isinstance(source.scheme, Basic):
        response.headers["WWW-Authenticate"] = 'Basic realm="webhooks"'
    if refusal.status == 405:
        response.headers["Allow"] = "POST"
    return response


def _retry_response(error: NotStored, source: Source | None) -> Response:
    """The answer that makes this platform send the webhook again."""
    retry = source.platform.retry_response if source else PlatformResponse(503)
    if retry.body:
        return _platform_response(retry)
    response = problem(error.reason, retry.status)
    response.headers.update(retry.headers)
    return response


def _logged(topic: str) -> str:
    """Its beginning in ASCII: escapes could make a line longer than a pipe takes at once."""
    return topic[:60].encode("ascii", "replace").decode()


def _platform_response(platform: PlatformResponse) -> Response:
    response = Response(platform.body, status=platform.status, content_type=platform.content_type)
    response.headers.update(platform.headers)
    return response
