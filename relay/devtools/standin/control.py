"""The `/_standin/...` routes: a person or a test reads and changes the stand-in from outside."""

from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response

from relay.devtools.standin.bodies import json_object, reply
from relay.devtools.standin.shapes import Invalid
from relay.devtools.standin.state import ReceivedEvent, Standin


def control(standin: Standin) -> Blueprint:
    routes = Blueprint("control", __name__, url_prefix="/_standin")

    @routes.get("/events")
    def show_events() -> Response:
        return reply(200, [_shown(event) for event in list(standin.events)])

    @routes.post("/faults")
    def switch_fault_on() -> Response:
        try:
            standin.fail(**json_object())
        except (TypeError, ValueError) as error:
            raise Invalid([str(error)]) from error
        return reply(200, {})

    @routes.delete("/faults")
    def clear_faults() -> Response:
        standin.clear()
        return reply(200, {})

    @routes.post("/customers")
    def seed_customer() -> Response:
        return reply(200, {"id": standin.add_customer(**json_object())})

    @routes.post("/reset")
    def start_over() -> Response:
        standin.reset()
        return reply(200, {})

    return routes


def _shown(event: ReceivedEvent) -> dict[str, Any]:
    raw = event.raw.decode(errors="replace")
    return {**asdict(event), "raw": raw, "received_at": event.received_at.isoformat()}
