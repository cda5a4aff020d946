"""Gives open records whose RQ job was lost a new one.

A stock worker can lose a job between two of its own steps, and a person can delete one; the record
stays open. Every worker may sweep at the same time, since each step is one script.
"""

import time
from typing import Final

import structlog

from relay.store.job_store import JobStore
from relay.store.ledger import Ledger
from worker.retry import CUSTOMER_REASONS

_LOG: Final = structlog.get_logger()
_BATCH: Final = 100
_SWEEP_AT_MOST_S: Final = 1.0
_STRANGE_AGAIN_S: Final = 3600.0
_ABSENT_AGAIN_S: Final = 24 * 3600.0
# Of each round; in a day they are more than RELAY_HELD_MAX by default.
_ABSENT_AT_ONCE: Final = 40


def sweep(ledger: Ledger, jobs: JobStore) -> int:
    """Give overdue open records that lost their job a new one, and what has waited until its time
    its first; how many there were.

    Reads at most as many records as fit into one second.
    """
    now = ledger.now()
    requeued = jobs.promote_waiting(now=now)
    stop_at = time.monotonic() + _SWEEP_AT_MOST_S
    while (record_ids := ledger.overdue(now, _BATCH)) and time.monotonic() < stop_at:
        requeued += sum(_reconcile(record_id, ledger, jobs) for record_id in record_ids)
    return requeued


def retry_absent(ledger: Ledger, jobs: JobStore) -> int:
    """Try again what is held for a customer whom Mercately did not know a day ago; how many.

    Merchants create the customer later. A few at a time, so that new events need not wait behind
    many; each waits for a person all the same, since it was held first, for `held_keep`.
    """
    retried = 0
    absent, _ = CUSTOMER_REASONS
    for record_id, held_since_s in ledger.held_for(absent, ledger.now() - _ABSENT_AGAIN_S):
        record = ledger.get(record_id)
        if record is None or record.reason != absent:
            continue
        retried += jobs.replay(record, held_since_s=held_since_s) == "requeued"
        if retried == _ABSENT_AT_ONCE:
            break
    return retried


def _reconcile(record_id: str, ledger: Ledger, jobs: JobStore) -> bool:
    """Requeue a record whose job is gone; whether it was."""
    record = ledger.get(record_id)
    if record is None:
        ledger.drop_absent(record_id)
        return False
    if record.fault == "state":  # written by another version: left for that version
        ledger.postpone_check(record_id, ledger.now() + _STRANGE_AGAIN_S)
        return False
    outcome = jobs.requeue_lost(record)
    if outcome not in ("requeued", "returned"):
        return False
    _LOG.warning("record.requeued", record_id=record_id, how=outcome)
    return True
