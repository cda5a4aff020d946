"""A local stand-in for the Mercately API, for the demo, docker compose and the tests.

Where the published contract is silent it does what older versions and clients were seen doing;
where those disagree, `Behaviour` chooses. `Standin.fail` makes it misbehave on purpose. An
accepted event is recorded and never changes the customer: whether the real one does is unknown.
"""

import json
import re
import secrets
import socket
import struct
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from io import BytesIO
from string import ascii_lowercase
from typing import Any, Final, Literal, NoReturn, Self, TypeAlias

from flask import Blueprint, Flask, Response, abort, request
from werkzeug.exceptions import HTTPException
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

API: Final = "/retailers/api/v1"
DEMO_KEY: Final = "0" * 32
GROUPS: Final = ("events", "customers", "agents")
ACCEPTED: Final = {"messages": "Customer event created successfully"}
AGENTS: Final = [
    {"id": 901, "first_name": "Inés", "last_name": "Ficticia", "email": "ines@example.com"},
    {"id": 902, "first_name": "Omar", "last_name": "Inventado", "email": "omar@example.com"},
]
_PAGE: Final = 100
_SHOP: Final = 1713

# What a field must be, in the words of the error; then rows of fields.
_TEXT: Final = "a string"
_INTEGER: Final = "an integer"
_BOOLEAN: Final = "true or false"
_DATE: Final = "a date, YYYY-MM-DD"
_ID_TYPES: Final = ("cedula", "pasaporte", "ruc", "rut", "otro")
_ID_TYPE: Final = "one of " + ", ".join(_ID_TYPES)

Shape: TypeAlias = "str | list[Shape] | dict[str, Shape]"

_ADDRESS: Final[dict[str, Shape]] = {
    **dict.fromkeys(("address", "city", "state", "zip_code", "description"), _TEXT),
    **dict.fromkeys(("latitude", "longitude"), _TEXT),  # not numbers
    "country_id": _INTEGER,
    "main": _BOOLEAN,
}
_TAG: Final[dict[str, Shape]] = {"name": _TEXT, "value": _BOOLEAN}
_CUSTOM_FIELD: Final[dict[str, Shape]] = {"field_name": _TEXT, "field_content": _TEXT}
_EVENT: Final[dict[str, Shape]] = {
    **dict.fromkeys(("first_name", "last_name", "email", "phone", "id_number", "notes"), _TEXT),
    "id_type": _ID_TYPE,
    "customer_addresses_attributes": [_ADDRESS],
    "tags": [_TAG],
    "custom_fields": [_CUSTOM_FIELD],
    **dict.fromkeys(("agent_id", "campaign_id"), _INTEGER),
    # Only the first value of outbound_status, `error`, is published: any text will do.
    **dict.fromkeys(("outbound_status", "campaign_url", "error_message"), _TEXT),
    **dict.fromkeys(("creation_date", "sent_at", "delivered_at", "read_at"), _DATE),
    "last_chat_interaction": _DATE,
}
_CUSTOMER: Final[dict[str, Shape]] = {
    **_EVENT,
    # Two letters here, unlike the number in an address.
    **dict.fromkeys(("id", "address", "city", "state", "zip_code", "country_id"), _TEXT),
    "whatsapp_opt_in": _BOOLEAN,
    "whatsapp_name": _TEXT,
}

# A customer nobody has written to yet, with every key a reply prints.
_BLANK: Final[Mapping[str, Any]] = {
    **dict.fromkeys(("id", "first_name", "last_name", "email", "phone")),
    **dict.fromkeys(("meli_customer_id", "meli_nickname", "id_type", "id_number")),
    **dict.fromkeys(("address", "city", "state", "zip_code", "country_id", "notes")),
    "whatsapp_opt_in": False,
    "whatsapp_name": None,
    "tags": [],
    "custom_fields": [],
    "customer_addresses": [],
}


def _is_date(value: Any) -> bool:
    try:
        # Written back, because fromisoformat also reads 20190824 and 2019-W34-6.
        return isinstance(value, str) and date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


_CHECKS: Final[Mapping[str, Callable[[Any], bool]]] = {
    _TEXT: lambda value: isinstance(value, str),
    _INTEGER: lambda value: type(value) is int,  # isinstance would let true and false in
    _BOOLEAN: lambda value: isinstance(value, bool),
    _DATE: _is_date,
    _ID_TYPE: lambda value: value in _ID_TYPES,
}

_DETAIL: Final[Mapping[str, Any]] = {"info": {"data": {}}}
_OUTAGE: Final = "<html><h1>503 Service Unavailable</h1></html>\n"
_ANSWERS: Final[Mapping[str, tuple[int, dict[str, Any] | str]]] = {
    "unauthorized_401": (401, {"message": "Unauthorized", **_DETAIL}),
    "unauthorized_400": (400, {"message": "Unauthorized"}),
    "not_found_404": (404, {"message": "Customer not found"}),
    "validation_302": (302, {"errors": ["Phone has already been taken"]}),
    "validation_422": (422, {"errors": ["Phone has already been taken"]}),
    "poison_500": (500, {"message": "undefined method `each' for nil:NilClass", **_DETAIL}),
    "unavailable_503": (503, _OUTAGE),
    "unavailable_503_retry_after": (503, _OUTAGE),
    "too_many_429": (429, {"message": "Too many requests"}),
    "too_many_429_retry_after": (429, {"message": "Too many requests"}),
    "blocked_403_html": (403, "<html><h1>403 Forbidden</h1></html>\n"),
}
_BEFORE: Final = (*_ANSWERS, "reset_before_recording", "slow")
_AFTER: Final = ("empty_200", "not_json_200", "hang_after_recording", "reset_after_recording")
FAULTS: Final = (*_BEFORE, *_AFTER)


class Invalid(ValueError):
    """The API would refuse this as a failed validation; `errors` name fields, not contents."""

    def __init__(self, errors: Iterable[str]) -> None:
        self.errors = list(errors)
        super().__init__("; ".join(self.errors))


@dataclass(frozen=True, slots=True)
class ReceivedEvent:
    """One accepted event; `path` is as sent, `headers` has lower-case keys and no api-key."""

    customer_id: str
    body: dict[str, Any]
    raw: bytes
    path: str
    headers: Mapping[str, str]
    received_at: datetime


@dataclass
class Behaviour:
    """Which of the answers seen or documented the stand-in gives; may change at any time."""

    bad_key: Literal[401, 400] = 401  # seen with `info`, or the one the documentation prints
    validation: Literal[302, 422] = 302  # `errors` either way, and never a Location
    events_by_contact: bool = False  # /events takes a phone or an e-mail too
    history: Literal["message", "results"] = "message"  # the printed sample, or pages of bodies
    integer_ids: bool = False  # customers come back with a number, then taken for an id as well


@dataclass(slots=True, eq=False)
class _Fault:
    name: str
    times: int | None
    on: str


class Standin:
    """What the API knows and what it received, in memory; safe to read from any thread.

    `hang_s`, `slow_s` and `retry_after_s` belong to the faults of those names. `stopping` ends
    every wait early; the server sets it when it closes.
    """

    def __init__(
        self, api_key: str = DEMO_KEY, customers: Iterable[Mapping[str, Any]] = ()
    ) -> None:
        self.api_key = api_key
        self.behaviour = Behaviour()
        self.hang_s = 60.0
        self.slow_s = 1.0
        self.retry_after_s = 2
        self.stopping = threading.Event()
        self._lock = threading.RLock()
        self._first_customers = [dict(fields) for fields in customers]
        self.reset()

    def reset(self) -> None:
        """Start over: the first customers, no events, no faults. Settings stay as they are."""
        with self._lock:
            self.customers: dict[str, dict[str, Any]] = {}
            self.events: list[ReceivedEvent] = []
            self._faults: list[_Fault] = []
            for fields in self._first_customers:
                self.add_customer(**fields)

    def fail(self, name: str, *, times: int | None = None, on: str = "events") -> None:
        """Switch a fault on for the next `times` requests of a group, or until `clear()`.

        Counted faults queue up, so a run of answers can be written down in advance; an endless
        one makes way for the next fault on the same group. The faults that act after recording
        neither act on nor count a request that is refused.
        """
        if name not in FAULTS:
            raise ValueError(f"unknown fault; known are {', '.join(FAULTS)}")
        if on not in (*GROUPS, "all"):
            raise ValueError(f"unknown group; known are {', '.join(GROUPS)}, all")
        if times is not None and (type(times) is not int or times < 1):
            raise ValueError("times must be a number from 1 up, or nothing")
        with self._lock:
            kept = [fault for fault in self._faults if fault.times is not None or fault.on != on]
            self._faults = [*kept, _Fault(name, times, on)]

    def clear(self) -> None:
        """Switch all faults off."""
        with self._lock:
            self._faults = []

    def take_fault(self, group: str | None, names: Collection[str]) -> str:
        """The fault due for `group` if it is one of `names`, counting it; else an empty text."""
        with self._lock:
            due = next((fault for fault in self._faults if fault.on in (group, "all")), None)
            if group not in GROUPS or due is None or due.name not in names:
                return ""
            if due.times is not None:
                due.times -= 1
                if due.times == 0:
                    self._faults.remove(due)
            return due.name

    def add_customer(self, /, **fields: Any) -> str:
        """Add a customer from the fields of a create body, all optional; returns the id.

        Raises Invalid for a wrong type and for an id, phone or e-mail already taken.
        """
        with self._lock:
            self._check(fields)
            row = 1001 + len(self.customers)
            letters = "".join(secrets.choice(ascii_lowercase) for _ in range(5))
            customer_id: str = fields.get("id") or f"{_SHOP}{letters}{row}"
            if customer_id in self.customers:
                raise Invalid(["Id has already been taken"])
            self.customers[customer_id] = _written(_BLANK, {**fields, "id": customer_id})
            return customer_id

    def change_customer(self, customer_id: str, fields: Mapping[str, Any]) -> None:
        """Write the fields given and leave the others; raises Invalid as `add_customer` does."""
        with self._lock:
            self._check(fields, but=customer_id)
            before = self.customers[customer_id]
            self.customers[customer_id] = _written(before, {**fields, "id": customer_id})

    def find(self, ref: str, *, by_contact: bool = True) -> str:
        """The id of the customer with this id, phone or e-mail; an empty text when absent."""
        with self._lock:
            for customer_id, customer in self.customers.items():
                if ref in (customer_id, str(self.shown_id(customer_id))):
                    return customer_id
                if by_contact and _same_contact(customer, {"phone": ref, "email": ref}):
                    return customer_id
        return ""

    def shown_id(self, customer_id: str) -> str | int:
        """The id as replies print it: with `integer_ids`, the row number it ends in."""
        row = re.search(r"\d+$", customer_id) if self.behaviour.integer_ids else None
        return int(row[0]) if row else customer_id

    def _check(self, fields: Mapping[str, Any], but: str = "") -> None:
        if errors := problems(fields, _CUSTOMER):
            raise Invalid(errors)
        for customer_id, customer in self.customers.items():
            taken = _same_contact(customer, fields)
            if taken and customer_id != but:
                raise Invalid([f"{taken.capitalize()} has already been taken"])


def problems(value: Any, shape: Shape, where: str = "body") -> list[str]:
    """What keeps `value` from having `shape`, one line each, naming fields and not contents.

    No field is required, but a tag or custom field without both of its halves says nothing.
    """
    if isinstance(shape, str):
        return [] if _CHECKS[shape](value) else [f"{where} must be {shape}"]
    if isinstance(shape, list):
        if not isinstance(value, list):
            return [f"{where} must be an array"]
        rows = enumerate(value)
        return [line for n, row in rows for line in problems(row, shape[0], f"{where}[{n}]")]
    if not isinstance(value, Mapping):
        return [f"{where} must be an object"]
    needed = shape if shape in (_TAG, _CUSTOM_FIELD) else {}
    found = [f"{where}.{name} is missing" for name in needed if name not in value]
    for name, item in value.items():
        inside = f"{where}.{name}"
        found += problems(item, shape[name], inside) if name in shape else [f"{inside} is unknown"]
    return found


def _same_contact(customer: Mapping[str, Any], fields: Mapping[str, Any]) -> str:
    """Whether it is the phone or the email that the two share; a plus makes no difference."""
    for name in ("phone", "email"):
        ours, theirs = customer.get(name) or "", fields.get(name, "")
        if theirs and ours.removeprefix("+").lower() == theirs.removeprefix("+").lower():
            return name
    return ""


def _written(customer: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """The customer after a write: what goes in as one shape is read back as another."""
    new = {**customer, **fields}
    tags = {tag["tag"]: tag for tag in customer["tags"]}
    for tag in fields.get("tags", ()):
        tags.pop(tag["name"], None)
        if tag["value"]:
            tags[tag["name"]] = {"tag": tag["name"], "web_id": f"{_SHOP}{tag['name']}"}
    contents = {row["field_name"]: row for row in customer["custom_fields"]}
    for row in fields.get("custom_fields", ()):
        name = row["field_name"]
        # The colon is no slip here: the real API prints the key so.
        contents[name] = {"field_name": name, "field_content:": row["field_content"]}
    # Rows without an id are added each time, as Rails does with nested attributes.
    addresses = [*customer["customer_addresses"], *new.pop("customer_addresses_attributes", ())]
    return {
        **new,
        "tags": [*tags.values()],
        "custom_fields": [*contents.values()],
        "customer_addresses": addresses,
    }


def _reply(status: int, body: Any) -> Response:
    if isinstance(body, str):
        return Response(body, status)
    return Response(json.dumps(body), status, mimetype="application/json")


def _cut() -> NoReturn:
    """End the connection with a TCP reset: a close that lingers for no time at all."""
    connection: socket.socket = request.environ["werkzeug.socket"]
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raise ConnectionResetError


def _json_object() -> dict[str, Any]:
    try:
        body = json.loads(request.get_data()) if request.is_json else None
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise Invalid(["body must be a JSON object"])
    return body


def _customer_body() -> dict[str, Any]:
    """The fields of a customer, flat as documented now or wrapped as in older clients."""
    body = _json_object()
    fields = body["customer"] if body.keys() == {"customer"} else body
    if not isinstance(fields, dict):
        raise Invalid(["customer must be an object"])
    return {name: value for name, value in fields.items() if name != "id"}


def _page_of(rows: list[Any], size: int) -> tuple[list[Any], dict[str, Any]]:
    page = max(1, request.args.get("page", 1, type=int))
    # As it really counts: an exact multiple announces one empty page too many.
    totals = {"results": len(rows), "total_pages": len(rows) // size + 1}
    return rows[(page - 1) * size : page * size], totals


class _Views:
    """The routes of one stand-in; `groups` lists them."""

    def __init__(self, standin: Standin) -> None:
        self.standin = standin

    def groups(self) -> dict[str, list[tuple[str, str, Callable[..., Response]]]]:
        one = f"{API}/customers/<ref>"
        return {
            "events": [
                ("POST", f"{one}/events", self.create_event),
                ("GET", f"{one}/customer_events_history", self.events_history),
            ],
            "customers": [
                ("GET", one, self.get_customer),
                ("PUT", one, self.update_customer),
                ("GET", f"{API}/customers", self.list_customers),
                ("POST", f"{API}/customers", self.create_customer),
            ],
            "agents": [
                ("GET", f"{API}/agents", lambda: _reply(200, {"agents": AGENTS})),
                ("GET", f"{API}/ping", lambda: _reply(200, {"message": "Ok", **_DETAIL})),
            ],
            "control": [
                ("GET", "/_standin/events", self.show_events),
                ("POST", "/_standin/faults", self.switch_fault_on),
                ("DELETE", "/_standin/faults", self.clear_faults),
                ("POST", "/_standin/customers", self.seed_customer),
                ("POST", "/_standin/reset", self.start_over),
            ],
            "health": [("GET", "/healthz", lambda: _reply(200, {"message": "Ok"}))],
        }

    def before(self) -> Response | None:
        """A fault comes before the key is looked at, as a proxy or an outage would."""
        group = request.blueprint
        local = request.remote_addr in ("127.0.0.1", "::1")
        if group == "health" or (group == "control" and local):
            return None
        fault = self.standin.take_fault(group, _BEFORE)
        if fault == "reset_before_recording":
            _cut()
        if fault == "slow":
            self.standin.stopping.wait(self.standin.slow_s)
        elif fault:
            reply = _reply(*_ANSWERS[fault])
            if fault.endswith("_retry_after"):
                reply.headers["Retry-After"] = str(self.standin.retry_after_s)
            return reply
        if request.headers.get("api-key") != self.standin.api_key:
            return _reply(*_ANSWERS[f"unauthorized_{self.standin.behaviour.bad_key}"])
        return None

    def after(self, response: Response) -> Response:
        """Spoil the answer of a request that went through."""
        done = response.status_code == 200
        match self.standin.take_fault(request.blueprint, _AFTER) if done else "":
            case "empty_200":
                return Response()
            case "not_json_200":
                return Response("OK", mimetype="text/plain")
            case "reset_after_recording":
                _cut()
            case "hang_after_recording":
                self.standin.stopping.wait(self.standin.hang_s)
                raise ConnectionAbortedError
        return response

    def invalid(self, error: Invalid) -> Response:
        status = 422 if request.blueprint == "control" else self.standin.behaviour.validation
        return _reply(status, {"errors": error.errors})

    def refused(self, error: HTTPException) -> Response:
        """No such route or method, in the API's own form."""
        return _reply(error.code or 500, {"message": error.name.capitalize()})

    def _known(self, ref: str, *, by_contact: bool = True) -> str:
        customer_id = self.standin.find(ref, by_contact=by_contact)
        return customer_id or abort(_reply(*_ANSWERS["not_found_404"]))

    def _shown(self, customer_id: str) -> dict[str, Any]:
        return {**self.standin.customers[customer_id], "id": self.standin.shown_id(customer_id)}

    def create_event(self, ref: str) -> Response:
        customer_id = self._known(ref, by_contact=self.standin.behaviour.events_by_contact)
        body = _json_object()
        if errors := problems(body, _EVENT):
            raise Invalid(errors)
        headers = {name.lower(): value for name, value in request.headers}
        headers.pop("api-key", None)
        path = request.environ["RAW_URI"].partition("?")[0]
        self.standin.events.append(
            ReceivedEvent(customer_id, body, request.get_data(), path, headers, datetime.now(UTC))
        )
        return _reply(200, ACCEPTED)

    def events_history(self, ref: str) -> Response:
        customer_id = self._known(ref, by_contact=self.standin.behaviour.events_by_contact)
        if self.standin.behaviour.history == "message":
            return _reply(200, ACCEPTED)
        bodies = [event.body for event in self.standin.events if event.customer_id == customer_id]
        size = max(1, request.args.get("results_per_page", _PAGE, type=int))
        rows, totals = _page_of(bodies, size)
        return _reply(200, {**totals, "customer_events": rows})

    def get_customer(self, ref: str) -> Response:
        customer = self._shown(self._known(ref))
        return _reply(200, {"message": "Customer found successfully", "customer": customer})

    def list_customers(self) -> Response:
        """All customers, oldest first; of the documented filters only `page` is read."""
        ids, totals = _page_of(list(self.standin.customers), _PAGE)
        return _reply(200, {**totals, "customers": [self._shown(one) for one in ids]})

    def create_customer(self) -> Response:
        fields = _customer_body()
        if not fields.get("phone") and not fields.get("email"):
            raise Invalid(["Phone or email can't be blank"])
        customer = self._shown(self.standin.add_customer(**fields))
        return _reply(200, {"message": "Customer created successfully", "customer": customer})

    def update_customer(self, ref: str) -> Response:
        self.standin.change_customer(self._known(ref), _customer_body())
        return _reply(200, {"message": "Customer updated successfully"})

    def show_events(self) -> Response:
        rows = []
        for event in list(self.standin.events):
            text = event.raw.decode(errors="replace")
            rows.append(
                {**asdict(event), "raw": text, "received_at": event.received_at.isoformat()}
            )
        return _reply(200, rows)

    def switch_fault_on(self) -> Response:
        try:
            self.standin.fail(**_json_object())
        except (TypeError, ValueError) as error:
            raise Invalid([str(error)]) from error
        return _reply(200, {})

    def clear_faults(self) -> Response:
        self.standin.clear()
        return _reply(200, {})

    def seed_customer(self) -> Response:
        return _reply(200, {"id": self.standin.add_customer(**_json_object())})

    def start_over(self) -> Response:
        self.standin.reset()
        return _reply(200, {})


def create_app(standin: Standin) -> Flask:
    """The API over `standin`, at the root of any host name.

    The `/_standin/...` routes are for a person or a test: from the same machine they need no key.
    The two reset faults need the connection itself, so they work under `serve` and
    `StandinServer` only.
    """
    app = Flask(__name__, static_folder=None)
    app.config["PROPAGATE_EXCEPTIONS"] = True  # else a cut connection ends as a 500, and a log line
    app.url_map.merge_slashes = False  # a doubled slash is an unknown path, no redirect
    views = _Views(standin)
    for group, routes in views.groups().items():
        blueprint = Blueprint(group, __name__)
        for method, rule, view in routes:
            blueprint.add_url_rule(rule, f"{method} {rule}", view, methods=[method])
        app.register_blueprint(blueprint)
    app.before_request(views.before)
    app.after_request(views.after)
    app.register_error_handler(Invalid, views.invalid)
    app.register_error_handler(HTTPException, views.refused)
    return app


class _Handler(WSGIRequestHandler):
    """Keeps connections open between requests, which werkzeug's own never does, and logs nothing.

    Paths hold phone numbers and e-mail addresses.
    """

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two writes; the second must not wait

    def run_wsgi(self) -> None:
        environ = self.make_environ()
        # The whole body is read here: what is left over would be taken for the next request.
        if "wsgi.input_terminated" in environ:
            sent = environ["wsgi.input"].read()
        else:
            length = environ.get("CONTENT_LENGTH", "0")
            sent = self.rfile.read(int(length) if length.isdecimal() else 0)
        environ |= {"wsgi.input": BytesIO(sent), "CONTENT_LENGTH": str(len(sent))}
        response = Response.from_app(self.server.app, environ, buffered=True)
        self.send_response(response.status_code)
        for name, value in response.headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(response.get_data())

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 the base's name
        pass


class _Server(ThreadedWSGIServer):
    """Closes the connections it has open when it closes, so that nothing waits for a client."""

    block_on_close = False

    def __init__(self, host: str, port: int, standin: Standin) -> None:
        self._standin = standin
        self._open: set[Any] = set()
        super().__init__(host, port, create_app(standin), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        # No shutdown before the close: it would turn a reset into a polite end.
        self._open.discard(request)
        self.close_request(request)

    def server_close(self) -> None:
        super().server_close()
        self._standin.stopping.set()
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class StandinServer:
    """Serves a stand-in on loopback from a background thread until `close`, or as a context.

    `port` 0 takes any free one; `url` is the server root, without a trailing slash.
    """

    def __init__(self, standin: Standin | None = None, *, port: int = 0) -> None:
        self.standin = standin or Standin()
        self.standin.stopping.clear()
        self._server = _Server("127.0.0.1", port, self.standin)
        self.url = f"http://127.0.0.1:{self._server.port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop listening and end every open connection; may be called again."""
        self._server.shutdown()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def serve(host: str, port: int, standin: Standin) -> None:
    """Serve a stand-in until interrupted."""
    standin.stopping.clear()
    _Server(host, port, standin).serve_forever()


def demo_customers() -> list[dict[str, Any]]:
    """Four invented people, as `Standin(customers=...)` takes them."""
    keys = ("id", "first_name", "last_name", "email", "phone", "country_id")
    people = (
        ("1713anaec1001", "Ana", "Inventada", "ana@example.com", "+593999000001", "EC"),
        ("1713betoc1002", "Beto", "Ficticio", "beto@example.com", "+573009000002", "CO"),
        # With the mobile 1, as Mercately stores it; a shop is likely to send +52 and ten digits.
        ("1713carlm1003", "Carla", "Imaginaria", "carla@example.com", "+5215599000003", "MX"),
        ("1713diego1004", "Diego", "Supuesto", "diego@example.com", "+51999000004", "PE"),
    )
    return [dict(zip(keys, person, strict=True)) for person in people]
