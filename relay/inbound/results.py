"""What comes of parsing a request, and of storing what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from relay.errors import UNREADABLE
from relay.model import Event, Resource


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
    reason: str = UNREADABLE


@dataclass(frozen=True, slots=True)
class NeedsLookup:
    """An event that only names a thing, which has to be looked up at the platform.

    `event_type` is the one most likely, `other_types` are others that the look-up may find. What
    else there is is as in `Event`.
    """

    resource: Resource
    topic: str
    key: str
    raw: bytes
    event_type: str
    other_keys: tuple[str, ...] = ()
    other_types: tuple[str, ...] = ()


Part = Event | Unparsable | Skipped | NeedsLookup


@dataclass(frozen=True, slots=True)
class Events:
    """The parts of a request, in the order in which the platform sent them."""

    items: Sequence[Part]


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
