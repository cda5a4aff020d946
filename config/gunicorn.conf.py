"""gunicorn: `gunicorn -c config/gunicorn.conf.py 'relay.web:create_app()'`."""

import gc
import os
from typing import Any

import structlog

from config import log
from config.settings import load
from relay.store.connection import connect
from relay.store.durability import announce

_settings = load()

bind = _settings.address
# Chosen by measurement: orders of 10 kB accepted a second on two cores, 24 kept-alive connections,
# medians (2026-11). Processes x threads: 1x8 430, 2x2 970, 2x4 990, 2x8 900, 2x16 805; 3x4 1,030,
# 4x4 950: an accept is nine parts Python, so a process per core it is, and threads cost a little.
# They are there for what waits: a slow sender, for five seconds at most
# (relay/web/body_deadline.py), and with WAITAOF every event, for up to one. With `sync` either
# would hold up the process, which also closes every connection. `gevent` did a fifth more, not
# worth a patched standard library.
# WEB_CONCURRENCY is Heroku's name for the processes.
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = _settings.web_threads
timeout = 30
graceful_timeout = 20  # Heroku kills after 30
keepalive = 5
max_requests = 0
# No access log: a path may hold a secret. `webhook.received` has what an operator needs.
accesslog = None
errorlog = "-"
loglevel = "warning"


def when_ready(_server: Any) -> None:
    """Log once, in the arbiter, where it listens and what a 200 guarantees with this Redis."""
    log.configure(_settings.log_level)
    address, file = f"http://{_settings.address}", str(_settings.config_file)
    structlog.get_logger().info("web.listening", address=address, config_file=file)
    announce(connect(_settings), _settings.durability)


def post_worker_init(_worker: Any) -> None:
    """What was loaded is here to stay: to look through it for garbage cost 7 % of an accept."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
