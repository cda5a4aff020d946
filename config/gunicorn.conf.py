"""gunicorn's settings for `mercately-relay web`, which is what reads this file."""

import gc
from contextlib import closing
from typing import Any

import structlog
from redis import RedisError

from config.settings import load
from relay.greenlets import require_patched
from relay.store.connection import connect
from relay.store.durability import announce
from relay.store.schema import SchemaMismatch, exit_process, require_schema
from relay.web.connection_limit import raise_limit
from relay.web.gunicorn_log import GunicornLog

require_patched()
_settings = load()

bind = _settings.address
# One core a process: each request is a greenlet, so one that waits (for a slow sender, for the disk
# of Redis) costs no thread and no connection to Redis.
# Heroku sets WEB_CONCURRENCY to the number of processes.
worker_class = "relay.web.gevent_worker.RelayGeventWorker"
workers = _settings.web_processes
# The app is in memory once, and a process that was killed is replaced at once. Connections are made
# after the fork.
preload_app = True
worker_connections = raise_limit()
# How long a head may take and how long a connection may be idle (gunicorn's gevent worker has one
# limit for both; 0 would be none). Bodies: relay/web/body_deadline.py.
keepalive = 5
timeout = 30
graceful_timeout = 20  # seconds; Heroku sends SIGKILL after 30
max_requests = 0
# No header of a request says where the app is mounted.
forwarder_headers = ""
# Its thread does not survive in a process of greenlets; signals do what it does.
control_socket_disable = True
# No access log: a path may hold a secret. The log event `webhook.received` replaces it.
accesslog = None
errorlog = "-"
loglevel = "warning"
logger_class = GunicornLog


def on_starting(_server: Any) -> None:
    """Before it listens: exits 1 where Redis holds data of another version."""
    try:
        with closing(connect(_settings)) as redis:
            require_schema(redis)
    except SchemaMismatch as mismatch:
        exit_process(mismatch)
    except RedisError:
        return  # `when_ready` logs it; each accept checks the format again


def when_ready(_server: Any) -> None:
    """Log once, in the arbiter, where it listens and what a 200 guarantees with this Redis."""
    address, file = f"http://{_settings.address}", str(_settings.config_file)
    structlog.get_logger().info("web.listening", address=address, config_file=file)
    with closing(connect(_settings)) as redis:  # no process that is forked may share it
        announce(redis, _settings.durability)
    # Its processes inherit it: to collect what was made at start cost 7 % of an accept.
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
