"""gunicorn: `gunicorn -c config/gunicorn.conf.py 'relay.web:create_app()'`."""

import gc
import os
from typing import Any

import structlog
from redis import RedisError

from config import log
from config.settings import load
from relay.store.connection import connect
from relay.store.durability import announce
from relay.store.schema import SchemaMismatch, exit_process, require_schema
from relay.web.gunicorn_log import GunicornLog

_settings = load()

bind = _settings.address
# Measured (2026-11): orders of 10 kB accepted per second on two cores, 24 keep-alive connections,
# medians. Processes x threads: 1x8 430, 2x2 970, 2x4 990, 2x8 900, 2x16 805, 3x4 1,030, 4x4 950.
# Nine tenths of an accept is Python, hence one process per core; each further thread costs a
# little. Threads serve requests that wait: a slow sender for at most five seconds
# (relay/web/body_deadline.py), with WAITAOF every request for up to one second. With `sync` each of
# these would block its process, and keep-alive would be lost. `gevent` accepted a fifth more, which
# is not worth a patched standard library.
# Heroku sets WEB_CONCURRENCY to the number of processes.
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = _settings.web_threads
timeout = 30
graceful_timeout = 20  # seconds; Heroku sends SIGKILL after 30
keepalive = 5
max_requests = 0
# No access log: a path may hold a secret. The log event `webhook.received` replaces it.
accesslog = None
errorlog = "-"
loglevel = "warning"
logger_class = GunicornLog


def on_starting(_server: Any) -> None:
    """Before it listens: exits 1 where Redis holds data of another version."""
    log.configure(_settings.log_level)
    try:
        require_schema(connect(_settings))
    except SchemaMismatch as mismatch:
        exit_process(mismatch)
    except RedisError:
        return  # `when_ready` logs it; each accept checks the format again


def when_ready(_server: Any) -> None:
    """Log once, in the arbiter, where it listens and what a 200 guarantees with this Redis."""
    address, file = f"http://{_settings.address}", str(_settings.config_file)
    structlog.get_logger().info("web.listening", address=address, config_file=file)
    announce(connect(_settings), _settings.durability)


def post_worker_init(_worker: Any) -> None:
    """Freeze start-up objects out of GC: collecting them cost 7 % of an accept."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
