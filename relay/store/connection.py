"""The Redis client of the web process, the worker and the command line."""

import ssl
from typing import Any

from redis import Redis

from config.settings import Settings


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
