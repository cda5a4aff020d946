"""The routes of the Mercately API, in the groups that faults know."""

from datetime import UTC, datetime
from typing import Any, Final

from flask import Blueprint, Response, abort, request

from relay.devtools.standin.bodies import json_object, reply
from relay.devtools.standin.faults import ANSWERS
from relay.devtools.standin.shapes import EVENT, Invalid, problems
from relay.devtools.standin.state import ReceivedEvent, Standin

API: Final = "/retailers/api/v1"
ACCEPTED: Final = {"messages": "Customer event created successfully"}
AGENTS: Final = [
    {"id": 901, "first_name": "Inés", "last_name": "Ficticia", "email": "ines@example.com"},
    {"id": 902, "first_name": "Omar", "last_name": "Inventado", "email": "omar@example.com"},
]
_PAGE: Final = 100


def events(standin: Standin) -> Blueprint:
    routes = Blueprint("events", __name__, url_prefix=API)

    def customer_id_of(ref: str) -> str:
        return _customer_id_of(standin, ref, by_contact=standin.behaviour.events_by_contact)

    @routes.post("/customers/<ref>/events")
    def create(ref: str) -> Response:
        customer_id = customer_id_of(ref)
        body = json_object()
        if errors := problems(body, EVENT):
            raise Invalid(errors)
        headers = {name.lower(): value for name, value in request.headers}
        headers.pop("api-key", None)
        path = request.environ["RAW_URI"].partition("?")[0]
        standin.events.append(
            ReceivedEvent(customer_id, body, request.get_data(), path, headers, datetime.now(UTC))
        )
        return reply(200, ACCEPTED)

    @routes.get("/customers/<ref>/customer_events_history")
    def history(ref: str) -> Response:
        customer_id = customer_id_of(ref)
        if standin.behaviour.history == "message":
            return reply(200, ACCEPTED)
        bodies = [event.body for event in standin.events if event.customer_id == customer_id]
        size = max(1, request.args.get("results_per_page", _PAGE, type=int))
        rows, totals = _page_of(bodies, size)
        return reply(200, {**totals, "customer_events": rows})

    return routes


def customers(standin: Standin) -> Blueprint:
    routes = Blueprint("customers", __name__, url_prefix=f"{API}/customers")

    def shown(customer_id: str) -> dict[str, Any]:
        return {**standin.customers[customer_id], "id": standin.shown_id(customer_id)}

    @routes.get("/<ref>")
    def get(ref: str) -> Response:
        customer = shown(_customer_id_of(standin, ref))
        return reply(200, {"message": "Customer found successfully", "customer": customer})

    @routes.put("/<ref>")
    def update(ref: str) -> Response:
        standin.change_customer(_customer_id_of(standin, ref), _customer_body())
        return reply(200, {"message": "Customer updated successfully"})

    @routes.get("")
    def list_all() -> Response:
        """All customers, oldest first; of the documented filters only `page`, `id_type` and
        `id_number` are read.
        """
        filters = {n: request.args[n] for n in ("id_type", "id_number") if n in request.args}
        matches = [
            customer_id
            for customer_id, customer in standin.customers.items()
            if all(customer.get(name) == value for name, value in filters.items())
        ]
        ids, totals = _page_of(matches, _PAGE)
        return reply(200, {**totals, "customers": [shown(one) for one in ids]})

    @routes.post("")
    def create() -> Response:
        fields = _customer_body()
        if not fields.get("phone") and not fields.get("email"):
            raise Invalid(["Phone or email can't be blank"])
        customer = shown(standin.add_customer(**fields))
        return reply(200, {"message": "Customer created successfully", "customer": customer})

    return routes


def agents() -> Blueprint:
    routes = Blueprint("agents", __name__, url_prefix=API)

    @routes.get("/agents")
    def list_all() -> Response:
        return reply(200, {"agents": AGENTS})

    @routes.get("/ping")
    def ping() -> Response:
        return reply(200, {"message": "Ok", "info": {"data": {}}})

    return routes


def _customer_id_of(standin: Standin, ref: str, *, by_contact: bool = True) -> str:
    customer_id = standin.find(ref, by_contact=by_contact)
    return customer_id or abort(reply(*ANSWERS["not_found_404"]))


def _customer_body() -> dict[str, Any]:
    """The fields of a customer, flat as documented now or wrapped as in older clients."""
    body = json_object()
    fields = body["customer"] if body.keys() == {"customer"} else body
    if not isinstance(fields, dict):
        raise Invalid(["customer must be an object"])
    return {name: value for name, value in fields.items() if name != "id"}


def _page_of(rows: list[Any], size: int) -> tuple[list[Any], dict[str, Any]]:
    page = max(1, request.args.get("page", 1, type=int))
    # As it really counts: an exact multiple announces one empty page too many.
    totals = {"results": len(rows), "total_pages": len(rows) // size + 1}
    return rows[(page - 1) * size : page * size], totals
