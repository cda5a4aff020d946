"""`GET /healthz`: the process answers. `GET /readyz`: whether it can keep what a 200 promises,
and what concerns some sources only (`warnings`).
"""

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response
from redis import Redis
from rq import Queue

from config.settings import Settings
from relay.store.readiness import missing, warnings
from relay.web.problems import json_response


@dataclass(frozen=True)
class HealthChecks:
    """The views of both checks. `/readyz` makes a few round trips to Redis per request."""

    redis: Redis
    queue: Queue
    settings: Settings

    def alive(self) -> Response:
        return json_response({"status": "alive"}, 200)

    def ready(self) -> Response:
        faults = missing(self.redis, self.queue, self.settings.durability)
        status = "not_ready" if faults else "ready"
        answer: dict[str, Any] = {"status": status, "missing": faults}
        if concerns := warnings(self.redis, self.settings.held_max):
            answer["warnings"] = concerns
        return json_response(answer, 503 if faults else 200)


def health_blueprint(checks: HealthChecks) -> Blueprint:
    blueprint = Blueprint("health", __name__)
    blueprint.add_url_rule("/healthz", view_func=checks.alive, endpoint="healthz")
    blueprint.add_url_rule("/readyz", view_func=checks.ready, endpoint="readyz")
    return blueprint
