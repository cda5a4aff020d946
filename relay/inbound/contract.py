"""The platform contract: what a platform declares, and the results its `parse` may return.

A platform is one file in `relay/platforms/` that ends with `platform = Platform(...)`, plus a
sample request per topic in `relay/samples/<platform>/`.

`parse` does no I/O. It turns a verified request into events (and parts that cannot be parsed), a
handshake answer, or a reason to skip the request. A record keeps the raw body and the headers in
`stored_headers` until it is delivered, so that `parse` can run on it again (replay).
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from marshmallow import Schema, ValidationError

from config.relay_toml import Destination
from relay.errors import TooManyParts, Unreadable
from relay.inbound.payload_schema import Payload, PayloadSchema
from relay.inbound.signature import Scheme
from relay.mapping.event_types import Language
from relay.mapping.rules import Rule
from relay.model import Event, WebhookRequest

# More than any platform sends at once. One script stores them all, and blocks Redis meanwhile.
BATCH_MAX: Final = 5_000


@dataclass(frozen=True, slots=True)
class PlatformResponse:
    """An HTTP response in the form that a platform requires."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Handshake:
    """The platform checks that the address is ours; `response` is the answer it expects.

    `visit` is a URL that it wants us to GET before. It is visited only when a verified request
    says so, that is when `parse` returned it, and only at the platform's `visit_hosts`.
    """

    response: PlatformResponse = PlatformResponse()
    visit: str = ""


@dataclass(frozen=True, slots=True)
class Skipped:
    """Verified and parsed, but no event of ours; counted under `reason`."""

    reason: str
    topic: str = ""


@dataclass(frozen=True, slots=True)
class Unparsable:
    """One part of a request that cannot be parsed; the other parts are not affected.

    It is held under `reason`.
    """

    topic: str
    key: str
    reasons: Mapping[str, Any]
    raw: bytes
    reason: str = "unreadable"


@dataclass(frozen=True, slots=True)
class Events:
    """The parts of a request, in the order in which the platform sent them."""

    items: Sequence[Event | Unparsable | Skipped]


Part = Event | Unparsable | Skipped


def parse_batch(parts: Sequence[Any], parse_part: Callable[[Any], Part]) -> "ParseResult":
    """The events of a batch; its parts are counted before any of them is parsed.

    Raises:
        TooManyParts: there are over `BATCH_MAX`.
    """
    if len(parts) > BATCH_MAX:
        raise TooManyParts(len(parts), BATCH_MAX)
    return Events([parse_part(part) for part in parts]) if parts else Skipped("empty_batch")


ParseResult = Handshake | Skipped | Events
Status = Literal["accepted", "duplicate", "held", "ignored"]


@dataclass(frozen=True, slots=True)
class Receipt:
    """The result of storing a request: a status and a record id for each translated item."""

    statuses: tuple[Status, ...]
    ids: tuple[str, ...]

    @property
    def status(self) -> Status:
        """The status of the whole request: the first of this order that any item has."""
        ranked: tuple[Status, ...] = ("accepted", "held", "duplicate", "ignored")
        return next((status for status in ranked if status in self.statuses), "ignored")


def no_handshake(_request: WebhookRequest) -> Handshake | None:
    return None


def no_fault(_options: Mapping[str, Any]) -> str:
    return ""


def json_content_type(_topic: str, _body: bytes) -> Mapping[str, str]:
    return {"content-type": "application/json"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """The declaration of one platform.

    `name` is the module's name, `title` the name in notes, `docs` the vendor's page. With
    `any_sender` notes name the source instead: the platform is a format, not a vendor.
    `scheme` is the signature scheme, or a function from the source's options to it.
    `parse(request, options, zone)` returns the events of a verified request; `zone` is the source's
    time zone, for times that the platform writes without an offset.
    `topics` maps the platform's topics to event types, for tables and samples only.
    `handshake` sees every request before it is verified, for address checks that are not signed.
    `sample_headers(topic, body)` returns the unsigned headers of a request.
    `stored_headers` names the headers that `parse` needs to run on a stored record, or is a
    function from the source's options to them; never a signature or a token.
    `options` validates the source's `options` table, `options_fault` says what else is wrong.
    `visit_hosts` is a regular expression for the hosts that a handshake may have us visit.
    `response` replaces our JSON answer; `retry_response` makes the platform send again.
    """

    name: str
    title: str
    docs: str
    scheme: Scheme | Callable[[Mapping[str, Any]], Scheme]
    parse: Callable[[WebhookRequest, Mapping[str, Any], ZoneInfo], ParseResult]
    topics: Mapping[str, str]
    any_sender: bool = False
    handshake: Callable[[WebhookRequest], Handshake | None] = no_handshake
    sample_headers: Callable[[str, bytes], Mapping[str, str]] = json_content_type
    stored_headers: tuple[str, ...] | Callable[[Mapping[str, Any]], tuple[str, ...]] = ()
    media_types: tuple[str, ...] = ("application/json",)
    options: type[Schema] | None = None
    options_fault: Callable[[Mapping[str, Any]], str] = no_fault
    visit_hosts: str = ""
    response: Callable[[Receipt], PlatformResponse] | None = None
    retry_response: PlatformResponse = PlatformResponse(status=503, headers={"Retry-After": "30"})

    @property
    def needs_options(self) -> bool:
        """Whether a source needs a table in relay.toml: it has an option without a default."""
        return self.options is not None and bool(self.options().validate({}))

    def scheme_for(self, options: Mapping[str, Any]) -> Scheme:
        return self.scheme(options) if callable(self.scheme) else self.scheme

    def headers_to_store(
        self, request: WebhookRequest, options: Mapping[str, Any]
    ) -> dict[str, str]:
        names = (
            self.stored_headers(options) if callable(self.stored_headers) else self.stored_headers
        )
        return {name: request.headers[name] for name in names if name in request.headers}


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One configured endpoint: a platform bound to secrets, topic filters and a destination.

    `topics` are fnmatch patterns for our event types or the platform's topics. `on_nobody` is what
    becomes of an event without a usable reference to a customer. `timezone` is that of times which
    the sender writes without an offset. `title` is its name in notes, the platform's when empty.
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
    machine_events: bool = False
    public_url: str = ""
    on_invalid: Literal["hold", "reject"] = "hold"
    options: Mapping[str, Any] = field(default_factory=dict)
    signing_key: str = field(default="", repr=False)
    customer_id: str = ""
    language: Language = "es"
    on_nobody: Literal["ignore", "hold"] = "ignore"


def validate(schema: PayloadSchema, value: Any) -> Payload:
    """Load a JSON value with a schema.

    Raises:
        Unreadable: a required field is missing or odd; with the schema's messages by field.
    """
    try:
        payload: Payload = schema.load(value)
    except ValidationError as error:
        raise Unreadable(error.messages_dict) from error
    return payload


def stable_key(*parts: str | bytes) -> str:
    """A de-duplication key from the parts (128 bits of SHA-256), for events without an id."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()[:32]
