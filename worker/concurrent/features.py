"""Features of RQ that a job can ask for and this worker does not have."""

from collections.abc import Mapping
from typing import Final

from rq.defaults import RQ_KEY_PREFIX
from rq.worker import BaseWorker

_FIELDS: Final[Mapping[bytes, str]] = {
    b"success_callback_name": "callbacks (on_success)",
    b"failure_callback_name": "callbacks (on_failure)",
    b"stopped_callback_name": "callbacks (on_stopped)",
    b"webhooks": "webhooks",
    b"repeats_left": "repeats",
    b"group_id": "groups",
    b"rate_limit_key": "RQ's rate limits",
    b"ttl": "a time to live in the queue (ttl)",
}
DEPENDENTS: Final = "dependents (depends_on)"


class Refused(Exception):
    """Why a job fails before it runs, and is not tried again."""


class UnsupportedFeature(Refused):
    """Why a job has failed: it uses a feature of RQ that this worker does not have."""

    def __init__(self, feature: str) -> None:
        super().__init__(
            f"This worker does not support {feature}. Run the job with a stock RQ worker."
        )


def require_keys_of_rq(worker: BaseWorker) -> None:
    """The scripts name keys as RQ does by default.

    Raises:
        ValueError: RQ, or a class of jobs, queues or workers, has another prefix.
    """
    prefixes = {
        RQ_KEY_PREFIX,
        worker.redis_worker_namespace_prefix.removesuffix(":worker:"),
        worker.job_class.redis_job_namespace_prefix.removesuffix(":job:"),
        *(queue.redis_queue_namespace_prefix.removesuffix(":queue:") for queue in worker.queues),
    }
    if prefixes != {"rq"}:
        others = ", ".join(sorted(prefixes - {"rq"}))
        raise ValueError(
            f"expected RQ's keys to begin with 'rq', found '{others}': unset RQ_KEY_PREFIX, and"
            " use job, queue and worker classes without a prefix of their own"
        )


def unsupported_feature(
    values: Mapping[bytes, bytes], *, has_dependents: bool
) -> UnsupportedFeature | None:
    """The first such feature that a job uses; `values` is the job's hash."""
    for field, feature in _FIELDS.items():
        if values.get(field, b"") not in (b"", b"0"):
            return UnsupportedFeature(feature)
    return UnsupportedFeature(DEPENDENTS) if has_dependents else None
