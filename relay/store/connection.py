"""One way to reach Redis, for the web, the worker and the command line."""

import ssl
from typing import Any

from redis import Redis

from config.settings import Settings


def connect(settings: Settings) -> Redis:
    """A client with short time-outs: a sender waits 5 s at most, and it will send again.

    `rediss://` checks the certificate unless `RELAY_REDIS_TLS_VERIFY` is off, which Heroku's
    self-signed ones need. Nothing is sent until the first command.
    """
    options: dict[str, Any] = {"socket_timeout": 3.0, "health_check_interval": 30}
    if not settings.redis_url.startswith("unix://"):
        options["socket_connect_timeout"] = 2.0
    if settings.redis_url.startswith("rediss://") and not settings.redis_tls_verify:
        options |= {"ssl_cert_reqs": ssl.CERT_NONE, "ssl_check_hostname": False}
    client: Redis = Redis.from_url(settings.redis_url, **options)
    return client
