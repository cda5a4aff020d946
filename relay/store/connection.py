"""The Redis client of the web process, the worker and the command line."""

import ssl
import threading
from collections.abc import Callable
from typing import Any, TypeVar, cast

from redis import Redis, exceptions

from config.settings import Settings

_T = TypeVar("_T")


def connect(settings: Settings) -> Redis:
    """Create a client; it connects at the first command.

    Time-outs are short (2 s to connect, 3 s per read), because Shopify waits 5 s for an answer
    before it sends again, and WooCommerce never sends again. `rediss://` verifies the certificate
    unless `RELAY_REDIS_TLS_VERIFY` is off, as Heroku's self-signed certificates require.
    """
    options: dict[str, Any] = {"socket_timeout": 3.0, "health_check_interval": 30}
    if not settings.redis_url.startswith("unix://"):
        options["socket_connect_timeout"] = 2.0
    if settings.redis_url.startswith("rediss://") and not settings.redis_tls_verify:
        options |= {"ssl_cert_reqs": ssl.CERT_NONE, "ssl_check_hostname": False}
    client: Redis = Redis.from_url(settings.redis_url, **options)
    return client


class ThreadConnections:
    """A connection for each thread: taking one from the pool costs half a round trip."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._local = threading.local()

    def run(self, command: Callable[[Redis], _T]) -> _T:
        """Run a command on this thread's connection, again on another where that is lost."""
        try:
            return command(self._own())
        except exceptions.ConnectionError:  # idle, and closed by Redis: try a new one
            return command(self._redis)

    def _own(self) -> Redis:
        if not hasattr(self._local, "redis"):
            pool = self._redis.connection_pool
            self._local.redis = Redis(connection_pool=pool, single_connection_client=True)
        return cast("Redis", self._local.redis)
