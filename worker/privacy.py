"""Works off the privacy requests that platforms sent, beside the deliveries."""

import threading
import time
from typing import Final

import structlog
from redis import RedisError

from config import log
from relay.store.privacy import PrivacyRequests

_LOG: Final = structlog.get_logger()
_LOOK_EVERY_S: Final = 30.0
# A burst of requests gathers meanwhile, and is worked off in one pass over all records.
_PAUSE_S: Final = 60.0


class PrivacyWatch:
    """Looks for requests until the process ends; one per process, one pass at a time among all."""

    def __init__(
        self,
        requests: PrivacyRequests,
        *,
        look_every_s: float = _LOOK_EVERY_S,
        pause_s: float = _PAUSE_S,
    ) -> None:
        self._requests = requests
        self._look_every_s = look_every_s
        self._pause_s = pause_s
        self._stopping = threading.Event()

    def run(self) -> None:
        """Until `stop`; a Redis that is away is waited for."""
        while not self._stopping.wait(self._look_every_s):
            try:
                if len(self._requests):
                    self._work_off()
            except RedisError:
                continue
            except Exception as error:  # noqa: BLE001  a bug must not end what a law demands
                _LOG.error("privacy.crashed", place=log.error_location(error))
                self._stopping.wait(self._pause_s)

    def stop(self) -> None:
        self._stopping.set()

    def _work_off(self) -> None:
        began_at = time.monotonic()
        done = self._requests.work_off()
        if done.read or done.forgotten or done.listed:
            _LOG.warning(
                "privacy.worked_off",
                forgotten=done.forgotten,
                listed=done.listed,
                records_read=done.read,
                records_deleted=dict(done.records),
                waiting_deleted=done.waiting,
                cached_ids_deleted=done.cached,
                ms=round((time.monotonic() - began_at) * 1000),
            )
        self._stopping.wait(self._pause_s)
