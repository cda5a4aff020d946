"""The platform contract: what a platform declares, and a source that is configured of it.

A platform is one file in `relay/platforms/` that ends with `platform = Platform(...)`, and a sample
request for each topic in `relay/samples/<platform>/`. It declares how requests are signed, where
in them the topic and the ids are, which shapes the bodies have, and what each topic means:

    class _OrderSchema(PayloadSchema):                      relay/inbound/payload_schema.py
        id = Id(required=True)                              simple fields: payload_fields.py
        created_at = Time()
        order_number = Text("name")
        amount = Amount("total_price", "currency")          people, amounts: composite_fields.py
        buyer = Person("customer", email="email", phones="phone")

    _ORDER = Shape(schema=_OrderSchema(), kind="order", shown=("amount",))    topics.py

    platform = Platform(
        name="acme",
        title="Acme",
        docs="https://acme.example/webhooks",
        scheme=Hmac(headers=("x-acme-signature",)),         relay/inbound/signature/
        topic=Header("x-acme-topic"),                       places.py
        topics={"orders/create": created("order.created", _ORDER)},
    )

`relay/inbound/declared.py` parses by it, without I/O: request -> parts -> values -> event. A record
keeps the raw body of an event and the headers and query parameters that the declaration names, so
that it can be parsed again (replay).
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
from relay.inbound.expression import Attempt
from relay.inbound.lookups import LOOKED_UP, SHOP, TOPIC, Api, Lookup
from relay.inbound.payload import json_body
from relay.inbound.places import Echo, Place
from relay.inbound.privacy import PrivacyRequest
from relay.inbound.results import Handshake, ParseResult, PlatformResponse, Receipt
from relay.inbound.signature import Scheme
from relay.inbound.topics import Topic
from relay.inbound.when import When
from relay.mapping.event_types import Language
from relay.mapping.rules import Rule
from relay.model import WebhookRequest

# The query is stored beside headers, under a name that none has.
_QUERY: Final = ":query"
# Says of what is stored that it is a part of a body. No header of a sender can have such a name.
PART: Final = ":part"


def no_handshake(_request: WebhookRequest, _source: "Source") -> Handshake | None:
    return None


def address_check(request: WebhookRequest, _source: "Source") -> Handshake | None:
    """Answers the GET or HEAD by which a platform sees whether the address is there."""
    return Handshake() if request.method in ("GET", "HEAD") else None


def no_signed_handshake(_body: Mapping[str, Any]) -> Handshake | None:
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
Group = Literal["shops", "payments", "delivery", "accounting", "email", "forms", "crm", "formats"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """The declaration of one platform.

    What it is:

    - `name`: the module's name; `title`: the name in notes; `docs`: the vendor's page; `group`: the
      kind of platform, by which lists of them are ordered.
    - `any_sender`: it is a format and not a vendor; notes name the source instead.

    How a request proves who sent it:

    - `scheme`: the signature scheme, or a function from the source's options to it.
    - `methods` and `media_types` that it uses.
    - `handshake`: called before verification, for unsigned checks of the address.
    - `signed_handshake`: called with a verified body that is an object.
    - `visit_hosts`: regular expression of the hosts that a handshake may have us visit.

    Where in a request things are:

    - `topic`, `delivery_id`, `shop`, `sent_at`; `event_id`: of an event that may come in several
      deliveries; `test`: marks of a test, by a yes or as the name of an environment; `echo`: the
      mark of what its API wrote.
    - `body`: decodes the body; `parts`: divides it, one part for each event.
    - `body_is_key`: equal bodies of one topic are one event, whatever unsigned headers say.
    - `zone`: of times without an offset; None: the source's.
    - `stored`, `stored_query`: headers and query parameters that are needed to parse a record
      again, beside those of the places above; the headers may be a function of the options.

    What it means:

    - `topics`: topic -> meaning. Others are ignored, under the reason in `ignored` if it has one,
      unless a source's `types` names them: then they are parsed as `other`, or as the first topic.
    - `held`: topics whose body a person has to read, and the reason they are held under; or what
      they ask for in the name of privacy.
    - `parse`: replaces all of that for formats, whose options say where things are; `trace`: what
      each expression of these gives, by part and field.
    - `options`: validates the source's `options` table; `options_fault`: what else is wrong there.

    Where it only names things:

    - `api`, and the `lookups` of it by kind of thing: see `relay/inbound/lookups.py`.

    How to answer:

    - `response`: replaces our JSON answer; `retry_response`: makes the platform send again, with
      our JSON where it has no body.

    For people:

    - `deadline_s`: within which the platform wants an answer; `retries` and `disable_after`: what
      it does without one; `setup`: the steps to set it up.
    - `certainty`: `verified` when proof, topics and fields were read in the vendor's documents or
      code, or in copies and public receivers that agree.
    """

    name: str
    title: str
    docs: str
    group: Group = "formats"
    scheme: Scheme | Callable[[Mapping[str, Any]], Scheme]
    topics: Mapping[str, Topic] = field(default_factory=dict)
    ignored: Mapping[str, str] = field(default_factory=dict)
    held: Mapping[str, str | PrivacyRequest] = field(default_factory=dict)
    other: Topic | None = None
    any_sender: bool = False
    topic: Place | None = None
    delivery_id: Place | None = None
    event_id: Place | None = None
    shop: Place | None = None
    sent_at: Place | None = None
    test: tuple[Place, ...] = ()
    echo: Echo | None = None
    body_is_key: bool = False
    body: Callable[[WebhookRequest, "Source"], Any] = json_value
    parts: Callable[[Any], list[Any]] = one_part
    zone: tzinfo | None = None
    handshake: Callable[[WebhookRequest, "Source"], Handshake | None] = no_handshake
    signed_handshake: Callable[[Mapping[str, Any]], Handshake | None] = no_signed_handshake
    parse: Callable[[WebhookRequest, "Source"], ParseResult] | None = None
    trace: Callable[[WebhookRequest, "Source"], list[dict[str, list[Attempt]]]] | None = None
    media_types: tuple[str, ...] = ("application/json",)
    methods: tuple[str, ...] = ("POST",)
    stored: tuple[str, ...] | Callable[[Mapping[str, Any]], tuple[str, ...]] = ()
    stored_query: tuple[str, ...] = ()
    options: type[Schema] | None = None
    options_fault: Callable[[Mapping[str, Any]], str] = no_fault
    visit_hosts: str = ""
    api: Api | None = None
    lookups: Mapping[str, Lookup] = field(default_factory=dict)
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
    def is_thin(self) -> bool:
        """Whether most of its events only name things: without look-ups it tells very little."""
        typed = [topic for topic in self.topics.values() if topic.type]
        return sum(bool(topic.lookup) for topic in typed) * 2 > len(typed)

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
            self.echo.mark if self.echo else None,
        )
        return tuple(place for place in declared if place is not None)

    def scheme_for(self, options: Mapping[str, Any]) -> Scheme:
        return self.scheme(options) if callable(self.scheme) else self.scheme


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One configured endpoint: a platform bound to secrets, topic filters and a destination.

    - `topics`: fnmatch patterns for our event types or the platform's topics; none: all but those
      that have to be asked for.
    - `types`: topic of the platform -> event type.
    - `machine_events`: whether opens and clicks made by software count.
    - `title`: its name in notes.
    - `timezone`: of times that the sender writes without an offset.
    - `public_url`: the address that the platform was given, where the relay sees another one.
    - `signing_key`: what requests are signed with by hand, where that is not the secret.
    - `customer_id`: Mercately's id of the customer whom all its events are about.
    - `on_redaction`: whether a privacy request to forget somebody is carried out, or held for a
      person.
    - `on_invalid`: what becomes of a body that cannot be parsed; `on_nobody`: of an event without
      a usable reference to a customer.
    - `abandoned_after_s`: how long after its last change a purchase counts as abandoned; 0: never.
    - `credentials`: for the platform's API, by name; none: nothing is looked up.
    - `echo`: what becomes of what the platform's API wrote; "": as the platform declares it.
    - `when`: which of its events are delivered, ignored or held; None: all are delivered.
    - `repeat_window_s`: how long an event without an id is remembered by its body; 0: as long as
      others.
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
    on_redaction: Literal["forget", "hold"] = "forget"
    abandoned_after_s: float = 0.0
    repeat_window_s: float = 0.0
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)
    when: When | None = None
    echo: Literal["", "ignore", "deliver"] = ""
    _stored_headers: tuple[str, ...] = field(init=False, repr=False, compare=False)
    _stored_query: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        platform, places = self.platform, self.platform.places
        stored = platform.stored
        headers = [*(stored(self.options) if callable(stored) else stored), LOOKED_UP, TOPIC, SHOP]
        headers += [name for place in places for name in place.headers]
        query = [name for place in places for name in place.query]
        object.__setattr__(self, "_stored_headers", tuple(dict.fromkeys(headers)))
        object.__setattr__(self, "_stored_query", frozenset((*platform.stored_query, *query)))

    def ignores_echo(self, topic: str) -> bool:
        """Whether what the platform's API wrote under a topic is ignored."""
        echo = self.platform.echo
        if echo is None or self.echo:
            return self.echo == "ignore"
        return topic in echo.ignored

    def can_look_up(self, kind: str) -> bool:
        """Whether a kind of thing can be read from the platform's API."""
        return bool(self.credentials) and kind in self.platform.lookups

    def headers_to_store(self, request: WebhookRequest) -> dict[str, str]:
        """What is needed beside the body to parse a request again: headers, and the query."""
        received = request.headers
        headers = {name: received[name] for name in self._stored_headers if name in received}
        if query := [pair for pair in request.query if pair[0] in self._stored_query]:
            headers[_QUERY] = urlencode(query)
        return headers


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
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.hexdigest()[:32]
