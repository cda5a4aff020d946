"""By turns: a long queue leaves its share to the others, however little goes through at a time."""

import pytest
from rq import Queue

from tests.worker.concurrent import jobs
from worker.concurrent import QueueGroup, RateLimit
from worker.concurrent.claims import Claims

NARROW = {
    "a slow rate": RateLimit("rate_limit", rate_per_s=4.0, cap=0),
    "a low cap": RateLimit("rate_limit", rate_per_s=1000.0, cap=1),
}


@pytest.fixture
def fill(redis):
    """Fills queues, named by their first letters."""

    def filled(**counts):
        for name, count in counts.items():
            queue = Queue(name, connection=redis)
            for n in range(count):
                queue.enqueue(jobs.nothing, job_id=f"{name}{n}")

    return filled


@pytest.fixture
def claims(connect):
    return Claims(connect(), "worker-1", "")


def served(claims, redis, groups, room, times):
    """Which queues were served, claim by claim; each claim finds the rate_limit rested."""
    order = []
    for _ in range(times):
        redis.delete("rate_limit", "rate_limit_2")
        claim = claims.claim(groups, room, fair=True)
        order.append("".join(sorted(taken.queue for taken in claim.jobs)))
        claims.release([f"{taken.job_id}:{taken.execution_id}" for taken in claim.jobs])
    return order


@pytest.mark.parametrize("rate_limit", NARROW.values(), ids=NARROW)
def test_a_rate_limit_that_lets_one_through_serves_queues_in_turn(rate_limit, redis, fill, claims):
    fill(a=50, b=1, c=50)
    assert served(claims, redis, [QueueGroup(("a", "b", "c"), 8, rate_limit)], 8, 6) == list(
        "abcabc"
    )


def test_a_claim_without_a_token_changes_no_turn(redis, fill, claims):
    fill(a=50, b=50)
    group = QueueGroup(("a", "b"), 8, NARROW["a slow rate"])
    order = []
    for _ in range(4):
        order += served(claims, redis, [group], 8, 1)
        assert claims.claim([group], 8, fair=True).jobs == []
    assert order == list("abab")


def test_capacity_for_one_goes_to_queues_in_turn(redis, fill, claims):
    fill(a=50, b=50)
    both = [QueueGroup(("a",), 8), QueueGroup(("b",), 8)]
    assert served(claims, redis, both, 1, 4) == list("abab")
    assert served(claims, redis, [QueueGroup(("a", "b"), 8)], 1, 4) == list("abab")


def test_what_a_rate_limit_lets_through_is_shared_in_one_claim(redis, fill, claims):
    fill(a=50, b=50, c=1)
    group = QueueGroup(("a", "b", "c"), 100, RateLimit("rate_limit", rate_per_s=1000.0, cap=9))
    assert served(claims, redis, [group], 64, 1) == ["aaaabbbbc"]


def test_states_run_beside_groups_in_whatever_order_they_are_asked(redis, fill, claims):
    fill(a=50, b=50)
    groups = [
        QueueGroup(("a",), 8, RateLimit("rate_limit", 1000.0, 0)),
        QueueGroup(("b",), 8, RateLimit("rate_limit_2", 1000.0, 0)),
    ]
    redis.hset("rate_limit_2", mapping={"rate": 500})
    for _ in range(3):
        assert claims.claim(groups, 1, fair=True).states == ("", "degraded")


def test_without_fairness_the_first_queue_is_emptied_first(redis, fill, claims):
    fill(a=3, b=3)
    found = claims.claim([QueueGroup(("a", "b"), 8)], 5, fair=False)
    assert [taken.queue for taken in found.jobs] == list("aaabb")
