"""The Flask app of the web process."""

import structlog
from flask import Flask, Request
from redis import Redis
from werkzeug.exceptions import HTTPException
from werkzeug.routing import MapAdapter

from config import log
from config.settings import Settings, load as load_settings
from relay import sources
from relay.sources import Relay
from relay.store.connection import connect
from relay.store.job_store import JobStore
from relay.store.queue import open_queue
from relay.web.fetch import Fetcher
from relay.web.health import HealthChecks, health_blueprint
from relay.web.problems import http_problem
from relay.web.webhooks import webhooks_blueprint


class RelayApp(Flask):
    """Flask, whose rules are found without the name of the host, which none of them has."""

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        if request is None:
            return super().create_url_adapter(None)
        return self.url_map.bind("", path_info=request.path, default_method=request.method)


def create_app(
    settings: Settings | None = None,
    relay: Relay | None = None,
    redis: Redis | None = None,
    fetcher: Fetcher | None = None,
) -> Flask:
    """Create the app. Checks settings and relay.toml; Redis is not used before the first request.

    Raises:
        SettingsError: an environment variable has no usable value.
        ConfigError: relay.toml is not usable.
    """
    settings = settings or load_settings()
    log.configure(settings.log_level)
    relay = relay or sources.load(settings.config_file, settings.environ, settings.dedup_s)
    redis = redis or connect(settings, asks_kernel=True)
    queue = open_queue(redis, settings.queue, settings.job_timeout_s)
    app = RelayApp("relay")
    app.extensions["relay"] = relay
    # A redirect would repeat the Host header of whoever asked, and no platform follows one.
    app.url_map.merge_slashes = False
    for warning in (*settings.warnings, *relay.warnings):
        structlog.get_logger().warning("config.doubtful", warning=warning)
    jobs = JobStore.open(queue, settings, relay.destinations)
    fetcher = fetcher or Fetcher(proxy=settings.outbound_proxy)
    app.register_blueprint(webhooks_blueprint(settings, relay, jobs, fetcher))
    health = HealthChecks(redis, queue, settings, jobs.generation)
    app.register_blueprint(health_blueprint(health))
    app.register_error_handler(HTTPException, http_problem)
    return app
