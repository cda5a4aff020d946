"""Intervals of workers under test."""

from dataclasses import replace

from worker.concurrent import Timings

# All but the lease at a tenth of the usual times: a busy machine must not lose a lease by chance.
FAST = Timings(
    tick_s=0.05,
    register_after_s=0.05,
    register_again_s=3.0,
    worker_heartbeat_s=1.0,
    promote_s=0.5,
    suspended_s=0.1,
    maintain_s=0.1,
    block_s=0.4,
    poll_s=0.1,
)
# Looks for due jobs so seldom that a test would fail that waits for it.
SELDOM = replace(FAST, promote_s=60.0)
# A lease as short as a busy machine allows, for tests in which it expires.
SHORT_LEASE = replace(FAST, lease_s=1.5, heartbeat_s=0.3)
