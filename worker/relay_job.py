"""RQ jobs as the relay's worker takes them: none of them names code that runs.

A stock worker imports and calls whatever a job's hash names: the function and the callbacks.
Whoever can write to Redis would run what they like. This worker has one task of its own, and of any
other job nothing is imported.
"""

from typing import NoReturn

from rq.job import Job

from relay.store.queue import TASK


class ForeignJob(Exception):
    """Why a job has failed: it is not the relay's."""

    def __init__(self) -> None:
        super().__init__("This worker runs only the relay's own task. Nothing of the job was run.")


class RelayJob(Job):
    """A job whose function and callbacks are never imported, and that tells no address."""

    @property
    def success_callback(self) -> None:
        """None, whatever the hash names."""

    @property
    def failure_callback(self) -> None:
        """The same; RQ calls it for jobs that a dead worker has left."""

    @property
    def stopped_callback(self) -> None:
        """The same."""

    def perform(self) -> NoReturn:
        """Deliveries are made without it.

        Raises:
            ForeignJob: always.
        """
        raise ForeignJob

    def send_webhooks(self, *_arguments: object, **_options: object) -> None:
        """Nobody is told."""


def refusal(job: Job) -> Exception | None:
    """Why a job is not run; None if it is a delivery: our task with the id of a record."""
    try:
        is_ours = job.func_name == TASK and [type(each) for each in job.args] == [str]
    except Exception as error:  # noqa: BLE001  its data cannot be read: it fails like any other job
        return error
    return None if is_ours else ForeignJob()
