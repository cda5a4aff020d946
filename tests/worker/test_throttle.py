"""What stands before a destination, seen by two workers at once."""

import threading
import time
from itertools import pairwise
from types import SimpleNamespace

import pytest
from rq import Retry

from relay.model import Outcome, Verdict
from tests.worker.factories import apart, destination
from worker import throttle as throttle_module
from worker.concurrent.claims import ClaimResult, Claims, QueueGroup
from worker.throttle import CREDENTIALS, DEGRADED, DestinationThrottle, FeedbackBatch

THROTTLE = "relay:throttle:principal"
QUEUE = "mercately.principal.a"
LONG_S = 1000.0


@pytest.fixture
def throttles(redis):
    """Makes throttles as workers have them: one each."""
    return lambda rate_per_s=1000.0, name="principal", n=2: [
        DestinationThrottle(redis, destination(name=name, rate_per_s=rate_per_s, in_flight=1000))
        for _ in range(n)
    ]


@pytest.fixture
def take(redis):
    """How a worker of ours takes jobs, of which there are enough."""
    for n in range(200):
        redis.hset(f"rq:job:j{n}", "data", "x")
    redis.rpush(f"rq:queue:{QUEUE}", *(f"j{n}" for n in range(200)))

    def claim(
        throttle: DestinationThrottle, room: int = 100, name: str = "a-worker"
    ) -> ClaimResult:
        group = QueueGroup((QUEUE,), limit=room, rate_limit=throttle.rate_limit)
        found = Claims(redis, name, "").claim([group], room, fair=True)
        (throttle.state,) = found.states
        return found

    return claim


def time_passes(redis, seconds: float) -> None:
    """As if everything there had been written so much earlier."""
    for name in ("at", "open_until", "slowed_at", "opened_until"):
        if redis.hexists(THROTTLE, name):
            redis.hincrbyfloat(THROTTLE, name, -seconds)


def reserve_at_once(redis, throttle: DestinationThrottle, longest_wait_s: float = LONG_S) -> float:
    """Reserve a token as if no time had passed since the last one, however busy the machine is."""
    redis.hset(THROTTLE, "at", time.time() + 3600)  # by a clock that is ahead: refills nothing
    return throttle.reserve(longest_wait_s)


@pytest.fixture
def frozen_clock(monkeypatch) -> None:
    """All feedback comes at one moment, by the worker's clock."""
    now = time.time()
    monkeypatch.setattr(throttle_module, "time", SimpleNamespace(time=lambda: now))


def assert_a_second_apart(moments: list[bytes]) -> None:
    """Those of a list that differ from the one before; Redis' clock."""
    changes = [(float(early), float(late)) for early, late in pairwise(moments) if early != late]
    assert all(late - early >= 1 for early, late in changes), changes


def rate(redis) -> float | None:
    found = redis.hget(THROTTLE, "rate")
    return float(found) if found else None


def shut_for_s(redis) -> float:
    found = redis.hget(THROTTLE, "open_until")
    return float(found) - time.time() if found else 0.0


# Pace.


def test_pace_is_shared(throttles, redis):
    """Two throttles that take turns get as much as one would: a quarter of a second's at once."""
    ours, theirs = throttles(40.0)

    waits = [reserve_at_once(redis, throttle) for _ in range(15) for throttle in (ours, theirs)]

    assert waits == pytest.approx([0.0] * 10 + [n / 40 for n in range(1, 21)], abs=1e-5)


def test_pace_is_shared_by_those_who_wait_at_once(throttles, began_at):
    waits = []
    threads = [
        threading.Thread(target=lambda throttle=throttle: waits.append(throttle.reserve(LONG_S)))
        for throttle in throttles(20.0, n=20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    refilled_s = time.time() - began_at
    assert (20 - 5) / 20 - refilled_s <= max(waits) <= (20 - 5) / 20
    assert sum(wait == 0 for wait in waits) <= 5 + 20 * refilled_s


def test_pace_is_shared_with_workers_of_ours(throttles, take, redis):
    ours, stock = throttles(2.0)

    assert len(take(ours).jobs) == 1

    assert reserve_at_once(redis, stock) == pytest.approx(1 / 2, abs=1e-5)
    redis.hset(THROTTLE, "at", time.time() + 3600)  # nothing is refilled for the claim either
    on_claimed = take(ours)
    assert on_claimed.jobs == []
    assert on_claimed.token_wait_s == pytest.approx(2 / 2, abs=1e-5)


def test_pace_of_workers_of_ours_is_kept_over_time(throttles, take, redis):
    ours, theirs = throttles(40.0)
    taken, started = 0, time.monotonic()
    for _ in range(20):
        taken += len(take(ours, name="ours").jobs) + len(take(theirs, name="theirs").jobs)
        time_passes(redis, 0.1)

    passed_s = 19 * 0.1 + time.monotonic() - started
    assert 10 + 19 * 4 - 1 <= taken <= 10 + 40 * passed_s + 1


def test_pace_is_each_destination_s_own(throttles):
    (slow,) = throttles(0.001, name="slow", n=1)
    (other,) = throttles(0.001, name="other", n=1)
    slow.reserve(LONG_S)

    assert slow.reserve(0) > 900
    assert other.reserve(LONG_S) == 0


def test_idle_time_is_saved_up_for_a_moment_only(throttles, redis):
    (throttle,) = throttles(40.0, n=1)
    for _ in range(30):
        throttle.reserve(LONG_S)
    time_passes(redis, 3600)

    waits = [throttle.reserve(LONG_S)]
    waits += [reserve_at_once(redis, throttle) for _ in range(19)]

    assert waits == pytest.approx([0.0] * 10 + [n / 40 for n in range(1, 11)], abs=1e-5)


def test_first_turn_is_at_once_and_a_destination_has_one_key(throttles, redis):
    (throttle,) = throttles(2.0, n=1)

    assert throttle.reserve(0) == 0
    assert redis.keys() == [THROTTLE.encode()]


def test_place_that_is_too_far_away_is_not_taken(throttles, redis):
    (throttle,) = throttles(1.0, n=1)
    throttle.reserve(LONG_S)

    waits = [reserve_at_once(redis, throttle, 0.5) for _ in range(5)]

    assert waits == pytest.approx([1.0] * 5, abs=1e-5)


def test_request_besides_the_event_s_own_has_its_place_too(throttles, redis):
    ours, theirs = throttles(40.0)
    ours.reserve(LONG_S)
    for _ in range(20):
        ours.consume_token()

    assert reserve_at_once(redis, theirs) == pytest.approx((1 + 20 - 9) / 40, abs=1e-5)


def test_no_more_run_at_once_than_the_destination_allows(redis, take):
    """However many workers there are."""
    throttle = DestinationThrottle(redis, destination(in_flight=7))

    assert len(take(throttle, room=5, name="one").jobs) == 5
    assert len(take(throttle, room=5, name="two").jobs) == 2
    assert take(throttle, room=5, name="three").jobs == []


# Slower, when Mercately says so.


def test_rate_falls_to_half_of_what_went_through(throttles, redis, frozen_clock):
    (throttle,) = throttles(1000.0, n=1)
    throttle.observe(FeedbackBatch(successes=58))

    throttle.observe(FeedbackBatch(throttled=2))

    assert rate(redis) == pytest.approx(30)


def test_rate_never_seen_through_falls_from_the_one_allowed(throttles, redis):
    """A batch larger than what may go in a second says nothing of the pace."""
    (throttle,) = throttles(10.0, n=1)

    throttle.observe(FeedbackBatch(successes=98, throttled=2))

    assert rate(redis) == pytest.approx(5)


def test_rate_falls_once_a_second_however_many_are_told(throttles, redis):
    """All of them went out at the pace that was too fast."""
    ours, theirs = throttles(100.0)
    ours.observe(FeedbackBatch(successes=60, throttled=4))
    fallen, slowed_at = rate(redis), [redis.hget(THROTTLE, "slowed_at")]

    for throttle in (ours, theirs, ours):
        throttle.observe(FeedbackBatch(throttled=3))
        slowed_at.append(redis.hget(THROTTLE, "slowed_at"))
        assert (rate(redis) == fallen) is (slowed_at[-1] == slowed_at[0])
    assert_a_second_apart(slowed_at)

    time_passes(redis, 1.1)
    before = rate(redis)
    theirs.observe(FeedbackBatch(successes=20, throttled=1))
    assert rate(redis) < before


def test_rate_has_a_floor(throttles, redis):
    (throttle,) = throttles(2.0, n=1)
    for _ in range(10):
        throttle.observe(FeedbackBatch(throttled=1))
        time_passes(redis, 1.1)

    assert rate(redis) == 0.5


def test_rate_below_the_floor_is_kept_where_a_person_wants_it(throttles, redis):
    (throttle,) = throttles(0.1, n=1)

    throttle.observe(FeedbackBatch(throttled=1))

    assert rate(redis) == pytest.approx(0.1)


def test_slower_rate_holds_for_both_kinds_of_workers(throttles, take, redis, frozen_clock):
    ours, stock = throttles(1000.0)
    ours.observe(FeedbackBatch(successes=78, throttled=2))
    assert rate(redis) == pytest.approx(40)

    assert len(take(ours).jobs) == 10
    assert ours.state == DEGRADED
    waits = [reserve_at_once(redis, stock) for _ in range(20)]
    assert waits == pytest.approx([n / 40 for n in range(1, 21)], abs=1e-5)


def test_rate_rises_again_by_a_tenth_a_second(throttles, redis):
    ours, theirs = throttles(100.0)
    ours.observe(FeedbackBatch(successes=36, throttled=4))
    lowest = rate(redis)
    ours.state = theirs.state = DEGRADED  # as each is told with its next jobs

    time_passes(redis, 1.1)
    slowed_at = []
    for throttle in (ours, theirs, ours):
        throttle.observe(FeedbackBatch(successes=5))
        slowed_at.append(redis.hget(THROTTLE, "slowed_at"))
        if slowed_at[-1] == slowed_at[0]:
            assert rate(redis) == pytest.approx(lowest * 1.1 + 0.1)

    assert_a_second_apart(slowed_at)


def test_rate_that_has_risen_is_forgotten(throttles, take, redis):
    """At rest a rate_limit costs nothing."""
    (throttle,) = throttles(100.0, n=1)
    throttle.observe(FeedbackBatch(successes=39, throttled=1))
    throttle.state, seconds = DEGRADED, 0
    while rate(redis) is not None and seconds < 100:
        time_passes(redis, 1.1)
        throttle.observe(FeedbackBatch(successes=5))
        seconds += 1

    assert 10 < seconds < 25
    take(throttle, room=1)
    assert throttle.state == ""


def test_success_at_rest_costs_no_command(throttles, redis):
    (throttle,) = throttles(n=1)
    throttle.observe(FeedbackBatch(failures=1))
    throttle.observe(FeedbackBatch(successes=1))
    redis.config_resetstat()

    for _ in range(5):
        assert not throttle.observe(FeedbackBatch(successes=9))

    assert "cmdstat_evalsha" not in redis.info("commandstats")


# Retry-After.


def test_wish_to_be_left_alone_is_everybody_s(throttles, take, redis, is_left_of):
    ours, theirs = throttles()

    assert not ours.observe(FeedbackBatch(throttled=1, retry_after_s=40))

    assert is_left_of(shut_for_s(redis), 40)
    assert is_left_of(theirs.reserve(10), 40)
    on_claimed = take(theirs)
    assert on_claimed.jobs == []
    assert is_left_of(on_claimed.open_for_s, 40)


def test_longest_wish_counts_and_has_a_limit(throttles, redis, is_left_of):
    ours, theirs = throttles()
    ours.observe(FeedbackBatch(throttled=1, retry_after_s=40))

    theirs.observe(FeedbackBatch(throttled=1, retry_after_s=5))
    assert is_left_of(shut_for_s(redis), 40)

    theirs.observe(FeedbackBatch(throttled=1, retry_after_s=86400))
    assert is_left_of(shut_for_s(redis), 300)


def test_wish_that_is_over_is_forgotten_with_the_next_success(throttles, take, redis):
    (throttle,) = throttles(n=1)
    throttle.observe(FeedbackBatch(throttled=1, retry_after_s=5))
    time_passes(redis, 6)

    take(throttle, room=1)
    throttle.observe(FeedbackBatch(successes=1))
    redis.hdel(THROTTLE, "rate", "slowed_at")  # what it has to do with the pace is told above

    take(throttle, room=1)
    assert throttle.state == ""


# Ten failures in a row.


def test_ten_failures_in_a_row_shut_it(throttles, take, redis, is_left_of):
    ours, theirs = throttles()
    told = [
        throttle.observe(FeedbackBatch(failures=1)) for _ in range(5) for throttle in (ours, theirs)
    ]

    assert told == [False] * 9 + [True]
    assert is_left_of(shut_for_s(redis), 5)
    assert take(theirs).jobs == []
    assert theirs.state == "outage"
    assert theirs.half_open_reason() == "outage"


def test_success_between_failures_keeps_it_open(throttles, take, redis):
    ours, theirs = throttles()
    for _ in range(3):
        for _ in range(9):
            assert not ours.observe(FeedbackBatch(failures=1))
        take(theirs, room=1)  # which tells it that something is amiss
        theirs.observe(FeedbackBatch(successes=1, failures=1))

    assert shut_for_s(redis) <= 0


def test_one_tries_for_all_as_it_opens(throttles, take, redis):
    ours, theirs = throttles()
    ours.observe(FeedbackBatch(failures=10))
    assert take(ours).jobs == take(theirs).jobs == []
    time_passes(redis, 5.5)

    assert len(take(ours, name="ours").jobs) == 1
    assert take(theirs, name="theirs").jobs == []
    assert theirs.reserve(10) > 10  # nor one of RQ's own


def test_trial_that_goes_well_opens_it(throttles, take, redis):
    ours, theirs = throttles()
    ours.observe(FeedbackBatch(failures=10))
    time_passes(redis, 5.5)
    take(ours)

    ours.observe(FeedbackBatch(successes=1))

    assert shut_for_s(redis) == 0
    assert theirs.half_open_reason() == ""
    assert len(take(theirs).jobs) == 100
    assert theirs.state == ""


def test_trial_that_fails_shuts_it_for_longer_each_time_up_to_a_minute(
    throttles, take, redis, is_left_of
):
    (throttle,) = throttles(n=1)
    throttle.observe(FeedbackBatch(failures=10))
    for expected_s in (5, 10, 20, 40, 60, 60):
        assert is_left_of(shut_for_s(redis), expected_s)
        time_passes(redis, expected_s + 0.5)
        assert len(take(throttle).jobs) == 1
        assert throttle.observe(FeedbackBatch(failures=1))


def test_trial_of_a_worker_that_died_is_made_again_by_another(throttles, take, redis):
    ours, theirs = throttles()
    ours.observe(FeedbackBatch(failures=10))
    time_passes(redis, 5.5)
    take(ours, name="ours")

    time_passes(redis, 15)
    assert take(theirs, name="theirs").jobs == []
    time_passes(redis, 16)
    assert len(take(theirs, name="theirs").jobs) == 1


def test_failures_of_what_was_under_way_do_not_shut_it_for_longer(throttles, redis, is_left_of):
    """Thirty that began before and fail one after the other are one outage."""
    ours, theirs = throttles()
    ours.observe(FeedbackBatch(failures=10))

    for throttle in (ours, theirs) * 10:
        assert not throttle.observe(FeedbackBatch(failures=1))

    assert is_left_of(shut_for_s(redis), 5)


def test_outage_that_names_its_end_is_believed(throttles, take, redis, is_left_of):
    (throttle,) = throttles(n=1)

    assert throttle.observe(FeedbackBatch(throttled=10, failures=10, retry_after_s=90))

    assert is_left_of(shut_for_s(redis), 90)


VERDICTS = {
    "delivered": (Outcome(Verdict.DELIVERED, "x", status=200), FeedbackBatch(successes=1)),
    "refused": (Outcome(Verdict.DEAD, "x", status=422), FeedbackBatch(successes=1)),
    "absent": (Outcome(Verdict.HELD, "x", status=404), FeedbackBatch(successes=1)),
    "overloaded": (
        Outcome(Verdict.RETRY, "x", status=503, retry_after_s=7),
        FeedbackBatch(throttled=1, failures=1, retry_after_s=7),
    ),
    "too_many": (Outcome(Verdict.RETRY, "x", status=429, retry_after_s=7), FeedbackBatch(throttled=1, retry_after_s=7)),
    "broken": (Outcome(Verdict.RETRY, "x", status=500), FeedbackBatch(failures=1)),
    "given_up": (Outcome(Verdict.DEAD, "x", status=500), FeedbackBatch(failures=1)),
    "silent": (Outcome(Verdict.RETRY, "x"), FeedbackBatch(failures=1)),
    "paused": (Outcome(Verdict.PAUSED, "x", status=401), FeedbackBatch()),
    "nothing_asked": (Outcome(Verdict.HELD, "x"), FeedbackBatch(no_request=1)),
    "looked_up_in_vain": (Outcome(Verdict.HELD, "customer_absent"), FeedbackBatch(successes=1)),
    "dropped": (Outcome(Verdict.DISCARDED, "customer_absent"), FeedbackBatch(successes=1)),
}  # fmt: skip


@pytest.mark.parametrize("outcome, expected", VERDICTS.values(), ids=VERDICTS)
def test_what_an_attempt_says_of_the_destination(outcome, expected):
    feedback = FeedbackBatch()

    feedback.add(outcome)

    assert feedback == expected


def test_stock_workers_shut_it_by_failures_in_a_row_only(harness, standin):
    """They do not look at the rate_limit before a job, and must not miss that all is well again."""
    for run in "123":
        standin.fail("poison_500", times=6)
        keys = [f"{letter}-{run}" for letter in "abcdefg"]
        for record_id in harness.keep(*apart(*keys, standin=standin)):
            harness.deliver(record_id)

    assert harness.target.throttle.half_open_reason() == ""
    assert harness.redis.hget(THROTTLE, "failures") is None


def test_stock_workers_let_the_pace_rise_again(harness, standin):
    standin.fail("too_many_429_retry_after", times=1)
    standin.retry_after_s = 0
    first, second = harness.keep(*apart("order-1", "order-2", standin=standin))
    harness.deliver(first)
    lowest = rate(harness.redis)
    time_passes(harness.redis, 2)

    harness.deliver(second)

    assert rate(harness.redis) > lowest


def test_stock_worker_sleeps_in_redis_while_it_is_shut(harness, standin, began_at):
    """A job that waits keeps a thread from others."""
    harness.redis.hset(THROTTLE, "open_until", began_at + 40)
    record_id = harness.keep_one()

    found = harness.deliver(record_id)

    assert isinstance(found, Retry)
    assert 40 - (time.time() - began_at) <= found.intervals[0] <= 40
    assert standin.events == []
    assert harness.ledger.attempts(record_id) == []


# A refused key.


def test_pause_is_seen_by_all_until_someone_resumes(throttles, take):
    ours, theirs = throttles()
    assert (ours.half_open_reason(), theirs.half_open_reason()) == ("", "")

    ours.pause()

    assert (ours.half_open_reason(), theirs.half_open_reason()) == (CREDENTIALS, CREDENTIALS)
    assert take(theirs).jobs == []
    assert theirs.state == CREDENTIALS
    theirs.resume()
    assert (ours.half_open_reason(), theirs.half_open_reason()) == ("", "")
    assert len(take(ours).jobs) == 100


def test_pause_is_each_destination_s_own(throttles):
    (paused,) = throttles(name="paused", n=1)
    (other,) = throttles(name="other", n=1)

    paused.pause()

    assert other.half_open_reason() == ""
    assert other.reserve(LONG_S) == 0


def test_pause_lasts_until_it_is_ended(throttles, take, redis):
    """Neither time nor a success that was still under way ends it."""
    ours, theirs = throttles()
    ours.pause()

    assert redis.ttl(THROTTLE) == -1
    time_passes(redis, 3600)
    take(theirs, room=1)
    theirs.observe(FeedbackBatch(successes=1))
    ours.observe(FeedbackBatch(failures=20))
    assert theirs.half_open_reason() == CREDENTIALS


def test_one_prober_at_a_time(throttles, take, redis, is_left_of):
    probers = throttles(n=5)
    probers[0].pause()
    assert [len(take(throttle).jobs) for throttle in probers] == [0] * 5
    time_passes(redis, 30.5)

    assert [len(take(throttle).jobs) for throttle in probers] == [1, 0, 0, 0, 0]
    assert is_left_of(shut_for_s(redis), 30)


def test_one_prober_at_a_time_among_stock_workers(throttles, redis):
    probers = throttles(n=5)
    probers[0].pause()
    time_passes(redis, 30.5)

    assert [throttle.reserve(10) <= 10 for throttle in probers] == [
        True,
        False,
        False,
        False,
        False,
    ]


def test_next_prober_comes_when_the_last_one_s_time_is_over(throttles, take, redis):
    ours, theirs = throttles()
    ours.pause()
    time_passes(redis, 30.5)
    take(ours, room=1)
    time_passes(redis, 30.5)

    assert len(take(theirs).jobs) == 1


def test_resuming_leaves_nothing_of_the_pause(throttles, redis, is_left_of):
    """A new one is probed after its own time, by whoever comes first."""
    ours, theirs = throttles()
    ours.pause()
    time_passes(redis, 20)
    ours.resume()
    assert theirs.reserve(0) == 0

    theirs.pause()

    assert is_left_of(shut_for_s(redis), 30)
