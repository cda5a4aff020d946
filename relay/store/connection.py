"""The Redis client of the web process, the worker and the command line."""

import select
import ssl
from typing import Any, Final

import hiredis
from gevent import monkey
from redis import (
    BlockingConnectionPool,
    Connection,
    Redis,
    SSLConnection,
    UnixDomainSocketConnection,
)

from config.settings import Settings

_WAIT_FOR_CONNECTION_S: Final = 5.0
# The operating system's, also where the standard library is gevent's.
_POLL: Final[Any] = monkey.get_original("select", "poll")


class _AsksTheKernel:
    """A connection that is asked at little cost whether it is still quiet and open.

    Before each command redis-py asks by `select.poll`. gevent's goes round its event loop for that,
    at nearly half of what a command costs.
    """

    _sock: Any
    _parser: Any

    def can_read(self, timeout: float = 0) -> bool:
        if timeout == 0 and self._is_quiet():
            return False
        return bool(super().can_read(timeout))  # type: ignore[misc]  # of the connection it is mixed into

    def _is_quiet(self) -> bool:
        """Whether nothing is left to read, neither here nor in the kernel; False if unknown."""
        sock, reader = self._sock, getattr(self._parser, "_reader", None)
        if sock is None or not isinstance(reader, hiredis.Reader) or reader.has_data():
            return False
        poll = _POLL()
        poll.register(sock.fileno(), select.POLLIN)
        return not poll.poll(0)


class _OverTcp(_AsksTheKernel, Connection):
    pass


class _OverTls(_AsksTheKernel, SSLConnection):
    def _is_quiet(self) -> bool:
        is_decrypted = self._sock is not None and self._sock.pending()
        return not is_decrypted and super()._is_quiet()


class _OverUnixSocket(_AsksTheKernel, UnixDomainSocketConnection):
    pass


_CONNECTIONS: Final[dict[type, type]] = {
    Connection: _OverTcp,
    SSLConnection: _OverTls,
    UnixDomainSocketConnection: _OverUnixSocket,
}


def connect(settings: Settings, *, asks_kernel: bool = False) -> Redis:
    """Create a client; it connects at the first command.

    It has up to `RELAY_REDIS_CONNECTIONS` connections, and who needs one more waits for it: hosts
    sell Redis by the connection, and refuse what is beyond the plan.

    Time-outs are short (2 s to connect, 3 s per read), because Shopify waits 5 s for an answer
    before it sends again, and WooCommerce never sends again. `rediss://` verifies the certificate
    unless `RELAY_REDIS_TLS_VERIFY` is off, as Heroku's self-signed certificates require.

    With `asks_kernel` the event loop gets no turn before each command, which is for processes
    whose loop turns all the time anyway: gevent closes sockets there.
    """
    options: dict[str, Any] = {
        "socket_timeout": 3.0,
        "health_check_interval": 30,
        "max_connections": settings.redis_connections,
        "timeout": _WAIT_FOR_CONNECTION_S,
    }
    if not settings.redis_url.startswith("unix://"):
        options["socket_connect_timeout"] = 2.0
    if settings.redis_url.startswith("rediss://") and not settings.redis_tls_verify:
        options |= {"ssl_cert_reqs": ssl.CERT_NONE, "ssl_check_hostname": False}
    pool = BlockingConnectionPool.from_url(settings.redis_url, **options)
    if asks_kernel:
        pool.connection_class = _CONNECTIONS[pool.connection_class]
    return Redis(connection_pool=pool)
