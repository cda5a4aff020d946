"""What an event says of its thing: the states reached, its times, refunds and shown fields.

`relay/inbound/steps.py` decides what of it is new.
"""

from dataclasses import replace
from typing import Any, Final

from relay.inbound.payload import compact_json
from relay.inbound.steps import CREATED
from relay.inbound.timestamps import unix_time
from relay.inbound.topics import Topic, Values
from relay.model import ORDER_REFUNDS, Money, Report, Resource, Step

# A part of a payment has no type of its own: the note says that it is one.
_PAYMENT_REFUNDS: Final = ("payment.refunded", "payment.refunded")
# Names of values -> of shown fields, where they differ.
_SHOWN_AS: Final = {
    "amount": "total",
    "recipient": "shipping_address",
    "billing": "billing_address",
    "note": "customer_note",
    "address_book": "address",
}


def report_of(
    event_type: str, topic: Topic, values: Values, body: Any, resource: Resource
) -> Report | None:
    """The report of an event about `resource`; None for what stands alone."""
    shape = topic.shape
    if not shape.kind or not resource.id:
        return None
    if values.get("over"):
        return Report(resource=resource, updated_at=unix_time(values.get("updated_at")))
    states = shape.states.items()
    created_at = unix_time(values.get("created_at"))
    named_steps = [words[values[name]] for name, words in states if values.get(name) in words]
    dated_steps = [
        replace(step, at=at)
        for name, step in shape.dated.items()
        if (at := unix_time(values.get(name))) is not None
    ]
    steps: tuple[Step, ...] = (*values.get("steps", ()), *named_steps, *dated_steps)
    if topic.step:
        is_creation = topic.step_at == "created_at"
        at = created_at if is_creation else unix_time(values.get(topic.step_at))
        attempt = values.get(topic.attempt)
        state = f"{topic.step}:{attempt}" if attempt else topic.step
        steps = (Step(state, event_type, at), *steps)
    amount, refunded = values.get("amount"), values.get("refunded")
    is_step_alone = topic.step and topic.step != CREATED
    return Report(
        resource=resource,
        steps=steps,
        created_at=None if is_step_alone else created_at,
        updated_at=unix_time(values.get("updated_at")),
        refunded=refunded.amount if isinstance(refunded, Money) else refunded,
        refunds=values.get("refunds", {}),
        refunded_at=values.get("refunded_at"),
        refund_types=_PAYMENT_REFUNDS if event_type.startswith("payment.") else ORDER_REFUNDS,
        total=amount.amount if isinstance(amount, Money) else None,
        shown=_shown(topic, values, body),
        order=shape.order,
        update_type=event_type if topic.updates else "",
    )


def _shown(topic: Topic, values: Values, body: Any) -> dict[str, str]:
    """The values to compare with those reported last.

    A field that the body does not have at all is left out: some topics and subscriptions have
    fewer fields.
    """
    shape = topic.shape
    shown = shape.schema.shown(shape.shown, values, body)
    return {_SHOWN_AS.get(name, name): compact_json(value) for name, value in shown.items()}
