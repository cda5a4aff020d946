"""Exceptions that end a webhook request: refused, not stored, or unreadable.

Each carries a reason code. Exception, log field and problem JSON use the same codes; `TITLES` has
the sentence that a sender reads.
"""

from collections.abc import Mapping
from typing import Any, Final

MISSING: Final = "missing"
MALFORMED: Final = "malformed"
MISMATCH: Final = "mismatch"
STALE: Final = "stale"
TOO_LARGE: Final = "too_large"
UNREADABLE: Final = "unreadable"

TITLES: Final[Mapping[str, str]] = {
    MISSING: "The request carries no proof of who sent it",
    MALFORMED: "The proof of who sent it cannot be read",
    MISMATCH: "The proof of who sent it does not match",
    STALE: "The signed time is too far from now",
    "unknown_source": "No such source",
    "method_not_allowed": "This source takes POST only",
    TOO_LARGE: "The body is too large",
    "content_encoding": "The content encoding of the body is not understood",
    "media_type": "This source does not take that content type",
    "incomplete": "The body ended before it was whole",
    UNREADABLE: "The body cannot be read",
    "invalid": "The body is not what this source takes",
    "not_stored": "The event could not be stored; send it again later",
    "internal_error": "A fault of ours; send it again later",
    "not_on_disk": "The event could not be written to disk in time; send it again later",
    "redis_full": "There is no room for more events; send it again later",
    "redis_schema": "The store is of another version; send the event again later",
    "large_bodies": "Too many large bodies are being read; send the event again later",
    "certificate": "The certificate that signed the event could not be had; send it again later",
    "visit": "The address to visit did not answer; send the event again later",
    "moved": "Too many events about one thing at once; send the event again later",
    "held_full": "Too many events of this source wait for a person; send it again later",
    "backlog_full": "Too many events are waiting; send it again later",
}


class Refused(Exception):
    """The request is answered with an HTTP error `status` and nothing of it is stored.

    `errors` maps a field path to messages; they say what was expected and never quote the value.
    `detail` is for the log alone.
    """

    def __init__(
        self,
        reason: str,
        status: int = 401,
        *,
        errors: Mapping[str, Any] | None = None,
        detail: str = "",
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.errors = errors
        self.detail = detail


class NotStored(Exception):
    """Redis did not store the request; the answer must make the platform send it again."""

    def __init__(self, reason: str = "not_stored") -> None:
        super().__init__(reason)
        self.reason = reason


class NeedsCertificate(Exception):
    """A signature can be verified once the certificate at `url` is in `CERTIFICATES`.

    `hosts` is a regular expression for the hosts that it may be fetched from.
    """

    def __init__(self, url: str, hosts: str) -> None:
        super().__init__("certificate")
        self.url = url
        self.hosts = hosts


class TooManyParts(Exception):
    """A body is a batch of more parts than one request may have; none was parsed."""

    def __init__(self, count: int, limit: int) -> None:
        super().__init__("too_many_events")
        self.count = count
        self.limit = limit


class Unreadable(Exception):
    """A verified body cannot be parsed; `reasons` maps a field path to what was expected.

    It is held under `reason`. With `key` all bodies of the same key are one, which counts them.
    """

    def __init__(self, reasons: Mapping[str, Any], reason: str = UNREADABLE, key: str = "") -> None:
        super().__init__(reason)
        self.reasons = reasons
        self.reason = reason
        self.key = key
