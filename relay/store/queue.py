"""The RQ queues, one per pair of destination and source, and the content of their jobs.

Jobs are ordinary RQ jobs with JSON arguments, which a stock `rq.SimpleWorker` can run. The only
argument is a record id. The state of a delivery is in the ledger; RQ decides only when a worker
looks at it.
"""

import json
import re
from typing import Final

from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer

# A name, because the web process must not import the worker.
TASK: Final = "worker.tasks.deliver"
# For the default HTTP time-outs; `Settings.job_timeout_s` follows the configured ones.
JOB_TIMEOUT_S: Final = 370
# A finished job takes 5 kB in RQ; its outcome is in the ledger.
RESULT_TTL_S: Final = 60
FAILURE_TTL_S: Final = 30 * 24 * 3600
# Made once, which `json.dumps` does not do.
_encode: Final = json.JSONEncoder(separators=(",", ":")).encode
# rq-dashboard does not escape descriptions.
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9 ._/:@-]")


def open_queue(redis: Redis, name: str, job_timeout_s: int = JOB_TIMEOUT_S) -> Queue:
    return Queue(name, connection=redis, default_timeout=job_timeout_s, serializer=JSONSerializer)


def queue_name(base: str, destination: str, source: str) -> str:
    """`mercately.principal.shopify`: one queue each, so that a flood delays no other source."""
    return f"{base}.{destination}.{source}"


def description(source: str, topic: str) -> str:
    """`shopify orders/create`, escaped and cut: a topic is text from outside."""
    return f"{source} {_UNSAFE.sub('_', topic)[:60]}"


def job_data(record_id: str) -> str:
    """The call in the format of RQ's JSON serializer; short, so that the hash stays a listpack."""
    return _encode([TASK, None, [record_id], {}])
