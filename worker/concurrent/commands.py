"""What a worker is told from outside: signals, and the commands RQ sends."""

import signal
import threading
import time
from collections.abc import Sequence
from types import FrameType
from typing import Any

from redis import RedisError
from redis.client import PubSub, PubSubWorkerThread
from rq import Queue
from rq.command import parse_payload
from rq.utils import now
from rq.worker import BaseWorker

from worker.concurrent.execution import JobExecution, JobStopped
from worker.concurrent.pool import Pool
from worker.concurrent.reconnect import LONGEST_WAIT_S
from worker.concurrent.wakeup import Wakeup


class CommandedWorker(BaseWorker):
    """One that runs several jobs, so that each is stopped by itself.

    Told to stop it is `stopping`, told so twice `forced`; `wakeup` wakes who waits to see that.
    """

    pool: Pool

    def __init__(self, queues: Sequence[Queue], **options: Any) -> None:
        super().__init__(queues, **options)
        self.wakeup = Wakeup()
        self.running: dict[str, JobExecution] = {}
        self.forced = False

    def _install_signal_handlers(self) -> None:
        if threading.current_thread() is threading.main_thread():
            super()._install_signal_handlers()  # type: ignore[no-untyped-call]  # RQ has no types here

    def request_stop(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002  RQ's
        """Stop; asked again, at once. In a signal handler: nothing here may take a lock."""
        asked_at = self._shutdown_requested_date
        if asked_at is None:
            self._shutdown_requested_date = now()
            self._stop_requested = True
        # Some hosts say SIGTERM twice in one breath; a person at a keyboard means it.
        elif signum == signal.SIGINT or (now() - asked_at).total_seconds() > 1:
            self.forced = True
        self.wakeup.set()

    @property
    def stopping(self) -> bool:
        """Whether it was told to stop."""
        return self._stop_requested

    def handle_payload(self, message: dict[str, Any]) -> None:
        """Commands name a job, of which this worker may run several."""
        payload = parse_payload(message)
        if payload.get("command") == "stop-job":
            for run in list(self.running.values()):
                if run.job.id == payload.get("job_id"):
                    self.request_stop_execution(run.rq_execution.id)
            return
        super().handle_payload(message)  # type: ignore[no-untyped-call]  # RQ has no types here

    def request_stop_execution(self, execution_id: str) -> None:
        run = self.running.get(execution_id)
        if run is None:
            self.log.warning("Not running execution %s, command ignored.", execution_id)
            return
        run.stopped = True
        self.pool.interrupt(run, JobStopped)

    def _pubsub_exception_handler(
        self, exc: Exception, pubsub: PubSub, pubsub_thread: PubSubWorkerThread
    ) -> None:
        """Commands are heard again as soon as Redis is back."""
        if not isinstance(exc, RedisError):
            super()._pubsub_exception_handler(exc, pubsub, pubsub_thread)
        time.sleep(LONGEST_WAIT_S)
