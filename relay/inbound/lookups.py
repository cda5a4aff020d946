"""How a thing that a notice only names is read from its platform's API.

A platform declares its API once, and for each kind of thing what to read of it:

    api=Api(
        url="https://api.acme.example",
        credentials=("access_token",),
        headers={"Authorization": "Bearer {access_token}"},
    ),
    lookups={"order": Lookup(Read("/v1/orders/{id}"), shape=_ORDER)},

What was read is the body of the event, as if the platform had sent it: `Lookup.shape` has its
schema. `worker/lookups.py` reads.

A text in braces is the notice's `id` or `shop`, one of the source's credentials, or a value of what
was read before (`{order.customer_id}`). Values are escaped; of ids only those of `id_pattern` are
put into a path, because who sends a notice says what they are. The host is never one of these: it
comes from the declaration or from the source's credentials.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from relay.inbound.topics import NO_SHAPE, Shape

# Where the request that stands for what was read has the notice's topic, key and shop: no header
# of a sender can have such a name.
LOOKED_UP: Final = ":looked-up"
TOPIC: Final = ":topic"
SHOP: Final = ":shop"
_VALUE: Final = re.compile(r"\{([a-z_]+(?:\.[a-z_0-9]+)*)\}")
ANY_ID: Final = r"[A-Za-z0-9_-]{1,64}"
NUMBER: Final = r"[0-9]{1,20}"
CLIENT_CREDENTIALS: Final[Mapping[str, str]] = {
    "grant_type": "client_credentials",
    "client_id": "{client_id}",
    "client_secret": "{client_secret}",
}


class MissingValue(LookupError):
    """A text needs a value that there is not, or not in a form that may be sent; by its name."""


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """A request to a platform's API, without its host."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


def unsigned(request: ApiRequest, _credentials: Mapping[str, str]) -> ApiRequest:
    return request


@dataclass(frozen=True, slots=True)
class Read:
    """One request.

    - `path`, and `query` behind it, with values in braces.
    - `name`: what the answer is called in the body that is made of several, with dots for a name in
      another; "" if it is the body.
    - `part`: the path of the answer's part that is meant, with dots; "" for all of it.
    - `optional`: it may fail, or lack a value: then the body is without it.
    """

    path: str
    name: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    part: str = ""
    optional: bool = False


@dataclass(frozen=True, slots=True, init=False)
class Lookup:
    """What is read of a kind of thing, in this order, and the shape of the body that it makes."""

    reads: tuple[Read, ...]
    shape: Shape
    id_pattern: str

    def __init__(self, *reads: Read, shape: Shape = NO_SHAPE, id_pattern: str = NUMBER) -> None:
        object.__setattr__(self, "reads", reads)
        object.__setattr__(self, "shape", shape)
        object.__setattr__(self, "id_pattern", id_pattern)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Access tokens that are asked for and expire.

    - `path`, behind the API's `url`; `form` with credentials in braces,
      `{refresh_token}` among them where each answer brings the next one. By default it is OAuth's
      grant of client credentials.
    - `basic`: names of the credentials that are user and password of that request.
    - `lifetime_s`: how long a token lives where the answer's `expires_in` does not say.
    """

    path: str
    form: Mapping[str, str] = field(default_factory=lambda: CLIENT_CREDENTIALS)
    basic: tuple[str, str] | None = None
    lifetime_s: float = 3600.0

    @property
    def rotates(self) -> bool:
        """Whether each answer replaces the refresh token."""
        return "refresh_token" in self.form

    @property
    def credentials(self) -> set[str]:
        """The names of those that a token is asked for with."""
        return {*_VALUE.findall(" ".join(self.form.values())), *(self.basic or ())}


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """A platform's API, and how a source proves itself there.

    - `url`: the beginning of all addresses, maybe with credentials in braces.
    - `credentials`: names of what a source needs in `[sources.<name>.credentials]`; `defaults` of
      others. `api_url` there replaces `url`, for a sandbox or a stand-in.
    - `tokens`: how the `access_token` is asked for. Who has one that does not expire gives it in
      place of what that takes.
    - `headers` and `basic` (user, password): with credentials in braces; `sign`: what else makes a
      request valid.
    - `rate_per_s`: requests that the platform takes of a source.
    - `wait_headers`: response headers that say how long to wait after 429, with the seconds that
      one of their units is; `Retry-After` is understood without.
    """

    url: str
    credentials: tuple[str, ...]
    defaults: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    basic: tuple[str, str] | None = None
    sign: Callable[[ApiRequest, Mapping[str, str]], ApiRequest] = unsigned
    tokens: Tokens | None = None
    rate_per_s: float = 2.0
    wait_headers: Mapping[str, float] = field(default_factory=dict)

    def address(self, credentials: Mapping[str, Any]) -> str:
        """The beginning of all addresses: the source's `api_url` where it has one.

        Raises:
            MissingValue: a credential in it is missing.
        """
        return str(credentials.get("api_url") or filled_in(self.url, credentials)).rstrip("/")

    def tokens_for(self, credentials: Mapping[str, Any]) -> Tokens | None:
        """How a source asks for access tokens; None where it has one."""
        return None if credentials.get("access_token") else self.tokens

    def faults(self, credentials: Mapping[str, str]) -> list[str]:
        """What is wrong with a source's credentials, each with the key that it concerns."""
        known = [*self.credentials, *self.defaults, "api_url"]
        needed: Iterable[str] = self.credentials
        if self.tokens:
            known.append("access_token")
            if self.tokens_for(credentials) is None:
                needed = set(needed) - self.tokens.credentials
        unknown = [name for name in credentials if name not in known]
        missing = [name for name in needed if not credentials.get(name)]
        return [f".{name}: expected a text" for name in missing] + [
            f".{name}: expected one of {known}" for name in unknown
        ]


def filled_in(text: str, values: Mapping[str, Any], *, is_path: bool = False) -> str:
    """A text with the values for what stands in braces; those in a path are escaped.

    Raises:
        MissingValue: there is no such value, or it is no text or number.
    """

    def value(match: re.Match[str]) -> str:
        node: Any = values
        for name in match[1].split("."):
            if isinstance(node, list) and name.isdecimal():
                node = node[int(name)] if int(name) < len(node) else None
            else:
                node = node.get(name) if isinstance(node, Mapping) else None
        if isinstance(node, bool) or not isinstance(node, str | int) or node == "":
            raise MissingValue(match[1])
        written = str(node)
        if is_path and written in (".", ".."):
            raise MissingValue(match[1])
        return quote(written, safe="") if is_path else written

    return _VALUE.sub(value, text)


def api_request(read: Read, api: Api, values: Mapping[str, Any]) -> ApiRequest:
    """The request of a `Read`, with its proof.

    Raises:
        MissingValue: as `filled_in`.
    """
    query = {name: filled_in(text, values) for name, text in read.query.items()}
    headers = {name: filled_in(text, values) for name, text in api.headers.items()}
    path = filled_in(read.path, values, is_path=True)
    return api.sign(ApiRequest("GET", path, query, headers), values)
