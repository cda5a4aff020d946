"""HTTP as a client of one server needs it: kept connections, one write a request, no redirects.

The adapter of requests says how to connect and whom to trust; its pool of urllib3 is asked
directly, because sessions, cookies, redirects and parts of an answer that nobody reads cost more
than the request.
"""

import select
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, Final

import gevent
import requests
from gevent import monkey
from requests.adapters import HTTPAdapter
from urllib3 import Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NewConnectionError,
    ProtocolError,
    ReadTimeoutError,
    SSLError,
)

from worker.reply import NoResponse

_ANSWER_MAX_BYTES: Final = 64 * 1024
# The system call, not gevent's, which looks into its loop: it is asked whether, never waited for.
_POLL: Final = monkey.get_original("select", "poll")


# Whether anything of this greenlet's request has gone out on a connection.
_WRITTEN: ContextVar[list[bool]] = ContextVar("written")


class TooSlow(TimeoutError):
    """A whole answer did not come in time."""


class _OneWrite:
    """Writes head and body of a request at once, and looks at a kept connection in one call."""

    sock: Any
    _gathered: list[bytes] | None = None

    def request(self, *arguments: Any, **options: Any) -> None:
        self._gathered = []
        try:
            super().request(*arguments, **options)  # type: ignore[misc]  # of urllib3's class
            data = b"".join(self._gathered)
        finally:
            self._gathered = None
        if self.sock is None:
            self.connect()  # type: ignore[attr-defined]  # of urllib3's class
        _WRITTEN.get().append(True)
        self.send(data)

    def send(self, data: Any) -> None:
        if self._gathered is None:
            super().send(data)  # type: ignore[misc]  # of urllib3's class
        else:
            self._gathered.append(data)

    @property
    def is_connected(self) -> bool:
        if self.sock is None:
            return False
        looked = _POLL()
        looked.register(self.sock.fileno(), select.POLLIN)
        return not looked.poll(0)  # what can be read before anything was asked is its end


class _Plain(_OneWrite, HTTPConnection):
    """Over TCP."""


class _Secure(_OneWrite, HTTPSConnection):
    """Over TLS."""


class Wire:
    """The connections to one server, shared by all greenlets."""

    def __init__(
        self, plain: requests.PreparedRequest, timeouts: tuple[float, float], proxy: str = ""
    ) -> None:
        self._adapter = HTTPAdapter(pool_connections=1, pool_maxsize=64)
        # A ~/.netrc must not replace our key, nor a proxy of the environment see it: neither is
        # asked for.
        proxies = {"http": proxy, "https": proxy} if proxy else None
        pool: Any = self._adapter.get_connection_with_tls_context(
            plain, verify=True, proxies=proxies
        )
        pool.ConnectionCls = _Secure if pool.scheme == "https" else _Plain
        self._pool: HTTPConnectionPool = pool
        self._timeout = Timeout(connect=timeouts[0], read=timeouts[1])
        self._within_s = sum(timeouts)
        # A proxy is told the whole address, unless it only lets TLS through.
        is_seen = proxy and str(plain.url).startswith("http://")
        self._root = str(plain.url).removesuffix(plain.path_url).rstrip("/") if is_seen else ""

    def ask(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers and the beginning of the body.

        Raises:
            NoResponse
        """
        written: list[bool] = []
        _WRITTEN.set(written)
        status, content = 0, b""
        fields: Mapping[str, str] = {}
        try:
            # Each part of an answer has the read time-out; this is one for all of it.
            with gevent.Timeout(self._within_s, TooSlow):
                response = self._pool.urlopen(
                    method,
                    self._root + target,
                    body=body,
                    headers=headers,
                    retries=False,
                    redirect=False,
                    assert_same_host=False,
                    timeout=self._timeout,
                    preload_content=False,
                    decode_content=False,
                )
                try:
                    status, fields = response.status, response.headers
                    content = response.read(_ANSWER_MAX_BYTES, decode_content=True) or b""
                finally:
                    response.close()
        except (HTTPError, OSError) as error:
            # Once the status is known it decides, whatever becomes of the rest.
            if not status:
                # What was written may have arrived, whatever broke afterwards.
                raise NoResponse(_reason(error), ambiguous=bool(written)) from error
        return status, fields, content

    def close(self) -> None:
        self._adapter.close()


def _reason(error: Exception) -> str:
    match error:
        case TooSlow() | ReadTimeoutError():
            return "read_timeout"
        case NewConnectionError() | SSLError():  # the former is a ConnectTimeoutError too
            return "connection_refused"
        case ConnectTimeoutError():
            return "connect_timeout"
        case ProtocolError():
            return "connection_lost"
    return "broken_answer"
