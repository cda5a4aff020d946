"""Celery with what a relay needs: a job is acknowledged when it is done."""

from celery import Celery

from tests.benchmarks.peers import posting, redis_url

_SOCKET, _, _DB = redis_url().removeprefix("unix://").partition("?db=")
app = Celery("bench", broker=f"redis+socket://{_SOCKET}?virtual_host={_DB}")
app.conf.task_acks_late = True
app.conf.task_ignore_result = True
app.conf.broker_connection_retry_on_startup = True


@app.task
def post(customer: str, body: dict) -> None:
    posting.post(customer, body)


def fill(count: int) -> None:
    for number in range(count):
        post.delay(posting.customer_id(number), posting.event_body(number))
