"""What a platform must declare, and what it may answer.

A platform is one file in `relay/platforms/` that ends with `platform = Platform(...)`, plus a
sample request per topic in `relay/samples/<platform>/`. Nothing else has to know about it.

`parse` turns a verified delivery into a list of events (or unreadable parts), a handshake reply,
or nothing to do; a refusal is an exception. It does no I/O. A record keeps raw part and headers
until it is delivered, so that what needs more than the body (ids to look up at the platform) can
be read again by whoever has fetched it.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal

import msgspec
from marshmallow import Schema, ValidationError

from config.relay_toml import Destination
from relay.errors import Unreadable
from relay.inbound.signature import Scheme
from relay.mapping.event_types import Language
from relay.mapping.rules import Rule
from relay.model import Event, WebhookRequest

# A third of what the standard library takes, and as exact: numbers of any length stay as they are.
_JSON: Final = msgspec.json.Decoder()


@dataclass(frozen=True, slots=True)
class PlatformResponse:
    """An HTTP answer a platform insists on."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Handshake:
    """The platform is checking the address; `response` is what it wants to see."""

    response: PlatformResponse = PlatformResponse()


@dataclass(frozen=True, slots=True)
class Skipped:
    """Signed and understood, but there is nothing to tell anyone; `reason` is counted."""

    reason: str
    topic: str = ""


@dataclass(frozen=True, slots=True)
class Unparsable:
    """One part of a delivery that cannot be read; its neighbours still can."""

    topic: str
    key: str
    reasons: Mapping[str, Any]
    raw: bytes


@dataclass(frozen=True, slots=True)
class Events:
    """What happened, in the order the platform sent it."""

    items: Sequence[Event | Unparsable | Skipped]


ParseResult = Handshake | Skipped | Events
Status = Literal["accepted", "duplicate", "held", "ignored"]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a delivery; `statuses` and `ids` run beside the translated items."""

    statuses: tuple[Status, ...]
    ids: tuple[str, ...]

    @property
    def status(self) -> Status:
        """One word for the whole delivery: the weightiest of its parts."""
        ranked: tuple[Status, ...] = ("accepted", "held", "duplicate", "ignored")
        return next((status for status in ranked if status in self.statuses), "ignored")


def no_handshake(request: WebhookRequest) -> Handshake | None:  # noqa: ARG001  shape of the contract
    return None


def no_fault(options: Mapping[str, Any]) -> str:  # noqa: ARG001  shape of the contract
    return ""


def no_headers(topic: str, body: bytes) -> Mapping[str, str]:  # noqa: ARG001  shape of the contract
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """A company's webhooks, declared.

    `scheme` is how it signs, or makes that from a source's options. `topics` maps its names to
    ours, for tables and samples; `parse` decides. `handshake` sees every request before it is
    verified, for address checks that cannot be signed. `sample_headers` gives the unsigned
    headers a request of that topic carries. `stored_headers` names the headers `parse` needs to
    parse a stored record again, or makes that from a source's options: never a signature or a
    token. `response` replaces our JSON body where the platform insists on its own;
    `retry_response` is the answer that makes it send the webhook again.
    """

    name: str
    title: str
    docs: str
    scheme: Scheme | Callable[[Mapping[str, Any]], Scheme]
    parse: Callable[[WebhookRequest, Mapping[str, Any]], ParseResult]
    topics: Mapping[str, str]
    handshake: Callable[[WebhookRequest], Handshake | None] = no_handshake
    sample_headers: Callable[[str, bytes], Mapping[str, str]] = no_headers
    stored_headers: tuple[str, ...] | Callable[[Mapping[str, Any]], tuple[str, ...]] = ()
    media_types: tuple[str, ...] = ("application/json",)
    options: type[Schema] | None = None
    options_fault: Callable[[Mapping[str, Any]], str] = no_fault
    response: Callable[[Receipt], PlatformResponse] | None = None
    retry_response: PlatformResponse = PlatformResponse(status=503, headers={"Retry-After": "30"})

    @property
    def needs_options(self) -> bool:
        """Whether a source of it must be written down: a secret alone is not enough."""
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
    """One configured inbound endpoint: a platform bound to secrets, wishes and a destination."""

    name: str
    platform: Platform
    scheme: Scheme
    secrets: tuple[str, ...] = field(repr=False)
    destination: Destination
    rules: Mapping[str, Rule]
    topics: tuple[str, ...] = ()
    machine_events: bool = False
    public_url: str = ""
    on_invalid: Literal["hold", "reject"] = "hold"
    options: Mapping[str, Any] = field(default_factory=dict)
    signing_key: str = field(default="", repr=False)
    customer_id: str = ""
    language: Language = "es"


def json_body(body: bytes) -> Any:
    """The JSON value in a body.

    Raises:
        Unreadable: it is not UTF-8 JSON; the position is told, not the content.
    """
    with suppress(msgspec.DecodeError, UnicodeError, RecursionError):  # the rest is told below
        return _JSON.decode(body)
    try:
        value = json.loads(body)
        # Half a character can only come as an escape. It has no UTF-8, so a ? takes its place:
        # one of them must not cost the neighbours in a batch.
        text = json.dumps(value, ensure_ascii=False).encode(errors="replace")
        value = json.loads(text)
    except UnicodeDecodeError as error:
        raise Unreadable({"body": f"expected UTF-8, byte {error.start} is not"}) from error
    except (ValueError, RecursionError) as error:
        where = f" at byte {error.pos}" if isinstance(error, json.JSONDecodeError) else ""
        raise Unreadable({"body": f"expected JSON, unreadable{where}"}) from error
    return value


def json_object(body: bytes) -> dict[str, Any]:
    """The JSON object in a body.

    Raises:
        Unreadable: it is not JSON, or not an object.
    """
    value = json_body(body)
    if not isinstance(value, dict):
        raise Unreadable({"body": "expected a JSON object"})
    return value


def validate(schema: Schema, value: Any) -> dict[str, Any]:
    """What a schema makes of a JSON value.

    Raises:
        Unreadable: with the schema's messages, field by field.
    """
    try:
        data: dict[str, Any] = schema.load(value)
    except ValidationError as error:
        raise Unreadable(error.messages_dict) from error
    return data


def stable_key(*parts: str | bytes) -> str:
    """A short key of the parts, for deliveries that carry no id of their own."""
    joined = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        joined.update(len(data).to_bytes(8, "big") + data)
    return joined.hexdigest()[:32]


def parse_timestamp(value: Any, fallback: datetime) -> datetime:
    """Aware UTC from the ways platforms write a time; `fallback` when it cannot be read.

    Seconds or milliseconds since 1970 as number or text, ISO with `Z`, offset or neither (then
    UTC), with a space for the `T`. A bad time must not lose the event.
    """
    try:
        if isinstance(value, int | float) or (isinstance(value, str) and _is_number(value)):
            seconds = float(value)
            return datetime.fromtimestamp(seconds / 1000 if seconds > 1e11 else seconds, UTC)
        if isinstance(value, str) and value:
            read = datetime.fromisoformat(value)
            read = read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
            # 0001-01-01 is how some write "none", and no time zone can move it.
            return read if 1 < read.year < 9999 else fallback
    except (ValueError, OverflowError, OSError):
        return fallback
    return fallback


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdigit() and text.isascii() and len(text) != 8
