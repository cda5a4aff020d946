"""The platform contract: what a platform declares, and the results of parsing a request.

A platform is one file in `relay/platforms/` that ends with `platform = Platform(...)`, plus a
sample request per topic in `relay/samples/<platform>/`. It says how requests are signed, where in
them topic, ids and shop are, which shapes its bodies have, and what each topic means:

    _ORDER = Shape(_OrderSchema(), kind="order", shown=("amount", "items", "recipient"))
    topics={"orders/create": Topic("order.created", _ORDER, step=CREATED), ...}

`relay/inbound/declared.py` does the rest, without I/O: request -> parts -> values -> event. The
names in a schema are those of the family of the event type (`relay/mapping/event_fields.py`), or
`RESERVED` below. A record keeps the raw body of an event and the headers and query parameters that
the declaration names, so that it can be parsed again (replay).
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any, Final, Literal
from urllib.parse import parse_qsl, urlencode
from zoneinfo import ZoneInfo

from marshmallow import Schema

from config.relay_toml import Destination
from relay.inbound.payload import json_body
from relay.inbound.places import Place
from relay.inbound.results import Handshake, ParseResult, PlatformResponse, Receipt
from relay.inbound.signature import Scheme
from relay.inbound.topics import Topic
from relay.mapping.event_types import Language
from relay.mapping.rules import Rule
from relay.model import WebhookRequest

# The query is stored beside headers, under a name that none has.
_QUERY: Final = ":query"


def no_handshake(_request: WebhookRequest, _source: "Source") -> Handshake | None:
    return None


def address_check(request: WebhookRequest, _source: "Source") -> Handshake | None:
    """Answers the GET or HEAD by which a platform sees whether the address is there."""
    return Handshake() if request.method in ("GET", "HEAD") else None


def no_check(_body: Mapping[str, Any]) -> Handshake | None:
    return None


def no_fault(_options: Mapping[str, Any]) -> str:
    return ""


def json_value(request: WebhookRequest, _source: "Source") -> Any:
    return json_body(request.body)


def one_part(value: Any) -> list[Any]:
    """The parts of a body that is one event."""
    return [value]


def each_part(value: Any) -> list[Any]:
    """The parts of a body that is a list of events, or one."""
    return value if isinstance(value, list) else [value]


LATER: Final = PlatformResponse(status=503, headers={"Retry-After": "30"})
Setup = Mapping[Literal["es", "en"], tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """The declaration of one platform.

    `name` is the module's name, `title` the name in notes, `docs` the vendor's page. With
    `any_sender` notes name the source instead: the platform is a format, not a vendor.
    `scheme` is the signature scheme, or a function from the source's options to it.
    `topics` maps the platform's topics to what they mean; those not in it are ignored, with the
    reason in `ignored` where that says why, unless a source's `types` names them: then they are
    read as `other`, the first topic where that is None.
    `topic`, `delivery_id`, `event_id`, `shop` and `sent_at` are where the request has the topic,
    the id of the delivery, that of an event which may come by several, the shop's name, and the
    time. `test` are where a test is marked, by a yes or as the name of an environment.
    `body_is_key` says that a captured body is one event whatever unsigned headers say of it.
    `body` decodes a body; `parts` are its parts, one for each event.
    `zone` is that of times without an offset where the platform has one, else the source's counts.
    `handshake` sees every request before it is verified, for address checks; `check` sees the
    decoded body of each that was, if it is an object.
    `parse` replaces all that for platforms of any sender, whose options say where things are.
    `media_types` and `methods` are those it uses; `stored` are further headers that are needed to
    parse a record again, or a function from the source's options to them, `stored_query` further
    query parameters.
    `options` validates the source's `options` table, `options_fault` says what else is wrong.
    `visit_hosts` is a regular expression for the hosts that a handshake may have us visit.
    `response` replaces our JSON answer; `retry_response` makes the platform send again, with our
    JSON where it has no body.
    `deadline_s` is within which it wants the answer, `retries` and `disable_after` what it does
    without one, `setup` the steps to set it up. `certainty` is `verified` when the facts were read
    in the vendor's own documents.
    """

    name: str
    title: str
    docs: str
    scheme: Scheme | Callable[[Mapping[str, Any]], Scheme]
    topics: Mapping[str, Topic] = field(default_factory=dict)
    ignored: Mapping[str, str] = field(default_factory=dict)
    other: Topic | None = None
    any_sender: bool = False
    topic: Place | None = None
    delivery_id: Place | None = None
    event_id: Place | None = None
    shop: Place | None = None
    sent_at: Place | None = None
    test: tuple[Place, ...] = ()
    body_is_key: bool = False
    body: Callable[[WebhookRequest, "Source"], Any] = json_value
    parts: Callable[[Any], list[Any]] = one_part
    zone: tzinfo | None = None
    handshake: Callable[[WebhookRequest, "Source"], Handshake | None] = no_handshake
    check: Callable[[Mapping[str, Any]], Handshake | None] = no_check
    parse: Callable[[WebhookRequest, "Source"], ParseResult] | None = None
    media_types: tuple[str, ...] = ("application/json",)
    methods: tuple[str, ...] = ("POST",)
    stored: tuple[str, ...] | Callable[[Mapping[str, Any]], tuple[str, ...]] = ()
    stored_query: tuple[str, ...] = ()
    options: type[Schema] | None = None
    options_fault: Callable[[Mapping[str, Any]], str] = no_fault
    visit_hosts: str = ""
    response: Callable[[Receipt], PlatformResponse] | None = None
    retry_response: PlatformResponse = LATER
    deadline_s: float | None = None
    retries: str = ""
    disable_after: str = ""
    certainty: Literal["verified", "unverified"] = "verified"
    setup: Setup = field(default_factory=dict)

    @property
    def needs_options(self) -> bool:
        """Whether a source needs a table in relay.toml: it has an option without a default."""
        return self.options is not None and bool(self.options().validate({}))

    @property
    def event_types(self) -> dict[str, str]:
        """Topic -> event type, of the topics that have one."""
        return {name: topic.type for name, topic in self.topics.items() if topic.type}

    @property
    def places(self) -> tuple[Place, ...]:
        declared = (
            self.topic,
            self.delivery_id,
            self.event_id,
            self.shop,
            self.sent_at,
            *self.test,
        )
        return tuple(place for place in declared if place is not None)

    def scheme_for(self, options: Mapping[str, Any]) -> Scheme:
        return self.scheme(options) if callable(self.scheme) else self.scheme


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One configured endpoint: a platform bound to secrets, topic filters and a destination.

    `topics` are fnmatch patterns for our event types or the platform's topics. `types` maps topics
    of the platform to event types. `on_nobody` is what becomes of an event without a usable
    reference to a customer. `timezone` is that of times which the sender writes without an offset.
    `title` is its name in notes, the platform's when empty. `abandoned_after_s` is after how long
    a purchase that was begun is told as abandoned, 0 for never. `repeat_window_s` is for how long
    an event without an id is remembered by its body, 0 for as long as others.
    """

    name: str
    platform: Platform
    scheme: Scheme
    secrets: tuple[str, ...] = field(repr=False)
    destination: Destination
    rules: Mapping[str, Rule]
    timezone: ZoneInfo
    title: str = ""
    topics: tuple[str, ...] = ()
    types: Mapping[str, str] = field(default_factory=dict)
    machine_events: bool = False
    public_url: str = ""
    on_invalid: Literal["hold", "reject"] = "hold"
    options: Mapping[str, Any] = field(default_factory=dict)
    signing_key: str = field(default="", repr=False)
    customer_id: str = ""
    language: Language = "es"
    on_nobody: Literal["ignore", "hold"] = "ignore"
    abandoned_after_s: float = 0.0
    repeat_window_s: float = 0.0

    def headers_to_store(self, request: WebhookRequest) -> dict[str, str]:
        """What is needed beside the body to parse a request again: headers, and the query."""
        header_names = self.platform.stored
        names = [*(header_names(self.options) if callable(header_names) else header_names)]
        names += [name for place in self.platform.places for name in place.headers]
        headers = {name: request.headers[name] for name in names if name in request.headers}
        parameters = {name for place in self.platform.places for name in place.query}
        parameters.update(self.platform.stored_query)
        query = [pair for pair in request.query if pair[0] in parameters]
        return headers | ({_QUERY: urlencode(query)} if query else {})


def stored_request(
    headers: Mapping[str, str], body: bytes, received_at: datetime
) -> WebhookRequest:
    """A request that was stored, as far as it is needed to parse it again."""
    query = tuple(parse_qsl(headers.get(_QUERY, ""), keep_blank_values=True))
    return WebhookRequest("POST", "", headers, body, received_at, query)


def stable_key(*parts: str | bytes) -> str:
    """A de-duplication key from the parts (128 bits of SHA-256), for events without an id."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()[:32]
