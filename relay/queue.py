"""The RQ queues, one for each way a source takes to a destination, and what is in a job of ours.

Jobs are genuine RQ jobs with JSON arguments: a stock `rq.SimpleWorker` can run them. A job
carries a record id and nothing else; the ledger has the rest. What is true is in the ledger, RQ
only wakes workers.
"""

import json
import re
from typing import Final

from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer

# By name: the web half never imports the worker.
TASK: Final = "worker.tasks.deliver"
# An idle worker waits at this key; the scripts that queue a job push to it.
WAKEUP: Final = "relay:wakeup"
# With the default time-outs; settings that change these change this too.
JOB_TIMEOUT_S: Final = 170
# RQ keeps 5 kB of a finished job; what became of the event is in the ledger.
RESULT_TTL_S: Final = 60
FAILURE_TTL_S: Final = 30 * 24 * 3600
# rq-dashboard writes descriptions into its page unescaped.
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9 ._/:@-]")


def open_queue(redis: Redis, name: str, job_timeout_s: int = JOB_TIMEOUT_S) -> Queue:
    return Queue(name, connection=redis, default_timeout=job_timeout_s, serializer=JSONSerializer)


def queue_name(base: str, destination: str, source: str) -> str:
    """`mercately.principal.shopify`: apart, so that a flood in one holds up no other."""
    return f"{base}.{destination}.{source}"


def description(source: str, topic: str) -> str:
    """`shopify orders/create`; a topic is the sender's text, so it is cut."""
    return f"{source} {_UNSAFE.sub('_', topic)[:60]}"


def job_data(record_id: str) -> str:
    """The call, as RQ's JSON serializer reads it; short, so that Redis keeps the hash compact."""
    return json.dumps([TASK, None, [record_id], {}], separators=(",", ":"))
