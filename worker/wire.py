"""HTTP as a client of one server needs it: kept connections, one write a request, no redirects.

The adapter of requests says how to connect and whom to trust; its pool of urllib3 is asked
directly, because sessions, cookies, redirects and parts of an answer that nobody reads cost more
than the request.
"""

import select
from collections.abc import Mapping
from typing import Any, Final

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

    def __init__(self, plain: requests.PreparedRequest, timeouts: tuple[float, float]) -> None:
        self._adapter = HTTPAdapter(pool_connections=1, pool_maxsize=64)
        # A ~/.netrc must not replace our key, nor a proxy see it: neither is asked for.
        pool: Any = self._adapter.get_connection_with_tls_context(plain, verify=True)
        pool.ConnectionCls = _Secure if pool.scheme == "https" else _Plain
        self._pool: HTTPConnectionPool = pool
        self._timeout = Timeout(connect=timeouts[0], read=timeouts[1])

    def ask(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers and the beginning of the body.

        Raises:
            NoResponse
        """
        try:
            response = self._pool.urlopen(
                method,
                target,
                body=body,
                headers=headers,
                retries=False,
                redirect=False,
                assert_same_host=False,
                timeout=self._timeout,
                preload_content=False,
                decode_content=False,
            )
        except (NewConnectionError, SSLError) as error:
            raise NoResponse("connection_refused", ambiguous=False) from error
        except ConnectTimeoutError as error:
            raise NoResponse("connect_timeout", ambiguous=False) from error
        except ReadTimeoutError as error:
            raise NoResponse("read_timeout", ambiguous=True) from error
        except ProtocolError as error:
            raise NoResponse("connection_lost", ambiguous=True) from error
        except (HTTPError, OSError) as error:
            raise NoResponse("broken_answer", ambiguous=True) from error
        try:
            content = response.read(_ANSWER_MAX_BYTES, decode_content=True) or b""
        except (HTTPError, OSError) as error:
            raise NoResponse("broken_answer", ambiguous=True) from error
        finally:
            response.close()
        return response.status, response.headers, content

    def close(self) -> None:
        self._adapter.close()
