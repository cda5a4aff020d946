"""What `requests` itself can do from 64 threads, with no queue between."""

import os
from concurrent.futures import ThreadPoolExecutor

from tests.benchmarks.peers import posting

_THREADS = 64


def fill(count: int) -> None:
    """There is no queue to fill: the process finds in its environment how many to post."""


def _post(number: int) -> None:
    posting.post(posting.customer_id(number), posting.event_body(number))


if __name__ == "__main__":
    with ThreadPoolExecutor(_THREADS) as pool:
        for _ in pool.map(_post, range(int(os.environ["BENCH_COUNT"]))):
            pass
