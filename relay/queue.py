"""The one RQ queue, and what a job of ours looks like in it.

Jobs are genuine RQ jobs with JSON arguments: a stock `rq.SimpleWorker` can run them. A job
carries a record id and nothing else; the ledger has the rest. What is true is in the ledger, RQ
only wakes workers.
"""

import re
from datetime import datetime
from typing import Any, Final

from redis import Redis
from rq import Queue
from rq.job import JobStatus
from rq.serializers import JSONSerializer

# By name: the web half never imports the worker.
TASK: Final = "worker.tasks.deliver"
# With the default lease; settings that change the lease change this too.
JOB_TIMEOUT_S: Final = 170
_RESULT_TTL_S: Final = 24 * 3600
_FAILURE_TTL_S: Final = 30 * 24 * 3600
# rq-dashboard writes descriptions into its page unescaped.
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9 ._/:@-]")


def open_queue(redis: Redis, name: str, job_timeout_s: int = JOB_TIMEOUT_S) -> Queue:
    return Queue(name, connection=redis, default_timeout=job_timeout_s, serializer=JSONSerializer)


def description(source: str, topic: str, destination: str, record_id: str) -> str:
    """`shopify orders/create -> principal (01J…)`; a topic is the sender's text, so it is cut."""
    return f"{source} {_UNSAFE.sub('_', topic)[:60]} -> {destination} ({record_id})"


def job_fields(
    queue: Queue, job_id: str, record_id: str, text: str, now: datetime
) -> dict[str, Any]:
    """The Redis hash of a job that is already in the queue, as RQ itself would write it."""
    job = queue.create_job(
        TASK,
        args=(record_id,),
        job_id=job_id,
        description=text,
        result_ttl=_RESULT_TTL_S,
        failure_ttl=_FAILURE_TTL_S,
        status=JobStatus.QUEUED,
    )
    job.created_at = job.enqueued_at = now
    fields: dict[str, Any] = job.to_dict()
    return fields


def job_key(job_id: str) -> str:
    return f"rq:job:{job_id}"
