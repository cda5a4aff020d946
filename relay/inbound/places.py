"""Where in a request a platform puts a topic, an id, or the name of a shop."""

from dataclasses import dataclass
from typing import Any

from relay.inbound.payload import text_of
from relay.model import WebhookRequest


class Place:
    """One place. `headers` and `query` name what must be stored to find the value again."""

    headers: tuple[str, ...] = ()
    query: tuple[str, ...] = ()

    def find(self, request: WebhookRequest, value: Any) -> str:
        """The text there, empty when there is none; `value` is the decoded body, or a part."""
        raise NotImplementedError


class Header(Place):
    """The first of several headers that is not empty. Nothing signs it.

    `sample` is its value in a request of ours that has no other.
    """

    def __init__(self, *names: str, sample: str = "") -> None:
        self.headers = tuple(name.lower() for name in names)
        self.sample = sample

    def find(self, request: WebhookRequest, _value: Any) -> str:
        for name in self.headers:
            if text := request.headers.get(name):
                return text
        return ""


class SiteHeader(Header):
    """A header with the address of a shop: one text for all spellings of one address.

    A shop may name itself by `http:` or `https:`, and with or without `www.`, as the visit that it
    tells of came.
    """

    def find(self, request: WebhookRequest, value: Any) -> str:
        _, has_scheme, rest = super().find(request, value).strip().rpartition("://")
        host, _, path = rest.partition("/")
        host, folder = host.lower().removeprefix("www."), path.strip("/")
        if not has_scheme:
            return f"{host}/{folder}".rstrip("/")
        return f"https://{host}/{folder}{'/' if folder else ''}"


class Query(Place):
    """The first of several query parameters that is not empty."""

    def __init__(self, *names: str) -> None:
        self.query = names

    def find(self, request: WebhookRequest, _value: Any) -> str:
        pairs = dict(request.query)
        return next((text for name in self.query if (text := pairs.get(name))), "")


class Field(Place):
    """A field of the body: of its paths the first with a text, number or boolean."""

    def __init__(self, *paths: str) -> None:
        self.path = paths[0]
        self._paths = [path.split(".") for path in paths]

    def find(self, _request: WebhookRequest, value: Any) -> str:
        for path in self._paths:
            if text := _text_at(value, path):
                return text
        return ""


class FieldIs(Place):
    """`true` where a field of the body has one of the values, in any case."""

    def __init__(self, path: str, *values: str) -> None:
        self._field = Field(path)
        self._values = values

    def find(self, request: WebhookRequest, value: Any) -> str:
        return "true" if self._field.find(request, value).lower() in self._values else ""


class FirstPlace(Place):
    """The first of several places with a text."""

    def __init__(self, *places: Place) -> None:
        self._places = places
        self.headers = tuple(name for place in places for name in place.headers)
        self.query = tuple(name for place in places for name in place.query)

    def find(self, request: WebhookRequest, value: Any) -> str:
        return next((text for place in self._places if (text := place.find(request, value))), "")


@dataclass(frozen=True, slots=True)
class Echo:
    """How a platform marks what its API wrote: maybe the merchant's own system, told back to it.

    `mark` finds a text there. `ignored` names the topics of which such an event is ignored unless
    the source says otherwise: those by which the API changes what is known already. Not the ones by
    which people act, since a form of another tool hands on a subscription or a new person by the
    API too.
    """

    mark: Place
    ignored: tuple[str, ...] = ()


def _text_at(value: Any, path: list[str]) -> str:
    for key in path:
        if not isinstance(value, dict):
            return ""
        value = value.get(key)
    return str(value).lower() if isinstance(value, bool) else text_of(value)
