"""What of an event is new: reported once, in its order, and not again when an old order is saved."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise, permutations

import pytest
from cases import all_of

from relay.inbound.contract import stable_key
from relay.inbound.recall import NOTHING_RECALLED, Recollection
from relay.inbound.steps import Refund, as_step, decide, expand, from_step
from relay.mapping.event_fields import OrderFields
from relay.model import Contact, Event, Memory, Money, Report, Resource, Step

DAY = 86400.0
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
T = NOW.timestamp()
DEDUP_S = int(7 * DAY)
ORDER = Resource("order", "5124", "tienda.example")
TYPES = {
    "created": "order.created", "processing": "order.paid", "on-hold": "order.on_hold",
    "completed": "order.fulfilled", "cancelled": "order.cancelled", "failed": "order.failed",
    "pending": "", "refunded": "order.refunded", "sent": "email.sent", "delivered": "email.delivered",
    "opened": "email.opened",
}  # fmt: skip


def report(*states, at=None, **more):
    """A report of states; each a name, or a name and its date."""
    steps = [state if isinstance(state, tuple) else (state, at) for state in states]
    more = {"update_type": "order.updated"} | more
    return Report(
        resource=ORDER, steps=tuple(Step(name, TYPES[name], date) for name, date in steps), **more
    )


class Thing:
    """What is remembered, and what was reported, of one thing."""

    def __init__(self, digest=NOTHING_RECALLED.digest):
        self.memory = Memory()
        self.digest = digest
        self.decision = None

    def outcome(self, incoming, now=NOW):
        """Names of the steps, `updated:` with the changed fields, the refund, or why nothing."""
        recalled = Recollection(self.memory, self.digest)
        self.decision = one = decide(incoming, recalled, now, DEDUP_S, self.digest)
        self.memory = one.memory
        labels = [step.state for step in one.steps]
        if one.refund:
            labels.append(f"refund {one.refund.amount} left {one.refund.left}")
        if one.update:
            labels.append(f"updated:{','.join(one.changed)}")
        assert bool(labels) is not bool(one.reason)
        return labels or one.reason


@pytest.fixture
def thing():
    return Thing()


def test_translation_without_a_store_remembers_nothing_and_looks_back_a_week():
    (nothing,) = NOTHING_RECALLED.recall([ORDER])

    assert (nothing.memory, nothing.version, nothing.digest("x")) == (Memory(), 0, "x")
    assert NOTHING_RECALLED.dedup_s == DEDUP_S


def test_thing_is_created_once_however_often_and_whatever_its_later_date(thing):
    created = report(("created", T - 60), update_type="", updated_at=T - 60)

    assert thing.outcome(created) == ["created"]
    assert thing.memory.state == "created"
    assert thing.outcome(created) == "duplicate"
    assert thing.outcome(report(("created", T - 60), update_type="", updated_at=T)) == "duplicate"
    assert thing.memory.version == 3


def test_creation_that_comes_last_is_told_and_leaves_the_state(thing):
    assert thing.outcome(report("cancelled", updated_at=T)) == ["cancelled"]
    assert thing.outcome(report(("created", T - 900 * DAY), updated_at=T)) == ["created"]
    assert thing.memory.state == "cancelled"
    assert thing.outcome(report(("created", T), updated_at=T + 1)) == "nothing_changed"


def test_save_months_later_is_not_the_step_again(thing):
    done = {"created_at": T - 180 * DAY}
    assert thing.outcome(report(("completed", T - 150 * DAY), updated_at=T, **done)) == ["updated:"]
    assert (
        thing.outcome(report(("completed", T - 150 * DAY), updated_at=T + 9, **done))
        == "nothing_changed"
    )


def test_undated_state_of_an_old_thing_nobody_remembers_is_an_update(thing):
    old = {"created_at": T - 180 * DAY, "refunded": Decimal(5), "total": Decimal(9)}

    assert thing.outcome(report("cancelled", updated_at=T, **old)) == ["updated:"]


@pytest.mark.parametrize("age_s", [DAY, DEDUP_S])
def test_undated_state_of_a_young_thing_is_a_step(thing, age_s):
    assert thing.outcome(report("cancelled", created_at=T - age_s, updated_at=T)) == ["cancelled"]


def test_undated_state_of_an_old_thing_that_is_remembered_is_a_step(thing):
    thing.outcome(report("on-hold", created_at=T - 180 * DAY, updated_at=T - 9))

    cancelled = report("cancelled", created_at=T - 180 * DAY, updated_at=T)
    assert thing.outcome(cancelled) == ["cancelled"]


def test_undated_state_that_others_have_followed_is_no_step_again(thing):
    both = ("processing", "completed")
    assert thing.outcome(report(*both, updated_at=T - 9)) == [*both]
    assert thing.outcome(report("on-hold", updated_at=T - 8)) == ["on-hold"]

    assert thing.outcome(report(*both, updated_at=T - 7)) == ["completed"]


def test_dated_step_of_the_week_is_told_and_an_older_one_is_not(thing):
    assert thing.outcome(report(("processing", T - DEDUP_S), updated_at=T)) == ["processing"]
    assert Thing().outcome(report(("processing", T - DEDUP_S - 1), updated_at=T)) == ["updated:"]


def test_paid_and_completed_at_once_are_both_told_and_once(thing):
    both = report(("processing", T - 5), ("completed", T - 5), updated_at=T)

    assert thing.outcome(both) == ["processing", "completed"]
    assert thing.outcome(both) == "duplicate"


def test_paid_first_and_completed_later_are_each_told_once(thing):
    assert thing.outcome(report(("processing", T - 60), updated_at=T - 60)) == ["processing"]
    both = report(("processing", T - 60), ("completed", T), updated_at=T)
    assert thing.outcome(both) == ["completed"]


def test_payment_that_comes_after_completion_is_told(thing):
    """Cash on delivery."""
    thing.outcome(report(("completed", T - 60), updated_at=T - 60))

    paid = report(("processing", T), ("completed", T - 60), updated_at=T)
    assert thing.outcome(paid) == ["processing"]


@pytest.mark.parametrize("dated", [False, True])
def test_second_failed_payment_is_a_second_step(thing, dated):
    def failed(at):
        return report(("failed", at if dated else None), updated_at=at)

    assert thing.outcome(failed(T - 90)) == ["failed"]
    assert thing.outcome(report("pending", updated_at=T - 60)) == "nothing_changed"
    assert thing.outcome(failed(T - 30)) == ["failed"]
    assert thing.outcome(failed(T - 30)) == "duplicate"


def test_cancelled_restored_cancelled(thing):
    incoming = [
        report(state, updated_at=T - 9 + n)
        for n, state in enumerate(("cancelled", "processing", "cancelled"))
    ]

    assert [thing.outcome(each) for each in incoming] == [
        ["cancelled"],
        ["processing"],
        ["cancelled"],
    ]


def test_same_state_saved_again_is_no_step(thing):
    thing.outcome(report("on-hold", updated_at=T - 9, shown={"total": "10"}))

    assert (
        thing.outcome(report("on-hold", updated_at=T - 5, shown={"total": "10"}))
        == "nothing_changed"
    )


def test_thing_without_any_time_is_told_once(thing):
    assert thing.outcome(report("on-hold")) == ["on-hold"]
    assert thing.outcome(report("on-hold")) == "duplicate"


def test_state_that_is_not_reported_is_no_duplicate_of_anything(thing):
    assert thing.outcome(report("pending", update_type="")) == "nothing_changed"


def test_update_says_which_shown_fields_changed(thing):
    def saved(at, **shown):
        return report("processing", updated_at=at, shown=shown)

    assert thing.outcome(saved(T - 9, total="10", address="Calle 1")) == ["processing"]
    assert thing.outcome(saved(T - 8, total="12", address="Calle 1")) == ["updated:total"]
    assert thing.outcome(saved(T - 7, total="12", address="Calle 1")) == "nothing_changed"
    assert thing.outcome(saved(T - 6, total="9", address="Calle 2")) == ["updated:total,address"]
    assert thing.outcome(saved(T - 6, total="9", address="Calle 2")) == "duplicate"
    assert thing.outcome(saved(T - 5, total="9", address="Calle 2", note="x")) == ["updated:note"]


def test_step_with_another_change_is_told_once_and_says_what_changed(thing):
    thing.outcome(report("processing", updated_at=T - 9, shown={"total": "10"}))

    done = report(("completed", T), updated_at=T, shown={"total": "12"})
    assert thing.outcome(done) == ["completed"]
    assert thing.decision.changed == ("total",)


def test_change_that_comes_first_by_a_topic_without_updates_is_told_by_the_other(thing):
    thing.outcome(report(("processing", T - 9), updated_at=T - 9, shown={"total": "10"}))
    paid_again = report(("processing", T - 9), updated_at=T, shown={"total": "12"}, update_type="")

    assert thing.outcome(paid_again) == "duplicate"

    assert thing.outcome(report(updated_at=T, shown={"total": "12"})) == ["updated:total"]


def test_first_seen_update_is_told(thing):
    assert thing.outcome(report(updated_at=T, shown={"total": "10"})) == ["updated:"]


def test_out_of_date_is_stale_and_leaves_what_is_known(thing):
    thing.outcome(report(("processing", T - 60), updated_at=T - 60, shown={"total": "10"}))
    thing.outcome(
        report(("processing", T - 60), ("completed", T), updated_at=T, shown={"total": "12"})
    )
    late = report(("processing", T - 60), updated_at=T - 30, shown={"total": "11"})

    assert thing.outcome(late) == "stale"

    assert (thing.memory.state, thing.memory.shown) == ("completed", {"total": "12"})
    assert thing.outcome(report("on-hold", updated_at=T - 40)) == "stale"


def test_step_that_was_never_told_is_told_though_it_comes_late(thing):
    """Platforms send the topics of one order in any order."""
    thing.outcome(report(("processing", T), updated_at=T))

    late = report(("created", T - 60), updated_at=T - 60, update_type="", total=Decimal(7))
    assert thing.outcome(late) == ["created"]
    assert thing.outcome(late) == "stale"
    assert (thing.memory.state, thing.memory.total) == ("processing", None)


def test_step_that_comes_late_says_nothing_of_what_is_shown(thing):
    thing.outcome(report(("processing", T), updated_at=T, shown={"total": "12"}))

    late = report(("created", T - 60), updated_at=T - 60, shown={"total": "10"})
    assert thing.outcome(late) == ["created"]
    assert thing.decision.changed == ()


@pytest.mark.parametrize("times", list(permutations((0, 1, 2))))
def test_state_never_goes_back_where_the_platform_has_an_order(thing, times):
    order = ("sent", "delivered", "opened")
    incoming = [report((order[n], T + n), order=order, update_type="") for n in times]

    outcomes = [thing.outcome(each) for each in incoming]

    states = [state for one in outcomes if one != "stale" for state in one]
    assert all(order.index(a) < order.index(b) for a, b in pairwise(states))
    assert states[-1] == "opened"
    assert thing.memory.state == "opened"


@pytest.mark.parametrize(
    ("state", "dated", "outcome"),
    [
        ("sent", True, "nothing_changed"),  # it lies behind, but was saved later
        ("delivered", True, ["delivered"]),
        ("delivered", False, "nothing_changed"),
        ("opened", True, ["opened"]),
        ("failed", True, ["failed"]),  # it has no place in the order
        ("failed", False, ["failed"]),
    ],
)
def test_state_in_an_order_is_told_again_at_a_later_date_unless_it_lies_behind(
    thing, state, dated, outcome
):
    order = ("sent", "delivered", "opened")
    thing.outcome(report(("delivered", T - 60), updated_at=T - 60, order=order))

    assert (
        thing.outcome(report((state, T if dated else None), updated_at=T, order=order)) == outcome
    )


# Refunds.


def test_partial_refunds_are_told_with_what_is_given_back_now_and_what_is_left(thing):
    def refunded(at, amount):
        total = {"refunded": Decimal(amount), "total": Decimal("80.00")}
        return report("processing", updated_at=at, **total)

    assert thing.outcome(refunded(T - 9, "0")) == ["processing"]
    assert thing.outcome(refunded(T - 8, "20.00")) == ["refund 20.00 left 60.00"]
    assert thing.outcome(refunded(T - 8, "20.00")) == "duplicate"
    assert thing.outcome(refunded(T - 7, "30.00")) == ["refund 10.00 left 50.00"]
    assert thing.outcome(refunded(T - 6, "80.00")) == ["refund 50.00 left 0.00"]


@pytest.mark.parametrize("first", ["refunds/create", "orders/updated"])
def test_one_refund_seen_by_two_topics_is_told_once(thing, first):
    """One tells of the refund, the other of the order and all its refunds."""
    thing.outcome(report("processing", updated_at=T - 90, total=Decimal(80)))
    alone = report(refunds={"r1": Decimal(20)}, update_type="")
    listed = report(
        "processing",
        updated_at=T,
        refunds={"r1": Decimal(20)},
        refunded=Decimal(20),
        total=Decimal(80),
    )
    pair = [alone, listed] if first == "refunds/create" else [listed, alone]

    assert thing.outcome(pair[0]) == ["refund 20 left 60"]
    assert isinstance(thing.outcome(pair[1]), str)  # a reason
    both = {"r1": Decimal(20), "r2": Decimal(60)}
    assert thing.outcome(report(refunds=both, updated_at=T + 1)) == ["refund 60 left 0"]


def test_single_refunds_add_up_without_a_sum(thing):
    thing.outcome(report("processing", updated_at=T - 9, total=Decimal(80)))

    alone = report(refunds={"r1": Decimal("0.50")}, update_type="")
    assert thing.outcome(alone) == ["refund 0.50 left 79.50"]
    alone = report(refunds={"r2": Decimal(20)}, update_type="")
    assert thing.outcome(alone) == ["refund 20 left 59.50"]


def test_what_is_left_counts_refunds_that_no_list_names(thing):
    incoming = {"refunds": {"r1": Decimal(20)}, "refunded": Decimal(30), "total": Decimal(80)}

    assert thing.outcome(report(updated_at=T, **incoming)) == ["refund 20 left 50"]


def test_refund_without_a_total_has_no_rest(thing):
    assert thing.outcome(report(refunds={"r1": Decimal(20)})) == ["refund 20 left None"]
    assert not thing.decision.refund.whole


def test_old_refund_of_a_thing_nobody_remembers_is_not_told(thing):
    old = {"refunded": Decimal(5), "total": Decimal(9), "refunded_at": T - 30 * DAY}
    assert thing.outcome(report(updated_at=T, **old)) == ["updated:"]
    assert thing.outcome(report(updated_at=T + 1, **old)) == "nothing_changed"

    new = old | {"refunded": Decimal(8), "refunded_at": T - DEDUP_S}
    assert thing.outcome(report(updated_at=T + 2, **new)) == ["refund 3 left 1"]


# Expanded.


def event(incoming):
    at = datetime.fromtimestamp(T, UTC)
    fields = OrderFields(order_number="5124", amount=Money(Decimal(80), "USD"))
    return Event(
        "order.updated", "orders/updated", stable_key(b"x"), at, Contact(), fields, report=incoming
    )


def test_each_step_is_an_event_at_its_own_time(thing):
    incoming = report(("processing", T - 60), ("completed", T - 50), updated_at=T)
    thing.outcome(incoming)

    paid, done = (one for one, _ in expand(event(incoming), thing.decision))

    assert (paid.type, done.type) == ("order.paid", "order.fulfilled")
    assert (paid.occurred_at, done.occurred_at) == (
        datetime.fromtimestamp(T - 60, UTC),
        datetime.fromtimestamp(T - 50, UTC),
    )
    assert paid.fields == event(incoming).fields


def test_whole_refund_with_its_state_is_one_event_with_the_amount(thing):
    thing.outcome(report("processing", updated_at=T - 9, total=Decimal(80)))
    incoming = report(("refunded", T), updated_at=T, refunded=Decimal(80), total=Decimal(80))
    thing.outcome(incoming)

    ((single, _),) = expand(event(incoming), thing.decision)

    assert single.type == "order.refunded"
    assert (single.fields.refund_amount, single.fields.refund_left) == (
        Money(Decimal(80), "USD"),
        Money(Decimal(0), "USD"),
    )


def test_refund_goes_with_its_own_state_only(thing):
    """Of a payment and a refund at once, each is an event of its own, with what has changed."""
    thing.outcome(report("on-hold", updated_at=T - 9, shown={"total": "1"}))
    incoming = report("processing", refunded=Decimal(20), updated_at=T, shown={"total": "2"})
    thing.outcome(incoming)

    paid, refunded = (single for single, _ in expand(event(incoming), thing.decision))

    changed = replace(event(incoming).fields, changed=("total",))
    assert (paid.type, paid.fields) == ("order.paid", changed)
    assert refunded.type == "order.partially_refunded"
    assert refunded.fields == replace(changed, refund_amount=Money(Decimal(20), "USD"))


@pytest.mark.parametrize(
    ("refunded", "event_type"),
    [
        ("20", "order.partially_refunded"),
        ("79.50", "order.partially_refunded"),
        ("80", "order.refunded"),
    ],
)
def test_refund_alone_is_told_as_a_part_or_the_whole(thing, refunded, event_type):
    incoming = report(refunded=Decimal(refunded), total=Decimal(80))
    thing.outcome(incoming)

    ((single, _),) = expand(event(incoming), thing.decision)

    assert single.type == event_type


def test_update_has_the_names_of_what_changed(thing):
    thing.outcome(report("processing", updated_at=T - 9, shown={"total": "1"}))
    incoming = report("processing", updated_at=T, shown={"total": "2"})
    thing.outcome(incoming)

    ((single, _),) = expand(event(incoming), thing.decision)

    assert (single.type, single.fields.changed) == ("order.updated", ("total",))
    assert single.occurred_at == event(incoming).occurred_at


def test_event_without_a_report_is_itself(thing):
    plain = event(None)
    thing.outcome(report("processing"))

    assert expand(plain, thing.decision) == [(plain, {})]


@pytest.mark.parametrize(("total", "left"), [(Decimal(80), Decimal("70.10")), (None, None)])
def test_decision_is_the_same_when_a_record_gives_it_back(thing, total, left):
    thing.outcome(report("pending", updated_at=T - 9, shown={"total": "1"}, total=total))
    incoming = report(
        ("processing", T), updated_at=T, shown={"total": "2"}, refunds={"r": Decimal("9.90")}
    )
    thing.outcome(incoming)

    for single, step in expand(event(incoming), thing.decision):
        ((again, same),) = expand(event(incoming), from_step(step))
        assert (again, same) == (single, step)
    assert thing.decision.refund == Refund(Decimal("9.90"), left)
    assert from_step(as_step(from_step({}))).update


@pytest.mark.parametrize(
    "broken", [{"step": ["a"]}, {"refund": ["x", None]}, {"refund": [1]}, {"step": 7}]
)
def test_what_no_decision_is_raises(broken):
    with pytest.raises((ValueError, TypeError, ArithmeticError)):
        from_step(broken)


# Whatever is reported, and in whatever order.


@all_of("seed", range(40))
def test_nothing_is_told_twice_and_nothing_new_is_lost(seed):
    """Random saves of one order, each sent one to three times, late ones among them."""
    import random

    chance = random.Random(seed)
    saves, dates, shown, refunded = [], {}, {"total": "100"}, Decimal(0)
    for n in range(8):
        at = T - 1000 + 10 * n
        if chance.random() < 0.5:
            name = chance.choice(("processing", "completed", "cancelled"))
            dates.pop(name, None)
            dates[name] = at
        if chance.random() < 0.3:
            shown = {"total": str(chance.randint(1, 99))}
        if chance.random() < 0.3:
            refunded += 7
        saves.append(
            report(
                *dates.items(),
                updated_at=at,
                shown=dict(shown),
                refunded=refunded,
                total=Decimal(100),
            )
        )
    thing, steps, given_back = Thing(), [], Decimal(0)
    for incoming in saves:
        for _ in range(chance.randint(1, 3)):
            thing.outcome(incoming)
            steps += [(step.state, step.at) for step in thing.decision.steps]
            given_back += thing.decision.refund.amount if thing.decision.refund else 0
        if chance.random() < 0.3:
            assert thing.outcome(chance.choice(saves[: saves.index(incoming) + 1])) in (
                "stale",
                "duplicate",
            )
    assert len(steps) == len(set(steps))
    assert set(steps) == {(step.state, step.at) for incoming in saves for step in incoming.steps}
    assert given_back == refunded
