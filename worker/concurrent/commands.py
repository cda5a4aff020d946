"""Signals, and the commands that RQ sends to workers."""

from collections.abc import Sequence
from types import FrameType
from typing import Any, Final, Protocol, cast

from redis import RedisError
from redis.client import PubSub, PubSubWorkerThread
from rq import Queue
from rq.command import parse_payload
from rq.utils import now
from rq.worker import BaseWorker

from worker.concurrent import greenlets
from worker.concurrent.execution import ExecutionTable, JobExecution, JobStopped
from worker.concurrent.finalize import STOPPED_JOB_ID
from worker.concurrent.greenlets import Pool, Wakeup
from worker.concurrent.reconnect import LONGEST_WAIT_S

_LISTENER: Final = "command-listener"


class Part(Protocol):
    """A thread that a worker cannot do without."""

    name: str

    def is_alive(self) -> bool: ...


class PartEnded(Exception):
    """A part of a worker is not there any more."""


class CommandedWorker(BaseWorker):
    """An RQ worker that runs several jobs, each of which is stopped by itself.

    `stopping` is True once it was asked to stop, `forced` once it was asked again; `wakeup` wakes
    the main loop to see that. `running` has what it runs.
    """

    pool: Pool[JobExecution]

    def __init__(self, queues: Sequence[Queue], **options: Any) -> None:
        super().__init__(queues, **options)
        self.wakeup = Wakeup()
        self.running = ExecutionTable(self.executions)
        self.forced = False
        self._dead_part: tuple[str, BaseException] | None = None
        self._parts: list[Part] = []

    @property
    def stopping(self) -> bool:
        """Whether it was asked to stop."""
        return self._stop_requested

    def _install_signal_handlers(self) -> None:
        if greenlets.in_main_thread():
            super()._install_signal_handlers()  # type: ignore[no-untyped-call]  # RQ has no types here

    def request_stop(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002  RQ's
        """Stop; asked again, at once. In a signal handler: nothing here may take a lock."""
        requested_at = self._shutdown_requested_date
        if requested_at is None:
            self._shutdown_requested_date = now()
            self._stop_requested = True
        # As in RQ: within a second it is the same request, from a terminal and from a supervisor.
        elif (now() - requested_at).total_seconds() >= 1:
            self.forced = True
        self.wakeup.set()

    def on_death(self, name: str, error: BaseException) -> None:
        """A part of this worker has ended by an error: end too. Called in the hub."""
        self._dead_part = self._dead_part or (name, error)
        self._stop_requested = True
        self.wakeup.set()

    def depend_on(self, part: Part) -> None:
        """End when a thread has ended that this worker did not start."""
        self._parts.append(part)

    def end_with_its_parts(self) -> None:
        """Look whether all threads are alive, which nobody else would notice."""
        if self.stopping:
            return
        for part in self._parts:
            if not part.is_alive():
                self.on_death(part.name, PartEnded())
        listener = cast("Part | None", self.pubsub_thread)
        if listener and not listener.is_alive():
            self.on_death(_LISTENER, PartEnded())

    def raise_if_dead(self) -> None:
        """
        Raises:
            RuntimeError: a part of this worker has ended by an error.
        """
        if self._dead_part:
            name, error = self._dead_part
            raise RuntimeError(f"The worker has ended: its {name} did") from error

    def handle_payload(self, message: dict[str, Any]) -> None:
        """Handle a command. `stop-job` names a job, of which several executions may run here.

        Anybody may publish anything: what is none of these commands is ignored, since an error
        would end the thread that listens.
        """
        try:
            payload = parse_payload(message)
            command = payload.get("command")
        except (ValueError, AttributeError):
            command = None
        if command == "stop-job":
            for execution in self.running:
                if execution.job.id == payload.get("job_id"):
                    self.request_stop_execution(execution.id)
        elif command == "stop-execution":
            self.request_stop_execution(str(payload.get("execution_id", "")))
        elif command == "shutdown":
            super().handle_payload(message)  # type: ignore[no-untyped-call]  # RQ has no types here
        else:
            self.log.warning("Worker %s: not a command for it, ignored", self.name)

    def request_stop_execution(self, execution_id: str) -> None:
        execution = self.running.get(execution_id)
        if execution is None:
            self.log.warning("Not running execution %s, command ignored.", execution_id)
            return
        execution.stopped = True
        self.pool.interrupt(execution, JobStopped())

    @property
    def _stopped_job_id(self) -> str | None:
        """RQ's note of the job that was stopped; here of the one that this greenlet writes."""
        return STOPPED_JOB_ID.get()

    @_stopped_job_id.setter
    def _stopped_job_id(self, job_id: str | None) -> None:
        STOPPED_JOB_ID.set(job_id)

    def _pubsub_exception_handler(
        self,
        exc: Exception,
        pubsub: PubSub,  # noqa: ARG002  RQ's
        pubsub_thread: PubSubWorkerThread,
    ) -> None:
        """Go on listening for commands after any error of Redis, not only a lost connection."""
        if not isinstance(exc, RedisError):
            self.on_death(_LISTENER, exc)
            pubsub_thread.stop()
            return
        greenlets.sleep(LONGEST_WAIT_S)
