"""`GET /healthz`: the process answers. `GET /readyz?for=accept`: whether it can keep an event now.
`GET /readyz`: that, what a 200 promises, a live worker, and what concerns some sources only
(`warnings`).
"""

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import flask
from flask import Blueprint, Response
from redis import Redis, RedisError
from rq import Queue

from config.settings import Settings
from relay.store.generation import GenerationWatch
from relay.store.readiness import Findings, check_accept, check_all, warnings
from relay.web.problems import json_response, problem

_FRESH_FOR_S: Final = 1.0


@dataclass
class CachedAnswer:
    """What `find` returns, asked at most once a second, however many ask at a time."""

    find: Callable[[], Mapping[str, Any]]
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _answer: Mapping[str, Any] = field(default_factory=dict)
    _found_at: float = float("-inf")

    def get(self) -> Mapping[str, Any]:
        with self._lock:
            if time.monotonic() - self._found_at > _FRESH_FOR_S:
                self._answer = self.find()
                self._found_at = time.monotonic()
            return self._answer


class HealthChecks:
    """The views of the checks; those of Redis write nothing, but a notice that data are lost."""

    def __init__(
        self, redis: Redis, queue: Queue, settings: Settings, generation: GenerationWatch
    ) -> None:
        self._redis = redis
        self._generation = generation
        self._queue = queue
        self._settings = settings
        self._answers = {"accept": CachedAnswer(self._accept), None: CachedAnswer(self._all)}

    def alive(self) -> Response:
        return json_response({"status": "alive"}, 200)

    def ready(self) -> Response:
        answer = self._answers.get(flask.request.args.get("for"))
        if answer is None:
            return problem("unknown_check", 400, title="Ask /readyz or /readyz?for=accept")
        body = answer.get()
        return json_response(body, 503 if body["missing"] else 200)

    def _accept(self) -> Mapping[str, Any]:
        return _body(check_accept(self._redis, self._settings))

    def _all(self) -> Mapping[str, Any]:
        found = check_all(self._redis, self._queue, self._settings)
        answer = _body(found)
        if found.reached and not found.durability.known:
            answer["durability"] = "unknown"
        with suppress(RedisError):  # which `found` says
            self._generation.check()
        if concerns := warnings(self._redis, self._settings.held_max):
            answer["warnings"] = concerns
        return answer


def _body(found: Findings) -> dict[str, Any]:
    status = "not_ready" if found.missing else "ready"
    body: dict[str, Any] = {"status": status, "missing": found.missing}
    return body | {"redis": found.redis.value} if found.redis else body


def health_blueprint(checks: HealthChecks) -> Blueprint:
    blueprint = Blueprint("health", __name__)
    blueprint.add_url_rule("/healthz", view_func=checks.alive, endpoint="healthz")
    blueprint.add_url_rule("/readyz", view_func=checks.ready, endpoint="readyz")
    return blueprint
