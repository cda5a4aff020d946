"""How often a worker does what it does regularly."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timings:
    """Intervals of a worker, in seconds. Workers of one Redis should have the same `lease_s`.

    `lease_s` is how long a worker that sends nothing still has its jobs; `heartbeat_s`, less than
    half of it, is how often it renews that, unless none of its greenlets had a turn for `stuck_s`.
    `tick_s` is how often it looks at time-outs and registrations. `register_after_s` is how long a
    job runs before RQ's registries show it, and `register_again_s` how often that is renewed;
    `worker_heartbeat_s` how often the worker's own entry is. `promote_s` is how often scheduled
    jobs are looked for, `suspended_s` how often a suspended worker looks whether it is resumed,
    `maintain_s` how often `maintain` runs. Of an idle worker, `block_s` is how long it blocks on
    one key, `poll_s` how often it looks at several.
    """

    lease_s: float = 5.0
    heartbeat_s: float = 2.0
    stuck_s: float = 60.0
    tick_s: float = 0.5
    register_after_s: float = 0.5
    register_again_s: float = 30.0
    worker_heartbeat_s: float = 10.0
    promote_s: float = 5.0
    suspended_s: float = 1.0
    maintain_s: float = 1.0
    block_s: float = 4.0
    poll_s: float = 1.0
