"""Each number of the chaos verdict can be other than zero, and is so only for its own reason."""

from collections.abc import Iterable
from itertools import pairwise

import pytest

from tests.chaos import plan, report
from tests.chaos.model import RESET_AFTER, WORKERS, Accepted, Fault, Request, Struck
from tests.chaos.run import Form, Outcome
from tests.chaos.verdict import EXCUSE_S, Verdict, judge

END = 1000.0


def accepted(*numbers: int, at: float = 0.0, customer: str = "ana") -> list[Accepted]:
    return [Accepted(number, customer, at) for number in numbers]


def request(number: int, at: float, fault: str = "", **parts) -> Request:
    values = {"customer": "ana", "worker": WORKERS[0], "answered_at": at + 0.1}
    return Request(number=number, at=at, fault=fault, **values | parts)


def struck(action: str, process: str, at: float, ended_at: float, *, close: bool = False) -> Struck:
    return Struck(Fault(action, process, ended_at - at, 0.0, close), at, ended_at)


def verdict(
    events: Iterable[Accepted], requests: Iterable[Request], *faults: Struck, end: float = END
) -> Verdict:
    return judge(list(events), list(requests), faults, end)


def test_a_run_in_which_all_went_well_is_all_zeros():
    found = verdict(accepted(1, 2), [request(1, 1), request(2, 2)], struck("kill", "web", 3, 4))

    assert found.line() == (
        "accepted 2, delivered 2, lost 0, duplicated 0, reordered 0, recovery 0.0 s"
    )
    assert found.broken() == ()


def test_accepted_and_never_recorded_is_lost():
    failed = request(2, 2, "answer_500")

    found = verdict(accepted(1, 2, 3), [request(1, 1), failed])

    assert found.lost == (2, 3)
    assert (found.accepted, found.delivered) == (3, 1)
    assert "lost" in found.broken()


def test_recorded_twice_is_a_duplicate_and_no_reordering():
    found = verdict(accepted(1, 2), [request(1, 1), request(2, 2), request(1, 3), request(1, 4)])

    assert found.duplicated == (1, 1)
    assert found.reordered == ()
    assert "duplicated more than the 0 in flight" in found.broken()


@pytest.mark.parametrize(
    ("faults", "unexplained"),
    [
        ([RESET_AFTER, ""], 0),
        ([RESET_AFTER, RESET_AFTER, ""], 0),
        ([RESET_AFTER, "", ""], 1),
        (["", RESET_AFTER], 1),  # the reset came after the harm
        (["hang_before_recording", ""], 0),
        (["hang_before_recording", "", ""], 1),
    ],
)
def test_only_what_the_sink_reset_after_recording_explains_a_duplicate(faults, unexplained):
    requests = [request(1, at, fault) for at, fault in enumerate(faults)]

    found = verdict(accepted(1), requests)

    assert len(found.duplicated) == unexplained


def test_a_swapped_pair_of_one_customer_is_reordered():
    found = verdict(accepted(1, 2, 3), [request(2, 1), request(1, 2), request(3, 3)])

    assert found.reordered == (1,)
    assert "reordered" in found.broken()


def test_customers_may_overtake_one_another():
    other = request(2, 1, customer="beto")

    assert verdict(accepted(1, 2), [other, request(1, 2)]).reordered == ()


def test_a_first_try_that_was_not_recorded_gives_no_place_in_the_order():
    failed = request(1, 1, "reset_before_recording")

    assert verdict(accepted(1, 2), [failed, request(2, 2), request(1, 3)]).reordered == (1,)


@pytest.mark.parametrize(
    ("fault", "in_flight"),
    [
        (struck("kill", "worker-1", 10, 11), 2),
        (struck("stop", "worker-1", 10, 15), 3),
        (struck("kill", "worker-2", 10, 11), 1),
        (struck("kill", "redis", 10, 12), 4),
        (struck("stop", "web", 10, 15), 0),
    ],
)
def test_in_flight_is_what_was_recorded_and_not_yet_written_down(fault, in_flight):
    requests = [
        request(1, 9.0, answered_at=9.7),  # long over
        request(2, 9.5, answered_at=9.8),
        request(3, 9.9, answered_at=10.1),
        request(4, 9.9, "answer_500", answered_at=10.1),  # nothing to make double
        request(5, 9.9, worker="worker-2", answered_at=10.1),
        request(6, 11.5, worker="worker-2"),  # claimed before Redis went away
        request(7, 15.2),  # claimed before the stop, or just after it
    ]

    assert verdict(accepted(1), requests, fault).in_flight == (in_flight,)


def test_in_flight_is_no_more_than_a_worker_can_have():
    requests = [request(n, 9.9) for n in range(100)]

    assert verdict([], requests, struck("kill", "worker-1", 10, 11)).in_flight == (16,)


def test_as_many_duplicates_as_were_in_flight_are_allowed():
    fault = struck("kill", "worker-1", 10, 11)
    once = [request(1, 9.9), request(2, 9.9), request(3, 9.0)]

    two = verdict(accepted(1, 2, 3), [*once, request(1, 12), request(2, 12)], fault)
    three = verdict(accepted(1, 2, 3), [*once, *(request(n, 12) for n in (1, 2, 3))], fault)

    assert two.broken() == ()
    assert three.broken() == ("duplicated more than the 2 in flight",)


@pytest.mark.parametrize(
    ("first", "accounted"),
    [
        (request(1, 6.5), False),  # answered more than three seconds before
        (request(1, 7.2), True),  # Redis may have been away just before
        (request(1, 9.9, worker="worker-2"), False),
        (request(1, 11.5, worker="worker-2"), False),
        (request(1, 17.9), True),  # claimed before the stop
        (request(1, 18.5), False),
        (request(1, 3.0, answered_at=5.1), True),  # the worker had given up waiting
        (request(1, 3.0, answered_at=4.9), False),
    ],
)
def test_a_duplicate_without_a_fault_breaks_a_bar_however_many_are_allowed(first, accounted):
    fault = struck("stop", "worker-1", 10, 15)
    others = [request(n, 9.9) for n in (2, 3)]  # in flight, and delivered once all the same
    again = request(1, 20, worker="worker-2")

    found = verdict(accepted(1, 2, 3), [*others, first, again], fault)

    assert found.duplicated == (1,)
    assert "duplicated more than" not in "".join(found.broken())
    assert ("duplicated without a fault" in found.broken()) is not accounted
    assert found.unaccounted == (() if accounted else (1,))


def test_a_duplicate_where_no_fault_was_struck_has_none():
    hung = request(1, 1, "hang_before_recording", answered_at=5)

    found = verdict(accepted(1), [hung, request(1, 6), request(1, 8)])

    assert found.unaccounted == (1,)
    assert "duplicated without a fault" in found.broken()


def test_process_that_says_nothing_of_lost_data_fails_the_run():
    fine = verdict(accepted(1), [request(1, 1)])
    outcome = Outcome(Form(1, 0, 0), fine, [], 0.0, {"200": 1}, [], ["worker-2"], beside="slow")

    assert outcome.failures == ("worker-2 did not say that Redis was flushed",)


@pytest.mark.parametrize("surprises", [[], ["web ended by itself with status 3"]])
def test_a_process_that_ends_by_itself_fails_the_run(surprises):
    fine = verdict(accepted(1), [request(1, 1)])
    outcome = Outcome(Form(1, 0, 0), fine, [], 0.0, {"200": 1}, surprises, beside="slow")

    assert outcome.failures == tuple(surprises)
    told = list(report.lines(outcome))
    assert [line for line in told if "ended by itself" in line] == [
        f"FAILED: {one}" for one in surprises
    ]


@pytest.mark.parametrize(
    ("fault", "recovery_s"),
    [
        (struck("kill", "redis", 10, 12), 8),  # from when it is back
        (struck("stop", "web", 10, 14), 6),
        (struck("kill", "worker-1", 10, 11), 10),  # another worker is there all the time
        (struck("stop", "worker-1", 10, 18), 10),
    ],
)
def test_recovery_lasts_until_what_was_accepted_before_is_delivered(fault, recovery_s):
    found = verdict(accepted(1, at=5), [request(1, 20)], fault)

    assert found.recovery_s == recovery_s


def test_recovery_over_the_bar_breaks_it():
    found = verdict(accepted(1), [request(1, 27.1)], struck("kill", "redis", 10, 12))

    assert found.broken() == ("recovery over 15 s",)
    assert found.broken(times=False) == ()


def test_where_times_are_not_judged_only_counts_decide():
    fault = struck("kill", "worker-1", 10, 11)
    twice = [request(n, at, worker="worker-2") for at in (20, 30) for n in range(17)]

    found = verdict(accepted(*range(17)), twice, fault)

    assert found.in_flight == (0,)
    assert found.broken(times=False) == ("duplicated more than the 16 in flight",)


def test_an_event_accepted_during_a_fault_waits_from_its_200_on():
    fault = struck("stop", "worker-1", 10, 18)

    assert verdict(accepted(1, at=16), [request(1, 20)], fault).recovery_s == 4
    assert verdict(accepted(1, at=19), [request(1, 20)], fault).recovery_s == 0


def test_a_lost_event_is_never_recovered():
    found = verdict(accepted(1), [], struck("kill", "redis", 10, 12), end=80)

    assert found.recovery_s == 68


@pytest.mark.parametrize("failed", [RESET_AFTER, "hang_before_recording"])
def test_the_wait_after_a_failure_on_purpose_is_excused_for_it_and_those_behind_it(failed):
    fault = struck("kill", "redis", 10, 12)
    requests = [request(1, 14, failed), request(1, 20), request(2, 20.5)]

    assert verdict(accepted(2), requests, fault).recovery_s == 20.5 - 14 - EXCUSE_S
    assert verdict(accepted(2, customer="beto"), requests, fault).recovery_s == 8.5


def test_a_failure_of_a_later_event_excuses_nothing():
    requests = [request(2, 14, "answer_500"), request(1, 20)]

    assert verdict(accepted(1), requests, struck("kill", "redis", 10, 12)).recovery_s == 8


def test_a_fault_close_behind_another_takes_over_its_clock():
    faults = struck("kill", "worker-1", 10, 11), struck("kill", "redis", 13, 15, close=True)

    assert verdict(accepted(1), [request(1, 20)], *faults).recoveries == (None, 5)


def test_a_web_fault_hides_no_recovery():
    """Delivering what has been accepted does not need web."""
    faults = struck("kill", "worker-1", 10, 11), struck("stop", "web", 13, 19, close=True)

    assert verdict(accepted(1), [request(1, 20)], *faults).recoveries == (10, 1)


def test_every_kind_of_fault_strikes_and_no_three_are_close():
    for seed in range(50):
        drawn = plan.faults(seed, len(plan.HOLDS_S) + 2)

        kinds = {(fault.action, fault.process.partition("-")[0]) for fault in drawn}
        assert kinds == plan.HOLDS_S.keys()
        assert not drawn[0].close
        assert not any(a.close and b.close for a, b in pairwise(drawn))


def test_a_seed_says_all_that_is_drawn():
    drawn = [(plan.events(n, 500), plan.faults(n, 8), plan.treatment(n, 3, 1)) for n in (1, 1, 2)]

    assert drawn[0] == drawn[1]
    assert all(a != b for a, b in zip(drawn[1], drawn[2], strict=True))


def test_customers_have_ten_events_each_and_some_follow_at_once():
    events = plan.events(1, 2_000)

    customers = [event.customer for event in events]
    assert [event.number for event in events] == list(range(2_000))
    assert {customers.count(name) for name in customers} == {10}
    assert any(a == b for a, b in pairwise(customers))


def test_about_two_of_a_hundred_requests_fail_in_all_four_ways():
    drawn = [plan.treatment(1, n, 1)[0] for n in range(5_000)]

    assert 0.012 < sum(map(bool, drawn)) / len(drawn) < 0.028
    assert len(set(drawn)) == 5
