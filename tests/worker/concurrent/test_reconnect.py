"""The one way to wait for Redis."""

import pytest
from redis import ConnectionError as LostConnection, RedisError

from worker.concurrent import reconnect
from worker.concurrent.reconnect import LONGEST_WAIT_S, retry_while_disconnected


@pytest.fixture
def waits(monkeypatch) -> list[float]:
    """How long it has waited; it does not really."""
    waited: list[float] = []
    monkeypatch.setattr("redis.retry.sleep", waited.append)
    return waited


def failing(times: int, error: type[Exception] = LostConnection):
    """A step that fails so often, and the calls of it."""
    calls: list[int] = []

    def step() -> None:
        calls.append(1)
        if len(calls) <= times:
            raise error("away")

    return step, calls


def test_a_step_that_succeeds_is_taken_once(waits):
    step, calls = failing(0)
    assert retry_while_disconnected(step)
    assert (len(calls), waits) == (1, [])


def test_a_step_is_taken_until_it_succeeds(waits):
    step, calls = failing(5)
    errors = []
    assert retry_while_disconnected(step, on_error=errors.append)
    assert len(calls) == 6
    assert [type(error) for error in errors] == [LostConnection] * 5
    assert len(waits) == 5


def test_an_outage_of_hours_is_waited_for(waits):
    """redis-py's own backoff computes 2 to the number of failures, and overflows after 1024."""
    step, calls = failing(5000)
    assert retry_while_disconnected(step, on_error=lambda _error: None)
    assert len(calls) == 5001
    assert max(waits) <= LONGEST_WAIT_S
    assert len(set(waits[-100:])) > 1  # with jitter: workers do not all come back at once


def test_waits_grow_from_a_tenth_of_a_second(waits, monkeypatch):
    monkeypatch.setattr("redis.backoff.random.random", lambda: 0.5)
    step, _ = failing(7)
    assert retry_while_disconnected(step, on_error=lambda _error: None)
    assert waits == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 1.6, 1.6])


def test_it_is_given_up_when_told_to(waits):
    step, calls = failing(100)
    assert not retry_while_disconnected(step, abandon=lambda: len(calls) == 3)
    assert len(calls) == 3


def test_a_step_that_succeeded_counts_whatever_was_told(waits):
    step, _ = failing(0)
    assert retry_while_disconnected(step, abandon=lambda: True)


def test_another_error_is_raised_at_once(waits):
    step, calls = failing(3, KeyError)
    with pytest.raises(KeyError):
        retry_while_disconnected(step)
    assert len(calls) == 1


def test_errors_of_redis_are_logged_by_kind_alone(caplog):
    """Their text may have an address, or what was written."""
    with caplog.at_level("WARNING", logger="rq.worker"):
        reconnect.report(RedisError("somebody@example.com"))
    assert "RedisError" in caplog.text
    assert "example.com" not in caplog.text
