"""Requests to the APIs of platforms, for look-ups: proof, tokens, pace, and what an answer means.

The host is one of the platform's declaration or of relay.toml, never of a notice. Redirects are not
followed, proxies of the environment and private addresses are not used.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import gevent
import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from relay.addresses import are_allowed
from relay.errors import Unreadable
from relay.inbound.contract import Source
from relay.inbound.lookups import (
    Api,
    ApiRequest,
    MissingValue,
    Read,
    Tokens,
    api_request,
    filled_in,
)
from relay.inbound.payload import json_body, json_object
from relay.store.lookups import LookupQueue
from worker.client import retry_after_s
from worker.reply import http_moment
from worker.wire import TooSlow

_CONNECT_S: Final = 5.0
_READ_S: Final = 15.0
# For a whole request: the time-out of a socket begins anew with each byte.
_WITHIN_S: Final = _CONNECT_S + _READ_S
_ANSWER_MAX_BYTES: Final = 2 * 1024**2
_PART_BYTES: Final = 64 * 1024
# Longer waits are made in Redis, where they cost no worker.
_WAIT_MAX_S: Final = 5.0
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
# After 429 without a word of how long.
_PAUSE_S: Final = 60.0
_PAUSE_MAX_S: Final = 3600.0
# What is larger is no duration but a moment (unix s).
_A_MOMENT_S: Final = 1e9


class LookupFailed(Exception):
    """A look-up that came to nothing; `reason` is a code, `status` of HTTP, 0 without an answer.

    `retry` says whether it may be otherwise later; `wait_s` is how long the platform wants to be
    left alone at least.
    """

    def __init__(
        self, reason: str, *, retry: bool = False, status: int = 0, wait_s: float = 0.0
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry = retry
        self.status = status
        self.wait_s = wait_s


class Busy(Exception):
    """The API of a source may be asked in `wait_s` at the earliest."""

    def __init__(self, wait_s: float) -> None:
        super().__init__(wait_s)
        self.wait_s = wait_s


@dataclass(frozen=True, slots=True)
class Answer:
    """What an API answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class PlatformApi:
    """The APIs of all sources; one per process. Safe to share between greenlets."""

    def __init__(self, queue: LookupQueue, *, user_agent: str, proxy: str = "") -> None:
        self._queue = queue
        self._user_agent = user_agent
        # What is asked without TLS is a stand-in on this machine.
        self._proxies = {"https": proxy} if proxy else None

    def read(self, source: Source, api: Api, read: Read, values: Mapping[str, Any]) -> Any:
        """The JSON value that one `Read` finds.

        Raises:
            LookupFailed: there is none, or none now.
            Busy: the source has to wait before its next request.
        """
        try:
            request = api_request(read, api, values)
            address = api.address(values)
        except MissingValue as error:
            raise LookupFailed(f"lookup_without_{error}".replace(".", "_")) from None
        self._wait(source, api)
        answer = self.send(address, request, basic=_basic(api.basic, values))
        self._require_success(source, api, answer)
        try:
            value = json_body(answer.body)
        except Unreadable as error:
            raise LookupFailed("lookup_no_json", retry=True, status=answer.status) from error
        for name in filter(None, read.part.split(".")):
            value = _step(value, name)
        if value in (None, [], {}):
            raise LookupFailed("lookup_not_found", retry=True, status=404)
        return value

    def token(
        self, source: Source, api: Api, tokens: Tokens, form: Mapping[str, str]
    ) -> Mapping[str, Any]:
        """The answer to a request for an access token, a JSON object.

        Raises:
            LookupFailed: the platform gives none.
            Busy: the source has to wait before its next request.
        """
        values = {**api.defaults, **source.credentials}
        basic = (values[tokens.basic[0]], values[tokens.basic[1]]) if tokens.basic else None
        address = api.address(values) + tokens.path
        self._wait(source, api)
        answer = self.send(address, ApiRequest("POST", ""), basic=basic, form=form)
        if answer.status in (400, 401, 403):
            # A refresh token that is refused is one that somebody else has used, or one whose
            # successor never arrived here.
            reason = "lookup_reconnect" if tokens.rotates else "lookup_credentials"
            raise LookupFailed(reason, status=answer.status)
        self._require_success(source, api, answer)
        try:
            return json_object(answer.body)
        except Unreadable as error:
            raise LookupFailed("lookup_no_json", retry=True, status=answer.status) from error

    def _wait(self, source: Source, api: Api) -> None:
        wait_s = self._queue.reserve(source.name, 1 / api.rate_per_s, _WAIT_MAX_S)
        if wait_s > _WAIT_MAX_S:
            raise Busy(wait_s)
        time.sleep(wait_s)

    def _require_success(self, source: Source, api: Api, answer: Answer) -> None:
        """
        Raises:
            LookupFailed: the answer is none to use. After 429 nobody asks that API for the source,
                for as long as it says.
        """
        wait_s = _wait_s(answer.headers, api)
        if answer.status == 429:
            wait_s = wait_s or _PAUSE_S
            self._queue.block(source.name, wait_s)
        require_success(answer, wait_s)

    def send(
        self,
        address: str,
        request: ApiRequest,
        *,
        basic: tuple[str, str] | None = None,
        form: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request to the API at `address`.

        Raises:
            LookupFailed: no answer came, or the address may not be asked.
        """
        _require_allowed(address)
        prepared = requests.Request(
            request.method,
            address + request.path,
            params=dict(request.query),
            headers={
                "User-Agent": self._user_agent, "Accept": "application/json",
                "Accept-Encoding": "identity", **request.headers,
            },
            data=form,
            auth=basic,
        ).prepare()  # fmt: skip
        try:
            # The adapter alone follows no redirect and knows no cookie and no ~/.netrc.
            with (
                gevent.Timeout(_WITHIN_S, TooSlow),
                HTTPAdapter().send(
                    prepared, stream=True, timeout=(_CONNECT_S, _READ_S), proxies=self._proxies
                ) as response,
            ):
                content = b""
                while part := response.raw.read1(_PART_BYTES):
                    content += part
                    if len(content) > _ANSWER_MAX_BYTES:
                        raise LookupFailed("lookup_too_large", status=response.status_code)
                headers = {name.lower(): text for name, text in response.headers.items()}
                return Answer(response.status_code, headers, content)
        except (requests.RequestException, HTTPError, OSError) as error:
            raise LookupFailed("lookup_no_answer", retry=True) from error


def require_success(answer: Answer, wait_s: float = 0.0) -> None:
    """
    Raises:
        LookupFailed: the answer is none to use; what it says is not repeated.
    """
    status = answer.status
    if 200 <= status < 300:
        return
    reasons = {
        401: "lookup_credentials",
        402: "lookup_plan",
        403: "lookup_forbidden",
        404: "lookup_not_found",
        410: "lookup_not_found",
        429: "lookup_rate",
    }
    retry = status in (404, 408, 425, 429) or status >= 500
    reason = reasons.get(status, f"lookup_http_{status}")
    raise LookupFailed(reason, retry=retry, status=status, wait_s=wait_s if retry else 0.0)


def _step(value: Any, name: str) -> Any:
    if isinstance(value, list) and name.isdecimal():
        return value[int(name)] if int(name) < len(value) else None
    return value.get(name) if isinstance(value, dict) else None


def _basic(names: tuple[str, str] | None, values: Mapping[str, Any]) -> tuple[str, str] | None:
    if names is None:
        return None
    user, password = (filled_in(text, values) for text in names)
    return user, password


def _wait_s(headers: Mapping[str, str], api: Api) -> float:
    """How long an API wants to be left alone; 0 where it does not say."""
    for name, unit in {**api.wait_headers, "retry-after": 1.0}.items():
        text = headers.get(name, "")
        try:
            seconds = float(text) * unit
        except ValueError:
            seconds = retry_after_s(text, headers.get("date", "")) or 0.0
        if seconds > _A_MOMENT_S:  # and no duration; by the clock of who answered, if it said so
            seconds -= http_moment(headers.get("date", "")) or time.time()
        if seconds > 0:
            return min(seconds, _PAUSE_MAX_S)
    return 0.0


def _require_allowed(url: str) -> None:
    """Refuse what is neither https to the Internet nor a stand-in on this machine."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host in _LOOPBACK:  # written so in relay.toml: a stand-in
        return
    try:
        is_allowed = parts.scheme == "https" and are_allowed(host)
    except OSError as error:
        raise LookupFailed("lookup_no_answer", retry=True) from error
    if not is_allowed:
        raise LookupFailed("lookup_address")
