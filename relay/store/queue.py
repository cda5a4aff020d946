"""The RQ queues, one per pair of destination and source, and the content of their jobs.

Jobs are ordinary RQ jobs with JSON arguments, which a stock `rq.SimpleWorker` can run. The only
argument is a record id. The state of a delivery is in the ledger; RQ decides only when a worker
looks at it.
"""

import re
from datetime import datetime
from typing import Any, Final

import msgspec
from redis import Redis
from rq import Queue
from rq.exceptions import DeserializationError
from rq.job import Job
from rq.serializers import JSONSerializer

# A name, because the web process must not import the worker.
TASK: Final = "worker.tasks.deliver"
# For the default HTTP time-outs; `Settings.job_timeout_s` follows the configured ones.
JOB_TIMEOUT_S: Final = 405
# A finished job takes 5 kB in RQ; its outcome is in the ledger.
RESULT_TTL_S: Final = 60
FAILURE_TTL_S: Final = 30 * 24 * 3600
_ENCODER: Final = msgspec.json.Encoder()
# rq-dashboard does not escape descriptions.
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9 ._/:@-]")


def rq_time(at: datetime) -> str:
    """A time in UTC as RQ writes it, in a third of the time that its `utcformat` takes."""
    return f"{at.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


class ForeignJob(Exception):
    """A job that is none of the relay's: it is not run."""

    def __init__(self) -> None:
        super().__init__(f"This job is not run: only {TASK} with the id of a record is.")


class RelayJob(Job):
    """RQ's job, as far as the relay runs one.

    RQ imports and calls whatever function, callback or webhook a job names. Who can write to Redis
    must not run code with the worker's rights, nor send requests from its place in the network: of
    what is read, only `TASK` is called.
    """

    @property
    def is_ours(self) -> bool:
        """Whether it calls `TASK`, as `job_data` says it."""
        try:
            name, instance, args, kwargs = self.func_name, self.instance, self.args, self.kwargs
        except DeserializationError:
            return False
        is_one_id = isinstance(args, list) and len(args) == 1 and isinstance(args[0], str)
        return name == TASK and instance is None and is_one_id and kwargs == {}

    @property
    def func(self) -> Any:
        """The function to call.

        Raises:
            ForeignJob: it is not `TASK`.
        """
        if not self.is_ours:
            raise ForeignJob
        return super().func

    def restore(self, raw_data: Any) -> Any:
        """Read a hash of Redis; RQ calls callbacks also while it cleans up registries."""
        super().restore(raw_data)
        self._success_callback_name = self._failure_callback_name = None
        self._stopped_callback_name = None
        self.webhooks = []


def open_queue(redis: Redis, name: str, job_timeout_s: int = JOB_TIMEOUT_S) -> Queue:
    return Queue(
        name,
        connection=redis,
        default_timeout=job_timeout_s,
        job_class=RelayJob,
        serializer=JSONSerializer,
    )


def queue_name(base: str, destination: str, source: str) -> str:
    """`mercately.principal.shopify`: one queue each, so that a flood delays no other source."""
    return f"{base}.{destination}.{source}"


def description(source: str, topic: str) -> str:
    """`shopify orders/create`, escaped and cut: a topic is text from outside."""
    return f"{source} {_UNSAFE.sub('_', topic)[:60]}"


def job_data(record_id: str) -> str:
    """The call in the format of RQ's JSON serializer; short, so that the hash stays a listpack."""
    return _ENCODER.encode((TASK, None, (record_id,), {})).decode()
