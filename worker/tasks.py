"""One delivery, from RQ job to outcome: start reading here.

    job -> record -> customer -> HTTP -> outcome -> ledger

RQ runs `deliver` with a record id. The ledger (`relay/store/ledger.py`) has the record: its state,
its call and its attempts. The outcome of an attempt says what is next (`worker/retry.py`):

- 2xx that is no page: `delivered`, even where the rest of the answer breaks off.
- 408, 425, 429, 5xx, a page of a proxy (with 200 too), a look-up answered oddly, or no answer:
  `retry` after the next delay of the destination's `retry_schedule`, or after `Retry-After` if that
  is later; `dead` when the schedule is used up. 429 and 503 also halve the destination's rate, and
  failures in a row open its circuit breaker (`worker/throttle.py`).
- 302 without `Location`, 400, 422 and any other status: Mercately rejects the event for good:
  `dead`.
- 3xx with `Location`, or 400, 401 or 403 and a probe (`GET /agents`, or the destination's `probe`)
  that finds the API key rejected: `paused`, which uses up no attempt. Workers probe every 30 s;
  where a probe says nothing, one event every 5 minutes finds out.
- Mercately does not know the customer (404): `held` for a person, or the customer is created, or
  the event is `discarded`, as the destination's `on_absent` says. What is held is tried again once
  a day. A customer who is somebody else than was asked for is `held` too.

RQ only has to run the job again when it is due. The record stays open until its outcome is
written, so a worker that dies at any point loses nothing. `worker/relay_worker.py` takes the same
steps for many jobs at a time.
"""

import math
import time
from typing import Final

from rq import Retry

from relay.model import Outcome, Verdict
from worker.attempt import attempt_delivery
from worker.service import DeliveryService, delivery_service
from worker.throttle import DEGRADED

# The ledger counts attempts; RQ must never be the one to give up.
_RQ_RETRIES_MAX: Final = 1_000_000_000
_WAIT_IN_JOB_MAX_S: Final = 10.0


def deliver(record_id: str) -> str | Retry:
    """Make one attempt to deliver a record: the function that RQ runs."""
    return deliver_record(delivery_service(), record_id)


def deliver_record(service: DeliveryService, record_id: str) -> str | Retry:
    """One attempt, under a stock RQ worker: the text RQ keeps, or when to run the job again.

    Raises:
        DeliveryFault: a bug of ours; the record is still open, and due again.
    """
    (task,) = service.read_tasks([record_id])
    if task.target:
        wait_s = task.target.throttle.reserve(_WAIT_IN_JOB_MAX_S)
        if wait_s > _WAIT_IN_JOB_MAX_S:  # waiting in Redis costs no worker
            return rq_retry(wait_s)
        time.sleep(wait_s)
        # A stock worker claims jobs without looking at the throttle: it reports every result.
        task.target.throttle.state = task.target.throttle.half_open_reason() or DEGRADED
    try:
        outcome = attempt_delivery(task)
    finally:
        service.record_attempts([task])
    return rq_result(outcome) if outcome else task.skip_reason


def rq_result(outcome: Outcome) -> str | Retry:
    """The return value of an RQ job for an outcome: a text to keep, or when to run it again."""
    if outcome.verdict in (Verdict.RETRY, Verdict.PAUSED):
        return rq_retry(outcome.delay_s)
    verdict, reason = outcome.verdict.value, outcome.reason
    return verdict if verdict == reason else f"{verdict}: {reason}"


def rq_retry(delay_s: float) -> Retry:
    """Makes RQ run the job again in `delay_s` seconds, at least one."""
    return Retry(max=_RQ_RETRIES_MAX, interval=max(1, math.ceil(delay_s)), enqueue_at_front=True)
