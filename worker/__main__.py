"""`python -m worker`: run the worker on the one queue until told to stop."""

import sys
import time
from typing import Final

import structlog
from redis import RedisError
from rq.exceptions import StopRequested

from config import log
from config.relay_toml import ConfigError
from config.settings import Settings, SettingsError, load as load_settings
from relay.connection import connect
from relay.intake import Intake
from relay.queue import open_queue
from worker import tasks
from worker.engine import RelayWorker

_LOG: Final = structlog.get_logger()
_RESTART_AFTER_S: Final = 1.0


def main() -> None:
    """Exits 2 with the faults when the settings or relay.toml are not usable."""
    try:
        settings = load_settings()
        log.configure(settings.log_level)
        tasks.station()
    except (SettingsError, ConfigError) as error:
        sys.exit(f"{error}")
    run(settings)


def run(settings: Settings, *, burst: bool = False) -> None:
    """Work until a signal says stop; a worker that RQ ends for a lost Redis is started anew."""
    worker: RelayWorker | None = None
    while True:
        try:
            worker = make_worker(settings)
            worker.work(burst=burst, logging_level="WARNING")
        except (OSError, RedisError) as error:
            _LOG.warning("worker.interrupted", error=type(error).__name__)
        # RQ has no public word for it. It holds even where saying goodbye to Redis failed.
        if burst or (worker is not None and worker._shutdown_requested_date):  # noqa: SLF001
            return
        try:
            time.sleep(_RESTART_AFTER_S)
        except StopRequested:  # the signal came in between two workers
            return


def make_worker(settings: Settings) -> RelayWorker:
    queue = open_queue(connect(settings), settings.queue, settings.job_timeout_s)
    return RelayWorker(
        queue,
        ledger=tasks.station().ledger,
        intake=Intake.open(queue, settings),
        sweep_s=settings.sweep_s,
    )


if __name__ == "__main__":
    main()
