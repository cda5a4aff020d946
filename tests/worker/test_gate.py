"""What stands before a destination, seen by two workers at once."""

import threading
import time

import pytest

from worker.gate import Gate


@pytest.fixture
def gates(redis):
    """Makes gates as workers have them: one each."""
    return lambda rate_per_s=1000.0, name="principal", n=2: [
        Gate(redis, name, rate_per_s) for _ in range(n)
    ]


def elapsed_s(work):
    started = time.monotonic()
    work()
    return time.monotonic() - started


def test_pace_is_shared(gates):
    """Two gates that take turns at 50 a second need as long as one would."""
    ours, theirs = gates(50.0)

    def take_ten_each():
        for _ in range(10):
            ours.wait_turn()
            theirs.wait_turn()

    assert 19 / 50 - 0.02 <= elapsed_s(take_ten_each) < 1.5


def test_pace_is_shared_by_those_who_wait_at_once(gates):
    def all_at_once():
        threads = [threading.Thread(target=gate.wait_turn) for gate in gates(50.0, n=20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert 19 / 50 - 0.02 <= elapsed_s(all_at_once) < 1.5


def test_pace_is_each_destination_s_own(gates):
    (slow,) = gates(0.1, name="slow", n=1)
    (other,) = gates(0.1, name="other", n=1)
    slow.wait_turn()

    assert elapsed_s(other.wait_turn) < 0.5


def test_idle_time_is_not_saved_up(gates):
    (gate,) = gates(20.0, n=1)
    gate.wait_turn()
    time.sleep(0.3)

    assert elapsed_s(lambda: [gate.wait_turn() for _ in range(4)]) >= 3 / 20 - 0.02


def test_first_turn_is_at_once_and_the_pace_is_forgotten_in_time(gates, redis):
    (gate,) = gates(2.0, n=1)

    assert elapsed_s(gate.wait_turn) < 0.3
    (key,) = redis.keys()
    assert 0 < redis.pttl(key) <= 3000


def test_pause_is_seen_by_all_until_someone_resumes(gates):
    ours, theirs = gates()
    assert (ours.paused(), theirs.paused()) == ("", "")

    ours.pause("credentials")
    theirs.pause("something else")

    assert (ours.paused(), theirs.paused()) == ("credentials", "credentials")
    theirs.resume()
    assert (ours.paused(), theirs.paused()) == ("", "")


def test_pause_is_each_destination_s_own(gates):
    (paused,) = gates(name="paused", n=1)
    (other,) = gates(name="other", n=1)

    paused.pause("credentials")

    assert other.paused() == ""


def test_pause_lasts_until_it_is_ended(gates, redis):
    (gate,) = gates(n=1)
    gate.pause("credentials")

    assert [redis.ttl(key) for key in redis.scan_iter()] == [-1]


def test_one_prober_at_a_time(gates, redis):
    asked = [gate.may_probe() for gate in gates(n=5)]

    assert asked == [True, False, False, False, False]
    (key,) = redis.keys()
    assert 25 <= redis.ttl(key) <= 30


def test_next_prober_comes_when_the_last_one_s_time_is_over(gates, redis):
    ours, theirs = gates()
    ours.may_probe()
    redis.expire(redis.keys()[0], 0)

    assert theirs.may_probe()


def test_resuming_lets_a_new_pause_be_probed_at_once(gates):
    ours, theirs = gates()
    ours.pause("credentials")
    ours.may_probe()
    ours.resume()
    theirs.pause("credentials")

    assert theirs.may_probe()
