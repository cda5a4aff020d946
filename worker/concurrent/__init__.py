"""An RQ worker that runs many jobs at once, as greenlets on one core, and loses none.

Its process has to import `relay.patched`, or call gevent's `patch_all`, before anything else.

It claims jobs in batches. Each claim is under a lease of 5 s, which heartbeats renew: when they
stop, another worker of this kind reclaims the jobs. They come from a thread, so that a job which
computes for long keeps the others waiting and nobody's lease from being renewed (test_busy). A job
therefore runs at least once. The package knows nothing of what jobs do. Producers, `rq` on the
command line, rq-dashboard and stock workers see a worker like any other. The tests named here are
in tests/worker/concurrent.

What holds of RQ
- Jobs as functions with arguments, any serializer, results, meta, `result_ttl`, `failure_ttl`:
  test_as_stock.test_leaves_what_stock_leaves
- Retries, on failure and returned, at once, later or used up: the same test;
  test_running.test_a_job_whose_time_was_up_may_try_again
- Scheduled jobs, with or without RQ's scheduler beside: test_due; test_running.
  test_what_others_schedule_is_promoted_too
- Job time-outs, by an exception where the job waits: test_running.
  test_time_is_up_for_one_and_not_for_others. A command to Redis is never cut off half way:
  test_greenlets.test_a_redis_command_is_never_interrupted_half_way
- Commands `stop-job`, `stop-execution`, `shutdown`: test_running.test_one_of_several_is_stopped,
  test_an_execution_is_stopped, test_on_a_shutdown_command_it_finishes_what_it_has_begun
- Suspend and resume: test_running.test_suspended_it_takes_nothing_and_resumed_it_goes_on
- Burst mode: test_running.test_burst_stays_for_what_its_jobs_enqueue
- Queue priority by order: test_running.test_queues_are_emptied_one_after_the_other
- Registries (started, finished, failed, scheduled, deferred), executions, worker entries, states
  and counts, as `rq info` and dashboards show them: test_seen.test_rq_info_shows_it,
  test_a_worker_is_seen_at_work_and_gone_after. Executions under 0.5 s are not all shown: test_seen.
  test_while_many_short_jobs_run_one_of_them_is_seen
- Delete, cancel and requeue, while a job waits or runs: test_running.
  test_deleted_or_canceled_while_it_waits_a_job_does_not_run,
  test_deleted_while_it_runs_a_job_stays_deleted; test_as_stock (requeued)
- Exception handlers: test_running.test_exception_handlers_are_called_in_turn_until_one_says_no
- Stock workers on the same queues: test_running.
  test_stock_worker_and_ours_share_a_queue_and_every_job_runs_once
- Shutdown by signal: running jobs end within `grace_s`, others return to their queues; a second
  SIGINT does not wait: test_ends.test_on_sigterm_it_finishes_what_it_can_and_requeues_the_rest

What does not hold
- Callbacks, webhooks, repeats, groups, RQ's rate limits, `ttl`, and jobs that others depend on: the
  job fails before it runs, in the failed registry with a sentence that names the feature, and is
  not retried (test_unsupported). Its dependents stay deferred. One that gets dependents while it
  runs fails afterwards. A job with dependencies runs once a stock worker has queued it.
- `max_jobs`, `max_idle_time`, `dequeue_strategy`: `work` raises NotImplementedError
  (test_running.test_options_it_does_not_have_are_refused).
- `kill-horse`: ignored, since there is no process to kill.
- A job that computes, or blocks in C, is not interrupted before it waits for something, and no
  other job goes on meanwhile; after a minute of that its worker's jobs are others'. Work horses,
  custom death penalties and `job_monitoring_interval` mean nothing here.

RQ's internals that this relies on are named in test_rq_internals; pyproject.toml pins the versions.
"""

from worker.concurrent.claims import PROBE_INTERVAL_S, ClaimResult, QueueGroup, RateLimit
from worker.concurrent.execution import JobExecution, JobStopped, Requeue
from worker.concurrent.features import Refused
from worker.concurrent.timings import Timings
from worker.concurrent.worker import ConcurrentWorker

__all__ = [
    "PROBE_INTERVAL_S",
    "ClaimResult",
    "ConcurrentWorker",
    "JobExecution",
    "JobStopped",
    "QueueGroup",
    "RateLimit",
    "Refused",
    "Requeue",
    "Timings",
]
