"""Attempts as a worker writes them, without a worker."""

from dataclasses import replace

from relay.model import Outcome, State, Verdict
from relay.store.ledger import Attempt, Ledger
from relay.store.record import Record
from tests.worker.factories import Harness


def attempt(record, verdict, *, releases_lane=False, redelivery_count=0, **changes) -> Attempt:
    """An attempt at a record, now; `changes` are to its outcome."""
    delay_s = 300.0 if verdict in (Verdict.RETRY, Verdict.PAUSED) else 0.0
    outcome = Outcome(verdict, f"because_{verdict}", status=418, delay_s=delay_s)
    return Attempt(
        record,
        replace(outcome, **changes),
        took_s=0.25,
        releases_lane=releases_lane,
        redelivery_count=redelivery_count,
    )


def write_attempt(ledger: Ledger, record: Record, verdict: Verdict, **changes) -> bool:
    """Whether the outcome was written."""
    (written,) = ledger.record_attempts([attempt(record, verdict, **changes)])
    return written


def close(harness: Harness, record_id: str, state: State) -> Record:
    """Write the one attempt that brings an open record into a state."""
    outcome = Outcome(Verdict(state.value), f"because_{state}")
    (written,) = harness.ledger.record_attempts(
        [Attempt(harness.record(record_id), outcome, took_s=0)]
    )
    assert written
    return harness.record(record_id)
