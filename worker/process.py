"""The worker process: deliver what was accepted, until a signal says stop."""

import gc
import os
import signal
import sys
import threading
from types import FrameType
from typing import Final

import structlog
from redis import RedisError

from config import log, relay_toml
from config.relay_toml import ConfigError
from config.settings import Settings, SettingsError, load as load_settings
from relay.greenlets import require_patched
from relay.store.durability import announce
from relay.store.job_store import JobStore
from relay.store.privacy import PrivacyRequests
from relay.store.pseudonyms import Pseudonyms
from relay.store.queue import open_queue
from relay.store.redis_fault import error_name
from relay.store.schema import SchemaMismatch, exit_process, require_schema
from worker.concurrent import Timings
from worker.concurrent.reconnect import retry_while_disconnected
from worker.lookups import Lookups
from worker.privacy import PrivacyWatch
from worker.relay_worker import RelayWorker
from worker.service import delivery_service

_LOG: Final = structlog.get_logger()
_TIMINGS: Final = Timings()
_LAST_LOOKUPS_S: Final = 3.0


def main() -> None:
    """Exits 1 with the faults when settings or relay.toml are not usable, or Redis holds data of
    another version.
    """
    require_patched()
    try:
        settings = load_settings()
        log.configure(settings.log_level)
        service = delivery_service()
    except (SettingsError, ConfigError) as error:
        sys.exit(f"{error}")
    # What is loaded stays: the collector need not look through it again and again.
    gc.collect()
    gc.freeze()
    announce(service.ledger.redis, settings.durability)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _exit)  # until the worker puts its own in place
    try:
        run(settings)
    except SchemaMismatch as mismatch:
        exit_process(mismatch)


def _exit(_signal: int, _frame: FrameType | None) -> None:
    """Nothing is begun yet. An exception would end whichever greenlet has its turn, and no more."""
    os._exit(0)


def run(settings: Settings, *, burst: bool = False) -> None:
    """Work until a signal says stop; a Redis that is not there yet is waited for.

    Raises:
        SchemaMismatch: Redis holds data in another format.
        RuntimeError: a greenlet or thread has ended, that of the look-ups among them.
    """
    worker: RelayWorker | None = None
    lookups = open_lookups(settings)
    beside: dict[str, Lookups | PrivacyWatch] = {"privacy": open_privacy(settings)}
    if lookups:
        beside["lookups"] = lookups
    threads = {
        name: threading.Thread(target=one.run, name=name, daemon=True)
        for name, one in beside.items()
    }
    for thread in threads.values():
        thread.start()

    def step() -> None:
        nonlocal worker
        if worker is not None and worker.stopping:
            return  # asked to stop while it waited
        before, worker = worker, make_worker(settings)
        if before is not None and before.stopping:
            return
        for thread in threads.values():
            worker.depend_on(thread)
        worker.work(burst=burst, logging_level="WARNING")

    try:
        retry_while_disconnected(
            step,
            abandon=lambda: burst or (worker is not None and worker.stopping),
            on_error=lambda error: _LOG.warning("worker.waits_for_redis", error=error_name(error)),
            errors=(OSError, RedisError),
        )
    finally:
        for one in beside.values():
            one.stop()
    if lookups:
        # An answer that is under way may have the only copy of a refresh token in it.
        threads["lookups"].join(_LAST_LOOKUPS_S)


def open_privacy(settings: Settings) -> PrivacyWatch:
    """What works off the privacy requests of platforms."""
    return PrivacyWatch(PrivacyRequests(delivery_service().ledger, Pseudonyms.open(settings)))


def open_lookups(settings: Settings) -> Lookups | None:
    """What makes the look-ups, where a source has credentials for them.

    Platforms are loaded only then: they take memory that a worker has no other use for.
    """
    file = relay_toml.load(settings.config_file, settings.environ)
    if not any(entry.credentials for entry in file.sources.values()):
        return None
    from relay import sources  # noqa: PLC0415  see above

    service = delivery_service()
    queue = open_queue(service.ledger.redis, settings.queue, settings.job_timeout_s)
    return Lookups(
        service.ledger,
        JobStore.open(queue, settings),
        sources.load(settings.config_file, settings.environ, settings.dedup_s).sources,
        user_agent=settings.user_agent,
        proxy=settings.outbound_proxy,
    )


def make_worker(settings: Settings, timings: Timings = _TIMINGS) -> RelayWorker:
    service = delivery_service()
    queue = open_queue(service.ledger.redis, settings.queue, settings.job_timeout_s)
    require_schema(queue.connection)
    return RelayWorker(
        queue,
        service=service,
        intake=JobStore.open(queue, settings),
        concurrency=settings.concurrency,
        grace_s=settings.shutdown_grace_s,
        sweep_s=settings.sweep_s,
        timings=timings,
    )
