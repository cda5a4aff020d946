"""What stands before a destination, seen by two workers at once."""

import threading
import time

import pytest
from rq import Retry

from relay.model import Outcome, Verdict
from tests.worker.depot import apart, destination
from worker.concurrent.claims import Catch, Claims, Group
from worker.gate import CREDENTIALS, UNEASY, Gate, Heard

VALVE = "relay:valve:principal"
QUEUE = "mercately.principal.a"
LONG_S = 1000.0


@pytest.fixture
def gates(redis):
    """Makes gates as workers have them: one each."""
    return lambda rate_per_s=1000.0, name="principal", n=2: [
        Gate(redis, destination(name=name, rate_per_s=rate_per_s, in_flight=1000)) for _ in range(n)
    ]


@pytest.fixture
def take(redis):
    """How a worker of ours takes jobs, of which there are enough."""
    for n in range(200):
        redis.hset(f"rq:job:j{n}", "data", "x")
    redis.rpush(f"rq:queue:{QUEUE}", *(f"j{n}" for n in range(200)))

    def claim(gate: Gate, room: int = 100, name: str = "a-worker") -> Catch:
        group = Group((QUEUE,), limit=room, valve=gate.valve)
        found = Claims(redis, name, "").claim([group], room, fair=True)
        (gate.state,) = found.states
        return found

    return claim


def time_passes(redis, seconds: float) -> None:
    """As if everything there had been written so much earlier."""
    for name in ("at", "shut", "slowed", "tripped"):
        if redis.hexists(VALVE, name):
            redis.hincrbyfloat(VALVE, name, -seconds)


def rate(redis) -> float | None:
    found = redis.hget(VALVE, "rate")
    return float(found) if found else None


def shut_for_s(redis) -> float:
    found = redis.hget(VALVE, "shut")
    return float(found) - time.time() if found else 0.0


# Pace.


def test_pace_is_shared(gates):
    """Two gates that take turns get as much as one would: a quarter of a second's at once."""
    ours, theirs = gates(40.0)

    waits = [gate.wait_s(LONG_S) for _ in range(15) for gate in (ours, theirs)]

    assert waits[:10] == [0.0] * 10
    assert waits[-1] == pytest.approx((30 - 10) / 40, abs=0.2)
    assert waits == sorted(waits)


def test_pace_is_shared_by_those_who_wait_at_once(gates):
    waits = []
    threads = [
        threading.Thread(target=lambda gate=gate: waits.append(gate.wait_s(LONG_S)))
        for gate in gates(20.0, n=20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert max(waits) == pytest.approx((20 - 5) / 20, abs=0.2)
    assert sum(wait == 0 for wait in waits) <= 8


def test_pace_is_shared_with_workers_of_ours(gates, take):
    ours, stock = gates(2.0)

    assert len(take(ours).taken) == 1

    assert stock.wait_s(LONG_S) == pytest.approx(1 / 2, abs=0.2)
    caught = take(ours)
    assert caught.taken == []
    assert caught.pace_s == pytest.approx(2 / 2, abs=0.2)


def test_pace_of_workers_of_ours_is_kept_over_time(gates, take, redis):
    ours, theirs = gates(40.0)
    taken, started = 0, time.monotonic()
    for _ in range(20):
        taken += len(take(ours, name="ours").taken) + len(take(theirs, name="theirs").taken)
        time_passes(redis, 0.1)

    passed_s = 19 * 0.1 + time.monotonic() - started
    assert 10 + 19 * 4 - 1 <= taken <= 10 + 40 * passed_s + 1


def test_pace_is_each_destination_s_own(gates):
    (slow,) = gates(0.1, name="slow", n=1)
    (other,) = gates(0.1, name="other", n=1)
    slow.wait_s(LONG_S)

    assert slow.wait_s(0) > 9
    assert other.wait_s(LONG_S) == 0


def test_idle_time_is_saved_up_for_a_moment_only(gates, redis):
    (gate,) = gates(40.0, n=1)
    for _ in range(30):
        gate.wait_s(LONG_S)
    time_passes(redis, 3600)

    waits = [gate.wait_s(LONG_S) for _ in range(20)]

    assert waits.count(0.0) in (10, 11)
    assert waits[-1] == pytest.approx(10 / 40, abs=0.1)


def test_first_turn_is_at_once_and_a_destination_has_one_key(gates, redis):
    (gate,) = gates(2.0, n=1)

    assert gate.wait_s(0) == 0
    assert redis.keys() == [VALVE.encode()]


def test_place_that_is_too_far_away_is_not_taken(gates):
    (gate,) = gates(1.0, n=1)
    gate.wait_s(LONG_S)

    waits = [gate.wait_s(0.5) for _ in range(5)]

    assert all(0.5 < wait <= 1 for wait in waits)


def test_request_besides_the_event_s_own_has_its_place_too(gates):
    ours, theirs = gates(40.0)
    ours.wait_s(LONG_S)
    for _ in range(20):
        ours.charge()

    assert theirs.wait_s(LONG_S) == pytest.approx((1 + 20 - 9) / 40, abs=0.2)


def test_no_more_run_at_once_than_the_destination_allows(redis, take):
    """However many workers there are."""
    gate = Gate(redis, destination(in_flight=7))

    assert len(take(gate, room=5, name="one").taken) == 5
    assert len(take(gate, room=5, name="two").taken) == 2
    assert take(gate, room=5, name="three").taken == []


# Slower, when Mercately says so.


def test_rate_falls_to_half_of_what_went_through(gates, redis):
    (gate,) = gates(1000.0, n=1)
    gate.hear(Heard(good=58))

    gate.hear(Heard(slow=2))

    assert rate(redis) == pytest.approx(30, abs=2)


def test_rate_never_seen_through_falls_from_the_one_allowed(gates, redis):
    """A batch larger than what may go in a second says nothing of the pace."""
    (gate,) = gates(10.0, n=1)

    gate.hear(Heard(good=98, slow=2))

    assert rate(redis) == pytest.approx(5)


def test_rate_falls_once_a_second_however_many_are_told(gates, redis):
    """All of them went out at the pace that was too fast."""
    ours, theirs = gates(100.0)
    ours.hear(Heard(good=60, slow=4))
    fallen = rate(redis)

    for gate in (ours, theirs, ours):
        gate.hear(Heard(slow=3))
    assert rate(redis) == fallen

    time_passes(redis, 1.1)
    theirs.hear(Heard(good=20, slow=1))
    assert rate(redis) < fallen


def test_rate_has_a_floor(gates, redis):
    (gate,) = gates(2.0, n=1)
    for _ in range(10):
        gate.hear(Heard(slow=1))
        time_passes(redis, 1.1)

    assert rate(redis) == 0.5


def test_rate_below_the_floor_is_kept_where_a_person_wants_it(gates, redis):
    (gate,) = gates(0.1, n=1)

    gate.hear(Heard(slow=1))

    assert rate(redis) == pytest.approx(0.1)


def test_slower_rate_holds_for_both_kinds_of_workers(gates, take, redis):
    ours, stock = gates(1000.0)
    ours.hear(Heard(good=78, slow=2))
    assert rate(redis) == pytest.approx(40, abs=2)

    assert 9 <= len(take(ours).taken) <= 11
    assert ours.state == UNEASY
    waits = [stock.wait_s(LONG_S) for _ in range(21)]
    assert waits[-1] == pytest.approx(20 / 40, abs=0.2)


def test_rate_rises_again_by_a_tenth_a_second(gates, redis):
    ours, theirs = gates(100.0)
    ours.hear(Heard(good=36, slow=4))
    lowest = rate(redis)
    ours.state = theirs.state = UNEASY  # as each is told with its next jobs

    time_passes(redis, 1.1)
    for gate in (ours, theirs, ours):
        gate.hear(Heard(good=5))

    assert rate(redis) == pytest.approx(lowest * 1.1 + 0.1)


def test_rate_that_has_risen_is_forgotten(gates, take, redis):
    """At rest a valve costs nothing."""
    (gate,) = gates(100.0, n=1)
    gate.hear(Heard(good=39, slow=1))
    gate.state, seconds = UNEASY, 0
    while rate(redis) is not None and seconds < 100:
        time_passes(redis, 1.1)
        gate.hear(Heard(good=5))
        seconds += 1

    assert 10 < seconds < 25
    take(gate, room=1)
    assert gate.state == ""


def test_success_at_rest_costs_no_command(gates, redis):
    (gate,) = gates(n=1)
    gate.hear(Heard(bad=1))
    gate.hear(Heard(good=1))
    redis.config_resetstat()

    for _ in range(5):
        assert not gate.hear(Heard(good=9))

    assert "cmdstat_evalsha" not in redis.info("commandstats")


# Retry-After.


def test_wish_to_be_left_alone_is_everybody_s(gates, take, redis):
    ours, theirs = gates()

    assert not ours.hear(Heard(slow=1, retry_after_s=40))

    assert shut_for_s(redis) == pytest.approx(40, abs=1)
    assert theirs.wait_s(10) == pytest.approx(40, abs=1)
    caught = take(theirs)
    assert caught.taken == []
    assert caught.shut_s == pytest.approx(40, abs=1)


def test_longest_wish_counts_and_has_a_limit(gates, redis):
    ours, theirs = gates()
    ours.hear(Heard(slow=1, retry_after_s=40))

    theirs.hear(Heard(slow=1, retry_after_s=5))
    assert shut_for_s(redis) == pytest.approx(40, abs=1)

    theirs.hear(Heard(slow=1, retry_after_s=86400))
    assert shut_for_s(redis) == pytest.approx(300, abs=1)


def test_wish_that_is_over_is_forgotten_with_the_next_success(gates, take, redis):
    (gate,) = gates(n=1)
    gate.hear(Heard(slow=1, retry_after_s=5))
    time_passes(redis, 6)

    take(gate, room=1)
    gate.hear(Heard(good=1))
    redis.hdel(VALVE, "rate", "slowed")  # what it has to do with the pace is told above

    take(gate, room=1)
    assert gate.state == ""


# Ten failures in a row.


def test_ten_failures_in_a_row_shut_it(gates, take, redis):
    ours, theirs = gates()
    told = [gate.hear(Heard(bad=1)) for _ in range(5) for gate in (ours, theirs)]

    assert told == [False] * 9 + [True]
    assert shut_for_s(redis) == pytest.approx(5, abs=0.5)
    assert take(theirs).taken == []
    assert theirs.state == "outage"
    assert theirs.paused() == "outage"


def test_success_between_failures_keeps_it_open(gates, take, redis):
    ours, theirs = gates()
    for _ in range(3):
        for _ in range(9):
            assert not ours.hear(Heard(bad=1))
        take(theirs, room=1)  # which tells it that something is amiss
        theirs.hear(Heard(good=1, bad=1))

    assert shut_for_s(redis) <= 0


def test_one_tries_for_all_as_it_opens(gates, take, redis):
    ours, theirs = gates()
    ours.hear(Heard(bad=10))
    assert take(ours).taken == take(theirs).taken == []
    time_passes(redis, 5.5)

    assert len(take(ours, name="ours").taken) == 1
    assert take(theirs, name="theirs").taken == []
    assert theirs.wait_s(10) > 10  # nor one of RQ's own


def test_trial_that_goes_well_opens_it(gates, take, redis):
    ours, theirs = gates()
    ours.hear(Heard(bad=10))
    time_passes(redis, 5.5)
    take(ours)

    ours.hear(Heard(good=1))

    assert shut_for_s(redis) == 0
    assert theirs.paused() == ""
    assert len(take(theirs).taken) == 100
    assert theirs.state == ""


def test_trial_that_fails_shuts_it_for_longer_each_time_up_to_a_minute(gates, take, redis):
    (gate,) = gates(n=1)
    gate.hear(Heard(bad=10))
    waits = []
    for _ in range(6):
        waits.append(round(shut_for_s(redis)))
        time_passes(redis, waits[-1] + 0.5)
        assert len(take(gate).taken) == 1
        assert gate.hear(Heard(bad=1))

    assert waits == [5, 10, 20, 40, 60, 60]


def test_trial_of_a_worker_that_died_is_made_again_by_another(gates, take, redis):
    ours, theirs = gates()
    ours.hear(Heard(bad=10))
    time_passes(redis, 5.5)
    take(ours, name="ours")

    time_passes(redis, 29)
    assert take(theirs, name="theirs").taken == []
    time_passes(redis, 2)
    assert len(take(theirs, name="theirs").taken) == 1


def test_failures_of_what_was_under_way_do_not_shut_it_for_longer(gates, redis):
    """Thirty that began before and fail one after the other are one outage."""
    ours, theirs = gates()
    ours.hear(Heard(bad=10))

    for gate in (ours, theirs) * 10:
        assert not gate.hear(Heard(bad=1))

    assert shut_for_s(redis) == pytest.approx(5, abs=0.5)


def test_outage_that_names_its_end_is_believed(gates, take, redis):
    (gate,) = gates(n=1)

    assert gate.hear(Heard(slow=10, bad=10, retry_after_s=90))

    assert shut_for_s(redis) == pytest.approx(90, abs=1)


VERDICTS = {
    "delivered": (Outcome(Verdict.DELIVERED, "x", status=200), Heard(good=1)),
    "refused": (Outcome(Verdict.DEAD, "x", status=422), Heard(good=1)),
    "absent": (Outcome(Verdict.HELD, "x", status=404), Heard(good=1)),
    "overloaded": (
        Outcome(Verdict.RETRY, "x", status=503, retry_after_s=7),
        Heard(slow=1, bad=1, retry_after_s=7),
    ),
    "too_many": (Outcome(Verdict.RETRY, "x", status=429, retry_after_s=7), Heard(slow=1, retry_after_s=7)),
    "broken": (Outcome(Verdict.RETRY, "x", status=500), Heard(bad=1)),
    "given_up": (Outcome(Verdict.DEAD, "x", status=500), Heard(bad=1)),
    "silent": (Outcome(Verdict.RETRY, "x"), Heard(bad=1)),
    "paused": (Outcome(Verdict.PAUSED, "x", status=401), Heard()),
    "nothing_asked": (Outcome(Verdict.HELD, "x"), Heard(void=1)),
    "looked_up_in_vain": (Outcome(Verdict.HELD, "customer_absent"), Heard(good=1)),
    "dropped": (Outcome(Verdict.DISCARDED, "customer_absent"), Heard(good=1)),
}  # fmt: skip


@pytest.mark.parametrize("outcome, expected", VERDICTS.values(), ids=VERDICTS)
def test_what_an_attempt_says_of_the_destination(outcome, expected):
    heard = Heard()

    heard.add(outcome)

    assert heard == expected


def test_stock_workers_shut_it_by_failures_in_a_row_only(depot, standin):
    """They do not look at the valve before a job, and must not miss that all is well again."""
    for run in "123":
        standin.fail("poison_500", times=6)
        keys = [f"{letter}-{run}" for letter in "abcdefg"]
        for record_id in depot.keep(*apart(*keys, standin=standin)):
            depot.deliver(record_id)

    assert depot.post.gate.paused() == ""
    assert depot.redis.hget(VALVE, "failures") is None


def test_stock_workers_let_the_pace_rise_again(depot, standin):
    standin.fail("too_many_429_retry_after", times=1)
    standin.retry_after_s = 0
    first, second = depot.keep(*apart("order-1", "order-2", standin=standin))
    depot.deliver(first)
    lowest = rate(depot.redis)
    time_passes(depot.redis, 2)

    depot.deliver(second)

    assert rate(depot.redis) > lowest


def test_stock_worker_sleeps_in_redis_while_it_is_shut(depot, standin):
    """A job that waits keeps a thread from others."""
    depot.redis.hset(VALVE, "shut", time.time() + 40)
    record_id = depot.keep_one()

    found = depot.deliver(record_id)

    assert isinstance(found, Retry)
    assert 38 <= found.intervals[0] <= 41
    assert standin.events == []
    assert depot.ledger.attempts(record_id) == []


# A refused key.


def test_pause_is_seen_by_all_until_someone_resumes(gates, take):
    ours, theirs = gates()
    assert (ours.paused(), theirs.paused()) == ("", "")

    ours.pause()

    assert (ours.paused(), theirs.paused()) == (CREDENTIALS, CREDENTIALS)
    assert take(theirs).taken == []
    assert theirs.state == CREDENTIALS
    theirs.resume()
    assert (ours.paused(), theirs.paused()) == ("", "")
    assert len(take(ours).taken) == 100


def test_pause_is_each_destination_s_own(gates):
    (paused,) = gates(name="paused", n=1)
    (other,) = gates(name="other", n=1)

    paused.pause()

    assert other.paused() == ""
    assert other.wait_s(LONG_S) == 0


def test_pause_lasts_until_it_is_ended(gates, take, redis):
    """Neither time nor a success that was still under way ends it."""
    ours, theirs = gates()
    ours.pause()

    assert redis.ttl(VALVE) == -1
    time_passes(redis, 3600)
    take(theirs, room=1)
    theirs.hear(Heard(good=1))
    ours.hear(Heard(bad=20))
    assert theirs.paused() == CREDENTIALS


def test_one_prober_at_a_time(gates, take, redis):
    probers = gates(n=5)
    probers[0].pause()
    assert [len(take(gate).taken) for gate in probers] == [0] * 5
    time_passes(redis, 30.5)

    assert [len(take(gate).taken) for gate in probers] == [1, 0, 0, 0, 0]
    assert shut_for_s(redis) == pytest.approx(30, abs=1)


def test_one_prober_at_a_time_among_stock_workers(gates, redis):
    probers = gates(n=5)
    probers[0].pause()
    time_passes(redis, 30.5)

    assert [gate.wait_s(10) <= 10 for gate in probers] == [True, False, False, False, False]


def test_next_prober_comes_when_the_last_one_s_time_is_over(gates, take, redis):
    ours, theirs = gates()
    ours.pause()
    time_passes(redis, 30.5)
    take(ours, room=1)
    time_passes(redis, 30.5)

    assert len(take(theirs).taken) == 1


def test_resuming_leaves_nothing_of_the_pause(gates, redis):
    """A new one is probed after its own time, by whoever comes first."""
    ours, theirs = gates()
    ours.pause()
    time_passes(redis, 20)
    ours.resume()
    assert theirs.wait_s(0) == 0

    theirs.pause()

    assert shut_for_s(redis) == pytest.approx(30, abs=1)
