"""gunicorn: `gunicorn -c config/gunicorn.conf.py 'relay.web:create_app()'`."""

import os
from typing import Any

from config import log
from config.settings import load
from relay.connection import connect
from relay.durability import announce

_settings = load()

bind = f"{_settings.host}:{_settings.port}"
# Threads, so that a slow sender holds up one of them and not the process, and for five seconds at
# most (relay/deadline.py); two processes, because verifying and translating is Python.
# WEB_CONCURRENCY is Heroku's name for the latter.
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = 8
timeout = 30
graceful_timeout = 20  # Heroku kills after 30
keepalive = 5
max_requests = 0
# No access log: a path may hold a secret. `delivery.received` has what an operator needs.
accesslog = None
errorlog = "-"
loglevel = "warning"


def when_ready(_server: Any) -> None:
    """Once, in the arbiter: what Redis says a 200 will be worth."""
    log.configure(_settings.log_level)
    announce(connect(_settings), _settings.durability)
