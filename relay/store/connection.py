"""The Redis client of the web process, the worker and the command line."""

import ssl
from typing import Any, Final

from redis import BlockingConnectionPool, Redis

from config.settings import Settings

_WAIT_FOR_CONNECTION_S: Final = 5.0


def connect(settings: Settings) -> Redis:
    """Create a client; it connects at the first command.

    It has up to `RELAY_REDIS_CONNECTIONS` connections, and who needs one more waits for it: hosts
    sell Redis by the connection, and refuse what is beyond the plan.

    Time-outs are short (2 s to connect, 3 s per read), because Shopify waits 5 s for an answer
    before it sends again, and WooCommerce never sends again. `rediss://` verifies the certificate
    unless `RELAY_REDIS_TLS_VERIFY` is off, as Heroku's self-signed certificates require.
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
    return Redis(connection_pool=pool)
