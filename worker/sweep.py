"""The net under RQ: records whose job was lost get a new one.

A stock worker can lose a job between two of its own steps, and a person can delete one. The ledger
cannot: an open record that nobody has touched in time is looked at here. Every worker may do so at
once; each step is one script.
"""

import time
from typing import Final

import structlog

from relay.store.job_store import JobStore
from relay.store.ledger import Ledger

_LOG: Final = structlog.get_logger()
_BATCH: Final = 100
_SWEEP_AT_MOST_S: Final = 1.0
_STRANGE_AGAIN_S: Final = 3600.0


def sweep(ledger: Ledger, intake: JobStore) -> int:
    """Look at open records that are overdue; how many needed a new job or were put back."""
    revived = 0
    stop_at = time.monotonic() + _SWEEP_AT_MOST_S
    while (found_ids := ledger.overdue(time.time(), _BATCH)) and time.monotonic() < stop_at:
        revived += sum(_reconcile(record_id, ledger, intake) for record_id in found_ids)
    return revived


def _reconcile(record_id: str, ledger: Ledger, intake: JobStore) -> bool:
    """Whether the record needed help."""
    record = ledger.get(record_id)
    if record is None:
        ledger.drop_absent(record_id)
        return False
    if record.fault == "state":  # of another version: not ours to move, and never lost
        ledger.postpone_check(record_id, time.time() + _STRANGE_AGAIN_S)
        return False
    found = intake.requeue_lost(record)
    if found not in ("requeued", "returned"):
        return False
    _LOG.warning("record.revived", record_id=record_id, how=found)
    return True
