"""What of an event is new, compared with what is remembered of its thing. Pure functions.

Many platforms send every change of an order as "updated". The event then has a report
(`relay.model.Report`, made by `relay/inbound/report.py`): the states that the thing has reached,
its own times, what was given back, and the fields that a person is shown.

    events = parse(request)
    memories = store.recall(resources of the events)     one round trip, none without resources
                                                         or where all are only now created
    decide(report, memory, ...)                          for each event, in the order of the request
    expand(event, decision)                              one event per step, mapped as any other
    store.accept(parts)                                  compares the versions of what was recalled,
                                                         and stores all or answers `moved`

- A state is a new step when it was never reported; when its own date is later than that; or,
  undated, when another state was in between (a payment that fails, is tried again and fails).
- A dated step older than the de-dup time is no step, nor is an undated one of a thing created
  before that of which nothing is remembered: somebody has saved an old order. A step without a
  type is a state that is remembered and not reported, such as `pending`.
- Where the platform has its states in one order, none that lies behind the present one is a step.
- What comes with an earlier time than the one remembered is `stale`: it may have a step that was
  never reported, but is no update, and the present state stays.
- More given back than is remembered is a refund of the difference, whichever topic brings it. An
  adapter names the single refunds in all topics or in none: a sum says nothing of ids.
- Without a step, a change of shown fields is an update that says which; the first event of a thing
  is an update too. Otherwise it is a `duplicate` (the same time, or a topic without updates)
  or `nothing_changed`.
- The state `created` is new once, whatever its date, and never displaces another: the creation is
  often sent after what followed it.

The events that `expand` returns have these fields beside those of the platform: `changed`, a tuple
of names; `refund_amount` and `refund_left`, each a `Money` in the currency of `amount`, the latter
None when the total is unknown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from datetime import UTC, datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any, Final, Literal

from relay.inbound.recall import Digest, Recollection
from relay.mapping.event_fields import family_of, fields_of, filled
from relay.model import Event, Memory, Money, Report, Step
from relay.value import value

Reason = Literal["", "duplicate", "stale", "nothing_changed"]
# The state of a thing of which nothing else has been reported.
CREATED: Final = "created"


@value(frozen=True, slots=True)
class Refund:
    """What is given back now, and what is left of the whole; None when that is unknown."""

    amount: Decimal
    left: Decimal | None

    @property
    def whole(self) -> bool:
        return self.left is not None and self.left <= 0


@value(frozen=True, slots=True)
class Decision:
    """What goes out for an event.

    `steps` are the new steps, in order; `update` means that an update goes out instead; `changed`
    names the shown fields that differ from those remembered. `reason` says why nothing goes out,
    empty when something is. `memory` is what is remembered afterwards.
    """

    steps: tuple[Step, ...] = ()
    refund: Refund | None = None
    update: bool = False
    changed: tuple[str, ...] = ()
    reason: Reason = ""
    memory: Memory = field(default_factory=Memory)


# All of a memory but its version.
_CONTENT: Final = attrgetter(
    "state", "steps", "refunded", "total", "refunds", "shown", "updated_at"
)


def tells_creation(report: Report) -> bool:
    """Whether an event is the one that its thing begins with."""
    return CREATED in [step.state for step in report.steps]


def is_same(memory: Memory, other: Memory) -> bool:
    """Whether two versions of a memory say the same."""
    return bool(_CONTENT(memory) == _CONTENT(other))


def decide(
    report: Report, recalled: Recollection, now: datetime, dedup_s: int, digest: Digest
) -> Decision:
    """What of a report is new. `digest` is for the memory that is returned."""
    memory = recalled.memory
    too_old = now.timestamp() - dedup_s
    stale = bool(report.updated_at and report.updated_at < memory.updated_at)
    steps = tuple(
        [step for step in report.steps if _is_new(step, report, memory, too_old, stale=stale)]
    )
    refund = _new_refund(report, recalled, too_old)
    changed = () if stale else _changed(report, recalled)
    after = _remembered(report, memory, refund, digest, stale=stale)
    if steps or refund:
        return Decision(steps, refund, update=False, changed=changed, memory=after)
    if stale:
        return Decision(reason="stale", memory=after)
    if report.update_type and (changed or not memory.version):
        return Decision(update=True, changed=changed, memory=after)
    # A change that this topic does not report is left for the one that does.
    after = replace(after, shown={**after.shown, **memory.shown})
    same_time = (report.updated_at or 0.0) == memory.updated_at
    repeated = bool(memory.version) and (same_time or not report.update_type)
    if repeated and _goes_back(report, memory):
        return Decision(reason="stale", memory=after)
    return Decision(reason="duplicate" if repeated else "nothing_changed", memory=after)


def _is_new(step: Step, report: Report, memory: Memory, too_old: float, *, stale: bool) -> bool:
    if not step.type or _behind(step.state, memory.state, report.order):
        return False
    last_at = memory.steps.get(step.state)
    if step.state == CREATED:
        return last_at is None
    if step.at is not None:
        return step.at >= too_old and (last_at is None or step.at > last_at)
    if stale:
        return False
    if last_at is None:
        return not _unknown_and_old(report, memory, too_old)
    return step is report.steps[-1] and memory.state != step.state


def _unknown_and_old(report: Report, memory: Memory, too_old: float) -> bool:
    """Whether what has no date of its own may be of any age."""
    return not memory.version and report.created_at is not None and report.created_at < too_old


def _behind(state: str, present: str, order: Sequence[str]) -> bool:
    return state in order and present in order and order.index(state) < order.index(present)


def _goes_back(report: Report, memory: Memory) -> bool:
    return bool(report.steps) and _behind(report.steps[-1].state, memory.state, report.order)


def _new_refund(report: Report, recalled: Recollection, too_old: float) -> Refund | None:
    if not (report.refunds or report.refunded):
        return None
    memory = recalled.memory
    if report.refunded_at is not None:
        old = report.refunded_at < too_old
    else:
        old = _unknown_and_old(report, memory, too_old)
    if old:
        return None
    unknown = [
        amount
        for refund_id, amount in report.refunds.items()
        if recalled.digest(refund_id) not in memory.refunds
    ]
    listed = sum(unknown, Decimal(0))
    # A sum covers what a list lacks; a refund reported by its id is not in the sum too.
    summed = (report.refunded or Decimal(0)) - memory.refunded
    amount = listed if report.refunds else summed
    if amount <= 0:
        return None
    total = report.total if report.total is not None else memory.total
    refunded = max(memory.refunded + amount, report.refunded or Decimal(0))
    return Refund(amount, None if total is None else total - refunded)


def _changed(report: Report, recalled: Recollection) -> tuple[str, ...]:
    """Names of the shown fields that differ; none when nothing is remembered of the thing."""
    if not recalled.memory.version:
        return ()
    before = recalled.memory.shown
    return tuple(
        name for name, value in report.shown.items() if before.get(name) != recalled.digest(value)
    )


def _remembered(
    report: Report, memory: Memory, refund: Refund | None, digest: Digest, *, stale: bool
) -> Memory:
    steps = dict(memory.steps)
    for step in report.steps:
        steps[step.state] = max(step.at or 0.0, steps.get(step.state, 0.0))
    refunded = memory.refunded + refund.amount if refund else memory.refunded
    goes_back = stale or _goes_back(report, memory)
    present = report.steps[-1].state if report.steps else memory.state
    if present == CREATED:
        present = memory.state or CREATED
    shown = {name: digest(value) for name, value in report.shown.items()}
    return Memory(
        version=memory.version + 1,
        state=memory.state if goes_back else present,
        steps=steps,
        refunded=max(refunded, report.refunded) if report.refunded else refunded,
        total=report.total if report.total is not None and not stale else memory.total,
        refunds=memory.refunds.union(map(digest, report.refunds)),
        shown=memory.shown if stale else {**memory.shown, **shown},
        updated_at=max(report.updated_at or 0.0, memory.updated_at),
    )


def expand(event: Event, decision: Decision) -> list[tuple[Event, Mapping[str, Any]]]:
    """The events that a decision makes of one, each with its step as `as_step` writes it."""
    report = event.report
    if report is None:
        return [(event, {})]
    refund = decision.refund
    whole = report.refund_types[1]
    singles: list[Decision] = []
    for step in decision.steps:
        own = refund if refund and step.type == whole else None
        if own:
            refund = None
        singles.append(Decision((step,), own, changed=decision.changed))
    if refund:
        singles.append(Decision(refund=refund, changed=decision.changed))
    if decision.update:
        singles.append(Decision(update=True, changed=decision.changed))
    return [(_single_event(event, report, single), as_step(single)) for single in singles]


def _single_event(event: Event, report: Report, single: Decision) -> Event:
    occurred_at = event.occurred_at
    event_type = report.update_type
    extra: dict[str, Any] = {"changed": single.changed} if single.changed else {}
    if single.refund:
        amount = getattr(event.fields, "amount", None)
        currency = amount.currency if isinstance(amount, Money) else ""
        left = single.refund.left
        extra |= {
            "refund_amount": Money(single.refund.amount, currency),
            "refund_left": None if left is None else Money(left, currency),
        }
        event_type = report.refund_types[single.refund.whole]
    if single.steps:
        (step,) = single.steps
        event_type = step.type
        if step.at:
            occurred_at = datetime.fromtimestamp(step.at, UTC)
    if not extra and event_type == event.type and occurred_at == event.occurred_at:
        return event
    fields = event.fields
    if extra or family_of(event_type) is not type(fields):
        fields = fields_of(event_type, filled(fields) | extra)
    return replace(event, type=event_type, occurred_at=occurred_at, fields=fields)


def as_step(single: Decision) -> dict[str, Any]:
    """A decision of one step, for a record; `from_step` reads it."""
    written: dict[str, Any] = {}
    for step in single.steps:
        written["step"] = [step.state, step.type, step.at]
    if single.refund:
        left = single.refund.left
        written["refund"] = [str(single.refund.amount), None if left is None else str(left)]
    if single.changed:
        written["changed"] = list(single.changed)
    return written


def from_step(written: Mapping[str, Any]) -> Decision:
    """The decision that a record was mapped with.

    Raises:
        ValueError, TypeError, ArithmeticError: it is not what `as_step` writes.
    """
    steps = (Step(*written["step"]),) if "step" in written else ()
    refund = None
    if "refund" in written:
        amount, left = written["refund"]
        refund = Refund(Decimal(amount), None if left is None else Decimal(left))
    changed = tuple(written.get("changed", ()))
    return Decision(steps, refund, update=not (steps or refund), changed=changed)
